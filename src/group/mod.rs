//! A volume group's name: the change for which postclone was written.

pub(crate) mod autoextend;
mod change;
pub(crate) mod checks;
pub mod new_name;
pub mod out_of_sight;
mod ownership;
mod renumbered;
pub(crate) mod target;

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::Change;
use crate::guest::host::HostName;
use crate::guest::inventory::Group;
use crate::live::links::Linked;
use crate::live::reboot::Nodes;
use crate::live::until_reboot::Renamed;
use crate::lvm;
use crate::names::{LvName, VgName};
use crate::proof::{self, Known};
use crate::rewrite::matcher::Volumes;
use crate::transaction::record::{Direction, SavedChange};
pub use ownership::group_is_of;

/// The word under which journals keep this kind.
pub const KIND: &str = "group";

/// Length of a group's UUID without hyphens.
const UUID: usize = 32;

/// The rename of a group.
#[derive(Debug)]
pub struct Rename {
    kept: Kept,
    /// The group as LVM reports it. `None` without a report, or if the change comes from a journal.
    group: Option<Group>,
    /// The host name from which the new name was made, if nobody gave the new name.
    named_after: Option<HostName>,
    /// The group's UUID in a journal. The group may have got another one since.
    journaled: Option<String>,
}

/// What a journal keeps of the change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kept {
    /// The group's old name.
    pub old: VgName,
    /// The group's new name.
    pub new: VgName,
    /// The group's UUID, if the run renames the group in LVM.
    pub uuid: Option<String>,
    /// Its volumes. `None` if they are recognized by form.
    pub volumes: Option<Vec<KeptVolume>>,
}

/// One volume of a group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeptVolume {
    /// Its name.
    pub name: LvName,
    /// Its dm UUID, if it has links in /dev.
    pub dm_uuid: Option<String>,
}

impl KeptVolume {
    /// All volumes of a group.
    pub(crate) fn all_of(group: &Group) -> Vec<Self> {
        let volumes = group.volumes.iter().map(|volume| Self {
            name: volume.name.clone(),
            dm_uuid: (!volume.hidden && !volume.uuid.is_empty()).then(|| group.dm_uuid(volume)),
        });
        volumes.collect()
    }
}

impl Kept {
    /// The group's volumes, as a run knew them when it began.
    pub fn volumes(&self) -> Volumes {
        match &self.volumes {
            Some(all) => Volumes::Known(all.iter().map(|volume| volume.name.clone()).collect()),
            None => Volumes::ByForm,
        }
    }

    /// The dm UUIDs of the volumes that have links in /dev.
    pub fn dm_uuids(&self) -> BTreeSet<String> {
        self.volumes.iter().flatten().filter_map(|volume| volume.dm_uuid.clone()).collect()
    }

    /// The name when a run has gone in this direction, and the other name.
    fn names(&self, direction: Direction) -> (&VgName, &VgName) {
        match direction {
            Direction::Forward => (&self.new, &self.old),
            Direction::Backward => (&self.old, &self.new),
        }
    }
}

/// Reads what a journal keeps of a group's rename.
///
/// # Errors
/// Something that no postclone has written.
pub(crate) fn of(saved: &SavedChange) -> Result<Box<dyn Change>> {
    let kept: Kept = kept(saved)?;
    if let Some(uuid) = &kept.uuid {
        lvm::is_uuid(uuid)?;
    }
    let journaled = kept.uuid.clone();
    Ok(Box::new(Rename { journaled, ..Rename::from(renumbered::settled(kept)) }))
}

/// The same, in the form in which it is kept.
///
/// # Errors
/// Something that no postclone has written.
pub fn kept(saved: &SavedChange) -> Result<Kept> {
    serde_json::from_value(Value::Object(saved.of.clone())).context("reading the rename of a group")
}

/// The group's rename among the changes of a run.
pub fn among(changes: &[SavedChange]) -> Option<Kept> {
    changes.iter().find(|change| change.kind == KIND).and_then(|change| kept(change).ok())
}

impl From<Kept> for Rename {
    fn from(kept: Kept) -> Self {
        Self { kept, group: None, named_after: None, journaled: None }
    }
}

impl Rename {
    /// The group's name after the run.
    pub(crate) fn new_name(&self) -> &VgName {
        &self.kept.new
    }

    /// The group's UUID, if it is known. If the group was renamed by hand, a journal knows the UUID only from its
    /// volumes' dm UUIDs.
    fn uuid(&self) -> Option<String> {
        let seen = self.group.as_ref().map(|group| &group.uuid).or(self.kept.uuid.as_ref());
        let volumes = self.kept.volumes.iter().flatten();
        let mut dm_uuids = volumes.filter_map(|volume| volume.dm_uuid.as_deref());
        let mut of_volumes = || dm_uuids.find_map(|uuid| uuid.strip_prefix("LVM-")?.get(..UUID));
        seen.map(|uuid| uuid.replace('-', "")).or_else(|| of_volumes().map(str::to_owned))
    }

    fn linked(&self, direction: Direction) -> Vec<Linked> {
        let (to, from) = self.kept.names(direction);
        let volumes = self.kept.volumes.iter().flatten().map(|volume| Linked {
            dm_uuid: volume.dm_uuid.clone(),
            from: (from.clone(), volume.name.clone()),
            to: (to.clone(), volume.name.clone()),
        });
        volumes.collect()
    }

    fn renamed(&self, direction: Direction) -> Renamed {
        let (to, from) = self.kept.names(direction);
        let beginning = |group: &VgName| format!("{}-", group.doubled());
        Renamed {
            linked: self.linked(direction),
            from: from.to_string(),
            to: to.to_string(),
            nodes: Nodes::Beginning(beginning(from), beginning(to)),
        }
    }
}

/// What a proof knows of a group as LVM reports it. `gone` is a name that the group does not have.
pub fn known(group: &Group, gone: Option<&VgName>) -> Known {
    let visible = group.volumes.iter().filter(|volume| !volume.uuid.is_empty());
    let mut known = Known::default();
    known.add(proof::Group {
        now: group.name.clone(),
        gone: gone.cloned(),
        volumes: Volumes::Known(group.volumes.iter().map(|volume| volume.name.clone()).collect()),
        dm_uuids: visible.map(|volume| group.dm_uuid(volume)).collect(),
    });
    known
}
