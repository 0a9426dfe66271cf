//! New UUIDs for file systems and swap areas while they are in use.
//!
//! Every reference by UUID is rewritten. A device-mapper volume is named by its path from then on. The path is
//! valid under either UUID, so the UUID changes after the files are in place, and undo restores it before anything
//! else. A partition is still named by UUID. Its UUID changes at the pivot, while the boot files are on the bridge:
//! they name the partition by its PARTUUID then, and GRUB searches for both UUIDs. A FAT file system on a partition
//! is unmounted for a moment.

pub mod at_boot;
mod change;
mod device;
pub mod find;
mod mounts;
mod references;
mod set;
mod unmounted;
pub mod xfs;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::Change;
use crate::encoding::{is_serial, is_uuid};
use crate::transaction::record::SavedChange;
use device::Place;

/// The word under which journals keep it.
pub const KIND: &str = "fs-uuids";

/// What holds a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// An ext2, ext3 or ext4 file system.
    Ext,
    /// A FAT file system. Its UUID is its serial number.
    Fat,
    /// A swap area.
    Swap,
}

/// One new UUID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renewed {
    /// The kind of content.
    pub content: Content,
    /// The device that holds it.
    device: Place,
    /// What people call it: a mount point, or `swap`.
    pub called: String,
    /// The UUID before.
    pub old: String,
    /// The UUID after.
    pub new: String,
    /// Whether the file system gets the feature [`crate::ext::SEED`] first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    seed: bool,
}

/// New UUIDs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renewal {
    renewed: Vec<Renewed>,
}

/// Reads the change from what a journal keeps of it.
///
/// # Errors
/// Values that postclone never writes.
pub(crate) fn of(saved: &SavedChange) -> Result<Box<dyn Change>> {
    let kept: Renewal = serde_json::from_value(Value::Object(saved.of.clone()))
        .context("reading new UUIDs of file systems")?;
    for one in &kept.renewed {
        let is_valid = if one.content == Content::Fat { is_serial } else { is_uuid };
        if let Some(uuid) = [&one.old, &one.new].into_iter().find(|uuid| !is_valid(uuid)) {
            bail!("`{}` is not a UUID", uuid.escape_debug());
        }
        if one.content == Content::Fat && !one.called.starts_with('/') {
            bail!("`{}` is not a mount point", one.called.escape_debug());
        }
        one.device.check()?;
    }
    Ok(Box::new(kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
    const NEW: &str = "11111111-2222-4333-8444-555555555555";

    fn saved(old: &str, device: &str) -> Result<Box<dyn Change>> {
        let text = format!(
            r#"{{"kind":"fs-uuids","renewed":[{{"content":"ext","device":{device},"called":"/boot","old":"{old}","new":"{NEW}"}}]}}"#
        );
        of(&serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn what_no_postclone_wrote_is_refused() {
        let partition = r#"{"partition":"beef-01"}"#;
        let mapped = |uuid: &str, path: &str| {
            format!(r#"{{"mapped":{{"dm_uuid":"{uuid}","path":"{path}"}}}}"#)
        };
        assert!(saved(OLD, partition).is_ok());
        let fat = |called: &str, old: &str| {
            let text = format!(
                r#"{{"kind":"fs-uuids","renewed":[{{"content":"fat","device":{partition},"called":"{called}","old":"{old}","new":"1A2B-3C4D"}}]}}"#
            );
            of(&serde_json::from_str(&text).unwrap())
        };
        assert!(fat("/boot/efi", "0000-FFFF").is_ok());
        for (called, old, words) in [
            ("/boot/efi", OLD, format!("`{OLD}` is not a UUID")),
            ("/boot/efi", "0000-ffff", "`0000-ffff` is not a UUID".to_owned()),
            ("-a", "0000-FFFF", "`-a` is not a mount point".to_owned()),
        ] {
            assert_eq!(format!("{:#}", fat(called, old).unwrap_err()), words);
        }
        assert!(saved(OLD, &mapped("LVM-x", "/dev/mapper/a--b-root")).is_ok());
        for (old, device, words) in [
            ("../x", partition, "`../x` is not a UUID"),
            (OLD, r#"{"partition":"a b"}"#, "`a b` is not the UUID of a partition"),
            (OLD, &mapped("LVM-x", "/dev/sda"), "`/dev/sda` is not a volume of device-mapper"),
            (
                OLD,
                &mapped("x", "/dev/mapper/x"),
                "`/dev/mapper/x` is not a volume of device-mapper",
            ),
        ] {
            assert_eq!(format!("{:#}", saved(old, device).unwrap_err()), words);
        }
        let change = saved(OLD, partition).unwrap();
        let phase = |act: &str| change.phase(&serde_json::from_str(act).unwrap());
        assert!(phase(r#"{"step":"set-partition-uuids","partitions":1}"#).is_ok());
        let error = phase(r#"{"step":"set-partition-uuids","partitions":2}"#).unwrap_err();
        assert_eq!(error.to_string(), "it concerns different UUIDs than the plan");
    }
}
