"""A server at work is renamed: nothing stops, no transaction fails."""

import json
import re
from pathlib import Path

import judge
import kernels
from judge import Criterion, Verdict, down_in_time, undisturbed
from layout import NEW, OLD
from trial import Failed, Scenario

HERE = Path(__file__).resolve().parent

PREPARE = f"""
OLD={OLD} NEW={NEW}
. "$LAB/live.sh"
"""

RENAME = PREPARE + """
timed dpkg -i postclone.deb || exit
timed start_load || exit
sleep 10
picture before
cursor=$(cursor)
instant rename
timed postclone rename --yes "$OLD" "$NEW" >"$OUT/rename" 2>&1
status=$?
instant renamed
cat "$OUT/rename"
[[ $status == 0 ]] || exit "$status"
sleep 5
picture after
journal_since "$cursor" journal-rename

cursor=$(cursor)
postclone status | tee "$OUT/status"
cp /run/reboot-required /run/reboot-required.pkgs "$OUT/"
ls -l /etc/default/grub.d/
by_every_name
timed install_kernel
cp /boot/grub/grub.cfg "$OUT/grub.cfg-kernel"
timed volume_work
by_every_name
sleep 5
sha256sum /dev/shm/lab-hog >"$OUT/hog-after"
instant reboot
picture end
journal_since "$cursor" journal-between
"""

NEXT = PREPARE + """
uname -r | tee "$OUT/kernel"
ls /etc/default/grub.d/ | tee "$OUT/grub.d"
ls /run/reboot-required 2>/dev/null | tee "$OUT/reboot-required"
postclone status | tee "$OUT/status"
systemctl is-active "$POSTGRESQL"
reckon
timed nothing_left "$OLD" || exit
timed update-grub
keep /boot/grub/grub.cfg
timed start_load || exit
sleep 10
cat /proc/swaps
"""

BASELINE = PREPARE + """
timed start_load || exit
sleep 10
cat /proc/swaps
"""

BARE = PREPARE + """
timed start_load || exit
sleep 10
picture before
cursor=$(cursor)
instant rename
timed vgrename "$OLD" "$NEW" || exit
sleep 10
picture after
journal_since "$cursor" journal-rename
attempt grub-probe --target=device /
cp "$KEPT"/ledger "$KEPT"/bench.log "$OUT/"
timeout 30 systemctl status "$POSTGRESQL" lab-ledger lab-bench lab-sitter
"""

HOT = re.compile(r"^lvm2-pvscan@7:")
"""What goes with the loop device that is plugged in and out again."""

SLACK = (1.5, 10.0)
"""How much longer a shutdown after a rename may take than one without: a
factor and seconds. Single shutdowns of an emulated guest differ by that much
with what else the host does; what is to be caught, a stop job that waits for a
device that is gone, waits for at least 90 s, and for ever for a swap."""


def live(trial):
    files = {"postclone.deb": trial.deb, "live.sh": HERE / "live.sh",
             "kernel.deb": kernels.another(trial.suite, kernels.installed(trial))}
    first = trial.boot("1-rename", RENAME, files, ending="reboot")
    trial.require_job(first)
    second = trial.boot("2-next", NEXT, files, ending="reboot")
    out = first.out
    verdicts = [
        ("the first boot", trial.judged("first boot", first, OLD)),
        ("the rename", trial.verdict("rename", undisturbed(out / "before", out / "after"))),
        ("the rename's journal", trial.verdict("journal", _quiet(out / "journal-rename.json"))),
        ("between", trial.verdict("between", undisturbed(out / "before", out / "end"))),
        ("between's journal", trial.verdict("journal", _quiet(out / "journal-between.json"))),
        ("what was tried between", trial.verdict("tried", _attempts(out))),
        ("the load", trial.verdict("load", _load(out))),
        ("what postclone says", trial.verdict("report", _report(out))),
        ("the reminder", trial.verdict("reminder", _reminder(out))),
        ("the kernel's installation", trial.verdict("kernel", _grub(out / "grub.cfg-kernel"))),
        ("the next boot", trial.judged("next boot", second, NEW, OLD)),
    ]
    trial.require_job(second)
    figures = _Figures(first, second)
    verdicts += [
        ("the next boot's state", trial.verdict("after", _after(second.out, files["kernel.deb"]))),
        ("the transactions", trial.verdict("transactions", figures.transactions())),
        ("the shutdown", trial.verdict("shutdown", figures.shutdown())),
    ]
    for line in figures.lines():
        trial.note(line)
        print(f"  {trial.suite}: {line}", flush=True)
    for what, verdict in verdicts:
        trial.require(what, verdict)


def baseline(trial):
    boot = trial.boot("1-boot", BASELINE, {"live.sh": HERE / "live.sh"}, ending="reboot")
    trial.require_job(boot)
    trial.require("the boot", trial.judged("1-boot", boot, OLD))
    print(f"  {trial.suite}: up {boot.up_seconds:.1f} s, shutdown {boot.down_seconds:.1f} s",
          flush=True)


def bare(trial):
    boot = trial.boot("1-rename", BARE, {"live.sh": HERE / "live.sh"}, down_limit=60)
    out = boot.out
    verdicts = [
        trial.verdict("undisturbed", undisturbed(out / "before", out / "after")),
        trial.verdict("journal", _quiet(out / "journal-rename.json")),
        trial.verdict("tried", _attempts(out)),
        trial.verdict("shutdown", down_in_time(boot)),
    ]
    for failure in (failure for verdict in verdicts for failure in verdict.failures):
        print(f"  {trial.suite}: {failure}", flush=True)
    if all(verdict.good for verdict in verdicts):
        raise Failed("a bare vgrename disturbed nothing: the scenario `live` proves nothing")


def _quiet(file):
    """That systemd stopped, restarted and lost nothing, by its journal."""
    said = []
    for line in file.read_text().splitlines():
        entry = json.loads(line)
        unit = entry.get("UNIT", "")
        stopped = entry.get("JOB_TYPE", "start") not in ("start", "verify-active", "reload", "nop")
        failed = "UNIT_RESULT" in entry or int(entry.get("PRIORITY", 6)) <= 3
        if (stopped or failed) and not judge.PASSING.search(unit) and not HOT.search(unit):
            said.append(f"{unit} {entry.get('JOB_TYPE', '')}: {entry.get('MESSAGE')}")
    return Verdict([Criterion("systemd stopped nothing", not said, "; ".join(said[:6]))])


def _attempts(out):
    rows = [line.split(" ", 2) for line in (out / "attempts").read_text().splitlines()]
    bad = [f"{words} (rc {rc})" for rc, _, words in rows if rc != "0"]
    return Verdict([Criterion("all commands ended well", rows and not bad,
                              "; ".join(bad) or f"{len(rows)} commands")])


def _report(out):
    """That postclone saw the same. Some units of the load have descriptions of many lines."""
    text = (out / "rename").read_text()
    alarms = [line for line in text.splitlines()
              if re.search(r"GONE|stopped|started again", line)]
    return Verdict([
        Criterion("postclone tells that all is still there", "still there, as before: " in text),
        Criterion("no false alarm", not alarms, "; ".join(alarms[:4])),
    ])


def _load(out):
    sitters = [(out / name / "sitter").read_text().strip() for name in ["before", "after", "end"]]
    swapped = int((out / "before" / "swaps").read_text().split()[-2])
    hogs = [(out / f"hog-{name}").read_text() for name in ["before", "after"]]
    return Verdict([
        Criterion("the shell sits in /home with its file open",
                  sitters[0].endswith(" /home /home/open-file") and len(set(sitters)) == 1,
                  "; ".join(sitters)),
        Criterion("swap was in use", swapped > 8000, f"{swapped} KiB"),
        Criterion("what was swapped out is whole", hogs[0] == hogs[1]),
    ])


def _reminder(out):
    packages = (out / "reboot-required.pkgs").read_text().split()
    status = (out / "status").read_text()
    return Verdict([
        Criterion("/run/reboot-required", "restart" in (out / "reboot-required").read_text()),
        Criterion("reboot-required.pkgs names postclone", "postclone" in packages,
                  " ".join(packages)),
        Criterion("status says so", re.search(r"(?m)^waits for a reboot: +yes$", status),
                  status.replace("\n", "; ")),
    ])


def _grub(file):
    """That a grub.cfg boots NEW, whatever entry is taken."""
    text = file.read_text()
    roots = re.findall(r"^\s*linux\s.*?\sroot=(\S+)", text, re.MULTILINE)
    new = f"/dev/mapper/{NEW.replace('-', '--')}-root"
    old = [line.strip() for line in text.splitlines() if judge.spellings(OLD).search(line)]
    return Verdict([
        Criterion("every entry has the new root", roots and set(roots) == {new},
                  f"{len(roots)} entries: {' '.join(sorted(set(roots)))}"),
        Criterion("grub.cfg names the old group nowhere", not old, "; ".join(old[:3])),
    ])


def _after(out, kernel):
    running = (out / "kernel").read_text().strip()
    rest = (out / "grub.d").read_text().split()
    status = (out / "status").read_text()
    return Verdict([
        Criterion("the new kernel runs", kernel.name.startswith(f"linux-image-{running}_"),
                  running),
        Criterion("postclone's part of GRUB's defaults is gone", "zz-postclone.cfg" not in rest,
                  " ".join(rest)),
        Criterion("no reboot is asked for", not (out / "reboot-required").read_text().strip()
                  and re.search(r"(?m)^waits for a reboot: +no$", status)),
        *_grub(out / "files/boot/grub/grub.cfg"),
    ])


class _Figures:
    """What was counted and timed."""

    def __init__(self, first, second):
        self.first, self.second = first, second
        rows = [line.split() for line in (first.out / "instants").read_text().splitlines()]
        self.instants = {name: float(at) for name, at in rows}
        book = [line.split(" ", 3) for line in (second.out / "ledger").read_text().splitlines()]
        self.book = [(float(row[0]), row[1], row[2] == "ok") for row in book]
        self.bench = (second.out / "bench.log").read_text().splitlines()

    def _spans(self):
        """The ledger's transactions before, during and after the rename, until the shutdown."""
        start, end, reboot = (self.instants[name] for name in ["rename", "renamed", "reboot"])
        bounds = [0, start, end, reboot, float("inf")]
        return {name: [row for row in self.book if low <= row[0] < high]
                for name, low, high in zip(["before", "during", "between", "at shutdown"],
                                           bounds, bounds[1:])}

    def transactions(self):
        out = self.second.out
        rows = set((out / "ledger-rows").read_text().split())
        failed = [row for row in self.book if not row[2]]
        lost = [number for _, number, good in self.book if good and number not in rows]
        spans = self._spans()
        errors = [line for line in self.bench
                  if re.search(r"(?i)error|fatal|abort|\b[1-9]\d* failed", line)]
        return Verdict([
            Criterion("transactions at all times", all(spans[name] for name in
                                                       ["before", "during", "between"]),
                      ", ".join(f"{len(found)} {name}" for name, found in spans.items())),
            Criterion("none failed", not failed, f"{failed[:3]}" if failed else ""),
            Criterion("every acknowledged row is there", rows and not lost,
                      " ".join(lost[:5]) or f"{len(rows)} rows"),
            Criterion("pgbench saw no error", self.bench and not errors, "; ".join(errors[:3])),
        ])

    def shutdown(self):
        limit = self.second.down_seconds and (
            SLACK[0] * self.second.down_seconds + SLACK[1])
        return Verdict([
            *down_in_time(self.first), *down_in_time(self.second),
            Criterion("shutdown as without a rename",
                      limit and self.first.down_seconds and self.first.down_seconds <= limit,
                      f"{self.first.down_seconds} s, without {self.second.down_seconds} s"),
        ])

    def lines(self):
        spans = self._spans()
        at = self.instants
        pauses = {name: max((b[0] - a[0] for a, b in zip(found, found[1:])), default=0)
                  for name, found in spans.items()}
        down, without = self.first.down_seconds, self.second.down_seconds
        return [
            f"rename {at['renamed'] - at['rename']:.1f} s, then {at['reboot'] - at['renamed']:.0f} s"
            " to the reboot",
            "transactions: " + ", ".join(
                f"{len(found)} {name} ({sum(not row[2] for row in found)} failed, longest pause"
                f" {pauses[name]:.1f} s)" for name, found in spans.items())
            + f"; pgbench: {(self.second.out / 'bench-rows').read_text().strip()}",
            f"shutdown {down:.1f} s, without a rename {without:.1f} s, ratio {down / without:.2f}",
            f"up: before {self.first.up_seconds:.1f} s, after {self.second.up_seconds:.1f} s",
        ]


SCENARIOS = [
    Scenario("live", "debian-live",
             "a database at work is renamed, a kernel installed before the reboot",
             live, needs_deb=True),
    Scenario("live-baseline", "debian-live",
             "the same load without a rename, for its shutdown time", baseline),
    Scenario("live-bare", "debian-live",
             "the same load and a bare vgrename: that has to be noticed", bare),
]
