"""postclone rename-lv: the root volume gets another name, the machine boots by it, and undo takes it back."""

from judge import Criterion, Verdict, down_in_time, undisturbed
from layout import OLD, dm
from scenarios.undo import GUARD, MACHINE, SEED, SUMS, same
from trial import Scenario

VOLUME, NAME = "root", "sys-tem"
"""The volume's name, and the one that it gets: with a hyphen, which its dm name doubles."""


def node(name):
    """The path under which the volume is mounted."""
    return f"/dev/mapper/{dm(OLD, name)}"


RENAME = SUMS + f"""
timed apt-get install -y ./postclone.deb >/dev/null || exit
sums "$OUT/sums"
postclone rename-lv {OLD}/{VOLUME} {NAME} --dry-run | grep "^# Logical volume {OLD}/{VOLUME} becomes" || exit
snapshot before
timed postclone rename-lv --yes {OLD}/{VOLUME} {NAME} >"$OUT/rename" 2>&1
status=$?
cat "$OUT/rename"
snapshot after
# The volume has its links under both names until the reboot.
ls -l /dev/{OLD}/{VOLUME} /dev/{OLD}/{NAME} || exit
# A kernel's installation asks grub-probe, which reads the mount table.
timed update-grub 2>&1 || exit
grep -c "root={node(NAME)} " /boot/grub/grub.cfg || exit
! grep "{node(VOLUME)} " /boot/grub/grub.cfg || exit
exit $status
"""

LOOK = """
findmnt -no SOURCE / | tee "$OUT/source"
lvs --noheadings -o vg_name,lv_name | tee "$OUT/volumes"
postclone status --boot || exit
"""

UNDO = SUMS + LOOK + """
timed postclone audit --severity error || exit
snapshot before
timed postclone undo --yes >"$OUT/undo" 2>&1
status=$?
cat "$OUT/undo"
snapshot after
sums "$OUT/sums"
exit $status
"""

NEXT = SUMS + LOOK + """
sums "$OUT/sums"
"""


def bears(out, name, other):
    """Whether `/` is mounted from the volume of that name, and LVM has it and not the other."""
    source = (out / "source").read_text().strip()
    volumes = [line.split()[-1] for line in (out / "volumes").read_text().splitlines()]
    return Verdict([
        Criterion(f"/ is on {node(name)}", source == node(name), source),
        Criterion(f"LVM has {name} and no {other}", name in volumes and other not in volumes,
                  " ".join(volumes)),
    ])


def play(trial):
    first = trial.boot("1-rename", RENAME, {"postclone.deb": trial.deb}, ending="reboot")
    trial.require_job(first)
    trial.require("the running system", trial.verdict(
        "before and after", undisturbed(first.out / "before", first.out / "after")))
    trial.require("the shutdown", trial.verdict("1-rename", down_in_time(first)))
    second = trial.boot("2-undo", UNDO, ending="reboot")
    trial.require("the boot after the rename", trial.judged("2-undo", second, OLD))
    trial.require_job(second)
    trial.require("the names after it", trial.verdict("names", bears(second.out, NAME, VOLUME)))
    trial.require("the running system under undo", trial.verdict(
        "before and after", undisturbed(second.out / "before", second.out / "after")))
    third = trial.boot("3-next", NEXT)
    trial.require("the boot after undo", trial.judged("3-next", third, OLD))
    trial.require_job(third)
    trial.require("the names after undo", trial.verdict("names", bears(third.out, VOLUME, NAME)))
    # update-grub wrote the menu once more meanwhile, and undo gave its lines the old name.
    trial.require("files at the next boot", trial.verdict(
        "sums", same(first.out / "sums", third.out / "sums", [GUARD, SEED, MACHINE, "/boot/grub"],
                     times=False)))


SCENARIOS = [
    Scenario("rename-lv", "debian-bios",
             "the root volume is renamed by rename-lv, boots under its new name, and gets the old one back",
             play, needs_deb=True),
]
