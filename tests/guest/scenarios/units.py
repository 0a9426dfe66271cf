"""Units whose files are named after the group: a swap, its want, drop-ins, a mask, a mount."""

from judge import Criterion, Verdict, down_in_time, undisturbed
from layout import NEW, OLD, dm
from scenarios.undo import GUARD, SUMS, same
from trial import Scenario


STAMPED = "/boot/grub/grubenv f "
"""The facts but the content of a file that Debian 13's grub-common.service writes at each boot."""


def escaped(path):
    """`systemd-escape --path`, for paths of these groups."""
    return path.strip("/").replace("-", r"\x2d").replace("/", "-")


def device(group, volume):
    """A volume's unit, without its kind."""
    return escaped(f"/dev/mapper/{dm(group, volume)}")


# The swap leaves fstab for a unit of its own; a volume is made for a mount unit. The second boot
# is the one under which everything is renamed.
PREPARE = f"""
set -ex
cd /etc/systemd/system
sed -i '/ swap /d' /etc/fstab
cat >'{device(OLD, "swap_1")}.swap' <<'END'
[Unit]
Description=Swap of the template
[Swap]
What=/dev/mapper/{dm(OLD, "swap_1")}
[Install]
WantedBy=swap.target
END
lvcreate --yes --name data --size 64M {OLD}
mkfs.ext4 -q /dev/{OLD}/data
cat >srv-data.mount <<'END'
[Mount]
What=/dev/mapper/{dm(OLD, "data")}
Where=/srv/data
Type=ext4
[Install]
WantedBy=local-fs.target
END
mkdir '{device(OLD, "data")}.device.d'
printf '[Unit]\\nDescription=The slow disk\\nJobRunningTimeoutSec=77\\n' \\
	>'{device(OLD, "data")}.device.d/timeout.conf'
ln -s /dev/null 'systemd-growfs@{device(OLD, "data")}.service'
systemctl daemon-reload
systemctl enable '{device(OLD, "swap_1")}.swap' srv-data.mount
ls -lR .
"""

LOOK = SUMS + """
# look NAME: the units after either group, and what the kernel has
look() {
	cat /proc/swaps >"$OUT/$1-swaps"
	findmnt -rn /srv/data >"$OUT/$1-mount"
	systemctl show --all --property=Id,LoadState,ActiveState,FragmentPath,JobRunningTimeoutUSec '*' |
		grep -A5 -B5 -E 'Id=(dev-mapper-.*(swap|data)|srv-data)' >"$OUT/$1-units"
	find /etc/systemd/system -printf '%p %y %l\\n' | sort >"$OUT/$1-paths"
}
"""

RENAME = LOOK + f"""
timed apt-get install -y ./postclone.deb >/dev/null || exit
sums "$OUT/sums"
look before
snapshot before
timed postclone rename --dry-run {OLD} {NEW} >"$OUT/dry-run" 2>&1
timed postclone rename --yes {OLD} {NEW} >"$OUT/rename" 2>&1
status=$?
cat "$OUT/rename"
snapshot after
look after
exit $status
"""

UNDO = LOOK + f"""
timed nothing_left {OLD} || exit
look before
snapshot before
timed postclone undo --yes >"$OUT/undo" 2>&1
status=$?
cat "$OUT/undo"
snapshot after
look after
sums "$OUT/sums"
exit $status
"""

NEXT = LOOK + """
look before
sums "$OUT/sums"
"""


def quiet(said):
    """Whether postclone told of nothing that had stopped or is gone."""
    text = said.read_text()
    odd = [line for line in text.splitlines() if "GONE" in line or "stopped" in line]
    return Criterion("nothing had stopped", not odd, "; ".join(odd))


def on_group(boot, label, present, absent):
    """The kernel has the swap and the mount, systemd under the names of one group only."""
    out = boot.out
    units = {}
    for block in (out / f"{label}-units").read_text().replace("--\n", "\n\n").split("\n\n"):
        lines = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "Id" in lines:
            units[lines["Id"]] = lines
    swap, data = f"{device(present, 'swap_1')}.swap", f"{device(present, 'data')}.device"
    old = [name for name in units if device(absent, "") in name]
    paths = (out / f"{label}-paths").read_text()
    fragment = units.get(swap, {}).get("FragmentPath", "")
    timeout = units.get(data, {}).get("JobRunningTimeoutUSec", "")
    return Verdict([
        Criterion("swap is on", "/dev/dm-" in (out / f"{label}-swaps").read_text()),
        Criterion("/srv/data is mounted", (out / f"{label}-mount").read_text().strip()),
        Criterion(f"{swap} is active",
                  units.get(swap, {}).get("ActiveState") == "active", str(units.get(swap))),
        Criterion("it has its file", fragment == f"/etc/systemd/system/{swap}", fragment),
        Criterion("the mount is active",
                  units.get("srv-data.mount", {}).get("ActiveState") == "active"),
        Criterion("the device has its drop-in", timeout == "1min 17s", timeout),
        Criterion("no unit of the other name", not old, "; ".join(old)),
        Criterion("no path of the other name", device(absent, "") not in paths),
        Criterion("the mask leads to /dev/null",
                  f"systemd-growfs@{device(present, 'data')}.service l /dev/null\n" in paths),
        Criterion("the want leads to the unit",
                  f"swap.target.wants/{swap} l /etc/systemd/system/{swap}\n" in paths),
    ])


def units(trial):
    prepared = trial.boot("0-prepare", PREPARE, ending="reboot")
    trial.require_job(prepared)
    first = trial.boot("1-rename", RENAME, {"postclone.deb": trial.deb}, ending="reboot")
    trial.require_job(first)
    trial.require("units before", trial.verdict("units before", on_group(first, "before", OLD, NEW)))
    trial.require("the rename", trial.verdict(
        "the rename", undisturbed(first.out / "before", first.out / "after")))
    trial.require("what rename says", trial.verdict("said", Verdict([quiet(first.out / "rename")])))
    trial.require("the shutdown", trial.verdict("1-rename", down_in_time(first)))
    second = trial.boot("2-undo", UNDO, ending="reboot")
    whole = trial.judged("2-undo", second, NEW)
    trial.require_job(second)
    trial.require("the boot after the rename", whole)
    trial.require("units after the rename", trial.verdict(
        "units after the rename", on_group(second, "before", NEW, OLD)))
    trial.require("the running system under undo", trial.verdict(
        "undo", undisturbed(second.out / "before", second.out / "after")))
    trial.require("what undo says", trial.verdict("said", Verdict([quiet(second.out / "undo")])))
    trial.require("the shutdown after undo", trial.verdict("2-undo", down_in_time(second)))
    trial.require("files after undo", trial.verdict(
        "sums after undo", same(first.out / "sums", second.out / "sums", [GUARD, STAMPED])))
    third = trial.boot("3-next", NEXT)
    trial.require_job(third)
    trial.require("units after undo", trial.verdict(
        "units after undo", on_group(third, "before", OLD, NEW)))
    trial.require("the next boot", trial.judged("3-next", third, OLD, NEW))


SCENARIOS = [
    Scenario("units", "debian-bios",
             "a swap and a mount unit, a want, drop-ins and a mask named after the group",
             units, needs_deb=True),
]
