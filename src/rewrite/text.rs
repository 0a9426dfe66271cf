//! Formats in which every unambiguous token counts, wherever it stands.

use anyhow::Result;

use super::Rewrite;
use super::commands;
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

/// /etc/default/grub and scripts of /etc/grub.d: as [`grub`], and a shell's variables (`VG=vg`).
pub fn grub_settings(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    with_assignments(matcher, text, grub)
}

/// What the next kernel's command line is made of: as [`kernel_command_line`], and a shell's variables.
pub fn boot_settings(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    with_assignments(matcher, text, kernel_command_line)
}

/// Settings of initramfs-tools: as [`device_paths`], and a shell's variables.
pub fn initramfs_settings(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    with_assignments(matcher, text, device_paths)
}

fn with_assignments(matcher: &Matcher, text: &[u8], rewrite: Rewrite) -> Result<Findings> {
    let mut findings = rewrite(matcher, text)?;
    commands::assignments(matcher, text, 0..text.len(), &mut findings);
    findings.edits.sort_by_key(|edit| edit.range.start);
    findings.edits.dedup_by_key(|edit| edit.range.start);
    findings.left.sort_by_key(|left| left.token.start);
    Ok(findings)
}
