//! `postclone undo`: takes the last run back, after success, after a cut, from a rescue system.
//!
//! Where nothing came after the run, what its journal keeps is put back ([`restore`]). Where something
//! did (a kernel, an edit of a file), that would leave a machine which does not boot: then the names
//! are taken back by a plan of their own ([`back`]).

mod back;
mod restore;
mod since;

use anyhow::{Result, anyhow};

use crate::checks;
use crate::cli::UndoArgs;
use crate::exit::{Exit, refuse};
use crate::guest::root::Root;
use crate::logger;
use crate::report::text::count;
use crate::steps::foreign;
use crate::transaction::STATE;
use crate::transaction::claim::Claim;
use crate::transaction::journal::Journal;
use crate::transaction::record::{Direction, State};
use since::Since;

/// Runs the verb.
pub fn run(args: &UndoArgs) -> Result<Exit> {
    logger::start(args.verbose, args.quiet);
    let root = Root::open(&args.root)?;
    let none = || refuse(anyhow!("there is no run of postclone to take back"));
    if !root.exists(STATE) {
        return Err(none());
    }
    // Before the journal is read: another postclone may be writing it.
    let claim = Claim::take_over(&root).map_err(refuse)?;
    let Some(journal) = Journal::latest(&root).map_err(refuse)? else { return Err(none()) };
    let saved = &journal.saved;
    let was_taken_back = match (journal.state(), &saved.undoes) {
        (State::Undone, _) => Some((&saved.old, &saved.new)),
        (State::Done, Some(_)) => Some((&saved.new, &saved.old)),
        _ => None,
    };
    if let Some((old, new)) = was_taken_back {
        say(&format!("# Nothing to do: the run from {old} to {new} was taken back already.\n"))?;
        return Ok(Exit::Done);
    }
    if saved.uuid.is_some() {
        checks::is_root("renaming a volume group").map_err(refuse)?;
    }
    if saved.uuid.is_some() || saved.generator.is_some() {
        checks::all_is_mounted(&root).map_err(refuse)?;
    }
    journal.confine(&root).map_err(refuse)?;
    journal.follow_grub(&root).map_err(refuse)?;
    if let Some(uuid) = saved.uuid.as_deref().filter(|_| !root.is_live()) {
        checks::group_is_of(&root, uuid).map_err(refuse)?;
    }
    refuse_changed_paths(&root, &journal, args.force)?;
    match journal.state() {
        State::Open(Direction::Forward) if saved.undoes.is_some() => back::finish(&root, journal),
        State::Done if !args.force => {
            let job = back::prepare(args, &journal)?;
            let since = Since::find(&root, &journal, &job).map_err(refuse)?;
            if since.is_empty() {
                job.nothing_fails_by_plan().map_err(refuse)?;
                restore::run(args, &root, journal)
            } else {
                back::run(args, &root, &journal, job, &since, claim)
            }
        }
        _ => {
            refuse_changed_files(&root, &journal, args.force)?;
            restore::refuse_what_would_fail(&root, &journal).map_err(refuse)?;
            restore::run(args, &root, journal)
        }
    }
}

/// A path that is not where the run left it stops the whole before anything is changed.
fn refuse_changed_paths(root: &Root, journal: &Journal, force: bool) -> Result<()> {
    let paths = journal.paths_changed_since(root).map_err(refuse)?;
    if force || paths.is_empty() {
        return Ok(());
    }
    Err(refuse(anyhow!(
        "since postclone renamed {}, {}: put it right, or use --force to take back what can be",
        count(journal.saved.paths.len(), "path"),
        paths.join(", and ")
    )))
}

/// A file that somebody else wrote since, and that names NEW, stops the way back of a run that was cut:
/// which of its names are right depends on how far the run had come.
fn refuse_changed_files(root: &Root, journal: &Journal, force: bool) -> Result<()> {
    if force || foreign::harmless(root, journal).map_err(refuse)?.is_some() {
        return Ok(());
    }
    let changed = journal.changed_since(root).map_err(refuse)?;
    let names: Vec<String> = changed.iter().map(|path| format!("`{}`", path.display())).collect();
    Err(refuse(anyhow!(
        "{} changed since postclone wrote {}: {}; look at the old bytes in `{}`, then use --force to replace them all the same",
        count(names.len(), "file"),
        if names.len() == 1 { "it" } else { "them" },
        names.join(", "),
        journal.dir().join("before").display()
    )))
}

fn say(text: &str) -> Result<()> {
    crate::report::to_stdout(|out| out.write_all(text.as_bytes()))
}
