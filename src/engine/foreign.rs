//! Files of a run that somebody else wrote while it ran, or after it was interrupted.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::verify::planned_again;
use crate::change::Changes;
use crate::guest::root::Root;
use crate::transaction::journal::Journal;
use crate::transaction::record::Direction;

/// Such files of a run that goes back, if they are harmless: none of them names the group by its new name. As they
/// are, they fit the old name, so they are no reason to keep the new one. `None` if one of them names the group by
/// its new name, or is gone.
pub fn harmless(root: &Root, journal: &Journal, changes: &Changes) -> Result<Option<Vec<PathBuf>>> {
    let foreign = journal.changed_since(root)?;
    if foreign.is_empty() {
        return Ok(Some(foreign));
    }
    let named: BTreeSet<PathBuf> = planned_again(root, journal, changes, Direction::Backward)
        .context("looking for the name in files that somebody else wrote")?
        .changes
        .into_iter()
        .map(|change| change.path)
        .collect();
    let is_in_the_way = |path: &PathBuf| {
        let at = journal.place(root, path);
        !at.exists() || named.contains(&root.inner(&at))
    };
    Ok((!foreign.iter().any(is_in_the_way)).then_some(foreign))
}

/// Removes harmless files from a run that goes back, and returns a sentence for each. The journal on disk does not
/// change, so a later run checks again.
pub(super) fn pass_over(
    root: &Root,
    journal: &mut Journal,
    changes: &Changes,
) -> Result<Vec<String>> {
    let Some(foreign) = harmless(root, journal, changes)? else { return Ok(Vec::new()) };
    journal.saved.files.retain(|path| !foreign.contains(path));
    let leaves = changes.names(Direction::Forward);
    let told = foreign.iter().map(|path| {
        format!(
            "`{}` was written by somebody else meanwhile, does not name {leaves}, and stays as it is",
            path.display()
        )
    });
    Ok(told.collect())
}
