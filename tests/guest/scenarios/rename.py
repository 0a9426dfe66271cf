"""Scenarios of postclone itself, installed from a Debian package."""

from judge import down_in_time, undisturbed
from layout import NEW, OLD
from trial import Scenario

RENAME = f"""
timed apt-get install -y ./postclone.deb || exit
keep /etc/fstab /boot/grub/grub.cfg /etc/default/grub /etc/initramfs-tools/conf.d/resume
mv "$OUT/files" "$OUT/files-before"
# Without names: the group that holds / by the host's name.
timed postclone rename --dry-run >"$OUT/dry-run" 2>&1 || {{ cat "$OUT/dry-run"; exit 1; }}
grep "^# Volume group {OLD} becomes {NEW} under /" "$OUT/dry-run" || exit
snapshot before
timed postclone rename --yes {OLD} {NEW} >"$OUT/rename" 2>&1
status=$?
cat "$OUT/rename"
snapshot after
keep /etc/fstab /boot/grub/grub.cfg /etc/default/grub /etc/initramfs-tools/conf.d/resume
exit $status
"""


def rename(trial):
    first = trial.boot("1-rename", RENAME, {"postclone.deb": trial.deb}, ending="reboot")
    trial.require_job(first)
    trial.require("the rename", trial.verdict(
        "before and after", undisturbed(first.out / "before", first.out / "after")))
    trial.require("the shutdown", trial.verdict(
        "1-rename", down_in_time(first)))
    second = trial.boot("2-next")
    trial.require("the next boot", trial.judged("2-next", second, NEW, OLD))


SCENARIOS = [
    Scenario("rename", "debian-bios", "postclone rename, and the boot after it",
             rename, needs_deb=True),
    Scenario("rename-home", "debian-home", "the same with /home and /var on volumes",
             rename, needs_deb=True),
]
