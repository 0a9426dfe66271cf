//! The volume group under `/`, by dm UUIDs in sysfs: a name would not tell a group from its clone.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::guest::inventory::{Group, Inventory};
use crate::guest::mounts::mounted;
use crate::names::{VgName, dm};

/// What the dm UUID of a logical volume begins with.
const UUID: &str = "LVM-";

/// Length of a group's UUID without hyphens, at the start of a volume's dm UUID behind `LVM-`.
const VG_UUID: usize = 32;

/// The group that holds the running system's root file system, through LUKS or RAID where need be.
pub fn root_group(inventory: &Inventory) -> Option<&Group> {
    inventory.by_uuid(&root_group_uuid()?)
}

/// Its UUID without hyphens, whether LVM shows it or not.
pub fn root_group_uuid() -> Option<String> {
    let uuid = attribute(&root_volume()?, "uuid");
    uuid.strip_prefix(UUID)?.get(..VG_UUID).map(str::to_owned)
}

/// Its name as the device mapper has it, for who may not ask LVM: any user may read sysfs. Between a
/// rename and the reboot it is the old one.
pub fn root_group_name() -> Option<VgName> {
    VgName::new(&dm::split(&attribute(&root_volume()?, "name"))?.vg).ok()
}

/// The logical volume under `/`, as its directory of sysfs.
fn root_volume() -> Option<PathBuf> {
    let root = fs::metadata("/").map(|metadata| metadata.dev());
    let mounts = mounted().into_iter().filter(|mount| mount.target == Path::new("/"));
    // btrfs and overlay have a device number of their own; the mount's source says more.
    let sources = mounts.map(|mount| fs::metadata(mount.source).map(|metadata| metadata.rdev()));
    std::iter::once(root).chain(sources).flatten().find_map(|number| {
        let (major, minor) = (nix::sys::stat::major(number), nix::sys::stat::minor(number));
        volume_under(PathBuf::from(format!("/sys/dev/block/{major}:{minor}")), 0)
    })
}

/// Walks down from a block device to the first logical volume.
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

/// What the device mapper says of a device; empty of any other.
fn attribute(device: &Path, name: &str) -> String {
    let text = fs::read_to_string(device.join("dm").join(name)).unwrap_or_default();
    text.trim().to_owned()
}
