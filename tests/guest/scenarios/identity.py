"""postclone identity: a template gets the package, two clones are made of its disk, and each machine says
what in it is the template's.

The clones differ from the template as a hypervisor's do: UUID, serial numbers, MAC address.
"""

import json
import re
from dataclasses import replace

import qemu
from judge import Criterion, Verdict
from layout import NEW, OLD
from scenarios.times import REPORT, TOOK
from scenarios.traps import REFUSED
from trial import Scenario

TEMPLATE = {"uuid": "3b1f6c52-0c7e-4d0f-9a57-5d5a1f4e7a01", "product": "PCLAB-1000",
            "serial": "system-1000", "mac": "52:54:00:6c:61:01"}
CLONES = {
    "2-clone": {"uuid": "a4d27c3e-91b8-4f66-8a1c-0e7f2b9c4d02", "product": "PCLAB-2000",
                "serial": "system-2000", "mac": "52:54:00:6c:61:02"},
    "3-clone": {"uuid": "5e90b7d1-2f4a-4c83-b6de-71c8a3f05e03", "product": "PCLAB-3000",
                "serial": "system-3000", "mac": "52:54:00:6c:61:03"},
}
CHANGES = {
    "4-other-card": {"mac": "52:54:00:6c:61:04"},
    "5-other-disk": {"serial": "system-5000"},
}
"""What is another in the template's machine, one thing at a time."""

CLONED = ["host-name", "group-name", "machine-id", "ssh-host-key", "fs-uuid", "swap-uuid", "pv-uuid",
          "vg-uuid"]
"""Items that every guest of this layout has, and that a copy of its disk has too."""

RUNS = 5
"""How often each is timed."""

EXPECT = r"""
# expect STATUS FILE COMMAND...: what it prints in $OUT/FILE, and its exit status has to be that
expect() {
	local wanted=$1 file=$2 rc
	shift 2
	"$@" >"$OUT/$file"
	rc=$?
	echo "[$* -> rc $rc]"
	[[ $rc == "$wanted" ]] || {
		cat "$OUT/$file"
		echo "[$*: rc $rc, not $wanted]"
		return 1
	}
}
"""

# What timers and apt write by themselves is left out.
INSTALL = EXPECT + TOOK + REPORT + r"""
# files: what every file of /etc, /boot and /var/lib but the record holds, and its attributes
files() {
	local kept=(/etc /boot /var/lib -path /var/lib/systemd/timers -prune -o -path /var/lib/apt -prune
		-o -path /var/lib/postclone/origin.json -prune -o)
	find "${kept[@]}" -type f -print0 | sort -z | xargs -0 sha256sum
	find "${kept[@]}" -type d -printf '%p %y %m %U:%G\n' -o -printf '%p %y %m %U:%G %s %T@ %l\n' | sort
}
record=/var/lib/postclone/origin.json
[[ -s $record && $(stat -c '%a %U:%G' $record) == '600 root:root' ]] || {
	ls -la /var/lib/postclone
	exit 1
}
files >"$OUT/files-before"
expect 0 template.json postclone identity --format json || exit
expect 0 template.txt postclone identity || exit
expect 0 offline.json unshare --net postclone identity --format json || exit
files >"$OUT/files-after"
diff "$OUT/files-before" "$OUT/files-after" || exit
""" + f"""
for turn in {{1..{RUNS}}}; do
	took report report || exit
	took identity postclone identity || exit
done
"""

CLONE = EXPECT + """
expect 5 found.json postclone identity --format json || exit
expect 5 found.txt postclone identity || exit
expect 5 against.json postclone identity --against template.json --format json || exit
postclone >"$OUT/overview" 2>&1
echo "[postclone -> rc $?]"
cat "$OUT/overview"
"""

CHANGED = EXPECT + """
expect 0 found.json postclone identity --format json || exit
"""

SEAL = REFUSED + f"""
expect 0 seal postclone seal || exit
[[ $(stat -c '%a %U:%G' /var/lib/postclone/origin.json) == '600 root:root' ]] || exit
expect 0 sealed.json postclone identity --format json || exit
refused rename template -- postclone rename --yes {OLD} {NEW} || exit
vgs {OLD} || exit
"""


def read(file):
    """What `postclone identity --format json` printed."""
    return json.loads(file.read_text())


def hashes(found):
    """The hashes of each item, of all its places."""
    by_item = {}
    for row in found["items"]:
        by_item.setdefault(row["item"], set()).update(row.get("hashes", []))
    return by_item


def called(rows):
    """Those of the rows that are called the template's."""
    return [row for row in rows if row["state"] == "template"]


def words(rows):
    """Rows as evidence."""
    return "; ".join(f"{row['item']} {row['place']} is {row['state']}" for row in rows)


def states(found):
    """What is said of each item, without the words."""
    return sorted((row["item"], row["place"], row["state"]) for row in found["items"])


def copied(template, clone):
    """Whether a clone calls what it shares with the template the template's, and nothing else."""
    known = hashes(template)
    shared = [row for row in clone["items"] if known.get(row["item"], set()) & set(row.get("hashes", []))]
    mine = [row for row in clone["items"] if row not in shared]
    missed = [row for row in shared if row["state"] != "template"]
    kinds = {row["item"] for row in shared} - {row["item"] for row in missed}
    missing = [kind for kind in CLONED if kind not in kinds]
    return Verdict([
        Criterion("it is a clone", clone["machine"] == "clone", clone["machine"]),
        Criterion(f"{len(shared) - len(missed)} items are the same and called the template's",
                  shared and not missed, words(missed)),
        Criterion("every kind that a copy has is among them", not missing, ", ".join(missing)),
        Criterion(f"none of the {len(mine)} others is", not called(mine), words(called(mine))),
    ])


def own(found, machine, missing):
    """Whether the template's own machine calls nothing another's; `missing` are kinds that it should have."""
    others = called(found["items"])
    return Verdict([
        Criterion(f"the machine is {machine}", found["machine"] == machine, found["machine"]),
        Criterion("no item is called the template's", not others, words(others)),
        Criterion("every kind that a copy has is there", not missing, ", ".join(missing)),
    ])


def kept(template, found):
    """The same of the template and of a later look at it, which has to see what the first one saw."""
    before, now = hashes(template), hashes(found)
    return own(found, "same",
               [kind for kind in CLONED if not before.get(kind) or before[kind] != now.get(kind)])


def sealed(found):
    """The same of a sealed template; the record may have a new key by which it hashes."""
    return own(found, "template", [kind for kind in CLONED if not hashes(found).get(kind)])


def same(label, one, other):
    """Whether two looks say the same of each item."""
    odd = sorted(set(states(one)) ^ set(states(other)))
    return Verdict([Criterion(f"it says the same {label}", states(one) == states(other), str(odd[:4]))])


def overview(text):
    """Whether `postclone` alone speaks of the template and says how to go on."""
    told = [line.strip() for line in text.splitlines() if "template" in line]
    command = re.search(r"`postclone [^`]+`", " ".join(text.split()))
    return Verdict([
        Criterion("it speaks of the template", told, told[0] if told else text[:300]),
        Criterion("it names a next command", command, command.group() if command else text[:300]),
    ])


def ratio(trial, file):
    """Tell how long a look takes beside LVM's report; nothing is asked of it."""
    took = {"report": 0, "identity": 0}
    for line in file.read_text().splitlines():
        name, milliseconds = line.split()
        took[name] += int(milliseconds)
    line = (f"{RUNS} runs of `postclone identity` took {took['identity']} ms, of LVM's report "
            f"{took['report']} ms: {took['identity'] / took['report']:.2f} times as long")
    trial.note(line)
    print(f"  {trial.suite}: {line}", flush=True)


def install(trial, machine):
    """The template gets the package; what it says of itself."""
    boot = trial.boot("1-template", INSTALL, {"postclone.deb": trial.deb}, machine=machine)
    trial.require_job(boot)
    trial.require("the template's boot", trial.judged("1-template", boot, OLD))
    found, offline = read(boot.out / "template.json"), read(boot.out / "offline.json")
    trial.require("the template", trial.verdict("the template", kept(found, found)))
    trial.require("the template, offline", trial.verdict(
        "offline", Verdict(same("without a network", found, offline) + kept(found, offline))))
    ratio(trial, boot.out / "times")
    return boot.out / "template.json"


def clone(trial, label, machine, template):
    """A copy of the template's disk in another machine; it has to call what was copied so."""
    disk = trial.logs / f"{label}.qcow2"
    qemu.overlay(machine.disk, disk, "qcow2")
    boot = trial.boot(label, CLONE, {"template.json": template},
                      machine=replace(machine, disk=disk, **CLONES[label]))
    disk.unlink()
    trial.require_job(boot)
    trial.require("the clone's boot", trial.judged(label, boot, OLD))
    found, against = read(boot.out / "found.json"), read(boot.out / "against.json")
    trial.require("the clone", trial.verdict("the clone", copied(read(template), found)))
    trial.require("the clone, by a list", trial.verdict(
        "against", same("against the template's list", found, against)))
    trial.require("the overview", trial.verdict("overview", overview((boot.out / "overview").read_text())))


def identity(trial):
    machine = replace(trial.machine, **TEMPLATE)
    template = install(trial, machine)
    # Before the template's disk is written to again: the copies are on top of it.
    for label in CLONES:
        clone(trial, label, machine, template)
    last = list(CHANGES)[-1]
    for label, changes in CHANGES.items():
        boot = trial.boot(label, CHANGED + (SEAL if label == last else ""),
                          machine=replace(machine, **changes))
        trial.require_job(boot)
        trial.require("the template's next boot", trial.judged(label, boot, OLD))
        trial.require(f"the template after {label}", trial.verdict(
            "the template", kept(read(template), read(boot.out / "found.json"))))
    trial.require("the sealed template", trial.verdict("sealed", sealed(read(boot.out / "sealed.json"))))


SCENARIOS = [
    Scenario("identity", "clone-lab",
             "two clones call what was copied the template's, the template with another card or disk nothing",
             identity, needs_deb=True),
]
