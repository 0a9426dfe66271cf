//! Formats in which every unambiguous token counts, at any place.

use anyhow::Result;

use super::Rewrite;
use super::commands;
use super::edit::Findings;
use super::matcher::Matcher;
use super::scan::{GRUB, KERNEL, PATHS, scan};

/// grub.cfg, custom.cfg, menu.lst, the stubs on the ESP, /etc/default/grub, /etc/grub.d.
///
/// Menu ids that contain a device path change by the same rule as `GRUB_DEFAULT` and `saved_entry`, so
/// that they still refer to each other.
pub fn grub(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    scan(matcher, text, 0..text.len(), GRUB, &mut findings);
    Ok(findings)
}

/// A kernel command line, or a file that contains some: /etc/kernel/cmdline, /etc/cmdline.d,
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

/// /etc/default/grub and scripts of /etc/grub.d: like [`grub`], with shell variables (`VG=vg`).
pub fn grub_settings(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    with_assignments(matcher, text, grub)
}

/// Settings from which the next kernel command line is made: like [`kernel_command_line`], with shell
/// variables.
pub fn boot_settings(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    with_assignments(matcher, text, kernel_command_line)
}

/// Settings of initramfs-tools: like [`device_paths`], with shell variables.
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
