"""Scenarios that validate the lab itself, without postclone."""

from judge import down_in_time, undisturbed
from layout import NEW, OLD
from trial import Failed, Scenario

HARVEST = """
mkdir -p "$OUT/harvest"
cp /etc/fstab /etc/default/grub /boot/grub/grub.cfg "$OUT/harvest/"
cp /etc/initramfs-tools/conf.d/resume "$OUT/harvest/resume"
[[ -e /boot/grub/grubenv ]] && cp /boot/grub/grubenv "$OUT/harvest/"
lvm fullreport --reportformat json >"$OUT/harvest/fullreport.json"
lvm fullreport -a --reportformat json >"$OUT/harvest/fullreport-a.json"
lvm fullreport >"$OUT/harvest/fullreport.txt"
cat /proc/self/mountinfo >"$OUT/harvest/mountinfo"
cat /proc/cmdline >"$OUT/harvest/cmdline"
cat /proc/swaps >"$OUT/harvest/swaps"
cat /etc/lvm/backup/* >"$OUT/harvest/lvm-backup"
lsinitramfs /boot/initrd.img-* >"$OUT/harvest/initramfs-files"
snapshot now
"""


def baseline(trial):
    boot = trial.boot("1-boot", HARVEST)
    harvest = boot.out / "harvest"
    if harvest.exists():
        harvest.rename(trial.logs / "harvest")
    trial.require("the boot", trial.judged("1-boot", boot, OLD))
    trial.require_job(boot)


def bare_vgrename(trial):
    first = trial.boot("1-rename", f"timed vgrename {OLD} {NEW}", ending="cut")
    trial.require_job(first)
    second = trial.boot("2-next", patience=300)
    verdict = trial.judged("2-next", second, NEW, OLD)
    if verdict.good:
        raise Failed("a boot that cannot be good was judged good")
    if not any("does not exist" in line for line in second.console):
        raise Failed(f"the boot is bad for another reason than expected: {verdict.failures[0]}")


def stale_fstab(trial):
    trial.boot("1-rename", f"""
timed vgrename --driverloaded n {OLD} {NEW}
sed -i 's/{OLD.replace('-', '--')}/{NEW.replace('-', '--')}/g' /boot/grub/grub.cfg
sync
""", ending="cut")
    second = trial.boot("2-next")
    verdict = trial.judged("2-next", second, NEW, OLD)
    if second.mode != "emergency" or not second.reported:
        raise Failed(f"no report from emergency mode: {second.ended} {second.mode} {second.state}")
    if verdict.good:
        raise Failed("a boot into emergency mode was judged good")


BY_HAND = f"""
set -ex
snapshot before
timed vgrename --driverloaded n {OLD} {NEW}
dmsetup info -c --noheadings --separator ' ' -o uuid,name | while read -r uuid name; do
	lv=${{name#*-vg-}}
	echo "SUBSYSTEM==\\"block\\", ENV{{DM_UUID}}==\\"$uuid\\", SYMLINK+=\\"mapper/{OLD.replace('-', '--')}-$lv {OLD}/$lv mapper/{NEW.replace('-', '--')}-$lv {NEW}/$lv\\""
done >/run/rules
mkdir -p /run/udev/rules.d
mv /run/rules /run/udev/rules.d/99-both-names.rules
cat /run/udev/rules.d/99-both-names.rules
udevadm control --reload
timed udevadm trigger --subsystem-match=block
timed udevadm settle
ls -l /dev/mapper /dev/*-vg
sed -i 's/{OLD.replace('-', '--')}/{NEW.replace('-', '--')}/g' \\
	/etc/fstab /boot/grub/grub.cfg /etc/initramfs-tools/conf.d/resume
sync
timed systemctl daemon-reload
snapshot middle
timed update-initramfs -u -k all
sync
snapshot after
lsinitramfs /boot/initrd.img-* | grep -c .
keep /etc/fstab /boot/grub/grub.cfg
"""


def by_hand_quiet(trial):
    first = trial.boot("1-rename", BY_HAND, ending="reboot")
    trial.require_job(first)
    trial.require("the rename", trial.verdict(
        "before and after", undisturbed(first.out / "before", first.out / "after")))
    trial.require("the shutdown", trial.verdict("1-rename", down_in_time(first)))
    second = trial.boot("2-next")
    trial.require("the next boot", trial.judged("2-next", second, NEW, OLD))


SCENARIOS = [
    Scenario("baseline", "debian-bios", "an untouched guest boots and is judged good", baseline),
    Scenario("baseline-home", "debian-home", "the same with /home and /var on volumes", baseline),
    Scenario("bare-vgrename", "debian-bios",
             "vgrename and nothing else: the next boot has to be judged bad", bare_vgrename),
    Scenario("stale-fstab", "debian-home",
             "fstab names the old group: emergency mode has to report itself, judged bad",
             stale_fstab),
    Scenario("by-hand-quiet", "debian-bios",
             "the quiet order of a rename, by a shell script", by_hand_quiet),
    Scenario("by-hand-quiet-home", "debian-home",
             "the same with /home and /var on volumes", by_hand_quiet),
]
