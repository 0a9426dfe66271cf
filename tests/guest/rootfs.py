"""The root file system of a suite, as a tar made by mmdebstrap.

It is without any disk's particulars: image.py adds those. agent/trim prunes
its modules to what a virtio guest can use, and its initramfs is made here on
the host: both save minutes under emulation.
"""

import os
import subprocess
from pathlib import Path

import cache
import mirror

HERE = Path(__file__).resolve().parent

SUITES = ["bullseye", "bookworm", "trixie", "sid"]

DEFAULT = ("initramfs-tools", "busybox", "grub-pc")
"""The image generator and the boot loader where a guest asks for no others."""

PACKAGES = [
    "linux-image-cloud-amd64", "systemd-sysv", "udev", "dbus", "libpam-systemd",
    "lvm2", "zstd", "e2fsprogs", "kmod", "util-linux", "mount", "procps", "less", "sudo", "attr", "iproute2",
]

COMPONENTS = "main"

UNLINKED = ('find "$1/boot" -type f -links +1 '
            "-exec cp -p {} {}.own ';' -exec mv {}.own {} ';'")
"""Since Linux 7 Debian's package has the kernel twice, as hard links, and a guest's /boot is a file
system of its own."""


def tar(suite, more=DEFAULT):
    """Path of the suite's tar in the cache, with `more` packages; built when not there."""
    packages = [*PACKAGES, *more]
    identity = cache.key(suite, *packages, Path(__file__), HERE / "agent" / "trim")
    return cache.entry(f"rootfs-{suite}-{identity}.tar",
                       lambda path: _make(suite, packages, path))


def _make(suite, packages, path):
    print(f"building the {suite} root file system", flush=True)
    command = [
        "mmdebstrap", "--quiet", "--mode=root", "--variant=minbase",
        f"--components={COMPONENTS}", f"--include={','.join(packages)}",
        "--aptopt=Acquire::Check-Valid-Until \"false\"",
        "--aptopt=APT::Install-Recommends \"false\"",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        "--essential-hook=echo grub-pc grub-pc/install_devices_empty boolean true"
        " | chroot \"$1\" debconf-set-selections",
        "--essential-hook=echo grub-pc grub-pc/install_devices multiselect"
        " | chroot \"$1\" debconf-set-selections",
        f"--customize-hook=copy-in {HERE / 'agent' / 'trim'} /tmp",
        "--customize-hook=chroot \"$1\" sh /tmp/trim",
        "--customize-hook=rm \"$1\"/tmp/trim",
        f"--customize-hook={UNLINKED}",
        suite, str(path) + ".tar", mirror.uri(),
    ]
    subprocess.run(command, check=True,
                   env={**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"})
    Path(str(path) + ".tar").rename(path)
