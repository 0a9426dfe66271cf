"""A run that an earlier postclone began and that was cut: this one finishes it, and this one takes it back.

The earlier package is the file that POSTCLONE_EARLIER_DEB names.
"""

import os
from pathlib import Path

from judge import down_in_time
from layout import NEW, OLD
from scenarios.matrix import by_name
from scenarios.undo import GUARD, MACHINE, SEED, SUMS, same
from trial import Failed, Scenario

# The image tool hangs, and postclone is killed.
CUT_RUN = f"""
tool=/usr/sbin/update-initramfs
# cut_run: a run by the program that is installed, killed while it builds the first image
cut_run() {{
	local run
	mv "$tool" "$tool.real"
	printf '#!/bin/sh\ntouch /run/hangs\nexec sleep infinity\n' >"$tool"
	chmod 755 "$tool"
	rm -f /run/hangs
	postclone rename --yes {OLD} {NEW} >"$OUT/cut" 2>&1 &
	run=$!
	until [[ -e /run/hangs ]]; do
		kill -0 "$run" || return
		sleep 0.2
	done
	sleep 1
	kill -KILL "$(pgrep -x postclone)"
	wait "$run"
	pkill -f 'sleep infinity'
	mv "$tool.real" "$tool"
	sed -n 1p /var/lib/postclone/0*/journal | grep -o '"format":[0-9]*'
}}
"""

# Then the new package comes.
CUT = SUMS + """
timed dpkg -i earlier.deb >/dev/null || exit
postclone --version
""" + CUT_RUN

UNDO = CUT + f"""
sums "$OUT/sums"
cut_run || exit
timed dpkg -i postclone.deb >/dev/null || exit
postclone status | tee "$OUT/status"
grep "last run: *{OLD} to {NEW}, interrupted" "$OUT/status" || exit
timed postclone undo --yes || exit
sums "$OUT/sums-undone"
rm -r /var/lib/postclone
"""

RESUME = CUT + """
cut_run || exit
timed dpkg -i postclone.deb >/dev/null || exit
timed postclone rename --resume || exit
"""

TAKE_BACK = SUMS + """
postclone status --boot || exit
timed postclone undo --yes || exit
"""

LOOK = SUMS + """
postclone status --boot || exit
sums "$OUT/sums"
"""


def play(trial):
    earlier = os.environ.get("POSTCLONE_EARLIER_DEB")
    if not earlier:
        raise Failed("set POSTCLONE_EARLIER_DEB to the package of an earlier postclone")
    files = {"postclone.deb": trial.deb, "earlier.deb": Path(earlier)}
    named = by_name(trial.layout)
    allowed = [GUARD, SEED, MACHINE]
    first = trial.boot("1-undo", UNDO, files, ending="reboot")
    trial.require_job(first)
    trial.require("files after undo", trial.verdict(
        "sums after undo", same(first.out / "sums", first.out / "sums-undone", allowed)))
    second = trial.boot("2-resume", RESUME, files, ending="reboot")
    # The next run begins in the same boot, whose console has its name as well.
    trial.require("the boot after undo", trial.judged("2-resume", second, OLD, named=named))
    trial.require_job(second)
    trial.require("the shutdown", trial.verdict("2-resume", down_in_time(second)))
    third = trial.boot("3-take-back", TAKE_BACK, ending="reboot")
    trial.require("the boot after the run was finished",
                  trial.judged("3-take-back", third, NEW, named=named))
    trial.require_job(third)
    fourth = trial.boot("4-next", LOOK)
    trial.require("the last boot", trial.judged("4-next", fourth, OLD, NEW, named))
    trial.require_job(fourth)
    trial.require("files at the last boot", trial.verdict(
        "sums", same(first.out / "sums", fourth.out / "sums", allowed)))


SCENARIOS = [
    Scenario("earlier-cut", "debian-bios",
             "a run of an earlier postclone is cut: this one takes it back, and finishes another",
             play, needs_deb=True),
]
