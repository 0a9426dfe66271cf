//! What could keep LVM from renaming the volume.

use std::path::Path;

use anyhow::{Result, bail};

use super::Kept;
use crate::change::Job;
use crate::group;
use crate::guest::inventory::Group;
use crate::live;
use crate::names::dm;

/// Checks everything about the group and the volume's new name. Each answer is separate.
pub(super) fn ask(job: &Job, group: &Group, kept: &Kept) -> Vec<Result<()>> {
    let mut answers = group::checks::of_group(group);
    answers.push(group::checks::no_lock_is_held(&[&kept.group]));
    answers.push(node_is_free(group, kept));
    answers.push(path_is_free(job, group, kept));
    answers
}

/// lvrename commits the metadata without checking dm devices. If one already has the new name, only the next boot
/// meets it.
fn node_is_free(group: &Group, kept: &Kept) -> Result<()> {
    let (_, nodes) = live::links::nodes_by_group(&group.uuid);
    let name = dm::dm_name(&kept.group, &kept.new);
    if nodes.contains(&name) {
        bail!(
            "a dm device is already named `{name}`: see `dmsetup info {name}`, or choose another name"
        );
    }
    Ok(())
}

/// Between a rename and its reboot, the volume's own link still has the name that an undo puts back.
fn path_is_free(job: &Job, group: &Group, kept: &Kept) -> Result<()> {
    let (own, _) = live::links::nodes_by_group(&group.uuid);
    let is_own = own.contains(&dm::dm_name(&kept.group, &kept.new));
    let path = Path::new("/dev").join(kept.group.as_str()).join(kept.new.as_str());
    if !is_own && job.root.is_live() && path.symlink_metadata().is_ok() {
        bail!("`{}` already exists: choose another name, or check what it is", path.display());
    }
    Ok(())
}
