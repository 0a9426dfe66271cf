//! What the proof compares with: groups and volumes under their present names.

use std::collections::BTreeSet;

use crate::names::{LvName, VgName};
use crate::rewrite::matcher::Volumes;

/// Groups that will exist at the next boot.
#[derive(Debug, Clone, Default)]
pub struct Known {
    pub(super) groups: Vec<Group>,
}

/// One group.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name.
    pub now: VgName,
    /// A name that it does not have, or no longer has.
    pub gone: Option<VgName>,
    /// Its volumes.
    pub volumes: Volumes,
    /// Their dm UUIDs (`LVM-`, group and volume without hyphens).
    pub dm_uuids: BTreeSet<String>,
}

impl Known {
    /// Adds a group.
    pub fn add(&mut self, group: Group) {
        self.groups.push(group);
    }

    /// Renames a volume of `group`. If that group is not known yet, it is added first.
    pub fn rename_volume(&mut self, group: Group, from: &LvName, to: &LvName) {
        let is_same =
            |known: &Group| known.now == group.now || known.gone.as_ref() == Some(&group.now);
        let at = self.groups.iter().position(is_same).unwrap_or(self.groups.len());
        if at == self.groups.len() {
            self.groups.push(group);
        }
        let known = &mut self.groups[at];
        if let Volumes::Known(volumes) = &mut known.volumes {
            let renamed = |name: &LvName| name.part_of(from, to).unwrap_or_else(|| name.clone());
            *volumes = volumes.iter().map(renamed).collect();
        }
    }
}
