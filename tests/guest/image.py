"""A bootable base image of a suite in a layout.

The first boot is made with the tar's own kernel, and there the real tools
write what later boots read: grub-install, update-grub, update-initramfs on
real LVM volumes. The entry in the cache is a folder: disk (raw, read-only),
kernel and initrd of the first boot.
"""

import shutil
import subprocess
import tempfile
import uuid
from dataclasses import replace
from pathlib import Path

import cache
import disk
import loader
import qemu
import rootfs
from job import Job
from layout import LAYOUTS, PASSPHRASE, SWAP, dm

HERE = Path(__file__).resolve().parent
AGENT = HERE / "agent"

INSTALLED = ["start", "lab-agent.service", "lab-emergency.service"]
"""What of the agent is part of the image; the rest comes on the job disk."""

BEGIN = "set -ex\n"
END = "timed vgcfgbackup\nsync\n"

def folder(suite, layout_name):
    """Path of the base image's folder; built when it is not there."""
    layout = LAYOUTS[layout_name]
    identity = cache.key(
        suite, layout, BEGIN, END, Path(__file__), HERE / "disk.py", HERE / "rootfs.py",
        loader.packages(suite, layout), loader.files(layout), loader.setup(layout, arguments(layout)), loader.IMAGES,
        AGENT / "trim", *(AGENT / name for name in INSTALLED), *rootfs.PACKAGES)
    return cache.entry(f"guest-{suite}-{layout_name}-{identity}",
                       lambda path: _make(suite, layout, path))


def arguments(layout):
    """The kernel command line behind root= and ro."""
    return f"{filled(layout, layout.arguments)} {loader.COMMAND_LINE}".strip()


def filled(layout, text):
    """A layout's text with its own names in it."""
    return text.replace("{group}", layout.group).replace(
        "{dm}", layout.group.replace("-", "--")).replace("{device}", layout.root_device)


def packages(suite, layout):
    """What the guest's root file system has beside rootfs.PACKAGES."""
    return (*loader.packages(suite, layout), *layout.packages)


def machine(base, disk, layout, variables):
    """The machine that boots a disk of a base image's folder; `variables` is where it keeps those of
    its firmware."""
    found = qemu.Machine(disk, qemu.accelerator(base / "kernel"))
    if layout.luks or any(volume.luks for volume in layout.volumes):
        found.passphrase = PASSPHRASE
    if layout.firmware == "uefi":
        kept = base / "variables"
        shutil.copyfile(kept if kept.exists() else qemu.VARIABLES, variables)
        found.variables = variables
    return found


def _make(suite, layout, path):
    tar = rootfs.tar(suite, packages(suite, layout))
    print(f"building the {suite} guest {layout.name}", flush=True)
    path.mkdir()
    image = path / "disk"
    made = disk.create(image, layout)
    with disk.mounted(made, layout) as (root, fstab):
        disk.run("tar", "-xf", tar, "-C", root, "--numeric-owner", "--xattrs",
                 "--xattrs-include=*")
        _configure(root, layout, fstab)
        if not loader.in_guest(layout):
            _make_images(root, layout)
        for name, pattern in [("kernel", "vmlinuz-*"), ("initrd", "initrd.img-*")]:
            source = sorted(root.glob(f"boot/{pattern}"))[0]
            (path / name).write_bytes(source.read_bytes())
    made.seal()
    _open_by_crypttab(path / "initrd", layout)
    def start(**more):
        return replace(machine(path, image, layout, path / "scratch"), format="raw", **more)

    steps = [(dict(kernel=path / "kernel", initrd=path / "initrd",
                   append=f"root={layout.root_device} ro {arguments(layout)}"),
              BEGIN + filled(layout, layout.setup)
              + loader.setup(layout, arguments(layout)) + END)]
    if layout.finish:
        steps.append((dict(), BEGIN + filled(layout, layout.finish) + END))
    for number, (by, script) in enumerate(steps):
        logs = path / ("first-boot" if number == 0 else "second-boot")
        step = start(**by)
        boot = qemu.boot(step, Job(script), logs)
        if boot.job_status != 0 or boot.down_seconds is None:
            kept = cache.folder() / f"failed-{suite}-{layout.name}"
            subprocess.run(["rm", "-rf", kept], check=True)
            logs.rename(kept)
            raise RuntimeError(f"the {logs.name} failed ({boot.ended}); its logs: {kept}")
        if step.variables:
            step.variables.rename(path / "variables")
    image.chmod(0o444)


def _make_images(root, layout):
    """Let the tree's own tool make its images, now that its configuration is there."""
    mounts = 'for dir in dev proc sys; do mount --rbind /$dir "$1/$dir"; done; '
    disk.run("unshare", "--mount", "sh", "-ec", mounts + 'exec chroot "$1" bash -c "$2"', "sh", root,
             loader.QUICK + loader.IMAGES[layout.generator])


def _open_by_crypttab(initrd, layout):
    """Let the first boot's image open what is encrypted: it was made where there was none."""
    lines = _crypttab(layout)
    if not lines:
        return
    with tempfile.TemporaryDirectory() as scratch:
        crypttab = Path(scratch, "cryptroot", "crypttab")
        crypttab.parent.mkdir()
        crypttab.write_text("".join(lines))
        more = subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=scratch, check=True,
                              input=b"cryptroot\ncryptroot/crypttab\n",
                              stdout=subprocess.PIPE).stdout
    data = initrd.read_bytes()
    initrd.write_bytes(data + bytes(-len(data) % 512) + more)


def _crypttab(layout):
    """Lines as Debian's installer writes them (partman-crypto)."""
    lines = []
    if layout.luks:
        lines.append("vda5_crypt /dev/vda5 none luks,discard\n")
    for volume in layout.volumes:
        if volume.luks:
            name = dm(layout.group, volume.name)
            lines.append(f"{name}_crypt /dev/mapper/{name} none luks,discard\n")
    return lines


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
    if _crypttab(layout):
        write("etc/crypttab", "# <target name> <source device> <key file> <options>\n"
              + "".join(_crypttab(layout)))
    command_line = f"root={layout.root_device} ro {arguments(layout)}"
    for name, text in [*loader.files(layout), *layout.files]:
        write(name, text.replace("{command_line}", command_line))
    if layout.generator == "initramfs-tools" and SWAP in layout.volumes:
        write("etc/initramfs-tools/conf.d/resume",
              f"RESUME=/dev/mapper/{dm(layout.group, 'swap_1')}\n")
    if layout.loader == "grub":
        wanted = {**loader.GRUB_DEFAULTS, "GRUB_CMDLINE_LINUX": f'"{arguments(layout)}"'}
        defaults = (root / "etc/default/grub").read_text().splitlines()
        kept = [line for line in defaults if line.split("=")[0] not in wanted]
        kept += [f"{name}={value}" for name, value in wanted.items()]
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
