"""A thin pool is filled past its autoextend threshold between the rename and the reboot."""

import re

from judge import Criterion, Verdict
from layout import NEW, OLD
from scenarios.matrix import by_name
from trial import Scenario

POOL = """
# pool: the pool's size in MiB, its use in percent, and whether dmeventd watches it
pool() {
	lvs --noheadings --nosuffix --units m -o lv_size,data_percent,seg_monitor "$(vgs --noheadings -o vg_name |
		tr -d ' ')/tank"
}
# fill PERCENT: data on the volume until the pool is that full
fill() {
	local number=0
	until (($(pool | awk '{ print int($2) }') >= $1)); do
		dd if=/dev/urandom of=/srv/data/$EPOCHREALTIME bs=1M count=4 conv=fsync status=none || return
		((++number < 100)) || return
	done
}
# watched SECONDS: a line of the pool a second, until its size has changed
watched() {
	local from number
	from=$(pool | awk '{ print $1 }')
	for ((number = 0; number < $1; number++)); do
		[[ $(pool | awk '{ print $1 }') == "$from" ]] || break
		sleep 1
	done
	pool
}
"""

RENAME = POOL + f"""
timed dpkg -i postclone.deb >/dev/null || exit
timed fill 62 || exit
sync
pool | tee "$OUT/pool-before"
timed postclone rename --dry-run {OLD} {NEW} >"$OUT/dry-run" 2>&1 || {{ cat "$OUT/dry-run"; exit 1; }}
timed postclone rename --yes {OLD} {NEW} >"$OUT/rename" 2>&1
status=$?
cat "$OUT/rename"
[[ $status == 0 ]] || exit "$status"
timed fill 82
watched 60 | tee "$OUT/pool-between"
journalctl -b --no-pager -o cat -t dmeventd -t lvm -t lvm2 | tee "$OUT/dmeventd"
ls /srv/data | wc -l
"""

NEXT = POOL + """
watched 60
pool | tee "$OUT/pool-after"
journalctl -b --no-pager -o cat -t dmeventd -t lvm | tee "$OUT/dmeventd"
cat /srv/data/* | wc -c
postclone status --boot
"""


def size(file):
    """(MiB, percent, monitored) of the pool."""
    size, percent, monitor = file.read_text().split()
    return float(size), float(percent), monitor


def play(trial):
    first = trial.boot("1-rename", RENAME, {"postclone.deb": trial.deb}, ending="reboot")
    trial.require_job(first)
    before, between = (size(first.out / f"pool-{name}") for name in ["before", "between"])
    plan = (first.out / "dry-run").read_text()
    second = trial.boot("2-next", NEXT)
    trial.require("the next boot", trial.judged("2-next", second, NEW, OLD, by_name(trial.layout)))
    trial.require_job(second)
    after = size(second.out / "pool-after")
    line = f"pool before {before}, before the reboot {between}, after it {after}"
    trial.note(line)
    print(f"  {trial.suite}: {line}", flush=True)
    told = [text for text in plan.splitlines() if "tank" in text and "until the reboot" in text]
    trial.require("the pool", trial.verdict("pool", Verdict([
        Criterion("dmeventd watched the pool", before[2] == "monitored", before[2]),
        Criterion("it was under its threshold", before[1] < 70, f"{before[1]} %"),
        # Else there would be nothing to warn of.
        Criterion("it was not extended before the reboot", between[0] == before[0] and between[1] > 75,
                  str(between)),
        Criterion("it was extended after it", after[0] > between[0] and after[1] < between[1], str(after)),
        Criterion("the plan tells of it", told, "; ".join(told) or "no line with `tank` and `until the reboot`"),
        Criterion("and how full it is", any(re.search(r"\d+(\.\d+)?\s?(%|percent)", text) for text in told),
                  "; ".join(told)),
    ])))


SCENARIOS = [
    Scenario("thin-autoextend", "thin-autoextend",
             "a thin pool fills past its threshold before the reboot: the plan warns, the reboot mends",
             play, needs_deb=True),
]
