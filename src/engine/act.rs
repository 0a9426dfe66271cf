//! One step of a run, forward or back.

use anyhow::Result;

use super::take::{Run, Staging};
use super::{due, image_step, placed_step, verify};
use crate::live;
use crate::plan::Step;
use crate::printable::count;
use crate::transaction::files::Side;
use crate::transaction::record::Direction;

pub(super) fn take(
    run: &Run<'_>,
    step: &Step,
    direction: Direction,
    cut: bool,
    force: bool,
    waiting: &mut Staging,
) -> Result<Option<String>> {
    let Run { root, journal, changes } = run;
    match step {
        // The backup was made before the journal's first record.
        Step::Backup { .. } => Ok(None),
        Step::Own(act) => changes.of(act)?.take(act, root, direction, &mut waiting.told),
        Step::BridgeFiles { .. } => {
            if let Some(waiting) = waiting.bridge.take() {
                waiting.commit()?;
            }
            journal.files_are(root, Side::Bridge)?;
            Ok(None)
        }
        Step::ReplaceFiles { files } => {
            if let Some(waiting) = waiting.last.take() {
                waiting.commit()?;
            }
            journal.files_are(root, due::last_side(direction))?;
            Ok(Some(match direction {
                Direction::Forward => format!("{} replaced", count(*files, "file")),
                Direction::Backward => format!("{} as before", count(*files, "file")),
            }))
        }
        Step::RenamePaths { paths } => {
            journal.rename_paths(root, direction, force)?;
            journal.paths_are(root, direction)?;
            Ok(Some(match direction {
                Direction::Forward => format!("{} renamed", count(*paths, "path")),
                Direction::Backward => format!("{} as before", count(*paths, "path")),
            }))
        }
        Step::ReloadSystemd => live::reload_systemd().map(|()| None),
        Step::BridgeImage { .. } | Step::RebuildImage { .. } => {
            image_step::take(run, step, direction, cut)
        }
        Step::BridgePlaced(wanted) => placed_step::bridge(run, wanted, direction).map(|()| None),
        Step::Place(wanted) => placed_step::last(run, wanted, direction).map(Some),
        Step::Verify => verify::verify(run, direction).map(Some),
    }
}
