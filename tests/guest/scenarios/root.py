"""postclone rename --root from a rescue system: the guest's images are built there, and it boots."""

from scenarios import rescue
from scenarios.matrix import LOOK, by_name, inside
from trial import Scenario

INSTALL = """
timed dpkg -i postclone.deb >/dev/null
"""

# Nothing of the machine is mounted below /mnt: the program brings that along.
RENAME = """
vgchange --activate y {old}
mount /dev/{old}/root /mnt
mount {boot} /mnt/boot
/mnt/usr/sbin/postclone rename -v --yes --root /mnt {old} {new}
findmnt --list --noheadings -o TARGET | grep ^/mnt/ | diff - <(echo /mnt/boot)
ls /run/postclone /run/postclone/world
umount --recursive /mnt
"""


def play(trial):
    layout = trial.layout
    old, new = layout.group, layout.new
    trial.require_job(trial.boot("1-install", INSTALL, {"postclone.deb": trial.deb}))
    commands = RENAME.format(old=old, new=new, boot=f"{rescue.rescue_system.GUEST}-part1")
    rescue.rescued(trial, "2", commands.strip().splitlines(), trial.disk)
    # Elsewhere than on its own machine, dracut writes no name down.
    script = inside(layout) if layout.generator == "initramfs-tools" else ""
    boot = trial.boot("3-next", script + LOOK.format(old=old))
    trial.require("the next boot", trial.judged("3-next", boot, new, old, by_name(layout)))
    trial.require_job(boot)


SCENARIOS = [
    Scenario("root", "debian-bios",
             "rename --root from a rescue system, images and all, and the boot after it",
             play, needs_deb=True),
    Scenario("root-dracut", "dracut", "the same with dracut", play, needs_deb=True),
    Scenario("root-dracut-hostonly", "dracut-hostonly", "the same with host-only images of dracut",
             play, needs_deb=True),
]
