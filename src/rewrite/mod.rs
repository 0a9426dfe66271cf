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

use crate::severity::Severity;

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
    /// What a stale name in it costs.
    pub severity: Severity,
}

const fn boot(pattern: &'static str, kind: &'static str, rewrite: Rewrite) -> Place {
    Place { pattern, kind, rewrite, severity: Severity::Boot }
}

/// Every place that is rewritten, in the order of the report.
pub const PLACES: &[Place] = &[
    boot("etc/fstab", "fstab", fstab::rewrite),
    boot("etc/fstab.d/*.fstab", "fstab", fstab::rewrite),
    boot("etc/crypttab", "crypttab", crypttab::rewrite),
    boot("etc/crypttab.initramfs", "crypttab", crypttab::rewrite),
    boot("etc/default/grub", "default-grub", text::grub),
    boot("etc/default/grub.d/*.cfg", "default-grub", text::grub),
    boot("etc/sysconfig/grub", "default-grub", text::grub),
    boot("etc/grub.d/*", "grub-script", text::grub),
    boot("etc/kernel/cmdline", "kernel-command-line", text::kernel_command_line),
    boot("etc/cmdline.d/*", "kernel-command-line", text::kernel_command_line),
    boot("etc/lvm/lvm.conf", "lvm-conf", lvm_conf::rewrite),
    boot("etc/lvm/lvmlocal.conf", "lvm-conf", lvm_conf::rewrite),
    boot("etc/lvm/lvm_*.conf", "lvm-conf", lvm_conf::rewrite),
    boot("etc/initramfs-tools/initramfs.conf", "initramfs-conf", text::device_paths),
    boot("etc/initramfs-tools/conf.d/*", "initramfs-conf", text::device_paths),
    boot("etc/dracut.conf", "dracut-conf", text::kernel_command_line),
    boot("etc/dracut.conf.d/*.conf", "dracut-conf", text::kernel_command_line),
    boot("boot/grub/grub.cfg", "grub-cfg", text::grub),
    boot("boot/grub/custom.cfg", "grub-cfg", text::grub),
    boot("boot/grub/menu.lst", "grub-cfg", text::grub),
    boot("boot/grub/grubenv", "grubenv", grubenv::rewrite),
    boot("boot/grub2/grub.cfg", "grub-cfg", text::grub),
    boot("boot/grub2/custom.cfg", "grub-cfg", text::grub),
    boot("boot/grub2/grubenv", "grubenv", grubenv::rewrite),
    boot("boot/efi/EFI/*/grub.cfg", "grub-cfg", text::grub),
    boot("boot/efi/EFI/*/grubenv", "grubenv", grubenv::rewrite),
    boot("boot/EFI/*/grub.cfg", "grub-cfg", text::grub),
    boot("efi/EFI/*/grub.cfg", "grub-cfg", text::grub),
    boot("boot/loader/entries/*.conf", "bls-entry", bls::rewrite),
    boot("boot/efi/loader/entries/*.conf", "bls-entry", bls::rewrite),
    boot("efi/loader/entries/*.conf", "bls-entry", bls::rewrite),
    boot("boot/extlinux/extlinux.conf", "extlinux", text::kernel_command_line),
    boot("boot/extlinux.conf", "extlinux", text::kernel_command_line),
    boot("extlinux.conf", "extlinux", text::kernel_command_line),
    boot("boot/syslinux/syslinux.cfg", "syslinux", text::kernel_command_line),
    boot("boot/syslinux/extlinux.conf", "extlinux", text::kernel_command_line),
    boot("boot/isolinux/isolinux.cfg", "syslinux", text::kernel_command_line),
];

/// Whether a path below the root, without its leading slash, is one of a place's.
pub fn is_at(place: &Place, path: &str) -> bool {
    let mut components = path.split('/');
    let all = place.pattern.split('/').all(|pattern| {
        let Some(name) = components.next() else { return false };
        match pattern.split_once('*') {
            None => name == pattern,
            Some((head, tail)) => {
                name.len() >= head.len() + tail.len()
                    && name.starts_with(head)
                    && name.ends_with(tail)
                    && !(head.is_empty() && name.starts_with('.'))
            }
        }
    });
    all && components.next().is_none()
}
