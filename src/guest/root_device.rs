//! Finds the volume group of `/` by dm UUIDs in sysfs. A name would not distinguish a group from its
//! clone.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::guest::inventory::{Group, Inventory};
use crate::guest::mounts::mounted;
use crate::names::{VgName, dm};

/// The beginning of a logical volume's dm UUID.
const UUID: &str = "LVM-";

/// The length of a group's UUID without hyphens. It follows `LVM-` in the dm UUID of a volume.
const VG_UUID: usize = 32;

/// The group with the root file system of the running system, also below LUKS or RAID.
pub fn root_group(inventory: &Inventory) -> Option<&Group> {
    inventory.by_uuid(&root_group_uuid()?)
}

/// The UUID of that group without hyphens, even if LVM does not report the group.
pub fn root_group_uuid() -> Option<String> {
    let uuid = attribute(&root_volume()?, "uuid");
    uuid.strip_prefix(UUID)?.get(..VG_UUID).map(str::to_owned)
}

/// The name of that group in device-mapper, for users who may not ask LVM: any user may read sysfs.
/// Between a rename and the reboot, it is the old name.
pub fn root_group_name() -> Option<VgName> {
    VgName::new(&dm::split(&attribute(&root_volume()?, "name"))?.vg).ok()
}

/// The logical volume below `/`, as a directory in sysfs.
fn root_volume() -> Option<PathBuf> {
    let root = fs::metadata("/").map(|metadata| metadata.dev());
    let mounts = mounted().into_iter().filter(|mount| mount.target == Path::new("/"));
    // btrfs and overlay have device numbers of their own. The source of the mount is then more useful.
    let sources = mounts.map(|mount| fs::metadata(mount.source).map(|metadata| metadata.rdev()));
    std::iter::once(root).chain(sources).flatten().find_map(|number| {
        let (major, minor) = (nix::sys::stat::major(number), nix::sys::stat::minor(number));
        volume_under(PathBuf::from(format!("/sys/dev/block/{major}:{minor}")), 0)
    })
}

/// Goes from a block device down to the first logical volume.
fn volume_under(device: PathBuf, depth: usize) -> Option<PathBuf> {
    if depth > 16 {
        return None;
    }
    if attribute(&device, "uuid").starts_with(UUID) {
        return Some(device);
    }
    let slaves = fs::read_dir(device.join("slaves")).ok()?;
    slaves.flatten().find_map(|slave| volume_under(slave.path(), depth + 1))
}

/// An attribute of device-mapper for a device. Empty for other devices.
fn attribute(device: &Path, name: &str) -> String {
    let text = fs::read_to_string(device.join("dm").join(name)).unwrap_or_default();
    text.trim().to_owned()
}
