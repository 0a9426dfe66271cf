//! `postclone rename --resume`: finishes an interrupted run of any verb.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Result, anyhow};

use super::carry_out::left;
use crate::audit::told::{left_lines, of_next_boot};
use crate::change::Changes;
use crate::changes;
use crate::checks;
use crate::cli::RunArgs;
use crate::engine::apply;
use crate::engine::planned_again;
use crate::exit::{Exit, refuse};
use crate::guest::root::Root;
use crate::report::style::Style;
use crate::report::text::comment;
use crate::report::{proof as table, to_stdout};
use crate::transaction::STATE;
use crate::transaction::claim::Claim;
use crate::transaction::journal::Journal;
use crate::transaction::record::{Direction, State};
use crate::world::World;

/// Finishes the last run from where it was interrupted.
pub(super) fn run(args: &RunArgs) -> Result<Exit> {
    let root = Root::open(&args.root)?;
    // Before the journal is read, because another postclone may be writing it.
    let _claim = root.exists(STATE).then(|| Claim::take_over(&root)).transpose().map_err(refuse)?;
    let run = changes::latest(&root).map_err(refuse)?;
    let Some((mut journal, changes)) =
        run.filter(|(journal, _)| journal.state() == State::Open(Direction::Forward))
    else {
        to_stdout(|out| writeln!(out, "# Nothing to do: no run was interrupted."))?;
        return Ok(Exit::Done);
    };
    may_be_taken_up(&root, &journal, &changes)?;
    refuse_what_came_since(&root, &journal, &changes)?;
    if journal.saved.generator.is_some() {
        let world = World::after(&root, &changes).map_err(refuse)?;
        world.rehearse().map_err(refuse)?;
    }
    let outcome = apply::finish(&root, &mut journal, &changes)?;
    let old = changes.names(Direction::Backward);
    let left = left(&root, &changes);
    to_stdout(|out| {
        for subject in changes.subjects() {
            writeln!(out, "# Finished: {} {} is now {}.", subject.what, subject.old, subject.new)?;
        }
        outcome.seen.iter().try_for_each(|line| comment(out, &format!(" - {line}")))?;
        let more = of_next_boot(&old, left.as_ref());
        table::write(out, &outcome.proof, more.as_deref(), "# ", Style::of_stdout(args.color))?;
        let left = left.map(|left| left_lines(&old, &left)).unwrap_or_default();
        left.iter().try_for_each(|line| comment(out, line))
    })?;
    Ok(Exit::Done)
}

/// Checks what every run that continues needs, in either direction: root, its own tree, and everything mounted.
pub(super) fn may_be_taken_up(root: &Root, journal: &Journal, changes: &Changes) -> Result<()> {
    if let Some(doing) = changes.needs_root() {
        checks::is_root(doing).map_err(refuse)?;
    }
    journal.confine(root).map_err(refuse)?;
    changes.iter().try_for_each(|change| change.is_of(root)).map_err(refuse)?;
    if changes.pivot() || journal.saved.generator.is_some() {
        checks::all_is_mounted(root).map_err(refuse)?;
    }
    Ok(())
}

/// Refuses if a file that the run does not know has the old name, for example a file that was written after the
/// interruption. Such a file would keep the run from finishing.
fn refuse_what_came_since(root: &Root, journal: &Journal, changes: &Changes) -> Result<()> {
    let saved = &journal.saved;
    let planned = planned_again(root, journal, changes, Direction::Forward).map_err(refuse)?;
    let known: BTreeSet<PathBuf> =
        saved.files.iter().map(|path| root.inner(&journal.place(root, path))).collect();
    match planned.changes.iter().find(|change| !known.contains(&change.path)) {
        None => Ok(()),
        Some(change) => Err(refuse(anyhow!(
            "`{}` names {} and was added after the run was interrupted, so the run does not know it: undo the \
             run with `postclone undo`, and rename again",
            change.path.display(),
            changes.names(Direction::Backward)
        ))),
    }
}
