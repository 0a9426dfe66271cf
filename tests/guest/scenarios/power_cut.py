"""The power goes off while postclone renames: the next boot has to come up by itself.

POSTCLONE_CUTS says how many cuts (3), POSTCLONE_SEED seeds the random ones (1).
POSTCLONE_CUT_AT names the instants instead, with commas between them: `replace+150`
is 150 ms after the line that begins with that word, `moved+0` the instant at which
the new image takes the old one's name, `@12.5` 12.5 s after the start.
"""

import os
import random
import re
import subprocess
import time
from dataclasses import dataclass

import judge
import qemu
import warm
from layout import NEW, OLD
from scenarios.undo import SUMS
from table import Table
from trial import Failed, Scenario

STEPS = [
    "replace+0", "rename+200", "rename+600", "moved+0", "bridge+0", "replace+100", "link+0",
    "rename+1000", "make systemd+0", "rename+0", "moved+100", "replace+30", "bridge+60", "build+0",
    "replace+200", "keep+0", "link+300", "rename+400", "plan+0", "make systemd+300", "new+500",
    "bridge+30", "replace+60", "moved+300", "plan+300",
]
"""Instants by step, the dense window from the bridge to the last file first."""

FLIP = [
    "rename+600", "replace+100", "replace+200", "rename+200", "bridge+0", "link+0", "rename+1000",
    "replace+0", "make systemd+300", "keep+0",
]
"""Around the flip: a loader that replays no log reads what was on the disk some seconds before."""

PREPARE = SUMS + """
apt-get install -y ./postclone.deb >/dev/null 2>&1 || exit
mkdir /root/lab
sums /root/lab/sums
sync
sleep 1
"""

RUN = f"""
(
	until compgen -G '/boot/initrd.img-*.new' >/dev/null; do sleep 0.2; done
	mark new image
	while compgen -G '/boot/initrd.img-*.new' >/dev/null; do sleep 0.02; done
	mark moved image
) &
postclone rename --yes {OLD} {NEW} >/run/lab/plan
echo "status $?"
"""

LOOK = SUMS + r"""
# spelled FILE...: the group's names in the files, each with its count
spelled() {
	local file old new
	for file; do
		old=$(grep -cE 'svlmon2-(-)?vg' "$file")
		new=$(grep -cE 'svlinuxtest-(-)?vg' "$file")
		echo "$file: $old old, $new new"
	done
}
look() {
	spelled /etc/fstab /boot/grub/grub.cfg /etc/initramfs-tools/conf.d/resume
	find /etc /boot -name '.postclone-*'
	local spec
	for spec in $(grep -v noauto /etc/fstab | sed -n 's,^\(/dev/[^ \t]*\).*,\1,p'); do
		[[ -b $spec ]] || echo "missing: $spec"
	done
	lvs --noheadings -o vg_name,lv_name
}
image() {
	local dir
	dir=$(mktemp -d)
	unmkinitramfs /boot/initrd.img-* "$dir" >/dev/null 2>&1
	echo "in the image: $(grep -rhs '^RESUME=' "$dir" | sort -u | paste -sd' ')"
	rm -r "$dir"
}
journal() {
	local dir
	for dir in /var/lib/postclone/[0-9]*; do
		echo "$dir: $(wc -l <"$dir/journal") records, the last $(tail -n 1 "$dir/journal" | cut -c-60)"
	done
}
echo "@@ before"
look
journal
postclone status
echo "@@ state $(postclone status --format json | tr -d ' ",' | sed -n 's/^state://p')"
"""

FORWARD = LOOK + f"""
case $(postclone status --format json) in
*'"state": "cut"'*) timed postclone rename --resume ;;
*'"state": "done"'*) echo 'the run was over' ;;
*) timed postclone rename --yes {OLD} {NEW} >"$OUT/rename" || {{ cat "$OUT/rename"; false; }} ;;
esac
status=$?
echo "@@ after"
look
image
postclone status
exit $status
"""

BACK = LOOK + """
case $(postclone status --format json) in
*'"state"'*) timed postclone undo --yes ;;
*) echo 'no run had begun' ;;
esac
status=$?
echo "@@ after"
look
if dmsetup ls | grep -q '^svlinuxtest--vg' && [[ ! -e /run/postclone/pending ]]; then
	echo 'unannounced: the volumes bear the new name until a reboot, and nothing asks for it'
fi
postclone status
sums "$OUT/sums"
diff /root/lab/sums "$OUT/sums" | grep '^[<>]' | grep -v /etc/default/grub.d/zz-postclone.cfg |
	sed 's/^/@@ differs /'
exit $status
"""

TOLERATED = "Gave up waiting for suspend/resume device"


@dataclass
class Cut:
    """One cut and what came of it: a row of the table."""

    instant: str
    way: str
    last: str = ""
    at: float = 0.0
    group: str = "?"
    state: str = "?"
    up: float | None = None
    stale_resume: bool = False
    verdict: str = ""
    then: str = ""

    COLUMNS = [("instant", 12), ("cut after, s", 12), ("last line", 42),
               ("next boot under", 15), ("run", 6), ("up after, s", 11), ("boot", 6), ("then", 0)]

    def cells(self):
        """The row of the table."""
        up = f"{self.up:.0f}" if self.up is not None else "-"
        more = ", resume wait" if self.stale_resume else ""
        return [self.instant, f"{self.at:.2f}", self.last, self.group, self.state, up,
                self.verdict, f"{self.way}: {self.then}{more}"]


def trigger(instant):
    """What warm.go_on asks at each line: whether to kill, and when."""
    if instant.startswith("@"):
        due = float(instant[1:])
        return lambda line, _: due if line == "@@ mark start" else None
    word, after = instant.split("+")
    begins = (f"postclone: {word}", f"@@ mark {word}")
    return lambda line, _: int(after) / 1000 if line.startswith(begins) else None


def losses(trial, machine):
    """The lab itself: a cut loses what was written and not flushed, and nothing else."""
    disk = warm.copy(machine, trial.logs / "losses.qcow2")
    size = int(subprocess.run(["qemu-img", "info", "--output=json", disk.disk], check=True,
                              stdout=subprocess.PIPE, text=True)
               .stdout.split('"virtual-size":')[1].split(",")[0])
    flushed, lost = size - (8 << 20), size - (4 << 20)
    warm.go_on(disk, f"""
# put LETTER PLACE CONV: 64 KiB of the letter, past the page cache
put() {{
	tr '\\0' "$1" </dev/zero | dd of=/dev/vda bs=64k count=1 seek="$2" \\
		iflag=fullblock oflag=direct conv="$3" status=none
}}
put F {flushed >> 16} fsync,notrunc
put L {lost >> 16} notrunc
mark written
sleep 30
""", trial.logs / "losses", lambda line, at: 0 if line == "@@ mark written" else None)

    def holds(at, letter):
        said = subprocess.run(
            ["qemu-io", "-r", "-f", "qcow2", "-c", f"read -P {ord(letter)} {at} 65536", disk.disk],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
        return "verification failed" not in said and "read 65536/65536" in said

    there, gone = holds(flushed, "F"), not holds(lost, "L")
    disk.disk.unlink()
    trial.note(f"a cut keeps what was flushed: {there}; it loses what was not: {gone}")
    if not (there and gone):
        raise Failed("a cut of this lab does not lose what the guest did not flush")


def instants(trial, machine, count, seed):
    """By step, and each third one random over the time of a whole run."""
    if os.environ.get("POSTCLONE_CUT_AT"):
        return os.environ["POSTCLONE_CUT_AT"].split(",")
    if trial.layout.boot_kind == "xfs":
        return [FLIP[number % len(FLIP)] for number in range(count)]
    steps = STEPS[:count - count // 3]
    drawn = []
    if count > len(steps):
        whole = timeline(trial, machine)
        trial.note(f"a whole run takes {whole:.1f} s; seed {seed}")
        source = random.Random(seed)
        drawn = [f"@{source.uniform(0, whole):.2f}" for _ in range(count - len(steps))]
    mixed = []
    while steps or drawn:
        mixed += steps[:2] + drawn[:1]
        del steps[:2], drawn[:1]
    return mixed


def timeline(trial, machine):
    """Seconds that a whole run takes; its lines go to the log."""
    disk = warm.copy(machine, trial.logs / "whole.qcow2")
    going = warm.go_on(disk, "mark start\n" + RUN, trial.logs / "whole")
    disk.disk.unlink()
    start = next(at for at, line in going.lines if line == "@@ mark start")
    for at, line in going.lines:
        trial.note(f"  {at - start:7.2f}  {line}")
    if going.ended != "over" or "status 0" not in [line for _, line in going.lines]:
        raise Failed("the run that was not cut failed")
    return going.at - start


def one(trial, machine, number, instant, way, third):
    """Cut at the instant, boot, judge, then finish or take back."""
    row = Cut(instant, way)
    label = f"{number:02}-{instant.replace('@', 'at-')}"
    after = trial.logs / f"{label}-next.qcow2"
    for _ in range(2):  # on a starved host a run is refused, when systemd does not answer in time
        disk = warm.copy(machine, trial.logs / f"{label}.qcow2").disk
        going = warm.go_on(qemu.Machine(disk, machine.accel), "mark start\n" + RUN,
                           trial.logs / f"{label}-1-cut", trigger(instant))
        if going.ended == "cut":
            break
    row.at = going.at
    told = [line for _, line in going.lines if line.startswith(("postclone: ", "@@ mark "))]
    row.last = re.sub("^(postclone: |@@ mark )", "", told[-1]) if told else "(none)"
    if going.ended != "cut":
        row.verdict = f"no cut: {going.ended}"
        return row
    qemu.overlay(disk, after, "qcow2")
    boot = trial.boot(f"{label}-2-next", FORWARD if way == "resume" else BACK, disk=after,
                      ending="reboot" if third else "hold", patience=400)
    row.up = boot.up_seconds
    groups = {line.split()[0] for line in boot.sections.get("lvs", []) if line.split()}
    row.group = " ".join(sorted(groups)) or "none"
    said = boot.sections.get("job", [])
    row.state = next((line.split()[2] for line in said
                      if line.startswith("@@ state ") and len(line.split()) > 2), "none")
    row.stale_resume = any(TOLERATED in line for line in boot.console)
    own = ["reported", "system is running", "no unit failed", "every mount of fstab is there",
           "every swap of fstab is on"]
    verdict = judge.Verdict(c for c in judge.judge(boot, OLD) if c.name in own)
    odd = [line.strip() for line in boot.console
           if judge.BAD.search(line) and TOLERATED not in line]
    verdict.append(judge.Criterion("nothing odd on the console", not odd, "; ".join(odd[:6])))
    verdict.append(judge.Criterion("one of the two names", groups in ({OLD}, {NEW}), row.group))
    trial.verdict(f"{label}-2-next", verdict)
    row.verdict = "good" if verdict.good else "BAD"
    want = NEW if way == "resume" else OLD
    row.then = finished(boot, said, want)
    if third and boot.job_status == 0:
        last = trial.boot(f"{label}-3-last", disk=after)
        final = trial.judged(f"{label}-3-last", last, want, OLD if want == NEW else NEW)
        row.then += ", next boot ok" if final.good else ", next boot BAD"
    if row.verdict == "good" and row.then.startswith("ok"):
        disk.unlink()
        after.unlink()
    return row


def finished(boot, said, want):
    """`ok` when finishing or taking back left one name everywhere, else what is wrong."""
    if boot.job_status != 0:
        return f"job ended with {boot.job_status}"
    after = said[said.index("@@ after") + 1:]
    wrong = [line for line in after if line.startswith("@@ differs")]
    wrong += [line for line in said if "GONE" in line]
    for line in after:
        counts = re.match(r"(\S+): (\d+) old, (\d+) new$", line)
        if counts and (int(counts[2 if want == NEW else 3]) or not int(
                counts[3 if want == NEW else 2])):
            wrong.append(line)
        if ".postclone-" in line or line.startswith(("missing: ", "unannounced: ")):
            wrong.append(line)
        # (Taken back, the image is among the files compared.)
        if line.startswith("in the image:") and not judge.spellings(want).search(line):
            wrong.append(line)
    groups = {line.split()[0] for line in after if re.match(r"\s+\S+vg +\S+$", line)}
    if groups != {want}:
        wrong.append(f"groups {groups}")
    return "; ".join(wrong[:3]) or "ok"


def power_cut(trial):
    count = int(os.environ.get("POSTCLONE_CUTS") or 3)
    seed = int(os.environ.get("POSTCLONE_SEED") or 1)
    began = time.monotonic()
    warm.keep(trial.machine, PREPARE, {"postclone.deb": trial.deb}, trial.logs / "0-keep")
    trial.note(f"kept a guest in {time.monotonic() - began:.0f} s")
    losses(trial, trial.machine)
    rows = []
    table = Table(trial.logs / "table.md", *Cut.COLUMNS)
    for number, instant in enumerate(instants(trial, trial.machine, count, seed), 1):
        # Finishing builds an image, which takes minutes.
        way = "resume" if number % 6 == 3 else "undo"
        row = one(trial, trial.machine, number, instant, way, third=number % 12 in (2, 3))
        rows.append(row)
        table.row(*row.cells())
    bad = [row for row in rows if row.verdict != "good" or not row.then.startswith("ok")]
    under = {name: sum(row.group == name for row in rows) for name in (OLD, NEW)}
    waited = sum(row.stale_resume for row in rows)
    summary = (f"{len(rows)} cuts, {len(rows) - len(bad)} good, seed {seed}: {under[OLD]} boots "
               f"under {OLD}, {under[NEW]} under {NEW}, {waited} waited for the old RESUME=")
    print(summary, flush=True)
    with open(trial.logs / "table.md", "a") as file:
        file.write(f"\n{summary}\n")
    if bad:
        raise Failed(f"{len(bad)} of {len(rows)} cuts: " + "; ".join(
            f"{row.instant}: {row.verdict} {row.then}" for row in bad[:3]))


SCENARIOS = [
    Scenario("power-cut", "debian-bios",
             "the power goes off in the middle of a rename: the next boot comes up by itself",
             power_cut, needs_deb=True),
    Scenario("xfs-power-cut", "xfs",
             "the same around the flip, of a guest with XFS, whose log GRUB does not replay",
             power_cut, needs_deb=True),
]
