//! What a person must do if a file is a copy, or if postclone must not change it.
//!
//! `{old}` and `{new}` stand for the group's names.

/// libvirt.org/daemons.html; `virsh edit` writes the text that the daemon has in memory.
pub const LIBVIRT: &str = "libvirt keeps the old text until it is restarted: restart libvirtd (or virtqemud and \
                           virtstoraged) after the run, or load the file with `virsh define` or `virsh pool-define`";
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
/// targetcli(8): `saveconfig` writes the kernel's state.
pub const TARGET: &str = "the kernel's targets have the old path until the reboot: do not run `targetcli saveconfig` before it";
/// ukify(1). Not reported for images that the run rebuilds.
pub const UKI: &str = "it is one image with the kernel: rebuild it before the reboot (kernel-install, ukify, \
                       dracut --uefi or mkinitcpio)";
/// systemd-stub(7), Command Line and add-ons.
pub const ADDON: &str =
    "it is a signed add-on of a kernel image: rebuild it before the reboot (ukify)";
/// mkimage(1), U-Boot's script images.
pub const BOOT_SCR: &str = "U-Boot reads boot.scr, which is made from boot.cmd: run `mkimage -A arm64 -T script -C none \
     -d boot.cmd boot.scr` (or -A arm) in /boot before the reboot";
/// github.com/linuxboot/heads, kexec-boot: kexec.sig is a signature of all of /boot.
pub const HEADS: &str =
    "Heads checks a signature of /boot: sign it again in its menu at the next boot";
/// grub-install(8): load.cfg is part of the image.
pub const GRUB_IMAGE: &str =
    "GRUB looks for its own files by the group's name: run grub-install before the reboot";
/// efibootmgr(8).
pub const FIRMWARE: &str = "the firmware gives the old name to the kernel: make the boot entry again with \
                            efibootmgr before the reboot";
/// pmxcfs(8).
pub const PROXMOX: &str =
    "below /etc/pve files cannot be replaced whole: edit it by hand after the run";
/// pmxcfs(8).
pub const PROXMOX_DATABASE: &str =
    "it contains the files of /etc/pve: edit them there when the node runs";
/// The CIB is signed. It must not be edited as a file (pacemaker.io, Pacemaker Explained).
pub const PACEMAKER: &str = "it belongs to the cluster: on a running node, set the parameter with `pcs resource \
                             update RESOURCE PARAMETER=VALUE` or with crm";
/// linuxcontainers.org/incus: a pool's `lvm.vg_name`. If the client changes it, Incus renames the group
/// itself.
pub const INCUS: &str = "it is the daemon's database: run `incus admin sql global \"UPDATE storage_pools_config \
     SET value='{new}' WHERE value='{old}'\"` after the run";
/// The same in LXD.
pub const LXD: &str = "it is the daemon's database: run `lxd sql global \"UPDATE storage_pools_config SET \
     value='{new}' WHERE value='{old}'\"` after the run";
/// docs.docker.com, `docker container create`, `docker volume create`: Docker keeps the values from
/// creation.
pub const CONTAINER: &str = "Docker keeps the values it was created with: create the container or the volume \
                             again after the run";
/// gnt-cluster(8), `modify --vg-name`.
pub const GANETI: &str = "it belongs to the cluster: run `gnt-cluster modify --vg-name={new}` on the master \
                          after the run";
