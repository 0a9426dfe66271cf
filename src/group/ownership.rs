//! Whether a group belongs to another root, and not to the machine on which postclone runs.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use crate::guest::mounts::mounted;
use crate::guest::root::Root;

/// Refuses if volumes of the group are mounted outside the root. A journal on a disk that somebody else had may name
/// any group, including this machine's own.
///
/// # Errors
/// The first mount point outside.
pub fn group_is_of(root: &Root, uuid: &str) -> Result<()> {
    // lvm2 lib/misc/lvm-string.c: a dm UUID is `LVM-`, the group's UUID without hyphens, and the volume's UUID.
    let head = format!("LVM-{}", uuid.replace('-', ""));
    let devices = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let numbers: Vec<String> = devices
        .filter_map(|device| {
            let read = |file: &str| fs::read_to_string(device.path().join(file)).ok();
            read("dm/uuid")?.starts_with(&head).then(|| read("dev")).flatten()
        })
        .map(|number| number.trim().to_owned())
        .collect();
    outside(root.base(), &numbers)
}

fn outside(base: &Path, numbers: &[String]) -> Result<()> {
    let mounts = mounted();
    match mounts
        .iter()
        .find(|mount| numbers.contains(&mount.device) && !mount.target.starts_with(base))
    {
        Some(mount) => bail!(
            "the journal names a group with a volume that is mounted at `{}`, outside `{}`: unmount it, or run \
             postclone in the system that the group belongs to",
            mount.target.display(),
            base.display()
        ),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_outside_is_told_from_one_inside() {
        let mounts = mounted();
        // In a chroot, `/` may not be a mount point.
        let mount = mounts.first().expect("a mount");
        let numbers = [mount.device.clone()];
        let told = format!("{:#}", outside(Path::new("/nowhere"), &numbers).unwrap_err());
        let words = format!(
            "the journal names a group with a volume that is mounted at `{}`, outside `/nowhere`: unmount it, or run \
             postclone in the system that the group belongs to",
            mount.target.display()
        );
        assert!(told.contains(&words), "{told}");
        assert!(outside(Path::new("/"), &numbers).is_ok());
        assert!(outside(Path::new("/nowhere"), &["999:999".to_owned()]).is_ok());
    }
}
