//! The way back of a run by a plan of its own, from NEW to OLD: for whatever came after the run.
//!
//! It is a rename like any other, with its checks, bridge, images and proof, and a failure takes it back.
//! Its journal says which run it takes back.

use std::fmt::Write as _;

use anyhow::Result;

use super::since::Since;
use super::{restore, say};
use crate::cli::{Colour, Format, RenameArgs, UndoArgs};
use crate::exit::{Exit, refuse};
use crate::guest::root::Root;
use crate::plan::Sources;
use crate::rename::printer::Printer;
use crate::rename::target::Target;
use crate::rename::{self, Gathered, Job, Scope, apply};
use crate::transaction::claim::Claim;
use crate::transaction::journal::Journal;
use crate::{ask, checks, printable, steps};

/// Reads all there is to know, and plans the way back of a run that is done. Changes nothing.
pub(super) fn prepare(args: &UndoArgs, journal: &Journal) -> Result<Job> {
    let root = Root::open(&args.root)?;
    let saved = &journal.saved;
    let gathered = if saved.uuid.is_some() {
        rename::gather(&rename_args(args, journal), &root)?
    } else {
        // LVM was not asked then either; the volumes are those that the run knew.
        let target = Target {
            old: saved.new.clone(),
            new: saved.old.clone(),
            group: None,
            volumes: Some(steps::volumes(journal)),
            renames_group: false,
            warnings: Vec::new(),
            named_after: None,
        };
        Gathered {
            target,
            sources: Sources::read(&root, &saved.also).map_err(refuse)?,
            devices: None,
        }
    };
    let was_live = saved.steps.iter().any(crate::plan::Step::is_live);
    let scope = Scope {
        files_only: saved.uuid.is_none() && saved.generator.is_none() && !was_live,
        images: saved.generator.is_some(),
        undoes: Some(journal.name()),
    };
    let mut job = rename::job(root, args.root.clone(), gathered, scope)?;
    job.also.clone_from(&saved.also);
    Ok(job)
}

/// Shows the plan, asks, and takes the run back by it.
pub(super) fn run(
    args: &UndoArgs,
    root: &Root,
    journal: &Journal,
    job: Job,
    since: &Since,
    _claim: Claim,
) -> Result<Exit> {
    checks::run(&job)?;
    let (old, new) = (&journal.saved.old, &journal.saved.new);
    let mut text = format!(
        "# The run from {old} to {new} is taken back by a plan of its own, for this came after it:\n"
    );
    for sentence in &since.sentences {
        let _ = writeln!(text, "#  - {}", printable::line(sentence));
    }
    text.push_str("# It stays, and gets the name back.\n");
    say(&text)?;
    Printer::new(&rename_args(args, journal)).what_it_will_do(&job)?;
    let job = if args.yes {
        job
    } else {
        ask::confirm("Take it back now?", "use --yes")?;
        // The claim keeps postclone and package managers out, and nobody else.
        let job = rename::again(Some(&job.plan), || prepare(args, journal))?;
        checks::run(&job)?;
        job
    };
    let outcome = apply::run(&job)?;
    say(&restore::taken_back(root, &outcome.seen))?;
    Ok(Exit::Done)
}

/// Finishes such a way back where it was cut.
pub(super) fn finish(root: &Root, mut journal: Journal) -> Result<Exit> {
    let outcome = apply::finish(root, &mut journal)?;
    say(&restore::taken_back(root, &outcome.seen))?;
    Ok(Exit::Done)
}

/// The rename that takes a run back, as a user would ask for it.
fn rename_args(args: &UndoArgs, journal: &Journal) -> RenameArgs {
    let saved = &journal.saved;
    RenameArgs {
        old: Some(saved.new.clone()),
        new: Some(saved.old.clone()),
        to_hostname: None,
        vg_uuid: saved.uuid.clone(),
        dry_run: false,
        yes: args.yes,
        accept_stale: true,
        also: saved.also.clone(),
        resume: false,
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
