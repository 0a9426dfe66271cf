//! Going back while the machine keeps its new names, because a file or the pivot cannot go back.

use anyhow::{Result, anyhow};

use super::take::Run;
use super::{image_step, placed_step, proof};
use crate::change::Changes;
use crate::guest::root::Root;
use crate::plan::Step;
use crate::proof::failures;
use crate::transaction::files::Side;
use crate::transaction::journal::Journal;
use crate::transaction::record::Direction;

/// Puts an image in place that boots under the new name.
pub(super) fn image(run: &Run<'_>, step: &Step) -> Result<Option<String>> {
    match step {
        Step::RebuildImage { path, .. } => image_step::hold(run, path).map(|()| None),
        Step::Place(wanted) => placed_step::hold(run, wanted).map(|()| None),
        _ => Ok(None),
    }
}

/// Gives the files the new name, too, if none of them is on a bridge, which boots under either name. Then says what
/// is true in the end.
pub(super) fn settle(root: &Root, journal: &mut Journal, changes: &Changes) -> anyhow::Error {
    let held = format!("so {} and the files were left as they are", changes.things());
    let mut pivots = changes.iter().filter(|change| change.pivots());
    let has_new_name = changes.pivot() && pivots.all(|change| change.is_made() == Some(true));
    let has_bridge =
        journal.saved.steps.iter().any(|step| matches!(step, Step::BridgeFiles { .. }));
    let mut told = held.clone();
    if has_new_name && !has_bridge {
        told = match give_new_name(root, journal) {
            Ok(()) => format!(
                "so {}, and the files that nobody else wrote have that name",
                changes.state(Direction::Forward)
            ),
            Err(error) => format!("{held} ({error:#})"),
        };
    }
    let run = Run { root, journal, changes };
    match has_new_name.then(|| proof::after(&run, None)) {
        Some(Ok(rows)) => match failures(&rows) {
            Some(failing) => {
                anyhow!(
                    "{told}; do not reboot before that is fixed: the next boot would fail: {failing}"
                )
            }
            None => anyhow!("{told}; no row of the proof of the next boot fails"),
        },
        _ => anyhow!("{told}; the next boot was not proved"),
    }
}

/// Puts every file of the run on the new side, except those that somebody else wrote.
fn give_new_name(root: &Root, journal: &mut Journal) -> Result<()> {
    let foreign = journal.changed_since(root)?;
    let files = journal.saved.files.clone();
    journal.saved.files.retain(|path| !foreign.contains(path));
    let (waiting, failures) = journal.stage(root, Side::After, false, false);
    let committed = waiting.commit();
    journal.saved.files = files;
    failures.into_iter().next().map_or(committed, Err)
}
