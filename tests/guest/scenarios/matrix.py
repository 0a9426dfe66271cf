"""One guest of each kind: renamed, rebooted, judged. tests/guest/matrix puts them in a table."""

import json

from judge import Criterion, Verdict, down_in_time, undisturbed
from layout import LAYOUTS, dm
from scenarios.rename import proof_rows
from trial import Scenario

RENAME = """
timed dpkg -i postclone.deb >/dev/null || exit
dpkg-query -W -f '${{Package}} ${{Version}}\\n' postclone lvm2 systemd udev initramfs-tools dracut \\
	grub-common systemd-boot extlinux cryptsetup 2>/dev/null | grep ' .' >"$OUT/versions"
uname -r >"$OUT/kernel"
kept="/etc/fstab /etc/crypttab /etc/default/grub /etc/kernel/cmdline /etc/initramfs-tools/conf.d/resume
/boot/grub/grub.cfg /boot/extlinux/extlinux.conf $(echo /boot/efi/loader/entries/*.conf)"
keep $kept
mv "$OUT/files" "$OUT/files-before"
{race}timed postclone rename --dry-run {old} {new} >"$OUT/dry-run" 2>&1
snapshot before
from=$EPOCHREALTIME
timed postclone rename -v --yes {old} {new} >"$OUT/rename" 2>&1
status=$?
echo "$(((${{EPOCHREALTIME/./}} - ${{from/./}}) / 1000))" >"$OUT/milliseconds"
cat "$OUT/rename"
snapshot after
keep $kept
exit $status
"""

RACE = """
mkdir -p /etc/systemd/system/lvm2-monitor.service.d
printf '[Unit]\\nAfter=run-lock.mount\\n' >/etc/systemd/system/lvm2-monitor.service.d/lock.conf
systemctl daemon-reload
! systemctl is-failed --quiet lvm2-monitor || systemctl restart lvm2-monitor
"""
"""Debian 13 mounts /run/lock while lvm2-monitor has a lock there: in some boots the unit fails,
"/run/lock/lvm/V_...: open failed", with any name of the group and any image tool."""

# Debian's package makes no DSA key, but ssh-keygen -A of Debian 11 does.
AS_INSTALLED = "rm -f /etc/ssh/ssh_host_dsa_key*\n"

LOOK = """
lvs -a -o +devices >"$OUT/lvs"
timed nothing_left {old}
left=$?
{more}
more=$?
postclone status --boot >"$OUT/status" 2>&1
status=$?
cat "$OUT/status"
exit $((left | status | more))
"""


# What no audit says: that the images have the new name, where the tool writes one down.
INSIDE = """
for image in /boot/initrd.img-*; do
	mkdir /var/tmp/image
	if [[ -x $(command -v unmkinitramfs) ]]; then
		unmkinitramfs "$image" /var/tmp/image
	else
		(cd /var/tmp/image && lsinitrd --unpack "$image")
	fi
	grep -rlF -e {old} -e {dm_old} /var/tmp/image --exclude-dir=lvm && exit 1
	grep -rF -e {new} -e {dm_new} /var/tmp/image --exclude-dir=lvm | tee "$OUT/inside" | grep . || exit
	rm -r /var/tmp/image
done
"""


def inside(layout):
    """Fails in a guest whose images name its group by the old name, or not by the new one."""
    old, new = layout.group, layout.new
    return INSIDE.format(old=old, new=new, dm_old=dm(old, "x")[:-1], dm_new=dm(new, "x")[:-1])


MORE = {
    "libvirt": """
virsh pool-info guests && virsh vol-list guests && virsh pool-dumpxml guests >"$OUT/pool.xml" &&
	virsh pool-info guests | grep -q '^State: *running' && grep -q '<name>{new}</name>' "$OUT/pool.xml" &&
	virsh vol-list guests | grep -q disk0""",
    "thin": "[[ $(lvs --noheadings -o segtype {new}/root) == *thin* ]]",
    "snapshot": "[[ $(lvs --noheadings -o origin {new}/before) == *root* ]]",
    "raid1": "[[ $(lvs --noheadings -o segtype {new}/root) == *raid1* ]]",
    "cache": "[[ $(lvs --noheadings -o segtype {new}/root) == *cache* ]]",
    "two-groups": "lvs svlmon2/data && grep -q '^/dev/mapper/svlmon2-data ' /etc/fstab",
    "uki": "grep -aq 'root=/dev/mapper/{dm}-root' /boot/efi/EFI/Linux/*.efi && bootctl status --no-pager",
}
"""What else is asked of a kind of guest after its next boot."""


def first_of_all(suite):
    """What the first job of a guest of the suite begins with."""
    return (RACE if suite == "trixie" else "") + AS_INSTALLED


def by_name(layout):
    """What bears the group's name in a guest of the layout, beside LVM's own reports."""
    sources = {volume.source for volume in layout.volumes}
    if mappings(layout):
        return ["lvs", "dm"]
    found = ["lvs", "dm", "findmnt", "cmdline"]
    if sources & {"mapper", "slash", "by-id"} and not layout.root.luks:
        found.append("fstab")
    if layout.loader == "grub":
        found.append("grub.cfg")
    return found


def mappings(layout):
    """The names of LUKS mappings on volumes, in every spelling: the installer's, after the old group."""
    names = [f"{dm(layout.group, volume.name)}_crypt" for volume in layout.volumes if volume.luks]
    return [spelled for name in names for spelled in (name, name.replace("-", "\\x2d"))]


def proved(text, group):
    """Whether a printed proof says of every row that it holds, or that nothing can be said."""
    table, rows, odd = proof_rows(text)
    held = [row for verdict, row in rows if verdict == "holds"]

    def names(word):  # A device that is too long for its column is shortened in the middle.
        head, dots, tail = word.partition("...")
        device = f"/dev/mapper/{group}root"
        return group in word or bool(dots and head) and device.startswith(head) and device.endswith(tail)

    return Verdict([
        Criterion("every row of the proof holds", bool(held) and not odd, "; ".join(odd)),
        Criterion(f"it is about {group}", any(names(row.split()[-1]) for row in held),
                  table[:300])])


def play(trial):
    layout = trial.layout
    old, new = layout.group, layout.new
    race = RACE if trial.suite == "trixie" else ""
    first = trial.boot("1-rename", RENAME.format(old=old, new=new, race=race),
                       {"postclone.deb": trial.deb}, ending="reboot")
    trial.require_job(first)
    trial.require("the rename", trial.verdict(
        "before and after", undisturbed(first.out / "before", first.out / "after")))
    trial.require("the proof", trial.verdict(
        "proof", proved((first.out / "rename").read_text(), dm(new, "x")[:-1])))
    trial.require("the shutdown", trial.verdict("1-rename", down_in_time(first)))
    script = inside(layout) if layout.generator == "dracut-hostonly" else ""
    second = trial.boot("2-next", script + LOOK.format(
        old=old, more=MORE.get(layout.name, "true").replace("{new}", new).replace(
            "{dm}", dm(new, "x")[:-2])))
    trial.require("the next boot", trial.judged(
        "2-next", second, new, old, by_name(layout), mappings(layout)))
    trial.require_job(second)
    (trial.logs / "facts.json").write_text(json.dumps({
        "renamed": int((first.out / "milliseconds").read_text()) / 1000,
        "before": first.up_seconds, "after": second.up_seconds,
        "kernel": (first.out / "kernel").read_text().strip(),
        "versions": dict(line.split() for line in (first.out / "versions").read_text().splitlines()),
    }))


SCENARIOS = [
    Scenario(f"kind-{name}", name, "this kind of guest is renamed, rebooted and judged",
             play, needs_deb=True)
    for name in LAYOUTS
]
