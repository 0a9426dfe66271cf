//! `postclone rename --resume`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Result, anyhow};

use super::apply;
use crate::audit::report::{left_lines, of_next_boot};
use crate::checks;
use crate::cli::RenameArgs;
use crate::exit::{Exit, refuse};
use crate::guest::root::Root;
use crate::plan;
use crate::report::style::Style;
use crate::report::text::comment;
use crate::report::{proof as table, to_stdout};
use crate::steps;
use crate::transaction::STATE;
use crate::transaction::claim::Claim;
use crate::transaction::journal::Journal;
use crate::transaction::record::{Direction, State};
use crate::world::World;

/// Finishes the last run where it was cut.
pub(super) fn run(args: &RenameArgs) -> Result<Exit> {
    let root = Root::open(&args.root)?;
    // Before the journal is read: another postclone may be writing it.
    let _claim = root.exists(STATE).then(|| Claim::take_over(&root)).transpose().map_err(refuse)?;
    let journal = Journal::latest(&root).map_err(refuse)?;
    let Some(mut journal) =
        journal.filter(|journal| journal.state() == State::Open(Direction::Forward))
    else {
        to_stdout(|out| writeln!(out, "# Nothing to do: no run was cut."))?;
        return Ok(Exit::Done);
    };
    if journal.saved.uuid.is_some() {
        checks::is_root("renaming a volume group").map_err(refuse)?;
    }
    journal.confine(&root).map_err(refuse)?;
    if let Some(uuid) = journal.saved.uuid.as_deref().filter(|_| !root.is_live()) {
        checks::group_is_of(&root, uuid).map_err(refuse)?;
    }
    if journal.saved.uuid.is_some() || journal.saved.generator.is_some() {
        checks::all_is_mounted(&root).map_err(refuse)?;
    }
    refuse_what_came_since(&root, &journal)?;
    if journal.saved.generator.is_some() {
        let world = World::after(&root, &steps::renaming(&journal.saved)).map_err(refuse)?;
        world.rehearse().map_err(refuse)?;
    }
    let outcome = apply::finish(&root, &mut journal)?;
    let old = &journal.saved.old;
    let left = super::left(&root, old, steps::volumes(&journal));
    to_stdout(|out| {
        writeln!(
            out,
            "# Finished: volume group {} is {} now.",
            journal.saved.old, journal.saved.new
        )?;
        outcome.seen.iter().try_for_each(|line| comment(out, &format!(" - {line}")))?;
        let more = of_next_boot(old, left.as_ref());
        table::write(out, &outcome.proof, more.as_deref(), "# ", Style::of_stdout(args.color))?;
        let left = left.map(|left| left_lines(old, &left)).unwrap_or_default();
        left.iter().try_for_each(|line| comment(out, line))
    })?;
    Ok(Exit::Done)
}

/// A file that the run does not know and that names OLD, as one that was written after the cut, would
/// keep the run from its end.
fn refuse_what_came_since(root: &Root, journal: &Journal) -> Result<()> {
    let saved = &journal.saved;
    let planned = plan::Sources::read(root, &saved.also).and_then(|sources| {
        plan::files(root, sources, &saved.old, &saved.new, steps::volumes(journal))
    });
    let planned = planned.map_err(refuse)?;
    let known: BTreeSet<PathBuf> =
        saved.files.iter().map(|path| root.inner(&journal.place(root, path))).collect();
    match planned.changes.iter().find(|change| !known.contains(&change.path)) {
        None => Ok(()),
        Some(change) => Err(refuse(anyhow!(
            "`{}` names {} and came after the run was cut, which knows nothing of it: take the run back with \
             `postclone undo`, and rename again",
            change.path.display(),
            saved.old
        ))),
    }
}
