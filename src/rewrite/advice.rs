//! What to do by hand where a file is a copy, or not ours to change.
//!
//! `{old}` and `{new}` stand for the group's names.

/// libvirt.org/daemons.html; `virsh edit` writes what the daemon holds.
pub const LIBVIRT: &str = "libvirt keeps the old text until it starts again: restart libvirtd (or virtqemud \
     and virtstoraged) after the run, or give it the file by `virsh define` or `virsh pool-define`";
/// zipl(8).
pub const ZIPL: &str =
    "the boot map is a copy of it and of the boot loader entries: run `zipl` before the reboot";
/// lilo(8).
pub const LILO: &str = "the boot map is a copy of it: run `lilo` before the reboot";
/// elilo(8).
pub const ELILO: &str = "the loader reads a copy of it: run `elilo` before the reboot";
/// ybin(8).
pub const YABOOT: &str = "the loader reads a copy of it: run `ybin` before the reboot";
/// kdump-config(8), kdump.conf(5).
pub const KDUMP: &str = "the capture kernel's image has a copy of it: run `kdump-config reload`, or restart \
     kdump.service, after the reboot";
/// targetcli(8): saving writes what the kernel has.
pub const TARGET: &str = "the kernel's targets have the old path until the reboot: do not run `targetcli saveconfig` before it";
/// ukify(1). Not said of those that the run builds anew.
pub const UKI: &str = "it is one image with the kernel: build it anew before the reboot (kernel-install, ukify, \
     dracut --uefi or mkinitcpio)";
/// systemd-stub(7), Command Line and add-ons.
pub const ADDON: &str =
    "it is a signed add-on of a kernel image: build it anew before the reboot (ukify)";
/// mkimage(1), U-Boot's script images.
pub const BOOT_SCR: &str = "U-Boot reads boot.scr, which is made of boot.cmd: run `mkimage -A arm64 -T script -C none \
     -d boot.cmd boot.scr` (or -A arm) in /boot before the reboot";
/// github.com/linuxboot/heads, kexec-boot: kexec.sig is a signature of all of /boot.
pub const HEADS: &str =
    "Heads checks /boot by a signature: sign it anew in its menu at the next boot";
/// grub-install(8): load.cfg is part of the image.
pub const GRUB_IMAGE: &str =
    "GRUB looks for its own files by the group's name: run grub-install before the reboot";
/// efibootmgr(8).
pub const FIRMWARE: &str = "the firmware gives the old name to the kernel: make the boot entry anew with \
     efibootmgr before the reboot";
/// pmxcfs(8).
pub const PROXMOX: &str =
    "below /etc/pve files cannot be replaced whole: edit it by hand after the run";
/// pmxcfs(8).
pub const PROXMOX_DATABASE: &str =
    "it holds the files of /etc/pve: edit them there when the node runs";
/// The CIB is signed and never edited as a file (pacemaker.io, Pacemaker Explained).
pub const PACEMAKER: &str = "it is the cluster's: on a running node give the parameter its new value, by `pcs resource update \
     RESOURCE PARAMETER=VALUE` or by crm";
/// linuxcontainers.org/incus: a pool's `lvm.vg_name`; changing it by the client renames the group itself.
pub const INCUS: &str = "it is the daemon's database: run `incus admin sql global \"UPDATE storage_pools_config \
     SET value='{new}' WHERE value='{old}'\"` after the run";
/// The same in LXD.
pub const LXD: &str = "it is the daemon's database: run `lxd sql global \"UPDATE storage_pools_config SET \
     value='{new}' WHERE value='{old}'\"` after the run";
/// docs.docker.com, `docker container create`, `docker volume create`: the engine keeps what they were
/// made with.
pub const CONTAINER: &str =
    "Docker keeps what it was made with: make the container or the volume anew after the run";
/// gnt-cluster(8), `modify --vg-name`.
pub const GANETI: &str =
    "it is the cluster's: run `gnt-cluster modify --vg-name={new}` on the master after the run";
