"""A bootable base image of a suite in a layout.

The first boot is made with the tar's own kernel, and there the real tools
write what later boots read: grub-install, update-grub, update-initramfs on
real LVM volumes. The entry in the cache is a folder: disk (raw, read-only),
kernel and initrd of the first boot.
"""

import subprocess
import uuid
from pathlib import Path

import cache
import disk
import qemu
import rootfs
from job import Job
from layout import LAYOUTS, dm

HERE = Path(__file__).resolve().parent
AGENT = HERE / "agent"

INSTALLED = ["start", "lab-agent.service", "lab-emergency.service"]
"""What of the agent is part of the image; the rest comes on the job disk."""

SETUP = """
set -e
timed grub-install --target=i386-pc /dev/vda
timed update-grub
timed update-initramfs -u -k all
timed vgcfgbackup
"""

COMMAND_LINE = "console=ttyS0,115200 mitigations=off apparmor=0"

GRUB_DEFAULTS = {
    "GRUB_TIMEOUT": "1",
    "GRUB_CMDLINE_LINUX_DEFAULT": '""',
    "GRUB_CMDLINE_LINUX": f'"{COMMAND_LINE}"',
    "GRUB_TERMINAL": '"serial console"',
    "GRUB_SERIAL_COMMAND": '"serial --unit=0 --speed=115200"',
}


def folder(suite, layout_name):
    """Path of the base image's folder; built when it is not there."""
    layout = LAYOUTS[layout_name]
    identity = cache.key(
        suite, layout, SETUP, Path(__file__), HERE / "disk.py", HERE / "rootfs.py",
        AGENT / "trim", *(AGENT / name for name in INSTALLED), *rootfs.PACKAGES)
    return cache.entry(f"guest-{suite}-{layout_name}-{identity}",
                       lambda path: _make(suite, layout, path))


def _make(suite, layout, path):
    tar = rootfs.tar(suite, layout.packages)
    print(f"building the {suite} guest {layout.name}", flush=True)
    path.mkdir()
    image = path / "disk"
    made = disk.create(image, layout)
    with disk.mounted(made, layout) as (root, fstab):
        disk.run("tar", "-xf", tar, "-C", root, "--numeric-owner", "--xattrs",
                 "--xattrs-include=*")
        _configure(root, layout, fstab)
        for name, pattern in [("kernel", "vmlinuz-*"), ("initrd", "initrd.img-*")]:
            [source] = root.glob(f"boot/{pattern}")
            (path / name).write_bytes(source.read_bytes())
    logs = path / "first-boot"
    boot = qemu.boot(
        qemu.Machine(image, qemu.accelerator(path / "kernel"), "raw",
                     kernel=path / "kernel", initrd=path / "initrd",
                     append=f"root=/dev/mapper/{dm(layout.group, 'root')} ro {COMMAND_LINE}"),
        Job(SETUP), logs)
    if boot.job_status != 0 or boot.down_seconds is None:
        kept = cache.folder() / f"failed-{suite}-{layout.name}"
        subprocess.run(["rm", "-rf", kept], check=True)
        logs.rename(kept)
        raise RuntimeError(f"the first boot failed ({boot.ended}); its logs: {kept}")
    image.chmod(0o444)


def _configure(root, layout, fstab):
    """Write what the installer would have written, and the agent's start."""
    def write(name, text, mode=0o644):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    write("etc/fstab", fstab)
    write("etc/hostname", f"{layout.host}\n")
    write("etc/hosts", f"127.0.0.1\tlocalhost\n127.0.1.1\t{layout.host}\n"
                       "::1\tlocalhost ip6-localhost ip6-loopback\n")
    write("etc/machine-id", f"{uuid.uuid4().hex}\n", 0o444)
    write("etc/apt/sources.list", "")
    if any(v.name == "swap_1" for v in layout.volumes):
        write("etc/initramfs-tools/conf.d/resume",
              f"RESUME=/dev/mapper/{dm(layout.group, 'swap_1')}\n")
    defaults = (root / "etc/default/grub").read_text().splitlines()
    kept = [line for line in defaults if line.split("=")[0] not in GRUB_DEFAULTS]
    kept += [f"{name}={value}" for name, value in GRUB_DEFAULTS.items()]
    write("etc/default/grub", "\n".join(kept) + "\n")
    disk.run("chroot", root, "chpasswd", input="root:lab\n")
    write("usr/local/lib/lab/start", (AGENT / "start").read_text())
    for unit, targets in [("lab-agent", ["multi-user"]),
                          ("lab-emergency", ["emergency", "rescue"])]:
        write(f"etc/systemd/system/{unit}.service", (AGENT / f"{unit}.service").read_text())
        for target in targets:
            wants = root / f"etc/systemd/system/{target}.target.wants"
            wants.mkdir(exist_ok=True)
            (wants / f"{unit}.service").symlink_to(f"/etc/systemd/system/{unit}.service")
