//! UUIDs of file systems and swap areas, from blkid(8).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use crate::guest::inventory::{Group, Volume};
use crate::names::{LvName, path};
use crate::rewrite::bridge::Uuids;
use crate::run::{Cmd, Program};

/// This machine's block devices and their content, by path.
#[derive(Debug)]
pub struct Devices(BTreeMap<String, Device>);

impl Devices {
    /// Examines every device.
    pub fn look() -> Result<Self> {
        Ok(Self(parse(&export()?)))
    }

    /// UUIDs on the group's volumes. A UUID that a second device has as well (a snapshot, the template's disk) is
    /// ambiguous, so it is left out.
    pub fn uuids(&self, group: &Group) -> Uuids {
        let mut bearers: BTreeMap<&str, usize> = BTreeMap::new();
        for uuid in self.0.values().filter_map(|device| device.uuid.as_deref()) {
            *bearers.entry(uuid).or_default() += 1;
        }
        let is_single = |uuid: &&String| bearers.get(uuid.as_str()) == Some(&1);
        let found = group.volumes.iter().filter_map(|volume| {
            let uuid = self.of(group, volume)?.uuid.as_ref().filter(is_single)?;
            Some((volume.name.clone(), uuid.clone()))
        });
        found.collect()
    }

    /// The group's volume that holds a hibernation image, if there is one. The kernel gives its swap area another
    /// signature until the system has resumed (libblkid superblocks/swap.c).
    pub fn hibernated(&self, group: &Group) -> Option<LvName> {
        let holds = |volume: &&Volume| {
            self.of(group, volume).is_some_and(|device| device.kind == "swsuspend")
        };
        group.volumes.iter().find(holds).map(|volume| volume.name.clone())
    }

    /// The UUID on a device, and the type of its content.
    pub fn content(&self, path: &str) -> Option<(&str, &str)> {
        let device = self.0.get(path)?;
        Some((device.uuid.as_deref()?, device.kind.as_str()))
    }

    /// The devices with this UUID, by path.
    pub fn with(&self, uuid: &str) -> Vec<&str> {
        self.having(|device| device.uuid.as_deref() == Some(uuid))
    }

    /// A partition's UUID in the partition table.
    pub fn partition(&self, path: &str) -> Option<&str> {
        self.0.get(path)?.partition.as_deref()
    }

    /// The partitions with this UUID in their partition tables, by path.
    pub fn with_partition(&self, uuid: &str) -> Vec<&str> {
        self.having(|device| device.partition.as_deref() == Some(uuid))
    }

    fn having(&self, is: impl Fn(&Device) -> bool) -> Vec<&str> {
        self.0.iter().filter(|(_, device)| is(device)).map(|(path, _)| path.as_str()).collect()
    }

    /// Devices with a LUKS header, by path.
    pub fn encrypted(&self) -> impl Iterator<Item = &str> {
        let is = |(_, device): &(&String, &Device)| device.kind == "crypto_LUKS";
        self.0.iter().filter(is).map(|(path, _)| path.as_str())
    }

    fn of(&self, group: &Group, volume: &Volume) -> Option<&Device> {
        self.0.get(&path::mapper_path(&group.name, &volume.name))
    }
}

/// Every tag with which fstab and the kernel command line may name a device: `UUID=x`, `LABEL=x`, `PARTUUID=x`,
/// `PARTLABEL=x`.
pub fn tags() -> Result<BTreeSet<String>> {
    Ok(parse_tags(&export()?))
}

/// blkid writes a backslash before characters that are special to a shell (blkid(8), `-o export`).
fn parse_tags(text: &str) -> BTreeSet<String> {
    let names = ["UUID=", "LABEL=", "PARTUUID=", "PARTLABEL="];
    let lines = text.lines().filter(|line| names.iter().any(|name| line.starts_with(name)));
    lines.map(|line| line.replace('\\', "")).collect()
}

/// What blkid reports about a device.
#[derive(Debug, Default)]
struct Device {
    uuid: Option<String>,
    kind: String,
    /// PARTUUID
    partition: Option<String>,
}

/// The UUID that is on a device now, read from the device (blkid(8), `-p`).
///
/// # Errors
/// An error of blkid, for example because it sees no UUID there.
pub fn read(device: &str) -> Result<String> {
    let output =
        Cmd::new(Program::Blkid).args(["-p", "-s", "UUID", "-o", "value", device]).checked();
    let output = output.with_context(|| format!("reading the UUID of `{device}`"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// blkid's cache is not used, because it may list devices that are gone.
fn export() -> Result<String> {
    let output = Cmd::new(Program::Blkid).args(["-c", "/dev/null", "-o", "export"]).output();
    let output = output.context("asking for the UUIDs of the file systems")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Blocks of `KEY=value` lines, one for each device, with blank lines between them.
fn parse(text: &str) -> BTreeMap<String, Device> {
    let mut devices = BTreeMap::new();
    for block in text.split("\n\n") {
        let value =
            |key: &str| block.lines().find_map(|line| line.strip_prefix(key)).map(str::to_owned);
        if let Some(name) = value("DEVNAME=") {
            devices.insert(
                name,
                Device {
                    uuid: value("UUID="),
                    kind: value("TYPE=").unwrap_or_default(),
                    partition: value("PARTUUID="),
                },
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
