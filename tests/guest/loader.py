"""Boot loaders and image generators of guests: their packages, their files, how they are set up."""

COMMAND_LINE = "console=ttyS0,115200 mitigations=off apparmor=0"

GRUB_DEFAULTS = {
    "GRUB_TIMEOUT": "1",
    "GRUB_CMDLINE_LINUX_DEFAULT": '""',
    "GRUB_TERMINAL": '"serial console"',
    "GRUB_SERIAL_COMMAND": '"serial --unit=0 --speed=115200"',
}

GENERATORS = {
    "initramfs-tools": ("initramfs-tools", "busybox"),
    "dracut": ("dracut",),
    "dracut-hostonly": ("dracut",),
}

IMAGES = {
    "initramfs-tools": "timed update-initramfs -u -k all\n",
    # Under the name that Debian's kernel packages give it (/etc/kernel/postinst.d/dracut).
    "dracut": """
for version in /lib/modules/*; do
	version=${version##*/}
	timed dracut --quiet --force "/boot/initrd.img-$version" "$version"
done
""",
}
IMAGES["dracut-hostonly"] = IMAGES["dracut"]

QUICK = "set -e\ntimed() { \"$@\"; }\n"
"""The same scripts outside of a guest."""


def in_guest(layout):
    """Whether the images must be made in the guest: their tool looks at its devices.

    Of dracut's generic ones the same come of a chroot, within seconds instead of minutes. Those of
    initramfs-tools lack fsck there (hooks/fsck asks the root device for its type).
    """
    return layout.generator != "dracut"


KERNEL_INSTALL = """
mkdir -p /etc/kernel
timed bootctl install
# Before systemd 250 kernel-install makes an entry only where this directory is (00-entry-directory.install).
[[ $(systemctl --version) != 'systemd 24'* ]] || mkdir -p "{esp}/$(cat /etc/machine-id)"
echo 'timeout 1' >{esp}/loader/loader.conf
for version in /lib/modules/*; do
	version=${{version##*/}}
	timed kernel-install add "$version" "/boot/vmlinuz-$version" "/boot/initrd.img-$version"
done
find {esp} -type f
cat {esp}/loader/entries/*.conf || true
"""

EXTLINUX = """
sed -i -e 's/^.*U_BOOT_PARAMETERS=.*/U_BOOT_PARAMETERS="ro {more}"/' \\
	-e 's/^.*U_BOOT_TIMEOUT=.*/U_BOOT_TIMEOUT="10"/' /etc/default/u-boot
grep -q '^U_BOOT_PARAMETERS' /etc/default/u-boot ||
	printf 'U_BOOT_PARAMETERS="ro {more}"\\nU_BOOT_TIMEOUT="10"\\n' >>/etc/default/u-boot
timed u-boot-update
timed extlinux --install /boot/extlinux
dd if=/usr/lib/EXTLINUX/mbr.bin of=/dev/vda bs=440 count=1 conv=notrunc status=none
cat /boot/extlinux/extlinux.conf
"""

BOOTCTL = {"bullseye": (), "bookworm": ("systemd-boot",), "trixie": ("systemd-boot",),
           "sid": ("systemd-boot",)}


def packages(suite, layout):
    """What a guest needs to make its images and to be started."""
    loader = {
        ("grub", "bios"): ("grub-pc",),
        ("grub", "uefi"): ("grub-efi-amd64", "efibootmgr"),
        ("systemd-boot", "uefi"): (*BOOTCTL[suite], "efibootmgr"),
        ("uki", "uefi"): (*BOOTCTL[suite], "systemd-boot-efi", "systemd-ukify", "efibootmgr"),
        ("extlinux", "bios"): ("extlinux", "syslinux-common", "u-boot-menu"),
    }[layout.loader, layout.firmware]
    tools = ("dosfstools",) if layout.esp_size else ()
    return (*GENERATORS[layout.generator], *loader, *tools)


def files(layout):
    """(path, text) of what the loader and the generator read."""
    found = []
    if layout.generator == "dracut-hostonly":
        found.append(("etc/dracut.conf.d/hostonly.conf",
                      'hostonly="yes"\nhostonly_cmdline="yes"\n'))
    if layout.loader == "uki":
        found.append(("etc/kernel/install.conf", "layout=uki\nuki_generator=ukify\n"))
    return found


def setup(layout, more):
    """The script that makes images and puts the loader onto the disk; `more` is the command line
    behind root= and ro."""
    script = {
        ("grub", "bios"): "timed grub-install --target=i386-pc /dev/vda\ntimed update-grub\n",
        ("grub", "uefi"): "timed grub-install --target=x86_64-efi\ntimed update-grub\n",
        ("systemd-boot", "uefi"): KERNEL_INSTALL.format(esp=layout.esp),
        ("uki", "uefi"): KERNEL_INSTALL.format(esp=layout.esp),
        ("extlinux", "bios"): EXTLINUX.format(more=more),
    }[layout.loader, layout.firmware]
    return (IMAGES[layout.generator] if in_guest(layout) else "") + script
