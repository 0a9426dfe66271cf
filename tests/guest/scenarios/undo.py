"""postclone undo: after a finished rename and a reboot every byte comes back."""

import re

from judge import Criterion, Verdict, down_in_time, undisturbed
from layout import NEW, OLD
from scenarios.matrix import by_name
from trial import Failed, Scenario

# LVM writes its own history into /etc/lvm/backup and /etc/lvm/archive at every
# change of a group; that is a record of both renames and stays.
SUMS = r"""
# sums FILE: what every file of /etc and /boot holds, and its attributes
sums() {
	local kept=(/etc /boot -path /etc/lvm/backup -prune -o -path /etc/lvm/archive -prune -o)
	{
		find "${kept[@]}" -type f -print0 | sort -z | xargs -0 sha256sum
		find "${kept[@]}" -type d -printf '%p %y %m %U:%G\n' \
			-o -printf '%p %y %m %U:%G %s %T@ %l\n' | sort
		find "${kept[@]}" -print0 | sort -z | xargs -0 getfattr -hd -m - --absolute-names
	} >"$1"
}
"""

RENAME = SUMS + f"""
timed apt-get install -y ./postclone.deb >/dev/null || exit
sums "$OUT/sums"
timed postclone rename --yes {OLD} {NEW} >"$OUT/rename" 2>&1
status=$?
cat "$OUT/rename"
exit $status
"""

UNDO = SUMS + """
postclone status
snapshot before
timed postclone undo --yes >"$OUT/undo" 2>&1
status=$?
cat "$OUT/undo"
snapshot after
sums "$OUT/sums"
postclone status
exit $status
"""

LOOK = SUMS + """
postclone status
sums "$OUT/sums"
"""

GUARD = "/etc/default/grub.d/zz-postclone.cfg"
"""Lies there while a rename waits for its reboot, forward or back."""


SEED = "/boot/efi/loader/random-seed"
"""systemd-boot writes it at each boot."""

MACHINE = "/etc/machine-id f "
"""At a boot it gets the time of systemd's start, by systemd; its bytes, which are compared, stay."""


TIME = re.compile(r"( [fl] \d+ \d+:\d+ \d+) \d+\.\d+ ")
"""Of a fact about a file, what stands before and in its time of modification."""


def same(before, after, allowed=(), times=True):
    """Whether two lists of sums agree but for lines about the paths allowed; without `times`, also but
    for the times of modification."""
    def facts(file):
        lines = file.read_text().splitlines() if file.exists() else []
        return set(lines) if times else {TIME.sub(r"\1 ", line) for line in lines}

    old, new = facts(before), facts(after)
    odd = sorted(f"{mark} {line}" for mark, lines in [("-", old - new), ("+", new - old)]
                 for line in lines if not any(path in line for path in allowed))
    return Verdict([Criterion(f"{len(old)} facts about /etc and /boot are the same",
                              old and new and not odd, "; ".join(odd[:8]))])


def undo(trial):
    first = trial.boot("1-rename", RENAME, {"postclone.deb": trial.deb}, ending="reboot")
    trial.require_job(first)
    second = trial.boot("2-undo", UNDO, ending="reboot")
    # Undo writes the old name into the system's journal, so only NEW's presence is judged.
    named = by_name(trial.layout)
    whole = trial.judged("2-undo", second, NEW, named=named)
    trial.require_job(second)
    trial.require("the boot after the rename", whole)
    trial.require("the running system under undo", trial.verdict(
        "before and after", undisturbed(second.out / "before", second.out / "after")))
    said = (second.out / "undo").read_text()
    if "GONE" in said:
        raise Failed(f"undo tells of what is gone: {said[said.index('GONE'):][:200]}")
    trial.require("the shutdown after undo", trial.verdict("2-undo", down_in_time(second)))
    trial.require("files after undo", trial.verdict(
        "sums after undo", same(first.out / "sums", second.out / "sums", [GUARD, SEED, MACHINE])))
    third = trial.boot("3-next", LOOK)
    trial.require_job(third)
    trial.require("files at the next boot", trial.verdict(
        "sums at the next boot", same(first.out / "sums", third.out / "sums", [SEED, MACHINE])))
    trial.require("the next boot", trial.judged("3-next", third, OLD, NEW, named))


SCENARIOS = [
    Scenario("undo", "debian-bios",
             "postclone undo after a rename and a reboot: every byte is back, and the old name",
             undo, needs_deb=True),
    Scenario("undo-systemd-boot", "systemd-boot", "the same of a guest with boot loader entries",
             undo, needs_deb=True),
    Scenario("undo-uki", "uki", "the same of a guest with unified kernel images, of --suite trixie",
             undo, needs_deb=True),
]
