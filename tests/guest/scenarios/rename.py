"""Scenarios of postclone itself, installed from a Debian package."""

import re

from judge import Criterion, Verdict, down_in_time, undisturbed
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
timed postclone rename -v --yes {OLD} {NEW} >"$OUT/rename" 2>&1
status=$?
cat "$OUT/rename"
snapshot after
keep /etc/fstab /boot/grub/grub.cfg /etc/default/grub /etc/initramfs-tools/conf.d/resume
exit $status
"""


# The same rows on the booted system, by the name that the group has now.
LOOK = f"""
timed nothing_left {OLD} || exit
postclone status --boot >"$OUT/status" 2>&1
status=$?
cat "$OUT/status"
exit $status
"""


def proof_rows(text):
    """A printed proof, its (verdict, row) pairs, and those that are not as they should be.

    Nothing can be said of the drive that Debian's fstab has and the machine has not."""
    _, _, table = text.partition("Proof of the next boot: ")
    rows = re.findall(r"^(?:# )?  (holds|FAILS|as before|tolerated|unknown) +(.*)$", table, re.M)
    odd = [f"{verdict} {row}" for verdict, row in rows
           if verdict != "holds" and (verdict, row.split()[-1]) != ("unknown", "/dev/sr0")]
    return table, rows, odd


def proved(text, device):
    """Whether a printed proof has the root device in an entry and in fstab, and every row holds."""
    table, rows, odd = proof_rows(text)
    items = [row.split()[0] for _, row in rows]
    wanted = ["default", "kernel", "initrd", "root=", "/", "/boot", "swap", "RESUME="]
    missing = [item for item in wanted if item not in items]
    return Verdict([
        Criterion(f"{len(rows) - len(odd)} rows of the proof are good", bool(rows) and not odd,
                  "; ".join(odd)),
        Criterion("the proof has its rows", not missing, ", ".join(missing)),
        Criterion(f"they are about {device}",
                  [row.split()[-1] for _, row in rows].count(device) >= 2, table[:300]),
    ])


def rename(trial):
    first = trial.boot("1-rename", RENAME, {"postclone.deb": trial.deb}, ending="reboot")
    trial.require_job(first)
    said = (first.out / "rename").read_text()
    left = re.findall(r"^# Still names .*$", said, re.M)
    trial.require("what is left", trial.verdict("left", Verdict([
        Criterion("the audit at the end finds nothing", not left, "; ".join(left))])))
    device = f"/dev/mapper/{NEW.replace('-', '--')}-root"
    trial.require("the proof", trial.verdict(
        "proof", proved(said, device)))
    trial.require("the rename", trial.verdict(
        "before and after", undisturbed(first.out / "before", first.out / "after")))
    trial.require("the shutdown", trial.verdict(
        "1-rename", down_in_time(first)))
    second = trial.boot("2-next", LOOK)
    trial.require("the next boot", trial.judged("2-next", second, NEW, OLD))
    trial.require_job(second)
    trial.require("the proof on the booted system", trial.verdict(
        "status", proved((second.out / "status").read_text(), device)))


SCENARIOS = [
    Scenario("rename", "debian-bios", "postclone rename, and the boot after it",
             rename, needs_deb=True),
    Scenario("rename-home", "debian-home", "the same with /home and /var on volumes",
             rename, needs_deb=True),
]
