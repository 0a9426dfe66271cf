//! `postclone rename --resume`.

use anyhow::Result;

use super::apply;
use crate::audit::report::left_lines;
use crate::checks;
use crate::cli::RenameArgs;
use crate::exit::{Exit, refuse};
use crate::guest::root::Root;
use crate::report::style::Style;
use crate::report::text::comment;
use crate::report::{proof as table, to_stdout};
use crate::steps;
use crate::transaction::journal::Journal;
use crate::transaction::lock::{Lock, no_package_manager};
use crate::transaction::record::{Direction, State};
use crate::world::World;

/// Finishes the last run where it was cut.
pub(super) fn run(args: &RenameArgs) -> Result<Exit> {
    let root = Root::open(&args.root)?;
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
    let _lock = Lock::take_over(&root).map_err(refuse)?;
    no_package_manager(&root).map_err(refuse)?;
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
        table::write(out, &outcome.proof, "# ", Style::of_stdout(args.color))?;
        let left = left.map(|left| left_lines(old, &left)).unwrap_or_default();
        left.iter().try_for_each(|line| comment(out, line))
    })?;
    Ok(Exit::Done)
}
