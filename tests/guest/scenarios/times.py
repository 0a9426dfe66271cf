"""How long a rename takes beside the same work by hand, in one boot, with 1, 2 and 4 kernels.

Wants a quiet host and two processors: POSTCLONE_GUEST_SMP=2 tests/guest/run --deb FILE times
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

MEASURE = HAND + f"""
timed dpkg -i postclone.deb >/dev/null || exit
# took NAME COMMAND...: its time in milliseconds, as a line of $OUT/times
took() {{
	local name=$1 from=$EPOCHREALTIME rc
	shift
	"$@" >"$OUT/$name.log" 2>&1
	rc=$?
	echo "$name $(((${{EPOCHREALTIME/./}} - ${{from/./}}) / 1000))" >>"$OUT/times"
	tail -n 1 "$OUT/times"
	return $rc
}}
images() {{ update-initramfs -u -k all; }}
hand_and_images() {{ there && images; }}
base=$(uname -r)
another() {{
	cp -a "/lib/modules/$base" "/lib/modules/$1"
	cp -a "/boot/vmlinuz-$base" "/boot/vmlinuz-$1"
	cp -a "/boot/config-$base" "/boot/config-$1"
	update-initramfs -c -k "$1"
}}
report() {{
	lvm fullreport --all --reportformat json --units b --nosuffix --foreign --shared \\
		--configreport vg -o vg_name,vg_uuid,vg_attr,vg_systemid,vg_mda_free \\
		--configreport lv -o lv_name,lv_uuid,lv_attr,lv_host --configreport pv -o pv_uuid,pv_name \\
		--configreport pvseg -o pvseg_start --configreport seg -o segtype
}}
for turn in 1 2 3 4 5 6 7; do
	took report report || exit
	took dry-run postclone rename --dry-run {OLD} {NEW} || exit
	took start postclone --version || exit
done
nproc
grep MemAvailable /proc/meminfo
# ours: the rename, with the time before each line of its log
ours() {{
	postclone rename -v --yes {OLD} {NEW} 2> >(while read -r line; do
		echo "$EPOCHREALTIME $line"
	done)
}}
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


def times(trial):
    boot = trial.boot("1-times", MEASURE, {"postclone.deb": trial.deb}, limit=5400.0)
    trial.require_job(boot)
    found = {}
    for line in (boot.out / "times").read_text().splitlines():
        name, milliseconds = line.split()
        found.setdefault(name, []).append(int(milliseconds))
    median = {name: statistics.median(values) for name, values in found.items()}
    rows = ["| | postclone | by hand | ratio |", "|---|---|---|---|"]
    for kernels in [1, 2, 4]:
        ours, hand = median[f"rename-{kernels}"], median[f"hand-{kernels}"]
        rows.append(f"| rename, images of {kernels} | {ours / 1000:.1f} s | {hand / 1000:.1f} s | "
                    f"{ours / hand:.2f} |")
    rows.append(f"| dry run, and LVM's report alone | {median['dry-run']:.0f} ms | "
                f"{median['report']:.0f} ms | {median['dry-run'] / median['report']:.2f} |")
    rows.append(f"| `--version` | {median['start']:.0f} ms | | |")
    (trial.logs / "times.md").write_text("\n".join(rows) + "\n")
    print("\n".join(rows), flush=True)
    if any(value <= 0 for value in median.values()):
        raise Failed("something took no time at all")
    trial.require("the figures", trial.verdict("figures", Verdict([
        Criterion("every measure was taken", len(median) == 12, " ".join(sorted(median)))])))


SCENARIOS = [
    Scenario("times", "debian-bios", "a rename's time beside the procedure by hand (no test: figures)",
             times, needs_deb=True),
]
