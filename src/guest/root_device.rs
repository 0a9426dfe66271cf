//! The volume group under `/`, by dm UUIDs in sysfs: a name would not tell a group from its clone.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::guest::inventory::{Group, Inventory};
use crate::guest::mounts::mounted;

/// Length of a group's UUID without hyphens, at the start of a volume's dm UUID behind `LVM-`.
const VG_UUID: usize = 32;

/// The group that holds the running system's root file system, through LUKS or RAID where need be.
pub fn root_group(inventory: &Inventory) -> Option<&Group> {
    inventory.by_uuid(&root_group_uuid()?)
}

/// Its UUID without hyphens, whether LVM shows it or not.
pub fn root_group_uuid() -> Option<String> {
    let mut devices: Vec<PathBuf> = Vec::new();
    if let Ok(metadata) = fs::metadata("/") {
        let (major, minor) =
            (nix::sys::stat::major(metadata.dev()), nix::sys::stat::minor(metadata.dev()));
        devices.push(PathBuf::from(format!("/sys/dev/block/{major}:{minor}")));
    }
    // btrfs and overlay have a device number of their own; the mount's source says more.
    for mount in mounted().iter().filter(|mount| mount.target == Path::new("/")) {
        if let Ok(metadata) = fs::metadata(&mount.source) {
            let device = metadata.rdev();
            let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
            devices.push(PathBuf::from(format!("/sys/dev/block/{major}:{minor}")));
        }
    }
    devices.iter().find_map(|device| group_under(device, 0))
}

/// Walks down from a block device to the first logical volume.
fn group_under(device: &Path, depth: usize) -> Option<String> {
    if depth > 16 {
        return None;
    }
    let uuid = fs::read_to_string(device.join("dm/uuid")).unwrap_or_default();
    if let Some(uuid) = uuid.trim().strip_prefix("LVM-") {
        return uuid.get(..VG_UUID).map(str::to_owned);
    }
    let slaves = fs::read_dir(device.join("slaves")).ok()?;
    slaves.flatten().find_map(|slave| group_under(&slave.path(), depth + 1))
}
