"""How long a rename takes beside the same work by hand, in one boot, with 1, 2 and 4 kernels, and how
long a dry run takes beside LVM's report alone; how long a fixup takes beside a rename.

Wants a quiet host and two processors: POSTCLONE_GUEST_SMP=2 tests/guest/run --deb FILE times dry-run-times fixup-times
"""

import statistics

from judge import Criterion, Verdict
from layout import NEW, OLD, dm
from trial import Failed, Scenario

HAND = f"""
# The procedure by hand, every step of it: FROM TO FROM-IN-DM TO-IN-DM
by_hand() {{
	vgrename "$1" "$2" &&
		sed -i "s/$3/$4/g; s/$1/$2/g" /etc/fstab /boot/grub/grub.cfg /etc/default/grub \\
			/etc/initramfs-tools/conf.d/resume
}}
there() {{ by_hand {OLD} {NEW} {dm(OLD, 'x')[:-2]} {dm(NEW, 'x')[:-2]}; }}
back() {{ by_hand {NEW} {OLD} {dm(NEW, 'x')[:-2]} {dm(OLD, 'x')[:-2]}; }}
"""

TOOK = """
timed dpkg -i postclone.deb >/dev/null || exit
# took NAME COMMAND...: its time in milliseconds, as a line of $OUT/times
took() {
	local name=$1 from=$EPOCHREALTIME rc
	shift
	"$@" >"$OUT/$name.log" 2>&1
	rc=$?
	echo "$name $(((${EPOCHREALTIME/./} - ${from/./}) / 1000))" >>"$OUT/times"
	tail -n 1 "$OUT/times"
	return $rc
}
# timeline COMMAND...: with the time before each line of its log
timeline() {
	"$@" 2> >(while read -r line; do
		echo "$EPOCHREALTIME $line"
	done)
}
"""

REPORT = """
# LVM's report, as src/lvm.rs asks for it
report() {
	lvm fullreport --all --reportformat json --units b --nosuffix --foreign --shared \\
		--configreport vg -o vg_name,vg_uuid,vg_attr,vg_systemid,vg_mda_free \\
		--configreport lv -o lv_name,lv_uuid,lv_attr,lv_host --configreport pv -o pv_uuid,pv_name \\
		--configreport pvseg -o pvseg_start --configreport seg -o segtype
}
"""

LOOK = TOOK + REPORT + f"""
for turn in {{1..15}}; do
	took report report || exit
	took dry-run postclone rename --dry-run {OLD} {NEW} || exit
	took start postclone --version || exit
done
took timeline timeline postclone rename --dry-run -vv {OLD} {NEW}
"""

MEASURE = HAND + TOOK + f"""
images() {{ update-initramfs -u -k all; }}
hand_and_images() {{ there && images; }}
base=$(uname -r)
another() {{
	cp -a "/lib/modules/$base" "/lib/modules/$1"
	cp -a "/boot/vmlinuz-$base" "/boot/vmlinuz-$1"
	cp -a "/boot/config-$base" "/boot/config-$1"
	update-initramfs -c -k "$1"
}}
nproc
grep MemAvailable /proc/meminfo
ours() {{ timeline postclone rename -v --yes {OLD} {NEW}; }}
unpack() {{
	local image
	for image in /boot/initrd.img-*; do
		unmkinitramfs "$image" "/var/tmp/$1/${{image##*/}}" || return
		# LVM's records tell of each renaming.
		rm -rf "/var/tmp/$1/${{image##*/}}/etc/lvm/backup" "/var/tmp/$1/${{image##*/}}/etc/lvm/archive"
	done
}}
measure() {{
	timed images >/dev/null 2>&1 || return # what is read by both is in memory now
	took "rename-$1" ours || return
	[[ $1 != 2 ]] || timed unpack together || return
	took "undo-$1" postclone undo --yes || return
	took "hand-$1" hand_and_images || return
	[[ $1 != 2 ]] || timed unpack apart || return
	back
}}
measure 1 || exit
another 9.9.9-a >/dev/null 2>&1 || exit
update-grub >/dev/null 2>&1
measure 2 || exit
# What is built side by side is what is built one after the other.
diff --recursive --no-dereference /var/tmp/together /var/tmp/apart >"$OUT/difference" || {{
	head "$OUT/difference"
	exit 1
}}
find /var/tmp/apart -type f | wc -l
rm -r /var/tmp/together /var/tmp/apart
another 9.9.9-b >/dev/null 2>&1 && another 9.9.9-c >/dev/null 2>&1 || exit
update-grub >/dev/null 2>&1
measure 4
"""

FIXUP = TOOK + f"""
rename() {{ postclone rename --yes {OLD} web01-vg; }}
fixup() {{ postclone fixup --name web01 --yes; }}
for turn in 1 2 3 4; do
	for what in $( ((turn % 2)) && echo rename fixup || echo fixup rename); do
		took "$what" "$what" || {{ tail -n 20 "$OUT/$what.log"; exit 1; }}
		took "undo-of-$what" postclone undo --yes || exit
	done
done
"""
"""In turns, so that what is read by both is in memory for both."""


def medians(trial, script, limit):
    """Boot with the script, and give the median of each measure in milliseconds."""
    boot = trial.boot("1-times", script, {"postclone.deb": trial.deb}, limit=limit)
    trial.require_job(boot)
    found = {}
    for line in (boot.out / "times").read_text().splitlines():
        name, milliseconds = line.split()
        found.setdefault(name, []).append(int(milliseconds))
    return {name: statistics.median(values) for name, values in found.items()}


def publish(trial, rows, measures, wanted):
    """Write the table for tests/speed; every one of the wanted measures has to be there."""
    text = "\n".join(["| | postclone | instead | ratio |", "|---|---|---|---|", *rows]) + "\n"
    (trial.logs / "times.md").write_text(text)
    print(text, end="", flush=True)
    taken = [name for name in wanted if measures.get(name, 0) > 0]
    trial.require("the figures", trial.verdict("figures", Verdict([
        Criterion("every measure was taken", taken == wanted, " ".join(taken))])))


def times(trial):
    kernels = [1, 2, 4]
    took = medians(trial, MEASURE, 5400.0)
    rows = []
    for number in kernels:
        ours, hand = took[f"rename-{number}"], took[f"hand-{number}"]
        rows.append(f"| rename, images of {number} | {ours / 1000:.1f} s | {hand / 1000:.1f} s | "
                    f"{ours / hand:.2f} |")
    publish(trial, rows, took, [f"{what}-{number}" for number in kernels
                                for what in ["rename", "undo", "hand"]])


def dry_run_times(trial):
    took = medians(trial, LOOK, 900.0)
    ours, report = took["dry-run"], took["report"]
    publish(trial, [
        f"| dry run, and LVM's report alone | {ours:.0f} ms | {report:.0f} ms | {ours / report:.2f} |",
        f"| `--version` | {took['start']:.0f} ms | | |"], took, ["report", "dry-run", "start"])


def fixup_times(trial):
    took = medians(trial, FIXUP, 5400.0)
    ours, alone = took["fixup"], took["rename"]
    back, back_alone = took["undo-of-fixup"], took["undo-of-rename"]
    publish(trial, [
        f"| fixup, and rename alone | {ours / 1000:.1f} s | {alone / 1000:.1f} s | {ours / alone:.2f} |",
        f"| undo of each | {back / 1000:.1f} s | {back_alone / 1000:.1f} s | {back / back_alone:.2f} |",
    ], took, ["rename", "undo-of-rename", "fixup", "undo-of-fixup"])


SCENARIOS = [
    Scenario("times", "debian-bios", "a rename's time beside the procedure by hand (no test: figures)",
             times, needs_deb=True),
    Scenario("dry-run-times", "debian-bios", "a dry run's time beside LVM's report (no test: figures)",
             dry_run_times, needs_deb=True),
    Scenario("fixup-times", "clone-lab", "a fixup's time beside a rename's (no test: figures)",
             fixup_times, needs_deb=True),
]
