"""The disk layouts that guests are built with, as data."""

from dataclasses import dataclass

OLD = "svlmon2-vg"
NEW = "svlinuxtest-vg"
HOST = "svlinuxtest"


def dm(group, volume):
    """The device-mapper name of a volume: hyphens of both names doubled."""
    return f"{group.replace('-', '--')}-{volume.replace('-', '--')}"


@dataclass(frozen=True)
class Volume:
    """A logical volume, its size in MiB, and its line of fstab."""

    name: str
    size: int
    kind: str
    target: str
    options: str = "defaults"
    check: int = 2


@dataclass(frozen=True)
class Layout:
    """A partitioned disk: /boot, then one physical volume with a group."""

    name: str
    volumes: tuple[Volume, ...]
    group: str = OLD
    host: str = HOST
    boot_kind: str = "ext2"
    boot_size: int = 400
    free: int = 200
    """MiB of the group that no volume takes."""
    packages: tuple[str, ...] = ()
    """What is installed beside rootfs.PACKAGES."""


ROOT = Volume("root", 1400, "ext4", "/", "errors=remount-ro", 1)
SWAP = Volume("swap_1", 200, "swap", "none", "sw", 0)
HOME = Volume("home", 100, "ext4", "/home")
VAR = Volume("var", 500, "ext4", "/var")
PGDATA = Volume("pgdata", 300, "ext4", "/var/lib/postgresql")
SPARE = Volume("spare", 40, "ext4", "/mnt/spare")

LAYOUTS = {
    layout.name: layout
    for layout in [
        Layout("debian-bios", (ROOT, SWAP)),
        Layout("debian-home", (ROOT, VAR, SWAP, HOME)),
        Layout("debian-live", (ROOT, VAR, SWAP, HOME, PGDATA, SPARE), packages=("postgresql",)),
    ]
}
