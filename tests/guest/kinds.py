"""The kinds of guests that are renamed and booted: the rows of the matrix, as data."""

from dataclasses import dataclass

from layout import LAYOUTS


@dataclass(frozen=True)
class Kind:
    """A suite in a layout; `what` says of it what the layout's other columns do not."""

    suite: str
    layout: str
    what: str

    @property
    def name(self):
        return f"{self.suite}-{self.layout}"

    @property
    def loader(self):
        """Its boot loader and firmware."""
        layout = LAYOUTS[self.layout]
        names = {"grub": "GRUB", "systemd-boot": "systemd-boot, BLS entries",
                 "uki": "systemd-boot, unified kernel image", "extlinux": "extlinux"}
        return f"{names[layout.loader]}, {layout.firmware.upper()}"

    @property
    def generator(self):
        """What builds its images."""
        names = {"dracut": "dracut, generic", "dracut-hostonly": "dracut, host-only"}
        generator = LAYOUTS[self.layout].generator
        return names.get(generator, generator)


KINDS = [
    Kind("bullseye", "debian-bios", "/boot on a partition, swap with resume="),
    Kind("bookworm", "debian-bios", "/boot on a partition, swap with resume="),
    Kind("trixie", "debian-bios", "/boot on a partition, swap with resume="),
    Kind("sid", "debian-bios", "/boot on a partition, swap with resume="),
    Kind("bookworm", "debian-home", "/home and /var on volumes"),
    Kind("bookworm", "uefi", "ESP and /boot on partitions"),
    Kind("trixie", "uefi-no-swap", "ESP and /boot on partitions, no swap"),
    Kind("bookworm", "dracut", "rd.lvm.lv= and resume= of the installer's"),
    Kind("trixie", "dracut", "rd.lvm.lv= and resume= of the installer's"),
    Kind("bookworm", "dracut-hostonly", "the command line in the image as well"),
    Kind("trixie", "dracut-hostonly", "the command line in the image as well"),
    Kind("bookworm", "systemd-boot", "no /etc/kernel/cmdline"),
    Kind("trixie", "systemd-boot", "no /etc/kernel/cmdline"),
    Kind("trixie", "systemd-boot-dracut", "/etc/kernel/cmdline with rd.lvm.lv="),
    Kind("trixie", "uki", "built by ukify"),
    Kind("bookworm", "extlinux", "written by u-boot-update"),
    Kind("bookworm", "boot-on-lvm", "/boot inside of the group"),
    Kind("trixie", "boot-on-lvm-uefi", "/boot inside of the group"),
    Kind("bookworm", "xfs", "XFS on /boot, a partition, and on /"),
    Kind("bookworm", "xfs-boot-on-lvm", "/boot inside of an XFS root"),
    Kind("trixie", "xfs-boot-on-lvm", "/boot inside of an XFS root"),
    Kind("bookworm", "luks", "the group inside of LUKS, as the installer's encrypted LVM"),
    Kind("trixie", "luks", "the group inside of LUKS, as the installer's encrypted LVM"),
    Kind("bookworm", "luks-on-lv", "the root volume holds LUKS"),
    Kind("bookworm", "thin", "root in a thin pool"),
    Kind("bookworm", "snapshot", "root with a snapshot"),
    Kind("bookworm", "raid1", "root and swap of RAID1 on two disks' partitions"),
    Kind("bookworm", "cache", "root with a cache pool"),
    Kind("bookworm", "two-groups", "a second group, whose names begin alike"),
    Kind("bookworm", "odd-name", "`a.b+c` becomes `a-`"),
    Kind("bookworm", "long-name", "`vg` becomes a name of 60 characters"),
    Kind("bookworm", "forms", "fstab by dm-uuid, by-id, /dev/GROUP/VOLUME, UUID, LABEL"),
    Kind("bookworm", "swapfile", "resume= into a file on the root volume; two kernels"),
    Kind("bookworm", "libvirt", "a storage pool of libvirt on the group"),
]
