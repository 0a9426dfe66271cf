//! UUIDs of file systems and swaps, by blkid(8).

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::guest::inventory::Group;
use crate::names::{dm, path};
use crate::rewrite::bridge::Uuids;
use crate::run::{Cmd, Program};

/// UUIDs on the group's volumes. One that a second device bears as well (a snapshot, the template's
/// disk) names no file system for certain and is left out.
pub fn uuids(group: &Group) -> Result<Uuids> {
    // Without its cache, which may tell of devices that are gone.
    let output = Cmd::new(Program::Blkid).args(["-c", "/dev/null", "-o", "export"]).output();
    let output = output.context("asking for the file systems' UUIDs")?;
    let devices = parse(&String::from_utf8_lossy(&output.stdout));
    let mut found = Uuids::new();
    for volume in &group.volumes {
        let node = format!("{}{}", path::MAPPER, dm::dm_name(&group.name, &volume.name));
        let Some(uuid) = devices.get(&node) else { continue };
        if devices.values().filter(|other| *other == uuid).count() == 1 {
            found.insert(volume.name.clone(), uuid.clone());
        }
    }
    Ok(found)
}

/// Blocks of `KEY=value` lines, one a device, blank lines between.
fn parse(text: &str) -> BTreeMap<String, String> {
    let mut devices = BTreeMap::new();
    for block in text.split("\n\n") {
        let value = |key: &str| block.lines().find_map(|line| line.strip_prefix(key));
        if let (Some(device), Some(uuid)) = (value("DEVNAME="), value("UUID=")) {
            devices.insert(device.to_owned(), uuid.to_owned());
        }
    }
    devices
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::inventory::Inventory;

    #[test]
    fn blocks_of_export() {
        let text = "DEVNAME=/dev/vda1\nUUID=1\nTYPE=ext2\n\nDEVNAME=/dev/mapper/a-root\nUUID=2\n\nDEVNAME=/dev/vdb\nPTTYPE=dos\n";
        let devices = parse(text);
        assert_eq!(devices.len(), 2);
        assert_eq!(devices["/dev/mapper/a-root"], "2");
        let report =
            br#"{"report":[{"vg":[{"vg_name":"a","vg_uuid":"U"}],"lv":[{"lv_name":"root"}]}]}"#;
        assert_eq!(Inventory::parse(report).unwrap().groups[0].volumes[0].name.as_str(), "root");
    }
}
