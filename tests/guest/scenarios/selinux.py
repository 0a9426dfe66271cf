"""SELinux enforces Debian's reference policy: labels, denials and the next boot are as before a rename."""

import re

from judge import Criterion, Verdict, down_in_time, undisturbed
from layout import NEW, OLD
from scenarios.matrix import by_name
from trial import Failed, Scenario

LOOK = """
# labels FILE: the label of everything in /etc and /boot
labels() {
	find /etc /boot -printf '%Z %p\\n' | sort -k 2 >"$1"
}
# stray FILE: what restorecon would label anew there
# (LVM makes /etc/lvm/archive, at any change of a group, with the label of /etc/lvm.)
stray() {
	restorecon -n -v -R /etc /boot 2>&1 | grep -v ' /etc/lvm/' >"$1"
	cat "$1"
}
# denials FILE: what the kernel told of the policy's refusals in this boot
denials() {
	journalctl -b -k --no-pager -o cat -g 'avc: +denied' >"$1" || true
}
"""

# As an administrator's shell: this policy lets no unit's script run update-initramfs as it should (depmod,
# kmod_t, may not search a directory of initrc_t in /var/tmp), with postclone or without.
ADMINISTRATOR = "unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023"

RENAME = LOOK + f"""
getenforce | tee "$OUT/enforcing"
timed dpkg -i postclone.deb >/dev/null || exit
timed restorecon -R /usr/sbin/postclone /etc /lib/systemd/system
labels "$OUT/labels-before"
stray "$OUT/stray-before"
snapshot before
denials "$OUT/denials-before"
# Of a file of this job's, dbus-daemon may not hand on the descriptor: systemd opens it.
timed systemd-run --wait --quiet -p SELinuxContext={ADMINISTRATOR} \
	-p StandardOutput=append:"$OUT/rename" -p StandardError=inherit \
	sh -c 'id -Z; postclone rename --yes {OLD} {NEW}'
status=$?
denials "$OUT/denials-after"
cat "$OUT/rename"
snapshot after
labels "$OUT/labels-after"
stray "$OUT/stray-after"
ls -lZ /var/lib/postclone
exit $status
"""

NEXT = LOOK + f"""
getenforce | tee "$OUT/enforcing"
labels "$OUT/labels"
stray "$OUT/stray"
denials "$OUT/denials"
timed nothing_left {OLD} || exit
postclone status --boot
"""

OURS = re.compile(r'comm="(postclone|lvm|vgrename|udevadm|systemctl)"')
"""What of a denial is postclone's: it, and what it starts."""

MAY_FAIL = 'path="/proc/1/mountinfo"'
"""Not even an administrator may cover it; postclone tries, and goes on."""


def lines(file):
    return file.read_text().splitlines()


def play(trial):
    first = trial.boot("1-rename", RENAME, {"postclone.deb": trial.deb}, ending="reboot", patience=900)
    trial.require_job(first)
    out = first.out
    if lines(out / "enforcing") != ["Enforcing"]:
        raise Failed(f"the guest does not enforce: {lines(out / 'enforcing')}")
    before, after = (dict(reversed(line.split(" ", 1)) for line in lines(out / f"labels-{name}"))
                     for name in ["before", "after"])
    changed = [f"{path}: {label} is now {after[path]}" for path, label in before.items()
               if path in after and comparable(path, after[path]) != comparable(path, label)]
    stray = sorted(set(lines(out / "stray-after")) - set(lines(out / "stray-before")))
    denials = lines(out / "denials-after")[len(lines(out / "denials-before")):]
    ours = [line for line in denials if OURS.search(line) and MAY_FAIL not in line]
    trial.note(f"{len(denials)} denials while it was renamed:\n" + "\n".join(denials))
    trial.require("the rename", trial.verdict("rename", Verdict([
        Criterion(f"{len(before)} labels are as before", len(before) > 300 and not changed, "; ".join(changed[:4])),
        Criterion("restorecon would label nothing more", not stray, "; ".join(stray[:4])),
        Criterion("nothing of postclone was denied", not ours, "; ".join(ours[:4])),
        *(c for c in undisturbed(out / "before", out / "after") if c.name != "still running"),
        Criterion("the state is the same", *state(out)),
        *down_in_time(first),
    ])))
    second = trial.boot("2-next", NEXT, patience=900)
    # What this policy breaks in a boot without a rename, it breaks again.
    known = set(first.sections.get("failed", []))
    new = [line for line in second.sections.get("failed", ["no report"]) if line not in known]
    judged = Verdict(c for c in trial.judged("2-next", second, NEW, OLD, by_name(trial.layout))
                     if c.name not in ("system is running", "no unit failed", f"no {OLD} in journal"))
    judged += [Criterion("the same state as before", second.state == first.state, second.state),
               Criterion("no more units failed than before", not new, "; ".join(new)),
               Criterion("SELinux enforces", lines(second.out / "enforcing") == ["Enforcing"])]
    trial.require("the next boot", trial.verdict("2-next", judged))
    trial.require_job(second)
    stray = sorted(set(lines(second.out / "stray")) - set(lines(out / "stray-before")))
    trial.require("the labels after the next boot", trial.verdict("labels", Verdict([
        Criterion("restorecon would label nothing more", not stray, "; ".join(stray[:4]))])))
    line = f"state {first.state}, {len(known)} units failed before a rename, {len(denials)} denials in it"
    trial.note(line)
    print(f"  {trial.suite}: {line}", flush=True)


def comparable(path, label):
    """What of a label stays: of an image, which its tool makes anew, all but whose session made it."""
    return label.partition(":")[2] if path.startswith("/boot/initrd.img") else label


def state(out):
    """Whether systemd says the same before and after."""
    was, now = ((out / name / "state").read_text().strip() for name in ["before", "after"])
    return was == now, f"{was}, then {now}"


SCENARIOS = [
    Scenario("selinux", "selinux",
             "SELinux enforcing: labels stay, nothing is denied, the next boot is as before",
             play, needs_deb=True),
]
