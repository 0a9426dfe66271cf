"""The disk layouts that guests are built with, as data."""

from dataclasses import dataclass, replace

OLD = "svlmon2-vg"
NEW = "svlinuxtest-vg"
HOST = "svlinuxtest"

PASSPHRASE = "lab"
"""What is typed where a guest asks for that of its encrypted volumes."""


def dm(group, volume):
    """The device-mapper name of a volume: hyphens of both names doubled."""
    return f"{group.replace('-', '--')}-{volume.replace('-', '--')}"


@dataclass(frozen=True)
class Volume:
    """A logical volume, its size in MiB, and its line of fstab.

    `source` is how fstab names it: mapper, slash (/dev/GROUP/VOLUME), uuid, label, by-id
    (dm-name) or dm-uuid. One with `luks` is encrypted, its mapping named as Debian's installer does.
    """

    name: str
    size: int
    kind: str
    target: str
    options: str = "defaults"
    check: int = 2
    source: str = "mapper"
    luks: bool = False


@dataclass(frozen=True)
class Layout:
    """A partitioned disk: an ESP, /boot, then one physical volume with a group; each of the first two
    where its size is not 0."""

    name: str
    volumes: tuple[Volume, ...]
    group: str = OLD
    new: str = NEW
    host: str = HOST
    firmware: str = "bios"
    """bios or uefi."""
    loader: str = "grub"
    """grub, systemd-boot, uki or extlinux: see loader.py."""
    generator: str = "initramfs-tools"
    """initramfs-tools, dracut or dracut-hostonly."""
    boot_kind: str = "ext2"
    boot_size: int = 400
    esp_size: int = 0
    esp: str = "/boot/efi"
    luks: bool = False
    """Whether the physical volume is inside of LUKS, as in the installer's encrypted LVM."""
    second: int = 0
    """MiB of one more partition of type LVM, empty."""
    free: int = 200
    """MiB of the group that no volume takes."""
    packages: tuple[str, ...] = ()
    """What is installed beside rootfs.PACKAGES."""
    files: tuple[tuple[str, str], ...] = ()
    """(path, text) of more files."""
    arguments: str = ""
    """More of the kernel command line."""
    setup: str = ""
    """Run in the first boot, before images and boot loader are made."""
    finish: str = ""
    """Run in a boot of its own after that."""

    @property
    def root(self):
        """The volume with /."""
        return next(volume for volume in self.volumes if volume.target == "/")

    @property
    def root_device(self):
        """What root= says."""
        return self.device(self.root)

    def device(self, volume):
        """The node that a volume's file system is on."""
        return f"/dev/mapper/{dm(self.group, volume.name)}{'_crypt' if volume.luks else ''}"


ROOT = Volume("root", 1400, "ext4", "/", "errors=remount-ro", 1)
SWAP = Volume("swap_1", 200, "swap", "none", "sw", 0)
HOME = Volume("home", 100, "ext4", "/home")
VAR = Volume("var", 500, "ext4", "/var")
PGDATA = Volume("pgdata", 300, "ext4", "/var/lib/postgresql")
SPARE = Volume("spare", 40, "ext4", "/mnt/spare")

PAIR = (ROOT, SWAP)
XFS = (replace(ROOT, kind="xfs", options="defaults", check=0), SWAP)
UEFI = {"firmware": "uefi", "esp_size": 64}
DRACUT = "rd.lvm.lv={group}/root rd.lvm.lv={group}/swap_1 resume=/dev/mapper/{dm}-swap_1"
"""What Anaconda writes onto the kernel command line."""

DATA_GROUP = """
pvcreate -q /dev/vda6
vgcreate -q svlmon2 /dev/vda6
lvcreate -q -y -L 40M -n vg--root svlmon2
lvcreate -q -y -L 40M -n data svlmon2
mkfs.ext4 -q /dev/svlmon2/data
mkdir /srv/data
echo '/dev/mapper/svlmon2-data /srv/data ext4 defaults 0 2' >>/etc/fstab
"""
"""A group whose name is how the other's begins, with a volume that makes its dm name look alike."""

RAID = """
pvcreate -q /dev/vda6
vgextend -q {group} /dev/vda6
for volume in root swap_1; do
	lvconvert -q -y --type raid1 -m 1 {group}/$volume
done
until [[ $(lvs --noheadings -o sync_percent {group} | tr -d ' \\n') == 100.00100.00 ]]; do
	sleep 2
done
"""

CACHE = """
pvcreate -q /dev/vda6
vgextend -q {group} /dev/vda6
lvcreate -q -y --type cache-pool -L 100M -n fast {group} /dev/vda6
lvconvert -q -y --type cache --cachepool fast {group}/root
"""

# A copy of the running root by a snapshot; the next boot is from it, for it gets the name.
THIN = """
lvcreate -q -y -s -L 300M -n still {group}/root
lvcreate -q -y --type thin-pool -L 1600M -n pool {group}
lvcreate -q -y -V 1400M --thinpool pool -n thin {group}
dd if=/dev/{group}/still of=/dev/{group}/thin bs=4M conv=sparse status=none
lvremove -q -y {group}/still
lvrename -q {group}/root {group}/plain
lvrename -q {group}/thin {group}/root
"""
THIN_FINISH = """
lvremove -q -y {group}/plain
lvs -a
"""

# A pool that LVM is to extend at 70 percent; the volume in it is filled by the scenario.
THIN_AUTOEXTEND = """
lvcreate -q -y --type thin-pool -L 200M -n tank {group}
lvcreate -q -y -V 400M --thinpool tank -n data {group}
mkfs.ext4 -q -E nodiscard /dev/{group}/data
mkdir /srv/data
echo '/dev/mapper/{dm}-data /srv/data ext4 defaults 0 2' >>/etc/fstab
lvs -a -o +seg_monitor,data_percent
"""
AUTOEXTEND = """activation {
	monitoring = 1
	thin_pool_autoextend_threshold = 70
	thin_pool_autoextend_percent = 50
}
"""

# Files get their labels in the first two boots, the later ones hold on to the policy.
LABEL = """
getenforce
timed fixfiles -F relabel >/dev/null 2>&1 || timed setfiles -F /etc/selinux/default/contexts/files/file_contexts / /boot
ls -Zd / /etc /boot /etc/fstab /boot/grub
"""
ENFORCE = """
sed -i 's/^SELINUX=.*/SELINUX=enforcing/' /etc/selinux/config
timed restorecon -RF /etc /boot /usr /var /root 2>/dev/null
"""

SWAPFILE = """
dd if=/dev/zero of=/var/swapfile bs=1M count=64 status=none
chmod 600 /var/swapfile
mkswap /var/swapfile
echo '/var/swapfile none swap sw 0 0' >>/etc/fstab
offset=$(filefrag -v /var/swapfile | sed -n 's/^ *0: *0\\.\\. *[0-9]*: *\\([0-9]*\\)\\.\\..*/\\1/p')
sed -i "s,^GRUB_CMDLINE_LINUX=\\"\\(.*\\)\\"$,GRUB_CMDLINE_LINUX=\\"\\1 resume={device} resume_offset=$offset\\"," \\
	/etc/default/grub
grep '^GRUB_CMDLINE_LINUX=.*resume_offset=[0-9]' /etc/default/grub
"""

POOL = """
lvcreate -q -y -L 20M -n disk0 {group}
systemctl start libvirtd
virsh pool-define-as guests logical --source-name {group} --target /dev/{group}
virsh pool-autostart guests
virsh pool-start guests
virsh vol-list guests
cat /etc/libvirt/storage/guests.xml
"""

# Made in the guest, for their comments name the host that makes them.
HOST_KEYS = """
rm -f /etc/ssh/ssh_host_*
timed ssh-keygen -A
cat /etc/ssh/ssh_host_*.pub
"""

UBUNTU = tuple(replace(volume, source=source) for volume, source in [
    (ROOT, "dm-uuid"), (VAR, "by-id"), (HOME, "slash"), (SPARE, "uuid"), (SWAP, "label")])

LAYOUTS = {
    layout.name: layout
    for layout in [
        Layout("debian-bios", PAIR),
        Layout("debian-home", (ROOT, VAR, SWAP, HOME)),
        Layout("debian-live", (ROOT, VAR, SWAP, HOME, PGDATA, SPARE), packages=("postgresql",)),
        Layout("xfs", XFS, boot_kind="xfs", boot_size=500, packages=("xfsprogs",)),
        Layout("xfs-boot-on-lvm", XFS, boot_size=0, packages=("xfsprogs",)),
        Layout("uefi", PAIR, **UEFI),
        Layout("uefi-no-swap", (ROOT,), **UEFI),
        Layout("dracut", PAIR, generator="dracut", arguments=DRACUT),
        Layout("dracut-hostonly", PAIR, generator="dracut-hostonly"),
        Layout("systemd-boot", PAIR, loader="systemd-boot", boot_size=0,
               **{**UEFI, "esp_size": 200}),
        Layout("systemd-boot-dracut", PAIR, loader="systemd-boot", boot_size=0,
               generator="dracut", arguments=DRACUT,
               files=(("etc/kernel/cmdline", "{command_line}\n"),), **{**UEFI, "esp_size": 200}),
        Layout("uki", PAIR, loader="uki", boot_size=0,
               files=(("etc/kernel/cmdline", "{command_line}\n"),), **{**UEFI, "esp_size": 200}),
        Layout("extlinux", PAIR, loader="extlinux"),
        Layout("boot-on-lvm", PAIR, boot_size=0),
        Layout("boot-on-lvm-uefi", PAIR, boot_size=0, **UEFI),
        Layout("luks", PAIR, luks=True, packages=("cryptsetup-initramfs",)),
        Layout("luks-on-lv", (replace(ROOT, luks=True), SWAP), packages=("cryptsetup-initramfs",)),
        Layout("thin", PAIR, free=2100, setup=THIN, finish=THIN_FINISH,
               packages=("thin-provisioning-tools",)),
        Layout("thin-autoextend", PAIR, free=900, setup=THIN_AUTOEXTEND,
               packages=("thin-provisioning-tools",),
               files=(("etc/lvm/lvmlocal.conf", AUTOEXTEND),)),
        Layout("selinux", PAIR, arguments="security=selinux selinux=1", setup=LABEL, finish=ENFORCE,
               packages=("selinux-policy-default", "selinux-basics", "policycoreutils", "selinux-utils"),
               files=(("etc/selinux/config", "SELINUX=permissive\nSELINUXTYPE=default\n"),)),
        Layout("snapshot", PAIR, setup="lvcreate -q -y -s -L 100M -n before {group}/root\n"),
        Layout("raid1", PAIR, second=1800, setup=RAID),
        Layout("cache", PAIR, second=300, setup=CACHE, packages=("thin-provisioning-tools",)),
        Layout("two-groups", PAIR, second=200, setup=DATA_GROUP),
        Layout("odd-name", PAIR, group="a.b+c", new="a-"),
        Layout("long-name", PAIR, group="vg",
               new="a-name-of-sixty-characters-with-many-hyphens-in-it-to-be-sure"[:60]),
        Layout("forms", UBUNTU),
        Layout("ansible", PAIR, packages=("ansible-core",)),
        # A template before it is cloned: its group is named after its host.
        Layout("clone-lab", PAIR, host=OLD.removesuffix("-vg"), setup=HOST_KEYS,
               packages=("openssh-server",)),
        Layout("clone-xfs", XFS, boot_kind="xfs", boot_size=500, host=OLD.removesuffix("-vg"), setup=HOST_KEYS,
               packages=("xfsprogs", "openssh-server")),
        Layout("clone-systemd-boot", PAIR, loader="systemd-boot", boot_size=0, host=OLD.removesuffix("-vg"),
               setup=HOST_KEYS, packages=("openssh-server",), **{**UEFI, "esp_size": 200}),
        Layout("swapfile", (ROOT,), setup=SWAPFILE, packages=("linux-image-amd64",)),
        Layout("libvirt", PAIR, setup=POOL,
               packages=("libvirt-daemon-system", "libvirt-clients")),
    ]
}
