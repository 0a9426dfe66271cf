"""postclone fixup with UEFI: the EFI system partition, /boot and the volumes get other UUIDs, the firmware and GRUB find
their files by them, and undo puts every one back.
"""

from judge import Criterion, Verdict, down_in_time, undisturbed
from layout import OLD
from trial import Scenario

HOST = "web01"
GROUP = f"{HOST}-vg"

FACTS = """
# facts NAME: the UUID of each file system and swap area, and what names them
facts() {
	local device
	for device in /dev/vda[0-9]* /dev/mapper/*-root /dev/mapper/*-swap_1; do
		echo "$(blkid -p -s TYPE -o value "$device") $(blkid -p -s UUID -o value "$device")"
	done | grep -E '^(vfat|ext|swap)' | sort -u >"$OUT/$1.uuids"
	findmnt -rno FSTYPE,OPTIONS /boot/efi >"$OUT/$1.esp"
	grep -v '^#' /etc/fstab >"$OUT/$1.fstab"
	cat /boot/efi/EFI/debian/grub.cfg >"$OUT/$1.stub"
	tail -n 99 "$OUT/$1".*
}
"""

RUN = FACTS + f"""
timed apt-get install -y ./postclone.deb >/dev/null 2>&1 || exit
# Debian's signed GRUB has such a file beside it, and this one, which is not signed, has none.
cat >/boot/efi/EFI/debian/grub.cfg <<END
search.fs_uuid $(findmnt -no UUID /boot) root hd0,gpt2
set prefix=(\$root)'/grub'
configfile \$prefix/grub.cfg
END
facts before
snapshot before
timed postclone fixup --name {HOST} --with fs-uuids,swap-uuids --yes >"$OUT/run" 2>&1
status=$?
cat "$OUT/run"
snapshot after
facts after
exit $status
"""

UNDO = FACTS + """
facts next
postclone status --boot || exit
snapshot before
timed postclone undo --yes >"$OUT/undo" 2>&1
status=$?
cat "$OUT/undo"
snapshot after
exit $status
"""

LAST = FACTS + """
facts last
postclone status
esp=$(findmnt -no SOURCE /boot/efi)
umount /boot/efi && fsck.vfat -n "$esp" && mount /boot/efi
"""


def told(boot, name, what):
    """What `facts` wrote there, as lines."""
    return (boot.out / f"{name}.{what}").read_text().splitlines()


def renewed(first, second):
    """Whether each UUID is another one, and whatever named one names the new one."""
    before, after, later = told(first, "before", "uuids"), told(first, "after", "uuids"), told(second, "next", "uuids")
    kinds = [line.split()[0] for line in before]
    old, new = ([line.split()[1] for line in lines] for lines in (before, after))
    esp = next(line for line in told(second, "next", "fstab") if " /boot/efi " in line)
    serial = dict(line.split() for line in after)["vfat"]
    stub = " ".join(told(second, "next", "stub"))
    return Verdict([
        Criterion("an ESP, /boot, / and swap", kinds == ["ext2", "ext4", "swap", "vfat"], str(kinds)),
        Criterion("no UUID is as before", not set(old) & set(new), f"{old} {new}"),
        Criterion("the boot sees the same", after == later, f"{after} {later}"),
        Criterion("fstab names the ESP by its own", esp.startswith(f"UUID={serial} "), esp),
        Criterion("the ESP is mounted as before", told(first, "before", "esp") == told(first, "after", "esp"),
                  str(told(first, "after", "esp"))),
        Criterion("its stub names /boot by its own", dict(line.split() for line in after)["ext2"] in stub, stub),
    ])


def play(trial):
    first = trial.boot("1-run", RUN, {"postclone.deb": trial.deb}, ending="reboot")
    trial.require_job(first)
    trial.require("the run", trial.verdict("run", undisturbed(first.out / "before", first.out / "after")))
    trial.require("the shutdown", trial.verdict("1-run", down_in_time(first)))
    second = trial.boot("2-next", UNDO, ending="reboot")
    trial.require("the next boot", trial.judged("2-next", second, GROUP))
    trial.require("the UUIDs", trial.verdict("renewed", renewed(first, second)))
    trial.require_job(second)
    trial.require("undo", trial.verdict("undo", undisturbed(second.out / "before", second.out / "after")))
    last = trial.boot("3-last", LAST)
    trial.require("the boot after undo", trial.judged("3-last", last, OLD))
    trial.require_job(last)
    trial.require("what undo restored", trial.verdict("restored", Verdict([
        Criterion(f"{what} as before", told(first, "before", what) == told(last, "last", what), str(told(last, "last", what)))
        for what in ["uuids", "esp", "stub"]])))


SCENARIOS = [
    Scenario("fixup-esp", "uefi", "a fixup changes the UUIDs of the ESP, /boot, / and swap; undo puts every one back",
             play, needs_deb=True),
]
