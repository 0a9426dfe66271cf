//! Every place that is looked at: where it is, what reads it, and what becomes of what is found.
//!
//! `man/places.md` says the same to people, and which test shows it.

use std::path::Path;

use super::advice::{
    ADDON, BOOT_SCR, ELILO, FIRMWARE, GRUB_IMAGE, HEADS, INCUS, KDUMP, LIBVIRT, LILO, LXD,
    PACEMAKER, PROXMOX, PROXMOX_DATABASE, TARGET, UKI, YABOOT, ZIPL,
};
use super::{
    Rewrite, bls, crypttab, efi_variable, free_text, fstab, grubenv, json, keyed, libvirt,
    lvm_conf, shell_conf, text, udev_rules, unit_file, xen,
};
use crate::severity::Severity;

/// Where a format lives.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Path below the root, without a leading slash. One `*` a component stands for any text that
    /// does not start with a dot; a component `**` for any directories, none included.
    pub pattern: &'static str,
    /// The format's name in reports.
    pub kind: &'static str,
    /// What reads it.
    pub rewrite: Rewrite,
    /// What a stale name in it costs.
    pub severity: Severity,
    /// What becomes of what is found.
    pub treatment: Treatment,
}

/// What becomes of the names that are found in a place. In advice, `{old}` and `{new}` stand for the
/// group's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// The file changes.
    Rewritten,
    /// The file changes, and its owner keeps a copy until it is told.
    Then(&'static str),
    /// The file is another program's state, or cannot be replaced: what to do by hand is said.
    Reported(&'static str),
}

const COPIES: &[&str] =
    &[".bak", ".old", ".orig", ".save", ".dpkg-old", ".dpkg-dist", ".dpkg-new", ".rpmsave"];

impl Place {
    /// Whether a file is an old copy that the place's reader passes over: systemd takes a file for a unit
    /// or a drop-in by its suffix (systemd.unit(5)).
    pub fn passes_over(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.kind.starts_with("systemd-")
            && (name.ends_with('~') || COPIES.iter().any(|suffix| name.ends_with(suffix)))
    }

    /// Whether the run must not go on without having read the place.
    pub fn is_vital(&self) -> bool {
        self.severity == Severity::Boot && !matches!(self.treatment, Treatment::Reported(_))
    }

    const fn then(self, advice: &'static str) -> Self {
        Self { treatment: Treatment::Then(advice), ..self }
    }

    const fn reported(self, advice: &'static str) -> Self {
        Self { treatment: Treatment::Reported(advice), ..self }
    }
}

const fn boot(pattern: &'static str, kind: &'static str, rewrite: Rewrite) -> Place {
    Place { pattern, kind, rewrite, severity: Severity::Boot, treatment: Treatment::Rewritten }
}

const fn service(pattern: &'static str, kind: &'static str, rewrite: Rewrite) -> Place {
    Place { severity: Severity::Error, ..boot(pattern, kind, rewrite) }
}

/// Settings in which device paths alone can name the group.
const fn paths(pattern: &'static str, kind: &'static str) -> Place {
    service(pattern, kind, text::device_paths)
}

/// Scripts, commands, and settings without a grammar of their own.
const fn free(pattern: &'static str, kind: &'static str) -> Place {
    service(pattern, kind, free_text::rewrite)
}

/// A kernel command line, or a loader's file that holds some.
const fn loader(pattern: &'static str, kind: &'static str) -> Place {
    boot(pattern, kind, text::kernel_command_line)
}

/// Files that a boot loader's file of that kind includes, wherever they lie.
pub const INCLUDED: &[Place] = &[
    boot("", "grub-include", text::grub),
    loader("", "extlinux"),
    loader("", "syslinux"),
    loader("", "refind"),
];

/// Every place, in the order of the report. Where two patterns fit a file, the first counts.
pub const PLACES: &[Place] = &[
    // File systems, swap, encryption.
    boot("etc/fstab", "fstab", fstab::rewrite),
    boot("etc/fstab.d/*.fstab", "fstab", fstab::rewrite),
    boot("etc/crypttab", "crypttab", crypttab::rewrite),
    boot("etc/crypttab.initramfs", "crypttab", crypttab::rewrite),
    boot("etc/veritytab", "device-table", crypttab::device_table),
    boot("etc/integritytab", "device-table", crypttab::device_table),
    // Kernel command lines, and what makes them.
    boot("etc/default/grub", "default-grub", text::grub),
    boot("etc/default/grub.d/*.cfg", "default-grub", text::grub),
    boot("etc/sysconfig/grub", "default-grub", text::grub),
    boot("etc/grub.d/*", "grub-script", text::grub),
    loader("etc/kernel/cmdline", "kernel-command-line"),
    loader("etc/kernel/uki*.conf", "kernel-command-line"),
    loader("etc/cmdline.d/*", "kernel-command-line"),
    loader("etc/default/u-boot", "boot-settings"),
    loader("etc/default/extlinux", "boot-settings"),
    loader("etc/default/flash-kernel", "boot-settings"),
    loader("etc/default/raspi-firmware", "boot-settings"),
    loader("etc/default/raspi-extra-cmdline", "boot-settings"),
    loader("etc/default/limine", "boot-settings"),
    loader("etc/limine-entry-tool.conf", "boot-settings"),
    loader("etc/limine-entry-tool.d/*.conf", "boot-settings"),
    loader("etc/default/efibootmgr-kernel-hook", "boot-settings"),
    loader("etc/default/uefi-mkconfig", "boot-settings"),
    loader("etc/default/kexec", "boot-settings"),
    loader("etc/default/kexec.d/*", "boot-settings"),
    loader("etc/conf.d/kexec", "boot-settings"),
    loader("etc/sdboot-manage.conf", "boot-settings"),
    loader("etc/kernelstub/configuration", "boot-settings"),
    loader("etc/dracut-ukify.conf", "boot-settings"),
    loader("etc/genkernel.conf", "boot-settings"),
    loader("etc/mkinitrd.conf", "boot-settings"),
    loader("etc/mkinitrd/mkinitrd.conf", "boot-settings"),
    loader("etc/flash-kernel/**/*", "boot-settings"),
    loader("etc/tuned/bootcmdline", "boot-settings"),
    loader("etc/tuned/*/tuned.conf", "boot-settings"),
    loader("etc/tuned/profiles/*/tuned.conf", "boot-settings"),
    loader("etc/update-extlinux.conf", "boot-settings"),
    loader("etc/update-extlinux.d/*", "boot-settings"),
    loader("etc/sysconfig/bootloader", "boot-settings"),
    loader("boot/boom/profiles/*.profile", "boom"),
    loader("boot/boom/hosts/*.host", "boom"),
    // LVM.
    boot("etc/lvm/lvm.conf", "lvm-conf", lvm_conf::rewrite),
    boot("etc/lvm/lvmlocal.conf", "lvm-conf", lvm_conf::rewrite),
    boot("etc/lvm/lvm_*.conf", "lvm-conf", lvm_conf::rewrite),
    service("etc/lvm/profile/*.profile", "lvm-profile", lvm_conf::rewrite),
    // What initramfs images are made of.
    boot("etc/initramfs-tools/initramfs.conf", "initramfs-conf", text::device_paths),
    boot("etc/initramfs-tools/conf.d/*", "initramfs-conf", text::device_paths),
    boot("etc/initramfs-tools/hooks/*", "initramfs-script", free_text::rewrite),
    boot("etc/initramfs-tools/scripts/**/*", "initramfs-script", free_text::rewrite),
    loader("etc/dracut.conf", "dracut-conf"),
    loader("etc/dracut.conf.d/*.conf", "dracut-conf"),
    loader("etc/mkinitcpio.conf", "mkinitcpio-conf"),
    loader("etc/mkinitcpio.conf.d/*.conf", "mkinitcpio-conf"),
    loader("etc/mkinitcpio.d/*.preset", "mkinitcpio-conf"),
    paths("etc/uswsusp.conf", "suspend-conf"),
    paths("etc/suspend.conf", "suspend-conf"),
    // Boot loaders.
    boot("boot/grub/grub.cfg", "grub-cfg", text::grub),
    boot("boot/grub/custom.cfg", "grub-cfg", text::grub),
    boot("boot/grub/user.cfg", "grub-include", text::grub),
    boot("boot/grub/menu.lst", "grub-legacy", text::grub),
    boot("boot/grub/grub.conf", "grub-legacy", text::grub),
    boot("boot/grub/grubenv", "grubenv", grubenv::rewrite),
    boot("boot/grub2/grub.cfg", "grub-cfg", text::grub),
    boot("boot/grub2/custom.cfg", "grub-cfg", text::grub),
    boot("boot/grub2/user.cfg", "grub-include", text::grub),
    boot("boot/grub2/grubenv", "grubenv", grubenv::rewrite),
    boot("boot/efi/EFI/*/grub.cfg", "grub-cfg", text::grub),
    boot("boot/efi/EFI/*/grubenv", "grubenv", grubenv::rewrite),
    boot("boot/efi/EFI/*/custom.cfg", "grub-cfg", text::grub),
    boot("boot/efi/EFI/*/user.cfg", "grub-include", text::grub),
    boot("boot/efi/EFI/*/grub.conf", "grub-legacy", text::grub),
    boot("boot/efi/EFI/*/menu.lst", "grub-legacy", text::grub),
    boot("boot/EFI/*/grub.cfg", "grub-cfg", text::grub),
    boot("boot/EFI/*/grubenv", "grubenv", grubenv::rewrite),
    boot("efi/EFI/*/grub.cfg", "grub-cfg", text::grub),
    boot("efi/EFI/*/grubenv", "grubenv", grubenv::rewrite),
    boot("boot/loader/entries/*.conf", "bls-entry", bls::rewrite),
    boot("boot/efi/loader/entries/*.conf", "bls-entry", bls::rewrite),
    boot("efi/loader/entries/*.conf", "bls-entry", bls::rewrite),
    loader("boot/extlinux/extlinux.conf", "extlinux"),
    loader("boot/extlinux.conf", "extlinux"),
    loader("extlinux.conf", "extlinux"),
    loader("boot/syslinux/syslinux.cfg", "syslinux"),
    loader("boot/syslinux/extlinux.conf", "extlinux"),
    loader("boot/extlinux/syslinux.cfg", "syslinux"),
    loader("boot/syslinux.cfg", "syslinux"),
    loader("boot/isolinux/isolinux.cfg", "syslinux"),
    loader("boot/firmware/extlinux/extlinux.conf", "extlinux"),
    loader("boot/efi/extlinux/extlinux.conf", "extlinux"),
    loader("boot/efi/syslinux.cfg", "syslinux"),
    loader("boot/efi/syslinux/syslinux.cfg", "syslinux"),
    loader("boot/efi/EFI/*/sys*.cfg", "syslinux"),
    loader("boot/EFI/*/sys*.cfg", "syslinux"),
    loader("efi/EFI/*/sys*.cfg", "syslinux"),
    loader("efi/syslinux/syslinux.cfg", "syslinux"),
    loader("boot/refind_linux.conf", "refind-linux"),
    loader("boot/efi/EFI/*/refind_linux.conf", "refind-linux"),
    loader("boot/EFI/*/refind_linux.conf", "refind-linux"),
    loader("efi/EFI/*/refind_linux.conf", "refind-linux"),
    loader("boot/efi/EFI/*/refind.conf", "refind"),
    loader("boot/EFI/*/refind.conf", "refind"),
    loader("efi/EFI/*/refind.conf", "refind"),
    loader("boot/limine.conf", "limine"),
    loader("boot/limine/limine.conf", "limine"),
    loader("boot/limine.cfg", "limine"),
    loader("boot/efi/limine.conf", "limine"),
    loader("boot/efi/limine/limine.conf", "limine"),
    loader("efi/limine.conf", "limine"),
    loader("efi/limine/limine.conf", "limine"),
    loader("boot/efi/EFI/*/limine.conf", "limine"),
    loader("boot/EFI/*/limine.conf", "limine"),
    loader("efi/EFI/*/limine.conf", "limine"),
    loader("boot/efi/EFI/*/elilo.conf", "elilo"),
    loader("boot/EFI/*/elilo.conf", "elilo"),
    loader("efi/EFI/*/elilo.conf", "elilo"),
    loader("boot/efi/EFI/*/xen*.cfg", "xen-loader"),
    loader("boot/EFI/*/xen*.cfg", "xen-loader"),
    loader("efi/EFI/*/xen*.cfg", "xen-loader"),
    loader("boot/cmdline.txt", "kernel-arguments"),
    loader("boot/firmware/cmdline.txt", "kernel-arguments"),
    loader("boot/firmware/*/cmdline.txt", "kernel-arguments"),
    loader("boot/loader/void-options.conf", "kernel-arguments"),
    loader("boot/startup.nsh", "kernel-arguments"),
    loader("boot/efi/startup.nsh", "kernel-arguments"),
    loader("efi/startup.nsh", "kernel-arguments"),
    loader("boot/*Env.txt", "kernel-arguments"),
    loader("boot/firmware/uEnv.txt", "kernel-arguments"),
    loader("boot/boot.ini", "kernel-arguments"),
    loader("boot/boot.cmd", "boot-map").then(BOOT_SCR),
    loader("boot/boot.scr", "boot-map").reported(BOOT_SCR),
    loader("boot/kexec_menu.txt", "boot-map").then(HEADS),
    loader("boot/kexec_default.*.txt", "boot-map").then(HEADS),
    loader("etc/zipl.conf", "boot-map").then(ZIPL),
    loader("etc/lilo.conf", "boot-map").then(LILO),
    loader("etc/elilo.conf", "boot-map").then(ELILO),
    loader("etc/yaboot.conf", "boot-map").then(YABOOT),
    loader("boot/efi/EFI/Linux/*.efi", "unified-kernel").reported(UKI),
    loader("boot/EFI/Linux/*.efi", "unified-kernel").reported(UKI),
    loader("efi/EFI/Linux/*.efi", "unified-kernel").reported(UKI),
    loader("boot/efi/EFI/Linux/*.efi.extra.d/*.addon.efi", "unified-kernel").reported(ADDON),
    loader("boot/EFI/Linux/*.efi.extra.d/*.addon.efi", "unified-kernel").reported(ADDON),
    loader("efi/EFI/Linux/*.efi.extra.d/*.addon.efi", "unified-kernel").reported(ADDON),
    loader("boot/efi/loader/addons/*.addon.efi", "unified-kernel").reported(ADDON),
    loader("boot/loader/addons/*.addon.efi", "unified-kernel").reported(ADDON),
    loader("efi/loader/addons/*.addon.efi", "unified-kernel").reported(ADDON),
    boot("boot/grub/*/load.cfg", "grub-image", text::grub).reported(GRUB_IMAGE),
    boot("boot/grub2/*/load.cfg", "grub-image", text::grub).reported(GRUB_IMAGE),
    boot("boot/efi/EFI/*/grub*.efi", "grub-image", text::grub).reported(GRUB_IMAGE),
    boot("sys/firmware/efi/efivars/Boot*", "firmware", efi_variable::rewrite).reported(FIRMWARE),
    // systemd and udev.
    boot("etc/systemd/system/**/*.mount", "systemd-mount", unit_file::rewrite),
    boot("etc/systemd/system/**/*.automount", "systemd-mount", unit_file::rewrite),
    boot("etc/systemd/system/**/*.swap", "systemd-mount", unit_file::rewrite),
    boot("etc/systemd/system/**/*.mount.d/*.conf", "systemd-mount", unit_file::rewrite),
    boot("etc/systemd/system/**/*.swap.d/*.conf", "systemd-mount", unit_file::rewrite),
    service("etc/systemd/system/**/*", "systemd-unit", unit_file::rewrite),
    service("etc/systemd/user/**/*", "systemd-unit", unit_file::rewrite),
    service("usr/local/lib/systemd/**/*", "systemd-unit", unit_file::rewrite),
    service("etc/systemd/nspawn/*.nspawn", "systemd-unit", unit_file::rewrite),
    service("etc/containers/systemd/**/*", "quadlet", unit_file::rewrite),
    service("etc/udev/rules.d/*.rules", "udev-rules", udev_rules::rewrite),
    paths("etc/tmpfiles.d/*.conf", "tmpfiles"),
    // Storage.
    paths("etc/multipath.conf", "storage"),
    paths("etc/multipath/conf.d/*.conf", "storage"),
    paths("etc/smartd.conf", "storage"),
    paths("etc/default/smartmontools", "storage"),
    paths("etc/hdparm.conf", "storage"),
    paths("etc/rawdevices", "storage"),
    paths("etc/sysconfig/rawdevices", "storage"),
    paths("etc/quotatab", "storage"),
    paths("etc/warnquota.conf", "storage"),
    paths("etc/drbd.conf", "storage"),
    paths("etc/drbd.d/*.res", "storage"),
    paths("etc/drbd.d/*.conf", "storage"),
    paths("etc/tgt/targets.conf", "storage"),
    paths("etc/tgt/conf.d/*.conf", "storage"),
    paths("etc/nbd-server/config", "storage"),
    paths("etc/nbd-server/conf.d/*", "storage"),
    service("etc/target/saveconfig.json", "target", json::rewrite).then(TARGET),
    service("etc/rtslib-fb-target/saveconfig.json", "target", json::rewrite).then(TARGET),
    service("etc/kdump.conf", "kdump", text::kernel_command_line).then(KDUMP),
    service("etc/default/kdump-tools", "kdump", text::kernel_command_line).then(KDUMP),
    service("etc/sysconfig/kdump", "kdump", text::kernel_command_line).then(KDUMP),
    // Mounts beside fstab.
    free("etc/auto.*", "autofs"),
    free("etc/auto.master.d/*", "autofs"),
    free("etc/autofs/auto.*", "autofs"),
    free("etc/exports", "exports"),
    free("etc/exports.d/*.exports", "exports"),
    service("etc/security/pam_mount.conf.xml", "pam-mount", libvirt::rewrite),
    paths("etc/schroot/schroot.conf", "schroot"),
    paths("etc/schroot/chroot.d/*", "schroot"),
    free("etc/cloud/cloud.cfg", "cloud-init"),
    free("etc/cloud/cloud.cfg.d/*.cfg", "cloud-init"),
    // Machines and containers.
    service("etc/libvirt/**/*.xml", "libvirt", libvirt::rewrite).then(LIBVIRT),
    service("var/lib/libvirt/qemu/snapshot/*/*.xml", "libvirt", libvirt::rewrite).then(LIBVIRT),
    service("etc/xen/*", "xen", xen::rewrite),
    service("etc/xen/auto/*", "xen", xen::rewrite),
    service("etc/xen-tools/xen-tools.conf", "xen", keyed::containers),
    service("etc/lxc/*.conf", "lxc", keyed::containers),
    service("var/lib/lxc/*/config", "lxc", keyed::containers),
    service("etc/docker/daemon.json", "docker", json::rewrite),
    free("etc/default/docker", "docker"),
    service("etc/sysconfig/docker*", "docker", shell_conf::rewrite),
    paths("etc/containers/storage.conf", "containers-storage"),
    paths("etc/containers/storage.conf.d/*.conf", "containers-storage"),
    service("etc/containerd/config.toml", "containerd", keyed::container_engine),
    service("etc/topolvm/lvmd.yaml", "topolvm", keyed::container_engine),
    service("etc/cinder/cinder.conf", "openstack", keyed::openstack),
    service("etc/cinder/cinder.conf.d/*.conf", "openstack", keyed::openstack),
    service("etc/nova/*.conf", "openstack", keyed::openstack),
    service("etc/manila/manila.conf", "openstack", keyed::openstack),
    service("etc/pve/storage.cfg", "proxmox", keyed::proxmox).reported(PROXMOX),
    paths("etc/pve/qemu-server/*.conf", "proxmox").reported(PROXMOX),
    paths("etc/pve/lxc/*.conf", "proxmox").reported(PROXMOX),
    service("var/lib/pve-cluster/config.db", "proxmox", free_text::database)
        .reported(PROXMOX_DATABASE),
    service("var/lib/pacemaker/cib/cib.xml", "pacemaker", libvirt::cluster).reported(PACEMAKER),
    service("var/lib/incus/database/**/*", "incus", free_text::database).reported(INCUS),
    service("var/lib/lxd/database/**/*", "lxd", free_text::database).reported(LXD),
    service("var/snap/lxd/common/lxd/database/**/*", "lxd", free_text::database).reported(LXD),
    // Backups and snapshots.
    service("etc/rear/*.conf", "rear", shell_conf::rewrite),
    paths("etc/snapper/configs/*", "snapper"),
    free("etc/bacula/*.conf", "backup"),
    free("etc/bacula/scripts/*", "backup"),
    free("etc/bareos/**/*.conf", "backup"),
    free("etc/borgmatic/*.yaml", "backup"),
    free("etc/borgmatic.d/*.yaml", "backup"),
    free("etc/rsnapshot.conf", "backup"),
    free("etc/backup.d/*", "backup"),
    // Monitoring.
    service("etc/collectd.conf", "collectd", keyed::collectd),
    service("etc/collectd/**/*.conf", "collectd", keyed::collectd),
    service("etc/collectd.d/*.conf", "collectd", keyed::collectd),
    free("etc/telegraf/telegraf.conf", "monitoring"),
    free("etc/telegraf/telegraf.d/*.conf", "monitoring"),
    free("etc/nagios/**/*.cfg", "monitoring"),
    free("etc/icinga/**/*.cfg", "monitoring"),
    free("etc/icinga2/**/*.conf", "monitoring"),
    free("etc/nrpe.d/*.cfg", "monitoring"),
    free("etc/zabbix/**/*.conf", "monitoring"),
    free("etc/netdata/**/*.conf", "monitoring"),
    free("etc/monit/**/*", "monitoring"),
    free("etc/monitrc", "monitoring"),
    free("etc/munin/**/*", "monitoring"),
    free("etc/snmp/snmpd.conf", "monitoring"),
    free("etc/default/prometheus-node-exporter", "monitoring"),
    // Commands.
    free("etc/crontab", "cron"),
    free("etc/anacrontab", "cron"),
    free("etc/cron.*/*", "cron"),
    free("var/spool/cron/*", "cron"),
    free("var/spool/cron/crontabs/*", "cron"),
    free("etc/sudoers", "sudoers"),
    free("etc/sudoers.d/*", "sudoers"),
    free("etc/logrotate.d/*", "logrotate"),
    free("etc/rc.local", "script"),
    free("etc/rc.d/rc.local", "script"),
    free("etc/conf.d/*", "script"),
    free("etc/kernel/install.d/*", "script"),
    free("etc/kernel/postinst.d/*", "script"),
];
