"""A kernel package comes after a rename and its reboot; then the rename is taken back. Where there are boot entries, the
run gives file systems other UUIDs, too, the EFI system partition among them.

Each boot entry and each image has the old name afterwards, those of the new kernel included, and each
kernel boots; or undo refuses before its first change.
"""

import re

import kernels
from judge import Criterion, Verdict, down_in_time, spellings, undisturbed
from layout import NEW, OLD, dm
from scenarios.matrix import by_name
from scenarios.undo import GUARD, MACHINE, RENAME, SEED, SUMS, same
from trial import Failed, Scenario

# What the boot loader can start: a line an entry, the kernel's version and root=.
ENTRIES = r"""
# entries: a line for each entry of the menu: its file, its kernel, its root=
entries() {
	local file
	for file in /boot/grub/grub.cfg /boot/efi/loader/entries/*.conf; do
		[[ ! -e $file ]] || awk -v file="$file" '
			$1 == "version" { version = $2 }
			$1 == "linux" && $2 ~ /vmlinuz-/ { version = $2; sub(".*vmlinuz-", "", version) }
			$1 == "linux" || $1 == "options" {
				for (i = 2; i <= NF; i++) if ($i ~ /^root=/) print file, version, substr($i, 6)
			}' "$file"
	done
}
# images: a line for each image: its path, and the RESUME= inside
images() {
	local image
	for image in /boot/initrd.img-* $(find /boot/efi -name 'initrd*' 2>/dev/null); do
		mkdir /var/tmp/image
		unmkinitramfs "$image" /var/tmp/image >/dev/null
		echo "$image $(grep -rhs '^RESUME=' /var/tmp/image | sort -u | paste -sd' ')"
		rm -r /var/tmp/image
	done
}
# choose VERSION: the next boot starts that kernel
choose() {
	local id
	if [[ -e /boot/grub/grub.cfg ]]; then
		id=$(sed -n "s/.*menuentry_id_option '\(gnulinux-advanced-[^']*\)'.*/\1/p" /boot/grub/grub.cfg)
		id+=">$(sed -n "s/.*menuentry_id_option '\(gnulinux-$1-advanced-[^']*\)'.*/\1/p" /boot/grub/grub.cfg)"
		timed grub-reboot "$id"
	else
		id=$(cd /boot/efi/loader/entries && ls | grep -F -- "-$1")
		timed bootctl set-oneshot "$id"
	fi
}
"""

ESP = """
# esp NAME: the serial number of the EFI system partition, and its line in fstab
esp() {
	{
		blkid -p -s UUID -o value "$(findmnt -no SOURCE /boot/efi)"
		grep '^[^#].* /boot/efi ' /etc/fstab
	} >"$OUT/esp-$1"
	cat "$OUT/esp-$1"
}
"""

RENAME_AND_UUIDS = ESP + "esp before\n" + RENAME.replace(
    f"rename --yes {OLD} {NEW}", f"fixup --only group-name,fs-uuids --name {NEW.removesuffix('-vg')} --yes").replace(
    "exit $status", "esp after\nexit $status")

UPDATE = SUMS + ENTRIES + """
timed install_kernel
! grep -v ^0 "$OUT/attempts" || exit
entries | tee "$OUT/entries-before"
sums "$OUT/sums-before"
snapshot before
timed postclone undo --yes >"$OUT/undo" 2>&1
echo "$?" >"$OUT/status"
cat "$OUT/undo" "$OUT/status"
snapshot after
sums "$OUT/sums-after"
entries | tee "$OUT/entries-after"
postclone status
true
"""

LOOK = ENTRIES + """
uname -r | tee "$OUT/kernel"
entries | tee "$OUT/entries"
images | tee "$OUT/images"
postclone status --boot
"""


def named(lines, group):
    """Whether each line's last word bears the group's name."""
    pattern = spellings(group)
    rows = [line.split(" ", 1) for line in lines]
    odd = [line for line, row in zip(lines, rows) if not pattern.search(row[-1])]
    return rows and not odd, "; ".join(odd[:4]) or f"{len(rows)} lines"


def whole(out, group, version):
    """Every entry and every image has the group's name, those of the new kernel included."""
    entries = (out / "entries").read_text().splitlines()
    images = (out / "images").read_text().splitlines()
    kernels_of = {line.split()[1] for line in entries}
    return Verdict([
        Criterion(f"every entry names {group}", *named(entries, group)),
        Criterion(f"every image names {group}", *named(images, group)),
        Criterion("both kernels are in the menu", version in kernels_of and len(kernels_of) == 2,
                  " ".join(sorted(kernels_of))),
    ])


def serial(boot, name):
    """The serial number of the EFI system partition, which fstab names as well."""
    probed, line = (boot.out / f"esp-{name}").read_text().splitlines()
    if not line.startswith(f"UUID={probed} "):
        raise Failed(f"the EFI system partition is {probed}, and fstab has: {line}")
    return probed


def play_with_uuids(trial):
    """The same after a run that changes UUIDs, too. In the end the EFI system partition has its old serial number."""
    first, last = play(trial, RENAME_AND_UUIDS, ESP + "esp last\n")
    before, after, restored = serial(first, "before"), serial(first, "after"), serial(last, "last")
    trial.require("the EFI system partition", trial.verdict("serial numbers", Verdict([
        Criterion("the run gives it another one", before != after, f"{before} {after}"),
        Criterion("undo restores it", before == restored, f"{before} {restored}"),
    ])))


def play(trial, run=RENAME, more=""):
    """Give the first boot, which is renamed, and the last one. `more` goes before what looks at the last two."""
    files = {"postclone.deb": trial.deb,
             "kernel.deb": kernels.another(trial.suite, kernels.installed(trial))}
    old_version = kernels.installed(trial)
    version = re.match(r"linux-image-(.+?)_", files["kernel.deb"].name)[1]
    first = trial.boot("1-rename", run, files, ending="reboot")
    trial.require_job(first)
    second = trial.boot("2-undo", UPDATE, files, ending="reboot")
    trial.require("the boot after the rename",
                  trial.judged("2-undo", second, NEW, named=by_name(trial.layout)))
    trial.require_job(second)
    out = second.out
    status, said = int((out / "status").read_text()), (out / "undo").read_text()
    trial.note(f"undo ended with {status}:\n{said}")
    trial.require("the running system under undo", trial.verdict(
        "before and after", undisturbed(out / "before", out / "after")))
    if status:
        refused(trial, second, status, said)
        return first, second
    trial.require("the shutdown after undo", trial.verdict("2-undo", down_in_time(second)))
    # What came with the kernel is new, its entries are in files that were there before, and images may be
    # built anew: what is inside them is looked at below.
    allowed = [GUARD, SEED, MACHINE, version, "/boot/grub/grub.cfg", "/etc/dpkg/dpkg.cfg.d", "/boot/grub f",
               "/boot/efi/loader", "/initrd.img-"]
    # The way back is a plan of its own: it writes the files anew.
    trial.require("files after undo", trial.verdict(
        "sums after undo", same(first.out / "sums", out / "sums-after", allowed, times=False)))
    for number, wanted in enumerate([version, old_version], 3):
        # By itself the newest one is started.
        boot = trial.boot(f"{number}-next", more + LOOK + (f"choose {old_version}\n" if wanted == version else ""),
                          ending="reboot", patience=300)
        running = boot.out / "kernel"
        trial.require(f"the boot of {wanted}", trial.judged(
            f"{number}-next", boot, OLD, NEW, by_name(trial.layout)))
        trial.require_job(boot)
        if running.read_text().strip() != wanted:
            raise Failed(f"{running.read_text().strip()} runs, not {wanted}")
        trial.require(f"what {wanted} finds", trial.verdict(
            "entries and images", whole(boot.out, OLD, version)))
    return first, boot


def refused(trial, second, status, said):
    """Undo ended with an error: nothing may have changed, and the machine boots as it was."""
    trial.require("the refusal", trial.verdict("refusal", Verdict([
        Criterion("undo says that nothing was changed", status == 1, f"status {status}: {said[-300:]}"),
        *same(second.out / "sums-before", second.out / "sums-after"),
        Criterion("every entry is as it was", (second.out / "entries-before").read_text()
                  == (second.out / "entries-after").read_text()),
        Criterion("the error names the file and what to do", "`" in said and "/boot" in said, said[-300:]),
    ])))
    boot = trial.boot("3-next", LOOK)
    trial.require("the boot after the refusal", trial.judged(
        "3-next", boot, NEW, named=by_name(trial.layout)))


SCENARIOS = [
    Scenario("kernel-update-undo", "debian-bios",
             "undo after a rename, a reboot and a new kernel: both kernels boot under the old name",
             play, needs_deb=True),
    Scenario("kernel-update-undo-bls", "systemd-boot",
             "the same of a guest with boot entries, whose file systems get other UUIDs as well",
             play_with_uuids, needs_deb=True),
]
