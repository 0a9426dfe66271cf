//! `postclone undo`: undoes the last run: after success, after an interruption, from a rescue system.
//!
//! If nothing came after the run, the journal's copies are put back (`restore`). If something did, such as a kernel
//! or an edit, the old copies could leave a machine that does not boot. Then a plan of its own changes the names back
//! (`back`).

mod back;
mod restore;
mod since;

use anyhow::{Result, anyhow, bail};

use super::resume::may_be_taken_up;
use crate::change::Changes;
use crate::changes;
use crate::cli::UndoArgs;
use crate::engine::foreign;
use crate::exit::{Exit, refuse};
use crate::guest::root::Root;
use crate::logger;
use crate::printable::count;
use crate::transaction::STATE;
use crate::transaction::claim::Claim;
use crate::transaction::journal::Journal;
use crate::transaction::record::{Direction, State};
use since::Since;

/// Runs the verb.
pub fn run(args: &UndoArgs) -> Result<Exit> {
    logger::start(args.verbose, args.quiet);
    let root = Root::open(&args.root)?;
    let none = || refuse(anyhow!("there is no run of postclone to undo"));
    if !root.exists(STATE) {
        return Err(none());
    }
    // Before the journal is read: another postclone may be writing it.
    let claim = Claim::take_over(&root).map_err(refuse)?;
    let Some((journal, changes)) = changes::latest(&root).map_err(refuse)? else {
        return Err(none());
    };
    let saved = &journal.saved;
    let was_taken_back = match (journal.state(), &saved.undoes) {
        (State::Undone, _) => Some(Direction::Forward),
        (State::Done, Some(_)) => Some(Direction::Backward),
        _ => None,
    };
    if let Some(direction) = was_taken_back {
        let way = changes.way(direction);
        say(&format!("# Nothing to do: the run from {way} is already undone.\n"))?;
        return Ok(Exit::Done);
    }
    if journal.has_dropped() {
        say("# The old keys were dropped after the first good boot: the new ones stay.\n")?;
        if saved.files.is_empty() && saved.paths.is_empty() && !changes.pivot() {
            say("# Nothing to do: nothing else can be undone.\n")?;
            return Ok(Exit::Done);
        }
    }
    may_be_taken_up(&root, &journal, &changes)?;
    journal.follow_grub(&root).map_err(refuse)?;
    refuse_changed_paths(&root, &journal, args.force)?;
    match journal.state() {
        State::Open(Direction::Forward) if saved.undoes.is_some() => {
            back::finish(&root, journal, &changes)
        }
        State::Done if !args.force => {
            let job = back::prepare(args, &journal, &changes)?;
            let since = Since::find(&root, &journal, &changes, &job).map_err(refuse)?;
            if since.is_empty() {
                job.nothing_fails_by_plan().map_err(refuse)?;
                restore::run(args, &root, journal, &changes)
            } else {
                back::run(args, &root, (&journal, &changes), job, &since, claim)
            }
        }
        _ => {
            refuse_what_came(&changes, journal.state()).map_err(refuse)?;
            refuse_changed_files(&root, &journal, &changes, args.force)?;
            restore::refuse_what_would_fail(&root, &journal, &changes).map_err(refuse)?;
            restore::run(args, &root, journal, &changes)
        }
    }
}

/// Refuses if a boot has changed something since, so that the old bytes do not fit any more. No option changes that.
fn refuse_what_came(changes: &Changes, state: State) -> Result<()> {
    for change in changes.iter() {
        if let Some(came) = change.came()? {
            let next = match state {
                State::Open(_) => {
                    "finish the run with `postclone rename --resume`, and undo it then"
                }
                State::Done | State::Undone => "use `postclone undo` without --force",
            };
            bail!("{came}, and the old files name the old one: {next}");
        }
    }
    Ok(())
}

/// Refuses if a path is not where the run left it, before anything is changed.
fn refuse_changed_paths(root: &Root, journal: &Journal, force: bool) -> Result<()> {
    let paths = journal.paths_changed_since(root).map_err(refuse)?;
    if force || paths.is_empty() {
        return Ok(());
    }
    Err(refuse(anyhow!(
        "since postclone renamed {}, {}: correct that, or use --force to undo what can be undone",
        count(journal.saved.paths.len(), "path"),
        paths.join(", and ")
    )))
}

/// Refuses to undo an interrupted run if somebody else has written a file since and the file names NEW. Which of its
/// names are right depends on how far the run had come.
fn refuse_changed_files(
    root: &Root,
    journal: &Journal,
    changes: &Changes,
    force: bool,
) -> Result<()> {
    if force || foreign::harmless(root, journal, changes).map_err(refuse)?.is_some() {
        return Ok(());
    }
    let edited = journal.changed_since(root).map_err(refuse)?;
    let names: Vec<String> = edited.iter().map(|path| format!("`{}`", path.display())).collect();
    Err(refuse(anyhow!(
        "{} changed since postclone wrote {}: {}; look at the old bytes in `{}`, then use --force to replace \
         what changed",
        count(names.len(), "file"),
        if names.len() == 1 { "it" } else { "them" },
        names.join(", "),
        journal.dir().join("before").display()
    )))
}

fn say(text: &str) -> Result<()> {
    crate::report::to_stdout(|out| out.write_all(text.as_bytes()))
}
