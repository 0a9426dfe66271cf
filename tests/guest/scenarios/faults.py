"""Something breaks while postclone renames: it says so, and everything is as before.

POSTCLONE_FAULTS names the faults that are to be tried, with commas between them.
"""

import os
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path

import judge
import warm
from judge import Criterion, Verdict
from layout import NEW, OLD
from scenarios.undo import SUMS
from table import Table
from trial import Failed, Scenario

HERE = Path(__file__).resolve().parent

LIBRARY = SUMS + '. "$LAB/faults.sh"\n'

PREPARE = LIBRARY + """
apt-get install -y ./postclone.deb >/dev/null 2>&1 || exit
mkdir /root/lab
facts /root/lab/facts
sync
sleep 1
"""

RUN = f"postclone rename --yes {OLD} {NEW}"

LOOK = """
mend
at_work /run/lab/after
facts /run/lab/facts
compare gone /run/lab/before /run/lab/after
compare differs /root/lab/facts /run/lab/facts
echo "@@ reports $(postclone status --format json | tr -d ' ",' | sed -n 's/^state://p')"
echo "@@ judged"
"""

NEXT = LIBRARY + """
facts "$OUT/facts"
compare differs /root/lab/facts "$OUT/facts"
postclone status
"""

CLEAN = """
timed postclone rename --yes >"$OUT/rename" 2>&1
status=$?
cat "$OUT/rename"
exit $status
"""

FAILING_IMAGE = """
wrap update-initramfs <<'END'
echo 'lab: no image today' >&2
exit 1
END
"""


RESTORED = "failed, and everything was restored: .*"


@dataclass(frozen=True)
class Fault:
    """One fault: what is done in the guest, and what has to come of it.

    `setup` is there before the running system is looked at, `fault` before the
    run; `mend` ends it, `then` is what a person does next, and has to end with 0.
    `says` is a pattern for postclone's last line on standard error.
    """

    name: str
    fault: str
    status: int
    says: str
    setup: str = ""
    run: str = f"run {RUN}"
    mend: str = "mend"
    then: str = ""

    def script(self):
        """What the guest does."""
        return "\n".join([LIBRARY, self.setup, "at_work /run/lab/before", self.fault, self.run,
                          self.mend, self.then, LOOK, warm.SHUT_DOWN])


def stopped(signal):
    """The run, and a signal to it once its image tool hangs."""
    return f"""
run {RUN} &
until [[ -e $fake/hangs ]]; do sleep 0.2; done
sleep 1
kill -{signal} "$(pgrep -x postclone)"
wait
"""


def interrupted(signal):
    """The same, after which nothing may be left of the image tool."""
    return stopped(signal) + """
pgrep -af 'bash .*/update-initramfs' | sed 's/^/@@ differs > still runs: /'
"""


HANGING_IMAGE = """
wrap update-initramfs <<'END'
touch $fake/hangs
sleep infinity
END
"""

# It goes on after postclone, and puts an image of the new names in place.
SLOW_IMAGE = """
wrap update-initramfs <<'END'
touch $fake/hangs
until [[ -e $fake/go-on ]]; do sleep 0.2; done
exec "$real" "$@"
END
"""

LEFT_BEHIND = stopped("KILL") + """
postclone undo --yes 2>/run/lab/refused
[[ $? == 1 ]] && grep -q 'that it left behind' /run/lab/refused ||
	echo "@@ differs > undo beside the image tool: $(cat /run/lab/refused)"
touch $fake/go-on
flock /var/lib/postclone/lock true
"""

# Writes that are in no file yet when the fault begins would fail later, in somebody else's hands.
FAULTS = [
    Fault("boot-full", "fill /boot 5", 1, r"`/boot/grub` has \d+ MiB free, and \d+ MiB are needed: make room"),
    Fault("boot-full-in-image", """
wrap update-initramfs <<'END'
. /run/lab/faults.sh
fill /boot
exec "$real" "$@"
END
""", 3, RESTORED + r"`update-initramfs .* ended with exit status "),
    Fault("root-full-in-vgrename", """
wrap_vgrename <<'END'
. /run/lab/faults.sh
fill / >/dev/null
exec "$real" "$@"
END
""", 3, RESTORED + r"still has the name "),
    Fault("root-full-after-vgrename", """
wrap_vgrename <<'END'
"$real" "$@" || exit
[[ -e $fake/filled ]] && exit
. /run/lab/faults.sh
touch $fake/filled
fill / >/dev/null
END
""", 3, RESTORED + r"No space left on device"),
    Fault("root-full-in-image", """
wrap update-initramfs <<'END'
. /run/lab/faults.sh
fill /
exec "$real" "$@"
END
""", 3, RESTORED + r"`update-initramfs .* ended with exit status "),
    Fault("boot-eio-in-image", """
wrap update-initramfs <<'END'
. /run/lab/faults.sh
writes fail
exec "$real" "$@"
END
""", 4, r"Input/output error.*fix what is named and run `postclone undo`",
          setup='on_mapper /boot "$(findmnt -no SOURCE /boot)"',
          mend="mend; off_mapper /boot", then="run postclone undo --yes"),
    Fault("journal-eio-in-vgrename", """
wrap_vgrename <<'END'
. /run/lab/faults.sh
"$real" "$@" || exit
[[ -e $fake/failing ]] && exit
touch $fake/failing
writes fail
END
""", 4, r"fix what is named and run `postclone undo`",
          setup="""
fallocate -l 96M /var/tmp/journals
mkfs.ext4 -q /var/tmp/journals
mkdir -p /var/lib/postclone
on_mapper /var/lib/postclone "$(losetup --show -f /var/tmp/journals)"
""",
          mend="mend; off_mapper /var/lib/postclone", then="run postclone undo --yes"),
    Fault("vgrename-killed-before-commit", """
wrap_vgrename <<'END'
kill -9 $$
END
""", 3, RESTORED + r"still has the name `svlmon2-vg`: .* was killed by signal 9"),
    Fault("vgrename-killed-after-commit", FAILING_IMAGE + """
wrap_vgrename <<'END'
"$real" "$@"
kill -9 $$
END
""", 3, RESTORED + r"lab: no image today"),
    Fault("vgrename-half", FAILING_IMAGE + """
wrap_vgrename <<'END'
"$real" "$@"
dmsetup rename svlmon2--vg-swap_1 svlinuxtest--vg-swap_1
kill -9 $$
END
""", 3, RESTORED + r"lab: no image today"),
    Fault("vgrename-live", FAILING_IMAGE + """
wrap_vgrename <<'END'
for word; do shift; [[ $word == --driverloaded || $word == n ]] || set -- "$@" "$word"; done
exec "$real" "$@"
END
""", 3, RESTORED + r"lab: no image today"),
    Fault("image-fails", FAILING_IMAGE, 3, RESTORED + r"lab: no image today"),
    Fault("image-hangs-sigterm", HANGING_IMAGE, 3, RESTORED + r"signal 15",
          run=interrupted("TERM")),
    Fault("image-hangs-sigint", HANGING_IMAGE, 3, RESTORED + r"signal 2",
          run=interrupted("INT")),
    Fault("killed-in-image", SLOW_IMAGE, 137, r"build /boot/initrd", run=LEFT_BEHIND,
          then="run postclone undo --yes"),
    Fault("image-truncated", """
wrap update-initramfs <<'END'
image=/boot/initrd.img-$3
head -c 4M "$image" >"$image.new" && mv "$image.new" "$image"
END
""", 3, RESTORED + r"reading the image `/boot/initrd.img"),
]


@dataclass
class Row:
    """One fault and what came of it: a row of the table."""

    fault: Fault
    status: str = "?"
    message: str = ""
    restored: str = "?"
    down: float | None = None
    boots: str = "-"
    seconds: float = 0.0

    COLUMNS = [("fault", 30), ("exit", 4), ("restored", 8), ("shutdown, s", 11), ("next boot", 9),
               ("message", 0)]

    def cells(self):
        """The row of the table."""
        down = f"{self.down:.1f}" if self.down is not None else "-"
        return [self.fault.name, self.status, self.restored, down, self.boots, self.message]


def one(trial, machine, fault):
    """Inject the fault into a copy of the guest, judge the run, the shutdown and the next boot."""
    row = Row(fault)
    began = time.monotonic()
    disk = warm.copy(machine, trial.logs / f"{fault.name}.qcow2").disk
    going = warm.go_on(replace(machine, disk=disk), fault.script(),
                       trial.logs / f"{fault.name}-1-fault", limit=600)
    said = [line for _, line in going.lines]
    trial.note(f"{fault.name}:\n" + "\n".join(f"  {at:7.2f} {line}" for at, line in going.lines))
    statuses = [line.split()[2] for line in said if line.startswith("@@ status ")]
    told = [line[len("@@ said "):] for line in said[:_first(said, "@@ status ")]
            if line.startswith("@@ said postclone: ")]
    row.status = statuses[0] if statuses else "none"
    row.message = told[-1][len("postclone: "):] if told else ""
    row.down = going.down_seconds
    verdict = Verdict([
        Criterion("exit status", row.status == str(fault.status),
                  f"{row.status}, not {fault.status}"),
        Criterion("message", re.search(fault.says, row.message), row.message),
        *came_back(said, statuses),
        Criterion("shut down in time", going.ended == "down" and row.down <= judge.DOWN_LIMIT,
                  f"{going.ended} {row.down}"),
    ])
    boot = trial.boot(f"{fault.name}-2-next", NEXT, disk=disk)
    odd = [line for line in boot.sections.get("job", []) if line.startswith("@@ differs")]
    next_boot = trial.judged(f"{fault.name}-2-next", boot, OLD, NEW)
    next_boot.append(Criterion("the same files", boot.job_status == 0 and not odd,
                               "; ".join(odd[:5])))
    row.restored = "yes" if all(c.met for c in came_back(said, statuses)) else "NO"
    row.boots = "good" if next_boot.good else "BAD"
    row.seconds = time.monotonic() - began
    trial.verdict(fault.name, verdict)
    return row, [*verdict.failures, *next_boot.failures], disk


def clean(trial, disk):
    """After a fault and a reboot, a rename as any other."""
    boot = trial.boot("clean-1-rename", CLEAN, disk=disk, ending="reboot")
    trial.require_job(boot)
    last = trial.boot("clean-2-next", disk=disk)
    trial.require("the boot after a clean rename", trial.judged("clean-2-next", last, NEW, OLD))


def _first(lines, start):
    return next((at for at, line in enumerate(lines) if line.startswith(start)), len(lines))


def came_back(said, statuses):
    """Whether everything is as it was before the run, once the fault has gone."""
    if "@@ judged" not in said:
        return [Criterion("the case came to its end", False, said[-1] if said else "")]
    # In the guest's /etc until the reboot.
    differs = [line for line in said if line.startswith("@@ differs")
               and "/etc/default/grub.d/zz-postclone.cfg" not in line]
    gone = [line for line in said if line.startswith("@@ gone <")
            and not (line.startswith("@@ gone < unit") and judge.PASSING.search(line.split()[-1]))]
    return [
        Criterion("what follows ends well", all(status == "0" for status in statuses[1:]),
                  " ".join(statuses)),
        Criterion("the same files and names", not differs, "; ".join(differs[:5])),
        Criterion("all that ran still runs", not gone, "; ".join(gone[:5])),
    ]


def faults(trial):
    wanted = [name for name in os.environ.get("POSTCLONE_FAULTS", "").split(",") if name]
    known = [fault.name for fault in FAULTS]
    if set(wanted) - set(known):
        raise Failed(f"no such fault: {' '.join(sorted(set(wanted) - set(known)))}")
    warm.keep(trial.machine, PREPARE,
              {"postclone.deb": trial.deb, "faults.sh": HERE / "faults.sh"}, trial.logs / "0-keep")
    bad, good_disk = [], None
    table = Table(trial.logs / "table.md", *Row.COLUMNS)
    for fault in FAULTS:
        if wanted and fault.name not in wanted:
            continue
        row, failures, disk = one(trial, trial.machine, fault)
        table.row(*row.cells())
        trial.note(f"{fault.name} took {row.seconds:.0f} s")
        for failure in failures:
            print(failure, flush=True)
        if not failures:
            if good_disk:
                good_disk.unlink()
            good_disk = disk
        bad += [f"{fault.name}: {failure.name} ({failure.evidence[:200]})" for failure in failures]
    if bad:
        raise Failed("; ".join(bad[:3]))
    clean(trial, good_disk)
    good_disk.unlink()
    print("a clean rename afterwards: good", flush=True)


SCENARIOS = [
    Scenario("faults", "debian-bios",
             "full disks, write errors, killed and hanging tools: all is taken back, and told",
             faults, needs_deb=True),
]
