//! A logical volume's name. Its group keeps its own.

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

/// The word under which journals keep this kind.
pub const KIND: &str = "volume";

/// The rename of a volume.
#[derive(Debug)]
pub struct Rename {
    kept: Kept,
    /// The group as LVM reports it. `None` without a report, or if the change comes from a journal.
    seen: Option<Group>,
}

/// What a journal keeps of the change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kept {
    /// The group's name.
    pub group: VgName,
    /// The group's UUID, if LVM reported it.
    pub group_uuid: Option<String>,
    /// The volume's old name.
    pub old: LvName,
    /// The volume's new name.
    pub new: LvName,
    /// The volume's UUID, if the run renames the volume in LVM.
    pub uuid: Option<String>,
    /// The group's volumes under their old names. `None` if they are recognized by form.
    pub volumes: Option<Vec<KeptVolume>>,
}

impl Kept {
    /// The name when a run has gone in this direction, and the other name.
    fn names(&self, direction: Direction) -> (&LvName, &LvName) {
        match direction {
            Direction::Forward => (&self.new, &self.old),
            Direction::Backward => (&self.old, &self.new),
        }
    }

    /// The group's volumes before the run.
    fn volumes(&self) -> Volumes {
        match &self.volumes {
            Some(all) => Volumes::Known(all.iter().map(|volume| volume.name.clone()).collect()),
            None => Volumes::ByForm,
        }
    }

    /// The same when a run has gone in this direction.
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

/// Reads what a journal keeps of a volume's rename.
///
/// # Errors
/// Something that no postclone has written.
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
    /// The volume itself, linked under both names. Its hidden parts have no links.
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

    /// The UUIDs of the group and the volume, if the run renames the volume in LVM.
    fn uuids(&self) -> Option<(&str, &str)> {
        Some((self.kept.group_uuid.as_deref()?, self.kept.uuid.as_deref()?))
    }

    fn said(&self, name: &LvName) -> String {
        format!("{}/{name}", self.kept.group)
    }
}
