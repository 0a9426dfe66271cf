//! The mounted file systems whose UUIDs postclone considers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::guest::mounts::{Mount, fstab_mounts, mounted};
use crate::guest::root::Root;

/// Where GRUB's files are.
const GRUB: &[&str] = &["/boot/grub", "/boot/grub2"];

/// The file systems that fstab mounts and that are mounted, each once, and whether GRUB reads its files from it.
pub(super) fn own_mounts(root: &Root) -> Vec<(Mount, bool)> {
    let targets: Vec<PathBuf> = fstab_mounts(root).into_iter().map(|(_, target)| target).collect();
    let mounts = mounted();
    let grub = GRUB.iter().map(Path::new).find(|dir| dir.is_dir());
    let holds_grub = grub.and_then(|dir| {
        let above = mounts.iter().filter(|mount| dir.starts_with(&mount.target));
        above
            .max_by_key(|mount| mount.target.components().count())
            .map(|mount| mount.device.clone())
    });
    let mut seen = BTreeSet::new();
    let mut own = Vec::new();
    for mount in mounts {
        let is_block = Path::new("/sys/dev/block").join(&mount.device).exists();
        let is_own = mount.target == Path::new("/") || targets.contains(&mount.target);
        if is_own && is_block && seen.insert(mount.device.clone()) {
            let has_grub = holds_grub.as_ref() == Some(&mount.device);
            own.push((mount, has_grub));
        }
    }
    own
}
