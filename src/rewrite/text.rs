//! Formats in which every unambiguous token counts, wherever it stands.

use anyhow::Result;

use super::edit::Findings;
use super::matcher::Matcher;
use super::scan::{GRUB, KERNEL, PATHS, scan};

/// grub.cfg, custom.cfg, menu.lst, the stubs on the ESP, /etc/default/grub, /etc/grub.d.
///
/// Menu ids that hold a device path are changed with the same rule as `GRUB_DEFAULT` and
/// `saved_entry`, so that they go on pointing at each other.
pub fn grub(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    scan(matcher, text, 0..text.len(), GRUB, &mut findings);
    Ok(findings)
}

/// A kernel command line, or a file that holds some: /etc/kernel/cmdline, /etc/cmdline.d,
/// extlinux.conf, syslinux.cfg, dracut's configuration.
pub fn kernel_command_line(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    scan(matcher, text, 0..text.len(), KERNEL, &mut findings);
    Ok(findings)
}

/// Shell assignments with device paths: initramfs-tools' `RESUME=`.
pub fn device_paths(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    scan(matcher, text, 0..text.len(), PATHS, &mut findings);
    Ok(findings)
}
