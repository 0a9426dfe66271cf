//! Undoes a run with what its journal keeps: old bytes, old images, the old name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::say;
use crate::ask;
use crate::change::{Change, Changes};
use crate::cli::UndoArgs;
use crate::engine::proof::before;
use crate::engine::{Manner, take};
use crate::exit::{Exit, Standing, fail, refuse};
use crate::guest::root::Root;
use crate::interrupt;
use crate::live;
use crate::own::PENDING;
use crate::plan::Step;
use crate::printable;
use crate::printable::count;
use crate::proof::{self, Judgement, View};
use crate::transaction::journal::Journal;
use crate::transaction::record::Direction;

/// Asks, and undoes the run.
pub(super) fn run(
    args: &UndoArgs,
    root: &Root,
    mut journal: Journal,
    changes: &Changes,
) -> Result<Exit> {
    changes.iter().try_for_each(Change::can_go_back).map_err(refuse)?;
    let saved = &journal.saved;
    say(&format!(
        "# The run from {} is undone: {} and {}{}.\n",
        changes.way(Direction::Forward),
        changes.things(),
        count(saved.files.len(), "file"),
        if saved.paths.is_empty() {
            String::new()
        } else {
            format!(", and the names of {}", count(saved.paths.len(), "path"))
        }
    ))?;
    if !args.yes {
        ask::confirm("Undo it now?", "use --yes")?;
    }
    // A signal does not stop the way back in its middle.
    interrupt::watch()?;
    interrupt::ignore();
    let manner = Manner { force: args.force, keep_going: true, only_tells: false };
    let mut failures = Vec::new();
    let seen = live::watched(root, || {
        let outcome = take(root, &mut journal, changes, Direction::Backward, manner)?;
        failures = outcome.failures;
        Ok([outcome.left, outcome.seen].concat())
    })?;
    if !failures.is_empty() {
        let left: Vec<String> = failures.iter().map(|failure| format!("{failure:#}")).collect();
        return Err(fail(
            Exit::NotRestored,
            anyhow!(
                "not everything could be undone: {}; the old files are in `{}`: fix what is named and run \
                 `postclone undo` again",
                left.join("; "),
                journal.dir().display()
            ),
        ));
    }
    Standing::Complete.note();
    say(&taken_back(root, &seen))?;
    Ok(Exit::Done)
}

/// What is printed at the end of either kind of undo.
pub(super) fn taken_back(root: &Root, seen: &[String]) -> String {
    let mut text = String::from("# Undone:\n");
    for line in seen {
        let _ = writeln!(text, "#  - {}", printable::line(line));
    }
    if root.is_live() && Path::new(PENDING).exists() {
        text.push_str("# Next: reboot. Until then both names work.\n");
    }
    text
}

/// Refuses if the next boot would fail with the old bytes because of a file that the run does not know, such as the
/// boot entry of a kernel that was installed since.
///
/// # Errors
/// The rows of the proof that would fail.
pub(super) fn refuse_what_would_fail(
    root: &Root,
    journal: &Journal,
    changes: &Changes,
) -> Result<()> {
    let saved = &journal.saved;
    let mut texts = BTreeMap::new();
    for path in &saved.files {
        let copy = journal.copy_of("before", path);
        let bytes = fs::read(&copy).with_context(|| format!("reading `{}`", copy.display()))?;
        texts.insert(root.inner(&journal.place(root, path)), bytes);
    }
    let placed = saved.steps.iter().filter_map(|step| match step {
        Step::Place(placed) => Some(placed.path.clone()),
        _ => None,
    });
    let mut ours: BTreeSet<PathBuf> = texts.keys().cloned().chain(placed).collect();
    ours.extend(saved.paths.iter().map(|path| root.inner(&journal.place(root, &path.from))));
    let view = View::with(root, texts);
    let mut rows = before(&view, root, saved, changes)?;
    rows.retain(|row| {
        row.verdict == Judgement::Fails && !row.path.ancestors().any(|path| ours.contains(path))
    });
    match proof::failures(&rows) {
        None => Ok(()),
        Some(failing) => bail!(
            "the next boot would fail because of what came after the run: {failing}; write the name `{}` there, \
             or finish the run with `postclone rename --resume` and undo it then",
            changes.names(Direction::Backward)
        ),
    }
}
