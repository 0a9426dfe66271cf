//! `postclone undo`: takes the last run back, after success, after a cut, from a rescue system.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Result, anyhow};

use crate::cli::UndoArgs;
use crate::exit::{Exit, fail, refuse};
use crate::guest::root::Root;
use crate::interrupt;
use crate::live::{self, reboot::PENDING};
use crate::logger;
use crate::printable;
use crate::report::text::count;
use crate::steps::{self, Manner};
use crate::transaction::journal::Journal;
use crate::transaction::lock::{Lock, no_package_manager};
use crate::transaction::record::{Direction, State};
use crate::{ask, checks};

/// Runs the verb.
pub fn run(args: &UndoArgs) -> Result<Exit> {
    logger::start(args.verbose, args.quiet);
    let root = Root::open(&args.root)?;
    let Some(mut journal) = Journal::latest(&root).map_err(refuse)? else {
        return Err(refuse(anyhow!("there is no run of postclone to take back")));
    };
    let saved = &journal.saved;
    if journal.state() == State::Undone {
        let text = format!(
            "# Nothing to do: the run from {} to {} was taken back already.\n",
            saved.old, saved.new
        );
        say(&text)?;
        return Ok(Exit::Done);
    }
    if saved.uuid.is_some() {
        checks::is_root("renaming a volume group").map_err(refuse)?;
    }
    no_package_manager(&root).map_err(refuse)?;
    refuse_changed(&root, &journal, args.force)?;
    say(&format!(
        "# The run from {} to {} is taken back: the group's name and {}{}.\n",
        saved.old,
        saved.new,
        count(saved.files.len(), "file"),
        if saved.paths.is_empty() {
            String::new()
        } else {
            format!(", and the names of {}", count(saved.paths.len(), "path"))
        }
    ))?;
    if !args.yes {
        ask::confirm("Take it back now?", "use --yes")?;
    }
    let _lock = Lock::take_over(&root).map_err(refuse)?;
    // A signal does not stop the way back in its middle.
    interrupt::watch()?;
    interrupt::ignore();
    let manner = Manner { force: args.force, keep_going: true };
    let mut failures = Vec::new();
    let seen = live::watched(&root, || {
        let outcome = steps::take(&root, &mut journal, Direction::Backward, manner)?;
        failures = outcome.failures;
        Ok(outcome.seen)
    })?;
    if !failures.is_empty() {
        let left: Vec<String> = failures.iter().map(|failure| format!("{failure:#}")).collect();
        return Err(fail(
            Exit::NotRestored,
            anyhow!(
                "not everything could be taken back: {}; the old files are in `{}`: mend what is named and run `postclone undo` again",
                left.join("; "),
                journal.dir().display()
            ),
        ));
    }
    let mut text = String::from("# Taken back:\n");
    for line in &seen {
        let _ = writeln!(text, "#  - {}", printable::line(line));
    }
    if root.is_live() && Path::new(PENDING).exists() {
        text.push_str(
            "# Next: reboot. Until then both names work.
",
        );
    }
    say(&text)?;
    Ok(Exit::Done)
}

/// Before anything is changed: a file that holds neither side's bytes stops the whole, and so does a
/// path that is not where the run left it.
fn refuse_changed(root: &Root, journal: &Journal, force: bool) -> Result<()> {
    let changed = journal.changed_since(root).map_err(refuse)?;
    if force {
        return Ok(());
    }
    let paths = journal.paths_changed_since(root);
    if !paths.is_empty() {
        return Err(refuse(anyhow!(
            "since postclone renamed {}, {}: put it right, or use --force to take back what can be",
            count(journal.saved.paths.len(), "path"),
            paths.join(", and ")
        )));
    }
    if changed.is_empty() {
        return Ok(());
    }
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
