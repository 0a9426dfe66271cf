//! The groups that the boot files of a system name, whatever LVM reports.

use std::path::Path;

use anyhow::Result;

use crate::guest::inventory::{Group, Inventory};
use crate::guest::root::Root;
use crate::names::{VgName, dm, path};
use crate::rewrite::PLACES;
use crate::rewrite::fields::fields;
use crate::rewrite::lines::lines;

/// Kinds of places that name the volumes for this boot or for the next kernel's.
const BOOT_KINDS: &[&str] = &[
    "fstab",
    "grub-cfg",
    "grub-legacy",
    "grubenv",
    "bls-entry",
    "extlinux",
    "kernel-command-line",
    "default-grub",
    "boot-settings",
];

/// The group of `/`, according to fstab.
pub fn fstab_group(root: &Root) -> Result<Option<VgName>> {
    let Some(fstab) = root.read(Path::new("/etc/fstab"))? else { return Ok(None) };
    let text = &fstab.bytes;
    for line in lines(text) {
        let fields = fields(text, line);
        if fields.len() < 2 || text[fields[0].start] == b'#' || text[fields[1].clone()] != *b"/" {
            continue;
        }
        let Ok(source) = std::str::from_utf8(&text[fields[0].clone()]) else { continue };
        return Ok(parts(source).map(|(group, _)| group));
    }
    Ok(None)
}

/// A group that boot files name, but that LVM does not report. At least one of its volumes has the name of
/// a volume of `group`. It is the old name of `group`, if a person renamed the group and changed nothing
/// else.
pub fn left_behind(root: &Root, inventory: &Inventory, group: &Group) -> Option<VgName> {
    let places = PLACES.iter().filter(|place| BOOT_KINDS.contains(&place.kind));
    let paths = places.flat_map(|place| root.glob(place.pattern).unwrap_or_default());
    let files = paths.filter_map(|path| root.read_text(path));
    files.into_iter().find_map(|text| {
        // If no boot waits for a disk, the disk may be elsewhere.
        let waited = |line: &&str| {
            let line = line.trim_start();
            !line.starts_with('#') && !line.contains("nofail") && !line.contains("noauto")
        };
        let words = text.lines().filter(waited).flat_map(|line| {
            line.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '=' | ',' | ';'))
        });
        words.filter_map(parts).find_map(|(name, volume)| {
            let is_ours = group.volumes.iter().any(|own| own.name.as_str() == volume);
            (is_ours && inventory.named(&name).next().is_none()).then_some(name)
        })
    })
}

/// The group and volume of a device path.
fn parts(device: &str) -> Option<(VgName, String)> {
    let mapped = device.strip_prefix(path::MAPPER).or_else(|| device.strip_prefix(path::BY_ID));
    let (group, volume) = if let Some(name) = mapped {
        dm::split(name).map(|parts| (parts.vg, parts.lv))?
    } else {
        let (group, volume) = device.strip_prefix("/dev/")?.split_once('/')?;
        (group.to_owned(), volume.to_owned())
    };
    (group != "disk").then(|| VgName::new(&group).ok()).flatten().map(|group| (group, volume))
}
