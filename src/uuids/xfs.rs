//! UUIDs of XFS file systems on logical volumes. Such a UUID can change only while the file system is not mounted
//! (xfs_admin(8)), so a script of the initramfs changes it at the next boot, before `/` is mounted.
//!
//! Every reference by UUID becomes the volume's path, which is valid under either UUID. The script changes the UUID
//! only if the volume has a tag in LVM's metadata. The run sets the tag after all files are in place. Undo removes
//! the tag before it restores the first file. So no boot changes a UUID that a file still names. After a boot has
//! changed the UUID, undo keeps the UUID and the paths.

mod change;
pub mod find;

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::device::Place;
use crate::blkid;
use crate::change::Change;
use crate::encoding::is_uuid;
use crate::guest::root::Root;
use crate::lvm::tags;
use crate::transaction::made;
use crate::transaction::record::SavedChange;

/// The word under which journals keep it.
pub const KIND: &str = "xfs-uuids";

/// The plan. The package's hook copies it into images.
pub const PLAN: &str = "/var/lib/postclone/at-boot-xfs";

/// The tag of a volume whose UUID the next boot may change.
const WANTED: &str = "postclone-uuid";
/// The tag of a volume whose UUID a boot has begun to change. Its log was empty at that time.
const BEGUN: &str = "postclone-uuid-begun";

/// One file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSystem {
    /// The volume that holds it.
    device: Place,
    /// Its mount point.
    called: String,
    /// Its UUID now.
    old: String,
    /// Its UUID after the next boot.
    new: String,
}

/// New UUIDs of XFS file systems.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renewal {
    file_systems: Vec<FileSystem>,
    /// Whether the UUIDs stay: the run undoes another run whose boot has already happened, and only makes sure that
    /// no later boot changes a UUID.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    stays: bool,
}

/// Reads the change from what a journal keeps of it.
///
/// # Errors
/// Values that postclone never writes.
pub(crate) fn of(saved: &SavedChange) -> Result<Box<dyn Change>> {
    let kept: Renewal = serde_json::from_value(Value::Object(saved.of.clone()))
        .context("reading new UUIDs of XFS file systems")?;
    for one in &kept.file_systems {
        if let Some(other) = [&one.old, &one.new].into_iter().find(|uuid| !is_uuid(uuid)) {
            bail!("`{}` is not a UUID", other.escape_debug());
        }
        one.device.check()?;
        one.volume()?;
    }
    Ok(Box::new(kept))
}

impl FileSystem {
    /// The path of its volume when the run is done.
    fn path(&self) -> &str {
        match &self.device {
            Place::Mapped { path, .. } => path,
            Place::Partition(uuid) => uuid,
        }
    }

    /// The UUID of its volume.
    fn volume(&self) -> Result<String> {
        let uuid = match &self.device {
            Place::Mapped { dm_uuid, .. } => tags::volume_uuid(dm_uuid),
            Place::Partition(_) => None,
        };
        uuid.with_context(|| format!("{} is not on a logical volume", self.called))
    }

    /// Its UUID now.
    fn now(&self) -> Result<String> {
        let device = self.device.find().with_context(|| format!("looking for {}", self.called))?;
        blkid::read(&device)
    }
}

impl Renewal {
    /// The plan's bytes. Each file system has a line: `xfs DEVICE OLD NEW`.
    fn plan(&self) -> String {
        let line = |one: &FileSystem| format!("xfs {} {} {}\n", one.path(), one.old, one.new);
        self.file_systems.iter().map(line).collect()
    }

    fn said(&self, uuid: impl Fn(&FileSystem) -> &str) -> String {
        let said = |one: &FileSystem| format!("{} ({})", uuid(one), one.called);
        self.file_systems.iter().map(said).collect::<Vec<_>>().join(", ")
    }

    /// Writes the plan, and sets the tag of each volume that does not have its new UUID yet.
    fn allow(&self, root: &Root) -> Result<()> {
        made::file(root, Path::new(PLAN), self.plan().as_bytes())?;
        for one in &self.file_systems {
            if one.now()? == one.old {
                tags::set(&one.volume()?, WANTED, true)?;
            }
        }
        Ok(())
    }

    /// Removes the tags.
    fn hold(&self) -> Result<()> {
        self.file_systems.iter().try_for_each(|one| {
            let volume = one.volume()?;
            [WANTED, BEGUN].iter().try_for_each(|tag| tags::set(&volume, tag, false))
        })
    }
}

/// Removes the plan if boots have carried out all of it. Returns whether it removed the plan. A volume that is not
/// there now may come back, so the plan stays for it.
///
/// # Errors
/// blkid fails, or the file cannot be removed.
pub(crate) fn forget(root: &Root) -> Result<bool> {
    let Some(text) = root.read_text(PLAN) else { return Ok(false) };
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [_, device, _, new] = words[..] else { continue };
        if !Path::new(device).exists() || blkid::read(device)? != new {
            return Ok(false);
        }
    }
    made::remove(root, Path::new(PLAN))?;
    Ok(true)
}
