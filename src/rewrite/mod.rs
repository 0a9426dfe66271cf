//! Which bytes of a file name the group: bytes in, spans out. No files, no processes.
//!
//! A new format is one file here and one line in [`PLACES`].

pub mod bls;
pub mod bridge;
pub mod crypttab;
pub mod edit;
pub mod fields;
pub mod fstab;
pub mod grubenv;
pub mod lines;
pub mod lvm_conf;
pub mod matcher;
pub mod scan;
pub mod text;

use anyhow::Result;

use edit::Findings;
use matcher::Matcher;

/// Finds what to change in a file's bytes.
pub type Rewrite = fn(&Matcher, &[u8]) -> Result<Findings>;

/// Where a format lives.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Path below the root, without a leading slash. One `*` a component stands for any text that
    /// does not start with a dot.
    pub pattern: &'static str,
    /// The format's name in reports.
    pub kind: &'static str,
    /// What reads it.
    pub rewrite: Rewrite,
}

const fn place(pattern: &'static str, kind: &'static str, rewrite: Rewrite) -> Place {
    Place { pattern, kind, rewrite }
}

/// Every place that is rewritten, in the order of the report.
pub const PLACES: &[Place] = &[
    place("etc/fstab", "fstab", fstab::rewrite),
    place("etc/fstab.d/*.fstab", "fstab", fstab::rewrite),
    place("etc/crypttab", "crypttab", crypttab::rewrite),
    place("etc/crypttab.initramfs", "crypttab", crypttab::rewrite),
    place("etc/default/grub", "default-grub", text::grub),
    place("etc/default/grub.d/*.cfg", "default-grub", text::grub),
    place("etc/sysconfig/grub", "default-grub", text::grub),
    place("etc/grub.d/*", "grub-script", text::grub),
    place("etc/kernel/cmdline", "kernel-command-line", text::kernel_command_line),
    place("etc/cmdline.d/*", "kernel-command-line", text::kernel_command_line),
    place("etc/lvm/lvm.conf", "lvm-conf", lvm_conf::rewrite),
    place("etc/lvm/lvmlocal.conf", "lvm-conf", lvm_conf::rewrite),
    place("etc/lvm/lvm_*.conf", "lvm-conf", lvm_conf::rewrite),
    place("etc/initramfs-tools/initramfs.conf", "initramfs-conf", text::device_paths),
    place("etc/initramfs-tools/conf.d/*", "initramfs-conf", text::device_paths),
    place("etc/dracut.conf", "dracut-conf", text::kernel_command_line),
    place("etc/dracut.conf.d/*.conf", "dracut-conf", text::kernel_command_line),
    place("boot/grub/grub.cfg", "grub-cfg", text::grub),
    place("boot/grub/custom.cfg", "grub-cfg", text::grub),
    place("boot/grub/menu.lst", "grub-cfg", text::grub),
    place("boot/grub/grubenv", "grubenv", grubenv::rewrite),
    place("boot/grub2/grub.cfg", "grub-cfg", text::grub),
    place("boot/grub2/custom.cfg", "grub-cfg", text::grub),
    place("boot/grub2/grubenv", "grubenv", grubenv::rewrite),
    place("boot/efi/EFI/*/grub.cfg", "grub-cfg", text::grub),
    place("boot/efi/EFI/*/grubenv", "grubenv", grubenv::rewrite),
    place("boot/EFI/*/grub.cfg", "grub-cfg", text::grub),
    place("efi/EFI/*/grub.cfg", "grub-cfg", text::grub),
    place("boot/loader/entries/*.conf", "bls-entry", bls::rewrite),
    place("boot/efi/loader/entries/*.conf", "bls-entry", bls::rewrite),
    place("efi/loader/entries/*.conf", "bls-entry", bls::rewrite),
    place("boot/extlinux/extlinux.conf", "extlinux", text::kernel_command_line),
    place("boot/extlinux.conf", "extlinux", text::kernel_command_line),
    place("extlinux.conf", "extlinux", text::kernel_command_line),
    place("boot/syslinux/syslinux.cfg", "syslinux", text::kernel_command_line),
    place("boot/syslinux/extlinux.conf", "extlinux", text::kernel_command_line),
    place("boot/isolinux/isolinux.cfg", "syslinux", text::kernel_command_line),
];
