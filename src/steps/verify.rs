//! The last step: whether the tree and LVM are as the run was to leave them.

use anyhow::{Context, Result, bail};

use super::{images, names, volumes};
use crate::guest::root::Root;
use crate::lvm;
use crate::plan;
use crate::proof;
use crate::transaction::files::Side;
use crate::transaction::journal::Journal;
use crate::transaction::record::Direction;

/// Going forward a second plan is empty, and no row of the next boot's proof fails; going back every file
/// has its old bytes. Either way LVM says the name.
pub(super) fn verify(root: &Root, journal: &Journal, direction: Direction) -> Result<String> {
    let (from, to) = names(journal, direction);
    if let Some(uuid) = &journal.saved.uuid {
        let name = lvm::name_of(uuid)?;
        if name != to {
            bail!("LVM calls the group {uuid} `{name}`, not `{to}`: look with `vgs -o +vg_uuid`");
        }
    }
    if direction == Direction::Backward {
        for image in journal.saved.steps.iter().filter_map(images::of) {
            if let Some(resolved) = root.resolve(&image.path)? {
                journal.image_is_kept_one(&root.outer(&resolved))?;
            }
        }
        journal.files_are(root, Side::Before)?;
        journal.paths_are(root, direction)?;
        return Ok(format!("every file has its old bytes; the group is {to}"));
    }
    let left = plan::Sources::read(root, &journal.saved.also)
        .and_then(|sources| plan::files(root, sources, &from, &to, volumes(journal)))
        .context("planning again")?;
    if let Some(change) = left.changes.first() {
        bail!("`{}` still names {from} after the rename", change.path.display());
    }
    if let Some(path) = left.paths.changes.first() {
        bail!("`{}` still bears or leads to the name {from} after the rename", path.from.display());
    }
    proof::demand(root, &journal.saved)?;
    Ok(format!("planned again: no place that is rewritten names {from} any more"))
}
