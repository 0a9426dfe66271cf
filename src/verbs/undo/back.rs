//! Undoes a run with a plan of its own, from NEW to OLD, if something came after the run.
//!
//! This is a rename like any other: it has checks, a bridge, images and a proof, and a failure undoes it. Its journal
//! says which run it undoes.

use std::fmt::Write as _;

use anyhow::Result;

use super::since::Since;
use super::{restore, say};
use crate::change::{Changes, Job};
use crate::cli::{Colour, Format, RunArgs, UndoArgs};
use crate::engine::{self, Scope, apply};
use crate::exit::Exit;
use crate::guest::root::Root;
use crate::plan::Phase;
use crate::transaction::claim::Claim;
use crate::transaction::journal::Journal;
use crate::transaction::record::Direction;
use crate::verbs::carry_out::again;
use crate::verbs::printer::Printer;
use crate::{ask, checks, printable};

/// Reads everything and plans how to undo a run that is done. Changes nothing.
pub(super) fn prepare(args: &UndoArgs, journal: &Journal, changes: &Changes) -> Result<Job> {
    let root = Root::open(&args.root)?;
    let saved = &journal.saved;
    let asks_lvm = changes.pivot();
    let gathered = engine::gather(&root, &saved.also, !asks_lvm, || {
        let back: Result<Vec<_>> = changes.iter().rev().map(|change| change.back(&root)).collect();
        Ok((Changes(back?), Vec::new()))
    })?;
    let phases = changes.phases(&saved.steps)?;
    let was_live = phases.into_iter().any(Phase::is_live);
    let scope = Scope {
        files_only: !changes.pivot() && saved.generator.is_none() && !was_live,
        images: saved.generator.is_some(),
        undoes: Some(journal.name()),
    };
    let mut job = engine::job(root, &args.root, gathered, scope)?;
    job.also.clone_from(&saved.also);
    Ok(job)
}

/// Shows the plan, asks, and undoes the run with it.
pub(super) fn run(
    args: &UndoArgs,
    root: &Root,
    run: (&Journal, &Changes),
    job: Job,
    since: &Since,
    _claim: Claim,
) -> Result<Exit> {
    checks::run(&job)?;
    let (journal, changes) = run;
    let way = changes.way(Direction::Forward);
    let mut text = format!(
        "# The run from {way} is undone with a plan of its own, because this came after it:\n"
    );
    for sentence in &since.sentences {
        let _ = writeln!(text, "#  - {}", printable::line(sentence));
    }
    text.push_str("# It stays, and gets the old name.\n");
    say(&text)?;
    Printer::new(&run_args(args, journal)).what_it_will_do(&job)?;
    let job = if args.yes {
        job
    } else {
        ask::confirm("Undo it now?", "use --yes")?;
        // The claim keeps postclone and package managers out, and nobody else.
        let job = again(Some(&job.plan), || prepare(args, journal, changes))?;
        checks::run(&job)?;
        job
    };
    let outcome = apply::run(&job)?;
    say(&restore::taken_back(root, &outcome.seen))?;
    Ok(Exit::Done)
}

/// Finishes such an undo after an interruption.
pub(super) fn finish(root: &Root, mut journal: Journal, changes: &Changes) -> Result<Exit> {
    let outcome = apply::finish(root, &mut journal, changes)?;
    say(&restore::taken_back(root, &outcome.seen))?;
    Ok(Exit::Done)
}

/// The arguments of a run that undoes another run.
fn run_args(args: &UndoArgs, journal: &Journal) -> RunArgs {
    let saved = &journal.saved;
    RunArgs {
        force: false,
        dry_run: false,
        yes: args.yes,
        accept_stale: true,
        also: saved.also.clone(),
        root: args.root.clone(),
        files_only: false,
        no_initramfs: saved.generator.is_none(),
        lvm_report: None,
        show_private: false,
        format: Format::Text,
        color: Colour::Auto,
        no_pager: false,
        context: 3,
        verbose: args.verbose,
        quiet: args.quiet,
    }
}
