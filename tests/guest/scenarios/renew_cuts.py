"""The power goes off while `postclone renew` runs: the next boot comes up by itself, with a machine ID and
an SSH server that answers with a full set of keys; then the run is finished, or taken back.

POSTCLONE_CUTS says how many cuts (3), POSTCLONE_SEED seeds the random ones (1); POSTCLONE_CUT_AT names
the instants instead, with commas between them, as power_cut.py has them.
"""

import itertools
import os
import random
import re
from dataclasses import dataclass

import judge
import qemu
import warm
from judge import Criterion, Verdict
from layout import OLD
from scenarios.matrix import first_of_all
from scenarios.power_cut import trigger
from table import Table
from trial import Failed, Scenario

STEPS = ["replace+50", "replace+0", "let+0", "replace+150", "keep+30", "have+1000", "replace+100", "remove+0",
         "keep+0", "have+0", "plan+300", "let+3000"]
"""Instants by step: all files are replaced within a fifth of a second."""

FACTS = r"""
# facts NAME: what the machine is known by: its ID, its keys, and the keys that its server answers with
facts() {
	echo "@@ $1 id $(cat /etc/machine-id)"
	cut -d' ' -f1,2 /etc/ssh/ssh_host_*_key.pub | sed "s/^/@@ $1 key /"
	local key
	for key in /etc/ssh/ssh_host_*_key; do
		ssh-keygen -y -P '' -f "$key" | cut -d' ' -f1,2 | sed "s/^/@@ $1 private /"
	done
	ssh-keyscan -T 60 127.0.0.1 2>/dev/null | grep -v '^#' | cut -d' ' -f2,3 | sed "s/^/@@ $1 answer /"
	echo "@@ $1 ssh $(systemctl is-active ssh)"
	find /etc /boot /usr/sbin -name '.postclone-*' | sed "s/^/@@ $1 stray /"
}
"""

PREPARE = FACTS + """
apt-get install -y ./postclone.deb >/dev/null 2>&1 || exit
facts template
sync
sleep 1
"""

RUN = """
mark start
postclone renew --yes >/run/lab/plan
echo "status $?"
"""

STATE = r"""
state() {
	echo "@@ $1 run $(postclone status --format json | tr -d ' ",' | sed -n 's/^state://p')"
}
"""

RESUME = FACTS + STATE + """
facts next
state next
postclone status
case $(postclone status --format json) in
*'"state": "cut"'*) timed postclone rename --resume ;;
*'"state"'*) echo 'the run was over' ;;
*) timed postclone renew --yes ;;
esac
status=$?
facts then
state then
exit $status
"""

UNDO = FACTS + STATE + """
facts next
state next
postclone status
case $(postclone status --format json) in
*'"state"'*) timed postclone undo --yes ;;
*) echo 'no run had begun' ;;
esac
status=$?
facts then
state then
exit $status
"""


@dataclass
class Cut:
    """One cut and what came of it: a row of the table."""

    instant: str
    at: float = 0.0
    way: str = ""
    last: str = "(none)"
    run: str = "?"
    keys: str = "?"
    machine_id: str = "?"
    up: float | None = None
    verdict: str = "BAD"
    then: str = ""

    COLUMNS = [("instant", 11), ("cut after, s", 12), ("last line", 42), ("run", 6), ("ID", 5), ("keys", 5),
               ("up after, s", 11), ("boot", 5), ("then", 0)]

    def cells(self):
        """The row of the table."""
        up = f"{self.up:.0f}" if self.up is not None else "-"
        return [self.instant, f"{self.at:.2f}", self.last, self.run or "none", self.machine_id, self.keys, up, self.verdict,
                f"{self.way}: {self.then}"]


def told(lines, name):
    """What `facts NAME` and `state NAME` said: each word with what stands behind it."""
    found = {}
    for line in lines:
        if match := re.match(rf"@@ {name} (\w+) ?(.*)$", line):
            found.setdefault(match[1], set()).add(match[2])
    return found


def sound(facts, template):
    """Whether a machine with these facts can be reached: an ID, and keys that are whole and answered with."""
    keys = facts.get("key", set())
    types = sorted(key.split()[0] for key in template["key"])
    machine_id, = facts.get("id", {""})
    return Verdict([
        Criterion("the machine ID is one", re.fullmatch("[0-9a-f]{32}", machine_id) is not None, machine_id),
        Criterion("a key of each type", sorted(key.split()[0] for key in keys) == types, str(sorted(keys))),
        Criterion("each private key is its public one's", facts.get("private") == keys,
                  str(sorted(facts.get("private", set()) ^ keys))),
        Criterion("the server runs", facts.get("ssh") == {"active"}, str(facts.get("ssh"))),
        Criterion("it answers with all of them", facts.get("answer") == keys,
                  str(sorted(facts.get("answer", set()) ^ keys))),
    ])


def named(facts, template, what):
    """Whether what the machine has of it is the template's: old, new, or of both kinds."""
    old = facts.get(what, set()) & template[what]
    return "old" if old == facts.get(what) else "mixed" if old else "new"


def finished(boot, way, template):
    """`ok` when the machine has what the way leads to, else what is wrong."""
    if boot.job_status != 0:
        return f"job ended with {boot.job_status}: {' | '.join(boot.sections.get('job', [])[-3:])}"
    then = told(boot.sections["job"], "then")
    wrong = [f"{c.name}: {c.evidence}" for c in sound(then, template).failures]
    wrong += [f"left over: {path}" for path in then.get("stray", [])]
    wanted = "new" if way == "resume" else "old"
    # The old keys are dropped at a good boot after a run that had come to its end.
    over = told(boot.sections["job"], "next").get("run") == {"done"}
    for what in ["id", "key"]:
        found = named(then, template, what)
        if found != wanted and not (what == "key" and way == "undo" and over and found == "new"):
            wrong.append(f"{what}: {found}, not {wanted}")
    if then.get("run") not in ({"done"} if way == "resume" else {"undone"}, {""}):
        wrong.append(f"the run is {then.get('run')}")
    return "; ".join(wrong[:3]) or "ok"


def one(trial, machine, number, instant, template, last):
    """Cut at the instant, boot, judge, finish or take back; `last` to boot once more."""
    row = Cut(instant, way="undo" if number % 2 else "resume")
    label = f"{number:02}-{instant.replace('@', 'at-')}"
    disk = warm.copy(machine, trial.logs / f"{label}.qcow2").disk
    going = warm.go_on(qemu.Machine(disk, machine.accel), RUN, trial.logs / f"{label}-1-cut",
                       trigger(instant))
    row.at = going.at
    said = [line for _, line in going.lines if line.startswith(("postclone: ", "status "))]
    row.last = said[-1].removeprefix("postclone: ") if said else row.last
    if going.ended != "cut":
        row.then = f"no cut: {going.ended}"
        return row
    after = trial.logs / f"{label}-next.qcow2"
    qemu.overlay(disk, after, "qcow2")
    boot = trial.boot(f"{label}-2-next", RESUME if row.way == "resume" else UNDO, disk=after,
                      ending="reboot" if last else "hold", patience=400)
    row.up = boot.up_seconds
    facts = told(boot.sections.get("job", []), "next")
    row.run = " ".join(facts.get("run", {"?"}))
    row.keys, row.machine_id = named(facts, template, "key"), named(facts, template, "id")
    verdict = Verdict(c for c in judge.judge(boot, OLD) if last or c.name != "shut down in time")
    verdict += sound(facts, template)
    row.verdict = "good" if trial.verdict(f"{label}-2-next", verdict).good else "BAD"
    row.then = finished(boot, row.way, template)
    if last and boot.job_status == 0:
        final = trial.boot(f"{label}-3-last", FACTS + "facts last", disk=after)
        good = trial.judged(f"{label}-3-last", final, OLD).good and trial.verdict(
            "last", sound(told(final.sections.get("job", []), "last"), template)).good
        row.then += ", next boot ok" if good else "; next boot BAD"
    if row.verdict == "good" and row.then.startswith("ok") and "BAD" not in row.then:
        disk.unlink()
        after.unlink()
    return row


def whole(trial, machine):
    """Seconds that a run takes which is not cut."""
    disk = warm.copy(machine, trial.logs / "whole.qcow2")
    going = warm.go_on(disk, RUN, trial.logs / "whole")
    disk.disk.unlink()
    for at, line in going.lines:
        trial.note(f"  {at:7.2f}  {line}")
    if going.ended != "over" or "status 0" not in [line for _, line in going.lines]:
        raise Failed("the run that was not cut failed")
    at = {line: at for at, line in going.lines}
    return at["status 0"] - at["@@ mark start"]


def drawn(trial, count, seed):
    """Instants by step, and each third one random over the time of a whole run."""
    if count <= 2:
        return STEPS[:count]
    length = whole(trial, trial.machine)
    trial.note(f"a whole run takes {length:.1f} s; seed {seed}")
    source = random.Random(seed)
    steps = itertools.cycle(STEPS)
    return [f"@{source.uniform(0, length):.2f}" if number % 3 == 0 else next(steps)
            for number in range(1, count + 1)]


def renew_cuts(trial):
    count = int(os.environ.get("POSTCLONE_CUTS") or 3)
    seed = int(os.environ.get("POSTCLONE_SEED") or 1)
    warm.keep(trial.machine, first_of_all(trial.suite) + PREPARE, {"postclone.deb": trial.deb},
              trial.logs / "0-keep")
    kept = (trial.logs / "0-keep" / "agent").read_text().splitlines()
    template = told([line.split("]  ", 1)[-1] for line in kept], "template")
    if not all(template.get(what) for what in ["id", "key", "answer"]):
        raise Failed(f"the template is known by {template}")
    instants = [at for at in os.environ.get("POSTCLONE_CUT_AT", "").split(",") if at] or drawn(trial, count, seed)
    rows = []
    table = Table(trial.logs / "table.md", *Cut.COLUMNS)
    for number, instant in enumerate(instants, 1):
        rows.append(one(trial, trial.machine, number, instant, template, last=number % 5 == 1))
        table.row(*rows[-1].cells())
    bad = [row for row in rows if row.verdict != "good" or not row.then.startswith("ok") or "BAD" in row.then]
    runs = {run: sum(row.run == run for row in rows) for run in sorted({row.run for row in rows})}
    print(f"{len(rows)} cuts, {len(rows) - len(bad)} good, seed {seed}; the run was then: {runs}", flush=True)
    if bad:
        raise Failed(f"{len(bad)} of {len(rows)} cuts: " + "; ".join(
            f"{row.instant}: {row.verdict} {row.then}" for row in bad[:3]))


SCENARIOS = [
    Scenario("renew-cuts", "clone-lab",
             "the power goes off in the middle of a renew: the next boot has an ID, keys and a server",
             renew_cuts, needs_deb=True),
]
