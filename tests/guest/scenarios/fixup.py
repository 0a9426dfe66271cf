"""postclone fixup: a clone becomes a machine of its own at once, with all its UUIDs; and the disks of two such
clones meet in one machine."""

from dataclasses import replace

import qemu
from judge import Criterion, Verdict, undisturbed
from layout import OLD
from scenarios.identity import CLONES, EXPECT, TEMPLATE
from scenarios.undo import GUARD, MACHINE, SUMS, same
from trial import Scenario

UUIDS = "fs-uuids,swap-uuids,lvm-uuids"

SEAL = EXPECT + """
timed apt-get install -y ./postclone.deb >/dev/null || exit
expect 0 seal postclone seal || exit
"""

# blkid without the partitions' own UUIDs, which are the disk's partition table's.
FACTS = r"""
# facts NAME: what the machine is known by, in $OUT/NAME.*
facts() {
	cat /etc/machine-id /etc/hostname >"$OUT/$1.names"
	sort /etc/ssh/ssh_host_*_key.pub >"$OUT/$1.keys"
	blkid -c /dev/null -o export | grep -E '^(UUID)=' | sort >"$OUT/$1.uuids"
	{ pvs -o pv_uuid,pv_name,vg_name; vgs -o vg_name,vg_uuid; } >"$OUT/$1.lvm" 2>&1
	findmnt -no SOURCE / >"$OUT/$1.root"
	lsblk -nso NAME,TYPE "$(findmnt -no SOURCE /)" >"$OUT/$1.below"
	swapon --noheadings --show=NAME >"$OUT/$1.swap"
	systemctl is-active ssh >"$OUT/$1.ssh"
}
"""

MEET_BEFORE = FACTS + "facts before\n"

FIXUP = EXPECT + SUMS + FACTS + f"""
facts before
sums "$OUT/sums"
snapshot before
expect 1 without-name postclone fixup --yes || exit
timed postclone fixup --name @@name --with {UUIDS} --yes >"$OUT/fixup" 2>&1
status=$?
cat "$OUT/fixup"
snapshot after
exit $status
"""

NEXT = EXPECT + FACTS + r"""
facts next
[[ ! -e /var/lib/postclone/at-boot ]] || {
	systemctl status postclone-forget --no-pager
	exit 1
}
postclone status --boot || exit
postclone identity >"$OUT/identity"
echo "[identity -> rc $?]"
cat "$OUT/identity"
expect 0 again postclone fixup --yes || exit
grep 'Nothing to do' "$OUT/again" || exit
"""

MEET = FACTS + """
facts meet
cat "$OUT"/meet.*
"""

UNDO = EXPECT + SUMS + FACTS + """
timed postclone undo --yes || exit
facts undone
sums "$OUT/sums"
"""

LAST = FACTS + """
facts last
cat "$OUT"/last.*
postclone status --boot
"""


def text(boot, name):
    """What a job left in $OUT."""
    return (boot.out / name).read_text()


def lines(boot, name):
    """Its lines."""
    return text(boot, name).split("\n")[:-1]


def meets(boot, group, name):
    """Whether a machine with two disks came up from its own one, and nothing is there twice."""
    uuids, report = lines(boot, f"{name}.uuids"), text(boot, f"{name}.lvm")
    twice = sorted({uuid for uuid in uuids if uuids.count(uuid) > 1})
    root, swap = text(boot, f"{name}.root"), text(boot, f"{name}.swap")
    doubled = group.replace("-", "--")
    return Verdict([
        Criterion("blkid sees no UUID twice", uuids and not twice, " ".join(twice)),
        Criterion("LVM sees no physical volume twice", "uplicate" not in report and "WARNING" not in report,
                  report),
        Criterion("/ is of the machine's own group", doubled in root, root),
        Criterion("and of its own disk", "vda" in text(boot, f"{name}.below"), text(boot, f"{name}.below")),
        Criterion("one swap is in use", len(swap.split()) == 1, swap),
        Criterion("sshd runs", text(boot, f"{name}.ssh").strip() == "active", text(boot, f"{name}.ssh")),
    ])


def play(trial):
    machine = replace(trial.machine, **TEMPLATE)
    template = trial.boot("1-seal", SEAL, {"postclone.deb": trial.deb}, machine=machine)
    trial.require_job(template)
    clones = {}
    for name, differs in zip(("web01", "web02"), CLONES.values()):
        disk = trial.logs / f"{name}.qcow2"
        qemu.overlay(machine.disk, disk, "qcow2")
        clones[name] = replace(machine, disk=disk, **differs)
    one, other = clones.values()
    # What this is about: two clones as they came.
    before = trial.boot("2-as-they-came", MEET_BEFORE, machine=replace(one, guest=other.disk))
    came = trial.verdict("as they came", meets(before, OLD, "before"))
    trial.require("two disks as they came cannot be told apart", Verdict([
        Criterion("the judge calls them bad", not came.good, str(came))]))
    firsts = {}
    for name, clone in clones.items():
        firsts[name] = first = trial.boot(f"3-fixup-{name}", FIXUP.replace("@@name", name), machine=clone, ending="reboot")
        trial.require_job(first)
        trial.require(f"the running {name}", trial.verdict(
            "before and after", undisturbed(first.out / "before", first.out / "after")))
        second = trial.boot(f"4-next-{name}", NEXT, machine=clone)
        trial.require(f"the boot of {name} after it", trial.judged(f"4-next-{name}", second, f"{name}-vg", OLD))
        trial.require_job(second)
        trial.require(f"what {name} is known by", trial.verdict("facts", renewed(first, second, name)))
    for name, other in (("web01", clones["web02"]), ("web02", clones["web01"])):
        met = trial.boot(f"5-meet-{name}", MEET, machine=replace(clones[name], guest=other.disk))
        trial.require_job(met)
        trial.require(f"{name} with the other's disk", trial.verdict("met", meets(met, f"{name}-vg", "meet")))
    undo = trial.boot("6-undo", UNDO, machine=clones["web01"], ending="reboot")
    trial.require_job(undo)
    # The old keys were dropped at the first good boot, and the new ones stay.
    trial.require("every fact after undo", trial.verdict("facts after undo", same(
        firsts["web01"].out / "sums", undo.out / "sums", (GUARD, MACHINE, "/etc/ssh/ssh_host_"))))
    last = trial.boot("7-undone", LAST, machine=clones["web01"])
    trial.require("the boot after undo", trial.judged("7-undone", last, OLD))
    trial.require_job(last)
    first = lines(firsts["web01"], "before.uuids")
    trial.require("after undo", trial.verdict("undone", Verdict([
        Criterion("it has its old name and machine ID",
                  text(last, "last.names") == text(firsts["web01"], "before.names"), text(last, "last.names")),
        Criterion("the file systems and the swap have their old UUIDs",
                  len(set(first) & set(lines(last, "last.uuids"))) == len(first) - 1, text(last, "last.uuids")),
    ])))


def renewed(first, second, name):
    """Whether nothing by which the machine is known is the old one."""
    old, new = set(lines(first, "before.uuids")), set(lines(second, "next.uuids"))
    keys = set(lines(first, "before.keys")) & set(lines(second, "next.keys"))
    return Verdict([
        Criterion("no UUID is an old one", new and not old & new, str(old & new)),
        Criterion("as many", len(old) == len(new), str(new)),
        Criterion("no host key is an old one", not keys, str(keys)),
        Criterion("it has its name", lines(second, "next.names")[1] == name, text(second, "next.names")),
        Criterion("and another machine ID",
                  lines(first, "before.names")[0] != lines(second, "next.names")[0], ""),
        Criterion("sshd runs", text(second, "next.ssh").strip() == "active", ""),
    ])


SCENARIOS = [
    Scenario("fixup", "clone-lab",
             "two clones of one template get everything of their own, their disks meet, and one goes back",
             play, needs_deb=True),
]
