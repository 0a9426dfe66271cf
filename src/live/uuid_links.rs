//! Links file systems under both UUIDs until the next boot, with a volatile udev rule.
//!
//! systemd binds a mount to the device that fstab names. If the link of the old UUID went away, systemd would unmount
//! the file system (systemd.mount(5), `BindsTo=`).

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Result, bail};

use super::has_udev;
use super::links::{rdev, trigger};
use crate::transaction::runtime;

/// Sorted after 60-persistent-storage.rules, which sets `ID_FS_UUID_ENC`.
const RULES: &str = "/run/udev/rules.d/99-postclone-uuids.rules";

/// One rule for each UUID, so that a device with either UUID has both links.
fn rules(pairs: &[(&str, &str)]) -> String {
    let mut text = String::from(
        "# Made by postclone: file systems got new UUIDs. Both are linked until the next boot.\n",
    );
    for (one, other) in pairs.iter().flat_map(|(old, new)| [(old, new), (new, old)]) {
        let _ = writeln!(
            text,
            "SUBSYSTEM==\"block\", ENV{{ID_FS_UUID_ENC}}==\"{one}\", SYMLINK+=\"disk/by-uuid/{other}\""
        );
    }
    text
}

/// Makes udev link both UUIDs of each pair from now on.
///
/// # Errors
/// The rule cannot be written, or udevadm fails.
pub fn keep(pairs: &[(&str, &str)]) -> Result<()> {
    if !has_udev() {
        return Ok(());
    }
    runtime::write(Path::new(RULES), &rules(pairs))?;
    trigger(&[])
}

/// Makes udev look at a device again, and demands that the link of a UUID leads to it.
///
/// # Errors
/// The link leads to another device, or udevadm fails.
pub fn demand(device: &str, uuid: &str) -> Result<()> {
    if !has_udev() {
        return Ok(());
    }
    trigger(&[device.strip_prefix("/dev/").unwrap_or(device).to_owned()])?;
    let link = format!("/dev/disk/by-uuid/{uuid}");
    if rdev(&link)? != rdev(device)? {
        bail!("`{link}` is another device than `{device}`: see `udevadm info {link}`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_the_links_of_both() {
        let text = rules(&[("a", "b")]);
        let rules: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(
            rules,
            [
                "SUBSYSTEM==\"block\", ENV{ID_FS_UUID_ENC}==\"a\", SYMLINK+=\"disk/by-uuid/b\"",
                "SUBSYSTEM==\"block\", ENV{ID_FS_UUID_ENC}==\"b\", SYMLINK+=\"disk/by-uuid/a\""
            ]
        );
    }
}
