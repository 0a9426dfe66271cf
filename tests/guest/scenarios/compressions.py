"""The audit inside of initramfs images, in every compression that Debian's kernels read."""

import subprocess

import image
from judge import Criterion, Verdict
from layout import OLD, dm
from trial import Failed, Scenario

COMPRESSIONS = {
    "gzip": ["gzip", "-1"],
    "bzip2": ["bzip2", "-1"],
    "xz": ["xz", "-0", "--check=crc32"],
    "lz4": ["lz4", "-l", "-1"],
    "zstd": ["zstd", "-1", "-q"],
    "none": ["cat"],
}
"""By the kernel's own name, usr/Kconfig; what mkinitramfs(8) calls for it."""

LOOK = f"""
timed dpkg -i postclone.deb >/dev/null || exit
for name in {' '.join(COMPRESSIONS)}; do
	cp "image-$name" "/boot/initrd.img-9.9.9-$name"
done
timed postclone audit {OLD} >"$OUT/audit" 2>&1
rc=$?
cat "$OUT/audit"
[[ $rc == 1 ]]
"""


def compressions(trial):
    made = trial.logs / "images"
    made.mkdir()
    with open(image.folder(trial.suite, trial.layout.name) / "initrd", "rb") as packed:
        archive = subprocess.run(["zstd", "-dc"], stdin=packed, check=True,
                                 stdout=subprocess.PIPE).stdout
    if not archive.startswith(b"0707"):
        raise Failed("the guest's image is no archive in zstd")
    # The tree's image was made before there was a swap to resume from; a further archive has its name.
    setting = made / "conf" / "conf.d" / "resume"
    setting.parent.mkdir(parents=True)
    setting.write_text(f"RESUME=/dev/mapper/{dm(OLD, 'swap_1')}\n")
    more = subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=made, check=True,
                          input=b"conf/conf.d/resume\n", stdout=subprocess.PIPE).stdout
    archive += bytes(-len(archive) % 512) + more
    files = {"postclone.deb": trial.deb}
    for name, command in COMPRESSIONS.items():
        file = made / name
        file.write_bytes(subprocess.run(command, input=archive, check=True,
                                        stdout=subprocess.PIPE).stdout)
        files[f"image-{name}"] = file
    boot = trial.boot("1-audit", LOOK, files)
    trial.require_job(boot)
    said = (boot.out / "audit").read_text()
    trial.require("the audit", trial.verdict("audit", Verdict([
        Criterion(f"{name}: the image's RESUME= is found", any(
            f"/boot/initrd.img-9.9.9-{name}" in line and "resume" in line
            and dm(OLD, "swap_1") in line for line in said.splitlines()))
        for name in COMPRESSIONS])))


SCENARIOS = [
    Scenario("compressions", "debian-bios",
             "the audit finds the group inside of images in every compression",
             compressions, needs_deb=True),
]
