//! UUIDs of file systems and swap areas: new ones, while they are in use.
//!
//! What names them by UUID is rewritten. A volume of the device mapper is named by its path from then on,
//! which holds under either UUID; so its UUID changes when the files are in place, and goes back before
//! anything else does. A partition keeps being named by UUID: it changes at the pivot, while the boot files
//! are on the bridge and name it by its partition's UUID, and GRUB searches for both.

pub mod at_boot;
mod change;
mod device;
pub mod find;
mod references;
mod set;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::Change;
use crate::encoding::is_uuid;
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
    /// A swap area.
    Swap,
}

/// One new UUID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renewed {
    /// What holds it.
    pub content: Content,
    /// On which device.
    device: Place,
    /// What people call it: a mount point, or `swap`.
    pub called: String,
    /// The UUID before.
    pub old: String,
    /// The UUID after.
    pub new: String,
    /// Whether the file system gets the feature [`crate::tune2fs::SEED`] first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    seed: bool,
}

/// New UUIDs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renewal {
    renewed: Vec<Renewed>,
}

/// What a journal keeps of it, read again.
///
/// # Errors
/// What no postclone has written.
pub(crate) fn of(saved: &SavedChange) -> Result<Box<dyn Change>> {
    let kept: Renewal = serde_json::from_value(Value::Object(saved.of.clone()))
        .context("reading new UUIDs of file systems")?;
    for uuid in kept.renewed.iter().flat_map(|one| [&one.old, &one.new]) {
        if !is_uuid(uuid) {
            bail!("`{}` is no UUID", uuid.escape_debug());
        }
    }
    kept.renewed.iter().try_for_each(|one| one.device.check())?;
    Ok(Box::new(kept))
}
