//! A logical volume's name; its group keeps its own.

mod change;
mod checks;
pub(crate) mod target;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::Change;
use crate::group::KeptVolume;
use crate::guest::inventory::Group;
use crate::live::links::Linked;
use crate::live::reboot::Nodes;
use crate::live::until_reboot::Renamed;
use crate::lvm;
use crate::names::{LvName, VgName, dm};
use crate::rewrite::matcher::Volumes;
use crate::transaction::record::{Direction, SavedChange};

/// The word under which journals keep it.
pub const KIND: &str = "volume";

/// The renaming of a volume.
#[derive(Debug)]
pub struct Rename {
    kept: Kept,
    /// The group as LVM reports it; none without a report, and of a journal.
    seen: Option<Group>,
}

/// What a journal keeps of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kept {
    /// The group's name.
    pub group: VgName,
    /// The group's UUID, where LVM reported it.
    pub group_uuid: Option<String>,
    /// The volume's name before.
    pub old: LvName,
    /// The volume's name after.
    pub new: LvName,
    /// The volume's UUID, where the run renames it in LVM.
    pub uuid: Option<String>,
    /// The group's volumes under the names before; none if they are told by form.
    pub volumes: Option<Vec<KeptVolume>>,
}

impl Kept {
    /// The name when a run has gone that way, and the other one.
    fn names(&self, direction: Direction) -> (&LvName, &LvName) {
        match direction {
            Direction::Forward => (&self.new, &self.old),
            Direction::Backward => (&self.old, &self.new),
        }
    }

    /// The group's volumes before.
    fn volumes(&self) -> Volumes {
        match &self.volumes {
            Some(all) => Volumes::Known(all.iter().map(|volume| volume.name.clone()).collect()),
            None => Volumes::ByForm,
        }
    }

    /// The same when a run has gone that way.
    fn volumes_after(&self, direction: Direction) -> Volumes {
        match (self.volumes(), direction) {
            (Volumes::Known(names), Direction::Forward) => {
                let renamed = |name: LvName| name.part_of(&self.old, &self.new).unwrap_or(name);
                Volumes::Known(names.into_iter().map(renamed).collect())
            }
            (volumes, _) => volumes,
        }
    }
}

/// What a journal keeps of a volume's renaming, read again.
///
/// # Errors
/// What no postclone has written.
pub(crate) fn of(saved: &SavedChange) -> Result<Box<dyn Change>> {
    let kept: Kept = serde_json::from_value(Value::Object(saved.of.clone()))
        .context("reading the rename of a volume")?;
    [&kept.uuid, &kept.group_uuid].into_iter().flatten().try_for_each(|uuid| lvm::is_uuid(uuid))?;
    if kept.uuid.is_some() && kept.group_uuid.is_none() {
        bail!("it renames a volume of a group without a UUID");
    }
    Ok(Box::new(Rename::from(kept)))
}

impl From<Kept> for Rename {
    fn from(kept: Kept) -> Self {
        Self { kept, seen: None }
    }
}

impl Rename {
    /// The volume itself, linked under both names; hidden parts of it have no links.
    fn linked(&self, direction: Direction) -> Vec<Linked> {
        let (to, from) = self.kept.names(direction);
        let pair = |name: &LvName| (self.kept.group.clone(), name.clone());
        let volumes = self.kept.volumes.iter().flatten();
        let own = volumes.filter(|volume| volume.name == self.kept.old).map(|volume| Linked {
            dm_uuid: volume.dm_uuid.clone(),
            from: pair(from),
            to: pair(to),
        });
        own.collect()
    }

    fn renamed(&self, direction: Direction) -> Renamed {
        let (to, from) = self.kept.names(direction);
        let node = |name| dm::dm_name(&self.kept.group, name);
        Renamed {
            linked: self.linked(direction),
            from: self.said(from),
            to: self.said(to),
            nodes: Nodes::Whole(node(from), node(to)),
        }
    }

    /// Both UUIDs, where the run renames it in LVM.
    fn uuids(&self) -> Option<(&str, &str)> {
        Some((self.kept.group_uuid.as_deref()?, self.kept.uuid.as_deref()?))
    }

    fn said(&self, name: &LvName) -> String {
        format!("{}/{name}", self.kept.group)
    }
}
