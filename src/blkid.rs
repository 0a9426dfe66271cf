//! UUIDs of file systems and swaps, by blkid(8).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use crate::guest::inventory::{Group, Volume};
use crate::names::{LvName, path};
use crate::rewrite::bridge::Uuids;
use crate::run::{Cmd, Program};

/// UUIDs on the group's volumes. One that a second device bears as well (a snapshot, the template's
/// disk) names no file system for certain and is left out.
pub fn uuids(group: &Group) -> Result<Uuids> {
    let devices = devices()?;
    let mut bearers: BTreeMap<&str, usize> = BTreeMap::new();
    for uuid in devices.values().filter_map(|device| device.uuid.as_deref()) {
        *bearers.entry(uuid).or_default() += 1;
    }
    let mut found = Uuids::new();
    for volume in &group.volumes {
        let Some(uuid) = of(&devices, group, volume).and_then(|device| device.uuid.as_ref()) else {
            continue;
        };
        if bearers.get(uuid.as_str()) == Some(&1) {
            found.insert(volume.name.clone(), uuid.clone());
        }
    }
    Ok(found)
}

/// The group's volume that holds a hibernation image, if one does: the kernel gives its swap
/// another signature until it has resumed (libblkid superblocks/swap.c).
pub fn hibernated(group: &Group) -> Result<Option<LvName>> {
    let devices = devices()?;
    let holds = |volume: &&Volume| {
        of(&devices, group, volume).is_some_and(|device| device.kind == "swsuspend")
    };
    Ok(group.volumes.iter().find(holds).map(|volume| volume.name.clone()))
}

/// Every tag by which fstab and the kernel command line may name a device: `UUID=x`, `LABEL=x`,
/// `PARTUUID=x`, `PARTLABEL=x`.
pub fn tags() -> Result<BTreeSet<String>> {
    Ok(parse_tags(&export()?))
}

/// blkid writes a backslash before what a shell would take for its own (blkid(8), `-o export`).
fn parse_tags(text: &str) -> BTreeSet<String> {
    let names = ["UUID=", "LABEL=", "PARTUUID=", "PARTLABEL="];
    let lines = text.lines().filter(|line| names.iter().any(|name| line.starts_with(name)));
    lines.map(|line| line.replace('\\', "")).collect()
}

/// What blkid says of a device.
#[derive(Debug, Default)]
struct Device {
    uuid: Option<String>,
    kind: String,
}

type Devices = BTreeMap<String, Device>;

fn of<'a>(devices: &'a Devices, group: &Group, volume: &Volume) -> Option<&'a Device> {
    devices.get(&path::mapper_path(&group.name, &volume.name))
}

fn devices() -> Result<Devices> {
    Ok(parse(&export()?))
}

/// Without blkid's cache, which may tell of devices that are gone.
fn export() -> Result<String> {
    let output = Cmd::new(Program::Blkid).args(["-c", "/dev/null", "-o", "export"]).output();
    let output = output.context("asking for the file systems' UUIDs")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Blocks of `KEY=value` lines, one a device, blank lines between.
fn parse(text: &str) -> Devices {
    let mut devices = Devices::new();
    for block in text.split("\n\n") {
        let value =
            |key: &str| block.lines().find_map(|line| line.strip_prefix(key)).map(str::to_owned);
        if let Some(name) = value("DEVNAME=") {
            devices.insert(
                name,
                Device { uuid: value("UUID="), kind: value("TYPE=").unwrap_or_default() },
            );
        }
    }
    devices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_export() {
        let text = "DEVNAME=/dev/vda1\nUUID=1\nTYPE=ext2\n\nDEVNAME=/dev/mapper/a-root\nUUID=2\n\nDEVNAME=/dev/vdb\nPTTYPE=dos\n";
        let devices = parse(text);
        assert_eq!(devices.len(), 3);
        assert_eq!(devices["/dev/mapper/a-root"].uuid.as_deref(), Some("2"));
        assert_eq!(devices["/dev/vda1"].kind, "ext2");
        assert_eq!(devices["/dev/vdb"].uuid, None);
    }
}
