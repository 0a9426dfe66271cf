"""One guest of each kind: it gets names and IDs of its own, is rebooted, and judged. tests/guest/matrix puts them
in a table.

A guest is called as its group's name says at first, as a copy of a template is. Kinds whose group is not named after
a host get the group's new name by `postclone rename`, and nothing else.
"""

import json

from judge import Criterion, Verdict, down_in_time, undisturbed
from layout import LAYOUTS, NEW, OLD, dm
from scenarios.rename import proof_rows
from trial import Scenario

RUN = """{template}
timed dpkg -i postclone.deb >/dev/null || exit
dpkg-query -W -f '${{Package}} ${{Version}}\\n' postclone lvm2 systemd udev initramfs-tools dracut \\
	grub-common systemd-boot extlinux cryptsetup 2>/dev/null | grep ' .' >"$OUT/versions"
uname -r >"$OUT/kernel"
kept="/etc/fstab /etc/crypttab /etc/default/grub /etc/kernel/cmdline /etc/initramfs-tools/conf.d/resume
/boot/grub/grub.cfg /boot/extlinux/extlinux.conf $(echo /boot/efi/loader/entries/*.conf)"
keep $kept
mv "$OUT/files" "$OUT/files-before"
{race}facts before
timed postclone {command} --dry-run >"$OUT/dry-run" 2>&1
snapshot before
from=$EPOCHREALTIME
timed postclone {command} -v --yes >"$OUT/run" 2>&1
status=$?
echo "$(((${{EPOCHREALTIME/./}} - ${{from/./}}) / 1000))" >"$OUT/milliseconds"
cat "$OUT/run"
snapshot after
keep $kept
exit $status
"""

TEMPLATE = """
sed -i 's/{host}/{template}/g' /etc/hosts
echo {template} >/etc/hostname
hostname {template}
"""
"""The guest as its template is called."""

FACTS = """
# facts NAME: what the machine is known by
facts() {
	cat /etc/hostname /etc/machine-id >"$OUT/$1.known"
	uname -n >>"$OUT/$1.known"
	grep '^127.0.1.1' /etc/hosts >>"$OUT/$1.known"
	cat /etc/ssh/ssh_host_*_key.pub >>"$OUT/$1.known" 2>/dev/null || true
}
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


def run(layout):
    """What is run in a guest of the layout, and what makes the guest its template's first."""
    if (layout.group, layout.new) != (OLD, NEW):
        return f"rename {layout.group} {layout.new}", ""
    template = TEMPLATE.format(host=layout.host, template=OLD.removesuffix("-vg"))
    return f"fixup --name {layout.host}", template


def known(layout, first, second):
    """Whether the guest is known by its new name, and by an ID and keys of its own."""
    before, after = ((boot.out / f"{name}.known").read_text().splitlines()
                     for boot, name in [(first, "before"), (second, "next")])
    return Verdict([
        Criterion("it has its host name", after[0] == after[2] == layout.host, " ".join(after[:3])),
        Criterion("/etc/hosts has it", layout.host in after[3].split(), after[3]),
        Criterion("nothing is as before", not set(before) & set(after), str(set(before) & set(after))),
        Criterion("as much as before", len(before) == len(after), str(after)),
    ])


def play(trial):
    layout = trial.layout
    old, new = layout.group, layout.new
    race = RACE if trial.suite == "trixie" else ""
    command, template = run(layout)
    first = trial.boot("1-run", FACTS + RUN.format(command=command, template=template, race=race),
                       {"postclone.deb": trial.deb}, ending="reboot")
    trial.require_job(first)
    trial.require("the run", trial.verdict(
        "before and after", undisturbed(first.out / "before", first.out / "after")))
    trial.require("the proof", trial.verdict(
        "proof", proved((first.out / "run").read_text(), dm(new, "x")[:-1])))
    trial.require("the shutdown", trial.verdict("1-run", down_in_time(first)))
    script = inside(layout) if layout.generator == "dracut-hostonly" else ""
    second = trial.boot("2-next", script + FACTS + "facts next\n" + LOOK.format(
        old=old, more=MORE.get(layout.name, "true").replace("{new}", new).replace(
            "{dm}", dm(new, "x")[:-2])))
    trial.require("the next boot", trial.judged(
        "2-next", second, new, old, by_name(layout), mappings(layout)))
    trial.require_job(second)
    if template:
        trial.require("what it is known by", trial.verdict("known", known(layout, first, second)))
    (trial.logs / "facts.json").write_text(json.dumps({
        "took": int((first.out / "milliseconds").read_text()) / 1000,
        "before": first.up_seconds, "after": second.up_seconds,
        "kernel": (first.out / "kernel").read_text().strip(),
        "versions": dict(line.split() for line in (first.out / "versions").read_text().splitlines()),
    }))


SCENARIOS = [
    Scenario(f"kind-{name}", name, "this kind of guest gets names of its own, is rebooted and judged",
             play, needs_deb=True)
    for name in LAYOUTS
]
