//! The name of the volume group under `/` as the device mapper has it, for who may not ask LVM.
//! Between a rename and the reboot it is the old one.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::mounts::mounted;
use crate::names::{VgName, dm};

/// By sysfs, which any user may read; through LUKS or RAID where need be.
pub fn seen() -> Option<VgName> {
    let root = fs::metadata("/").map(|metadata| metadata.dev());
    let mounts = mounted().into_iter().filter(|mount| mount.target == Path::new("/"));
    // btrfs and overlay have a device number of their own.
    let sources = mounts.map(|mount| fs::metadata(mount.source).map(|metadata| metadata.rdev()));
    std::iter::once(root).chain(sources).flatten().find_map(|number| {
        let (major, minor) = (nix::sys::stat::major(number), nix::sys::stat::minor(number));
        below(&PathBuf::from(format!("/sys/dev/block/{major}:{minor}")), 0)
    })
}

fn below(device: &Path, depth: usize) -> Option<VgName> {
    if depth > 16 {
        return None;
    }
    let text = |name| fs::read_to_string(device.join("dm").join(name)).unwrap_or_default();
    if text("uuid").starts_with("LVM-") {
        return VgName::new(&dm::split(text("name").trim())?.vg).ok();
    }
    let slaves = fs::read_dir(device.join("slaves")).ok()?;
    slaves.flatten().find_map(|slave| below(&slave.path(), depth + 1))
}
