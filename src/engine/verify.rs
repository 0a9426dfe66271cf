//! The last step: checks that the tree and the machine are as the run should leave them.

use anyhow::{Context, Result, bail};

use super::take::Run;
use super::{image_step, proof};
use crate::change::Changes;
use crate::guest::root::Root;
use crate::plan;
use crate::transaction::files::Side;
use crate::transaction::journal::Journal;
use crate::transaction::record::Direction;

/// Going forward, a second plan must be empty, and no row of the proof may fail. Going back, every file must have its
/// old bytes. In both directions, the machine must be in the state that the pivot leads to.
pub(super) fn verify(run: &Run<'_>, direction: Direction) -> Result<String> {
    let Run { root, journal, changes } = *run;
    changes.iter().try_for_each(|change| change.demand(direction))?;
    if direction == Direction::Backward {
        for image in journal.saved.steps.iter().filter_map(image_step::of) {
            if let Some(resolved) = root.resolve(&image.path)? {
                journal.image_is_kept_one(&root.outer(&resolved))?;
            }
        }
        journal.files_are(root, Side::Before)?;
        journal.paths_are(root, direction)?;
        return Ok(format!("every file has its old bytes; {}", changes.state(direction)));
    }
    let left = planned_again(root, journal, changes, direction).context("planning again")?;
    let from = changes.names(Direction::Backward);
    if let Some(change) = left.changes.first() {
        bail!("`{}` still names {from} after the rename", change.path.display());
    }
    if let Some(path) = left.paths.changes.first() {
        bail!(
            "`{}` still has the name {from}, or leads to it, after the rename",
            path.from.display()
        );
    }
    proof::demand(run)?;
    Ok(format!("planned again: no place that postclone rewrites names {from} any more"))
}

/// What a plan in that direction would change in the places of a run.
pub fn planned_again(
    root: &Root,
    journal: &Journal,
    changes: &Changes,
    direction: Direction,
) -> Result<plan::Files> {
    let sources = plan::Sources::read(root, &journal.saved.also)?;
    let matchers = changes.matchers(direction, &sources.mappings);
    plan::files(root, sources, &matchers, &changes.rewriters(direction))
}
