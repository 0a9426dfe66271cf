"""What clones bring along: copies of disks, groups of one name, a list of devices that are elsewhere, a
group that somebody has renamed already."""

import disk
from judge import Criterion, Verdict, down_in_time, undisturbed
from layout import NEW, OLD, Layout, Volume
from trial import Scenario

TWIN = Layout("twin", (Volume("root", 8, "ext4", "/"),), boot_size=0, free=4)
"""A small disk with a group of the guest's group's name."""

# What is refused has to leave everything as it was, and to say how to go on.
REFUSED = r"""
# refused NAME WORDS... -- COMMAND...: exit status 1, every one of the words, and no file changed
refused() {
	local name=$1 words=() word rc failed=0
	shift
	while [[ $1 != -- ]]; do
		words+=("$1")
		shift
	done
	shift
	"$@" >"$OUT/$name" 2>&1
	rc=$?
	cat "$OUT/$name"
	[[ $rc == 1 ]] || { echo "[$name: rc $rc, not 1]"; failed=1; }
	for word in "${words[@]}"; do
		grep -qF -- "$word" "$OUT/$name" || { echo "[$name: nothing of $word]"; failed=1; }
	done
	sha256sum /etc/fstab /etc/default/grub /boot/grub/grub.cfg >"$OUT/sums-now"
	cmp "$OUT/sums-now" "$OUT/sums" || failed=1
	return "$failed"
}
sha256sum /etc/fstab /etc/default/grub /boot/grub/grub.cfg >"$OUT/sums"
"""

RENAME = REFUSED + f"""
timed dpkg -i postclone.deb >/dev/null || exit
snapshot before

# The template's disk beside the clone's: the same disk twice.
truncate -s "$(blockdev --getsize64 /dev/vda5)" /var/tmp/copy
dd if=/dev/vda5 of=/var/tmp/copy bs=1M count=2 conv=notrunc status=none
copy=$(losetup --show -f /var/tmp/copy)
udevadm settle
refused duplicate "$copy" /dev/vda5 vgimportclone -- postclone rename --yes {OLD} {NEW} || exit
losetup -d "$copy"
rm /var/tmp/copy

# LVM is told to look at a disk that is elsewhere.
mkdir -p /etc/lvm/devices
cat >/etc/lvm/devices/system.devices <<'END'
VERSION=1.1.2
IDTYPE=sys_wwid IDNAME=naa.600140500000000000000000000000aa DEVNAME=/dev/sdq2 PVID=0123456789abcdefghijABCDEFGHIJ01 PART=2
END
cp /etc/lvm/lvm.conf /run/lab/lvm.conf
echo 'devices {{ use_devicesfile = 1 }}' >>/etc/lvm/lvm.conf
lvs
refused devices-file /etc/lvm/devices/system.devices lvmdevices -- \\
	postclone rename --yes {OLD} {NEW} || exit
cp /run/lab/lvm.conf /etc/lvm/lvm.conf
rm -r /etc/lvm/devices/system.devices

# Another group of the same name.
cp twin.img /var/tmp/twin
twin=$(losetup --show -P -f /var/tmp/twin)
udevadm settle
vgs -o +vg_uuid
refused namesakes --vg-uuid -- postclone rename --yes {OLD} {NEW} || exit
uuid=$(vgs --noheadings -o vg_uuid,pv_name | awk '$2 == "/dev/vda5" {{ print $1 }}')
other=$(vgs --noheadings -o vg_uuid,pv_name | awk -v twin="$twin" 'index($2, twin) {{ print $1 }}')
[[ -n $uuid && -n $other ]] || exit 9
timed postclone rename --yes --vg-uuid "$uuid" {OLD} {NEW} >"$OUT/rename" 2>&1
status=$?
cat "$OUT/rename"
vgs --noheadings -o vg_uuid,vg_name | awk '{{ print $1, $2 }}' | sort >"$OUT/groups"
printf '%s %s\\n' "$uuid" {NEW} "$other" {OLD} | sort >"$OUT/groups-wanted"
diff "$OUT/groups" "$OUT/groups-wanted" || status=8
losetup -d "$twin"
rm /var/tmp/twin
snapshot after
exit $status
"""

# Nothing but the group: what the next boot would end in.
BY_HAND = f"""
timed dpkg -i postclone.deb >/dev/null || exit
timed vgrename {OLD} {NEW} || exit
postclone status >"$OUT/status"
cat "$OUT/status"
command=$(grep -oE 'postclone rename [^`]*{OLD} {NEW}' "$OUT/status" | head -n 1)
[[ -n $command ]] || exit 7
snapshot before
timed $command --yes >"$OUT/rename" 2>&1
status=$?
cat "$OUT/rename"
snapshot after
exit $status
"""

LOOK = f"""
timed nothing_left {OLD} || exit
postclone status --boot
"""


def finish(trial, first):
    """The rename has to have disturbed nothing, the next boot has to be good."""
    trial.require_job(first)
    trial.require("the running system", trial.verdict(
        "before and after", undisturbed(first.out / "before", first.out / "after")))
    trial.require("the shutdown", trial.verdict("1", down_in_time(first)))
    second = trial.boot("2-next", LOOK)
    trial.require("the next boot", trial.judged("2-next", second, NEW, OLD))
    trial.require_job(second)


def copies(trial):
    twin = trial.logs / "twin.img"
    disk.create(twin, TWIN)
    first = trial.boot("1-rename", RENAME, {"postclone.deb": trial.deb, "twin.img": twin},
                       ending="reboot")
    finish(trial, first)


def by_hand(trial):
    first = trial.boot("1-rename", BY_HAND, {"postclone.deb": trial.deb}, ending="reboot")
    finish(trial, first)
    said = (first.out / "rename").read_text()
    trial.require("the run", trial.verdict("run", Verdict([
        Criterion("no warning of a boot that fails", "FAILS" not in said, said[-300:])])))


SCENARIOS = [
    Scenario("clone-traps", "debian-bios",
             "a disk twice, a stale devices file, two groups of one name: refused, then told apart",
             copies, needs_deb=True),
    Scenario("renamed-by-hand", "debian-bios",
             "after a bare vgrename: status finds it, and rename does all the rest",
             by_hand, needs_deb=True),
]
