"""postclone rename --root from a rescue system: the guest's images are built there, and it boots."""

import judge
from layout import dm
from scenarios import rescue
from scenarios.matrix import LOOK, by_name
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

# What no audit says: that the image has the new name at all, where the tool writes one down.
INSIDE = """
for image in /boot/initrd.img-*; do
	mkdir /run/image
	unmkinitramfs "$image" /run/image
	grep -rlF -e {old} -e {dm_old} /run/image --exclude-dir=lvm && exit 1
	grep -rF -e {new} -e {dm_new} /run/image --exclude-dir=lvm | head || exit
	rm -r /run/image
done
"""


def play(trial):
    layout = trial.layout
    old, new = layout.group, layout.new
    trial.require_job(trial.boot("1-install", INSTALL, {"postclone.deb": trial.deb}))
    commands = RENAME.format(old=old, new=new, boot=f"{rescue.rescue_system.GUEST}-part1")
    rescue.rescued(trial, "2", commands.strip().splitlines(), trial.disk)
    script = LOOK.format(old=old)
    names = {"old": old, "new": new, "dm_old": dm(old, ""), "dm_new": dm(new, "")}
    if layout.generator == "initramfs-tools":
        script = INSIDE.format(**names) + script
    boot = trial.boot("3-next", script)
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
