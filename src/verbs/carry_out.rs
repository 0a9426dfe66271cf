//! What all verbs that plan a run have in common: the plan, the question, the work, the report.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Result, anyhow};

use super::identity;
use super::printer::Printer;
use crate::ask;
use crate::audit::{self, finding::SearchResult};
use crate::change::{Change, Changes, Job};
use crate::changes;
use crate::checks;
use crate::cli::{Format, RunArgs};
use crate::engine::{self, Scope, apply, not_rewritten};
use crate::exit::{Exit, refuse};
use crate::guest::root::Root;
use crate::identity::look;
use crate::identity::record::{By, Record};
use crate::plan::{self, Plan, Role, Subject, Warning};
use crate::printable::count;
use crate::transaction::claim::Claim;
use crate::transaction::record::{Direction, State};

/// What will be changed, and warnings about that.
pub(super) type Found = (Changes, Vec<Warning>);

/// Plans the changes that `find` returns, and carries them out. `there` is what [`Change::where_image_based`] returns
/// for them.
pub(super) fn carry_out(
    args: &RunArgs,
    there: Option<&'static str>,
    find: impl Fn(&Root) -> Result<Found>,
) -> Result<Exit> {
    if !args.dry_run {
        checks::image_based::is_none(&Root::open(&args.root)?, there)?;
    }
    let job = prepare(args, &find)?;
    let printer = Printer::new(args);
    if !args.dry_run {
        refuse_open(&job.root)?;
    }
    if job.plan.steps.is_empty() {
        printer.nothing_to_do(&job)?;
        return Ok(Exit::Done);
    }
    if args.dry_run {
        printer.plan(&job)?;
        return Ok(Exit::Done);
    }
    is_no_template(&job.root, args.force)?;
    let shown = !args.yes;
    // Check before the claim, which creates files. That way, a refusal leaves nothing behind.
    checks::run(&job)?;
    if shown {
        show(&printer, args, &job)?;
        confirm(args, &job)?;
    } else {
        not_rewritten::demand_yes(args.accept_stale, &job)?;
    }
    let started = Instant::now();
    let _claim = Claim::take(&job.root, job.files_only).map_err(refuse)?;
    refuse_open(&job.root)?;
    // What was read before the claim may be out of date. Only a plan that was made under the claim is carried out.
    let job = again(shown.then_some(&job.plan), || prepare(args, &find))?;
    if job.plan.steps.is_empty() {
        printer.nothing_to_do(&job)?;
        return Ok(Exit::Done);
    }
    checks::run(&job)?;
    if !shown {
        not_rewritten::demand_yes(args.accept_stale, &job)?;
        show(&printer, args, &job)?;
    }
    note_identity(&job.root);
    let outcome = apply::run(&job)?;
    let left = left(&job.root, &job.changes);
    printer.done(&job, &outcome, left.as_ref(), started)?;
    Ok(Exit::Done)
}

/// Demands that the running machine was not sealed as a template, unless the user insists.
fn is_no_template(root: &Root, force: bool) -> Result<()> {
    match look::sealed_here(root).map_err(refuse)? {
        Some(host) if !force => Err(refuse(anyhow!(
            "this machine is the template that was sealed as {}: run postclone in a clone of it, or use --force \
             to change the template itself",
            if host.is_empty() { "a machine without a name" } else { &host }
        ))),
        _ => Ok(()),
    }
}

/// Records what the machine has before its first run.
fn note_identity(root: &Root) {
    if !root.is_live() || matches!(Record::of(root), Ok(Some(_))) {
        return;
    }
    if let Some(looked) = identity::glance(root, None) {
        identity::note(root, &looked, By::Run);
    }
}

/// Reads everything and plans. Changes nothing.
fn prepare(args: &RunArgs, find: impl Fn(&Root) -> Result<Found>) -> Result<Job> {
    let root = Root::open(&args.root)?;
    plan::also::demand(&root, &args.also).map_err(refuse)?;
    let gathered = engine::gather(&root, &args.also, args.files_only, || find(&root))?;
    let scope = Scope { files_only: args.files_only, images: !args.no_initramfs, undoes: None };
    let mut job = engine::job(root, &args.root, gathered, scope)?;
    job.also.clone_from(&args.also);
    job.not_rewritten = not_rewritten::find(&job);
    Ok(job)
}

/// Asks the user. There is an extra question if the next boot may read the old name somewhere.
fn confirm(args: &RunArgs, job: &Job) -> Result<()> {
    let old = job.plan.searched_names();
    let without_terminal = "use --yes, or `ssh -t`; --dry-run shows the plan";
    let boot = job.not_rewritten.boot;
    if boot > 0 && !args.accept_stale {
        let places = count(usize::try_from(boot).unwrap_or(usize::MAX), "place");
        let question = format!(
            "The next boot may read {old} in {places} that postclone does not change. Continue?"
        );
        ask::confirm(&question, without_terminal)?;
    }
    ask::confirm(&question(job), without_terminal)
}

/// The question before the first change.
fn question(job: &Job) -> String {
    let subjects = &job.plan.subjects;
    let mut verbs: Vec<&str> = job.changes.iter().map(Change::asked).collect();
    verbs.dedup();
    let verb = if let [verb] = verbs[..] { verb } else { "Change" };
    let thing = |subject: &Subject| match subject.role {
        // Fingerprints and IDs were shown already.
        Role::Value if subjects.len() > 1 => format!("the {}", subject.what),
        _ => format!("{} {} to {}", subject.what, subject.old, subject.new),
    };
    let things: Vec<String> = subjects.iter().map(thing).collect();
    let all = match things.split_last() {
        Some((last, first)) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => things.concat(),
    };
    format!("{verb} {all} now?")
}

fn show(printer: &Printer, args: &RunArgs, job: &Job) -> Result<()> {
    if args.format == Format::Text { printer.what_it_will_do(job) } else { Ok(()) }
}

/// Plans once more. Refuses if the plan differs from the one that the user accepted.
pub(crate) fn again(shown: Option<&Plan>, prepare: impl FnOnce() -> Result<Job>) -> Result<Job> {
    let second = prepare()?;
    match shown.and_then(|first| first.difference(&second.plan)) {
        Some(what) => Err(refuse(anyhow!(
            "{what} since the plan was shown: nothing was changed; look at the new plan, and confirm it"
        ))),
        None => Ok(second),
    }
}

/// What still has the old names after a run. The run's journal is closed, so nothing here can undo it. Names that are
/// found only in places of their own are not searched for.
pub(super) fn left(root: &Root, changes: &Changes) -> Option<SearchResult> {
    if changes.wanted(&BTreeSet::new()).is_empty() {
        return Some(SearchResult::default());
    }
    let old = plan::searched_names(&changes.subjects());
    log::info!("search for what still names {old}");
    let search = || {
        let mut found = SearchResult::default();
        for wanted in changes.wanted(&plan::mappings(root)?) {
            found.merge(audit::after_rename(root, &wanted)?);
        }
        Ok::<_, anyhow::Error>(found)
    };
    search().map_err(|error| log::warn!("searching for what still names {old}: {error:#}")).ok()
}

/// Refuses if a run was interrupted. That run comes first, because its journal knows what is half done.
pub(crate) fn refuse_open(root: &Root) -> Result<()> {
    match changes::latest(root).map_err(refuse)? {
        Some((journal, changes)) if matches!(journal.state(), State::Open(_)) => {
            Err(refuse(anyhow!(
                "the run from {} was interrupted: finish it with `postclone rename --resume`, or undo it \
                 with `postclone undo`",
                changes.way(Direction::Forward)
            )))
        }
        _ => Ok(()),
    }
}
