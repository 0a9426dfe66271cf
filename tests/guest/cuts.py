"""The power goes off in the middle of a run: the instants, the boot after it, and what the machine is known by.

A run is cut, the guest boots, and the run is finished or taken back. A scenario brings a `Run`: the command, what
the machine is known by, and when it is sound.

POSTCLONE_CUTS says how many cuts (3), POSTCLONE_SEED seeds the random ones (1); POSTCLONE_CUT_AT names
the instants instead, with commas between them, as scenarios/power_cut.py has them.
"""

import itertools
import os
import random
import re
from dataclasses import dataclass, replace
from typing import Callable

import qemu
import warm
from judge import Criterion, Verdict
from scenarios.matrix import first_of_all
from scenarios.power_cut import trigger
from scenarios.undo import SUMS
from table import Table
from trial import Failed

PREPARE = """
apt-get install -y ./postclone.deb >/dev/null 2>&1 || exit
facts template
mkdir /root/lab
sums /root/lab/sums
sync
sleep 1
"""

CUT = """
mark start
COMMAND >/run/lab/plan
echo "status $?"
"""

STATE = r"""
state() {
	echo "@@ $1 run $(postclone status --format json | tr -d ' ",' | sed -n 's/^state://p')"
}
facts next
state next
postclone status
"""

RESUME = """
case $(postclone status --format json) in
*'"state": "cut"'*) timed postclone rename --resume ;;
*'"state"'*) echo 'the run was over' ;;
*) timed COMMAND ;;
esac
status=$?
facts then
state then
exit $status
"""

UNDO = """
case $(postclone status --format json) in
*'"state"'*) timed postclone undo --yes ;;
*) echo 'no run had begun' ;;
esac
status=$?
facts then
state then
sums "$OUT/sums"
diff /root/lab/sums "$OUT/sums" | grep '^[<>]' | grep -vE 'ALLOWED' | sed 's/^/@@ differs /'
exit $status
"""


@dataclass(frozen=True)
class Run:
    """What is cut."""

    command: str
    facts: str
    """Bash: the function `facts NAME`, which prints lines `@@ NAME WORD VALUE`."""
    words: tuple[str, ...]
    """The words whose facts are old before the run, and new after it."""
    steps: Callable
    """From a source of random numbers to an iterator of instants by step."""
    judge: Callable
    """(boot, facts, template) to the verdict on a boot."""
    allowed: str = r"/etc/default/grub\.d/zz-postclone\.cfg"
    """A pattern of what may differ in /etc and /boot after undo."""


@dataclass
class Cut:
    """One cut and what came of it: a row of the table."""

    instant: str
    at: float = 0.0
    way: str = ""
    last: str = "(none)"
    run: str = "?"
    found: str = "?"
    up: float | None = None
    verdict: str = "BAD"
    then: str = ""

    COLUMNS = [("instant", 28), ("cut after, s", 12), ("last line", 42), ("run", 6), ("what it had", 40),
               ("up after, s", 11), ("boot", 5), ("then", 0)]

    def cells(self):
        """The row of the table."""
        up = f"{self.up:.0f}" if self.up is not None else "-"
        return [self.instant, f"{self.at:.2f}", self.last, self.run or "none", self.found, up, self.verdict,
                f"{self.way}: {self.then}"]

    @property
    def good(self):
        """Whether the boot was good, and what came after it."""
        return self.verdict == "good" and self.then.startswith("ok") and "BAD" not in self.then


def told(lines, name):
    """What `facts NAME` and `state NAME` said: each word with what stands behind it."""
    found = {}
    for line in lines:
        if match := re.match(rf"@@ {name} (\w+) ?(.*)$", line):
            found.setdefault(match[1], set()).add(match[2])
    return found


def named(facts, template, what):
    """Whether what the machine has of it is the template's: old, new, or of both kinds."""
    old = facts.get(what, set()) & template[what]
    return "old" if old == facts.get(what) else "mixed" if old else "new"


def finished(run, boot, way, template):
    """`ok` when the machine has what the way leads to, else what is wrong."""
    said = boot.sections.get("job", [])
    if boot.job_status != 0:
        return f"job ended with {boot.job_status}: {' | '.join(said[-3:])}"
    then = told(said, "then")
    wrong = [line for line in said if line.startswith("@@ differs")]
    wrong += [f"left over: {path}" for path in then.get("stray", [])]
    wanted = "new" if way == "resume" else "old"
    # The old keys are dropped at a good boot after a run that had come to its end.
    over = told(said, "next").get("run") == {"done"}
    for what in run.words:
        found = named(then, template, what)
        if found != wanted and not (what == "key" and way == "undo" and over and found == "new"):
            wrong.append(f"{what}: {found}, not {wanted}")
    if over and way == "undo":
        wrong = [line for line in wrong if "/etc/ssh/ssh_host_" not in line]
    if then.get("run") not in ({"done"} if way == "resume" else {"undone"}, {""}):
        wrong.append(f"the run is {then.get('run')}")
    return "; ".join(wrong[:3]) or "ok"


def one(trial, run, number, instant, template, last):
    """Cut at the instant, boot, judge, finish or take back; `last` to boot once more."""
    row = Cut(instant, way="undo" if number % 2 else "resume")
    label = f"{number:02}-{re.sub('[^a-zA-Z0-9.]+', '-', instant)}"
    kept = warm.copy(trial.machine, trial.logs / f"{label}.qcow2")
    going = warm.go_on(kept, CUT.replace("COMMAND", run.command), trial.logs / f"{label}-1-cut", trigger(instant))
    row.at = going.at
    said = [line for _, line in going.lines if line.startswith(("postclone: ", "status "))]
    row.last = said[-1].removeprefix("postclone: ") if said else row.last
    if going.ended != "cut":
        row.then = f"no cut: {going.ended}"
        return row
    after = trial.logs / f"{label}-next.qcow2"
    qemu.overlay(kept.disk, after, "qcow2")
    machine = replace(kept, disk=after)
    way = RESUME if row.way == "resume" else UNDO.replace("ALLOWED", run.allowed)
    boot = trial.boot(f"{label}-2-next", SUMS + run.facts + STATE + way.replace("COMMAND", run.command),
                      machine=machine, ending="reboot" if last else "hold", patience=400)
    row.up = boot.up_seconds
    facts = told(boot.sections.get("job", []), "next")
    row.run = " ".join(facts.get("run", {"?"}))
    row.found = ", ".join(f"{what} {named(facts, template, what)}" for what in run.words)
    verdict = Verdict(c for c in run.judge(boot, facts, template) if last or c.name != "shut down in time")
    row.verdict = "good" if trial.verdict(f"{label}-2-next", verdict).good else "BAD"
    row.then = finished(run, boot, row.way, template)
    if last and boot.job_status == 0:
        final = trial.boot(f"{label}-3-last", SUMS + run.facts + "facts last", machine=machine)
        good = trial.verdict(f"{label}-3-last", Verdict(run.judge(
            final, told(final.sections.get("job", []), "last"), template))).good
        row.then += ", next boot ok" if good else "; next boot BAD"
    if row.good:
        kept.disk.unlink()
        after.unlink()
    return row


def whole(trial, run):
    """Seconds that a run takes which is not cut."""
    kept = warm.copy(trial.machine, trial.logs / "whole.qcow2")
    going = warm.go_on(kept, CUT.replace("COMMAND", run.command), trial.logs / "whole")
    kept.disk.unlink()
    for at, line in going.lines:
        trial.note(f"  {at:7.2f}  {line}")
    if going.ended != "over" or "status 0" not in [line for _, line in going.lines]:
        raise Failed("the run that was not cut failed")
    at = {line: at for at, line in going.lines}
    return at["status 0"] - at["@@ mark start"]


def drawn(trial, run, count, seed):
    """Instants by step, and each third one random over the time of a whole run."""
    source = random.Random(seed)
    steps = run.steps(source)
    if count <= 2:
        return list(itertools.islice(steps, count))
    length = whole(trial, run)
    trial.note(f"a whole run takes {length:.1f} s; seed {seed}")
    return [f"@{source.uniform(0, length):.2f}" if number % 3 == 0 else next(steps)
            for number in range(1, count + 1)]


def play(trial, run):
    """Cut the run as often as is asked for; fail where a boot, or what came after it, was not good."""
    count = int(os.environ.get("POSTCLONE_CUTS") or 3)
    seed = int(os.environ.get("POSTCLONE_SEED") or 1)
    warm.prepare(trial.machine)
    warm.keep(trial.machine, first_of_all(trial.suite) + SUMS + run.facts + PREPARE, {"postclone.deb": trial.deb},
              trial.logs / "0-keep")
    lines = (trial.logs / "0-keep" / "agent").read_text().splitlines()
    template = told([line.split("]  ", 1)[-1] for line in lines], "template")
    if not all(template.get(what) for what in run.words):
        raise Failed(f"the template is known by {template}")
    instants = [at for at in os.environ.get("POSTCLONE_CUT_AT", "").split(",") if at]
    rows = []
    table = Table(trial.logs / "table.md", *Cut.COLUMNS)
    for number, instant in enumerate(instants or drawn(trial, run, count, seed), 1):
        rows.append(one(trial, run, number, instant, template, last=number % 5 == 1))
        table.row(*rows[-1].cells())
    bad = [row for row in rows if not row.good]
    runs = {state: sum(row.run == state for row in rows) for state in sorted({row.run for row in rows})}
    print(f"{len(rows)} cuts, {len(rows) - len(bad)} good, seed {seed}; the run was then: {runs}", flush=True)
    if bad:
        raise Failed(f"{len(bad)} of {len(rows)} cuts: " + "; ".join(
            f"{row.instant}: {row.verdict} {row.then}" for row in bad[:3]))


def reachable(facts, template):
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


REACHABLE = r"""
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
	more "$1"
}
"""
"""`more NAME` prints the scenario's own."""
