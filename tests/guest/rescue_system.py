"""A rescue system: another Debian, on a disk without LVM, that sees the guest's disk.

It is started as from a medium, by its own kernel and initramfs; the guest's
disk is its second one, `/dev/disk/by-id/virtio-pclab-guest`.
"""

import tempfile
import uuid
from pathlib import Path

import cache
import disk
import image
import loader
import qemu
import rootfs

SIZE = 1200
"""MiB of its root file system."""

GUEST = "/dev/disk/by-id/virtio-pclab-guest"


def machine(suite, guest, path, more=()):
    """The rescue system of a suite on a disk of its own at `path`, with a guest's disk in it and `more`
    packages."""
    base = folder(suite, more)
    qemu.overlay(base / "disk", path)
    return qemu.Machine(path, qemu.accelerator(base / "kernel"), kernel=base / "kernel",
                        initrd=base / "initrd", guest=guest,
                        append=f"root=LABEL=rescue ro {loader.COMMAND_LINE}")


def folder(suite, more=()):
    """Path of the rescue system's folder: disk, kernel and initrd; built when it is not there."""
    tar = rootfs.tar(suite, (*rootfs.DEFAULT, *more))
    identity = cache.key(tar.name, Path(__file__), loader.COMMAND_LINE,
                         *(image.AGENT / name for name in image.INSTALLED))
    return cache.entry(f"rescue-{suite}-{identity}", lambda path: _make(tar, path))


def _make(tar, path):
    print("building the rescue system", flush=True)
    path.mkdir()
    with open(path / "disk", "wb") as file:
        file.truncate(SIZE << 20)
    with disk.loop(path / "disk", 0, SIZE << 20) as device, \
            tempfile.TemporaryDirectory(prefix="postclone-rescue-") as root:
        disk.run("mkfs.ext4", "-q", "-L", "rescue",
                 "-O", "^metadata_csum_seed,^orphan_file", device)
        disk.run("mount", device, root)
        try:
            disk.run("tar", "-xf", tar, "-C", root, "--numeric-owner", "--xattrs",
                     "--xattrs-include=*")
            _configure(Path(root))
            for name, pattern in [("kernel", "vmlinuz-*"), ("initrd", "initrd.img-*")]:
                [source] = Path(root).glob(f"boot/{pattern}")
                (path / name).write_bytes(source.read_bytes())
        finally:
            disk.run("umount", root)
    (path / "disk").chmod(0o444)


def _configure(root):
    for name, text in [("fstab", "LABEL=rescue / ext4 defaults 0 1\n"),
                       ("hostname", "rescue\n"), ("machine-id", f"{uuid.uuid4().hex}\n")]:
        (root / "etc" / name).write_text(text)
    lab = root / "usr/local/lib/lab"
    lab.mkdir(parents=True)
    (lab / "start").write_text((image.AGENT / "start").read_text())
    units = root / "etc/systemd/system"
    (units / "lab-agent.service").write_text((image.AGENT / "lab-agent.service").read_text())
    wants = units / "multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "lab-agent.service").symlink_to("/etc/systemd/system/lab-agent.service")
