//! The plan for a person. Every line outside a diff starts with `#`, so that patch(1) ignores it.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use super::style::{Mark, Style};
use super::{diff, moved};
use crate::change::Job;
use crate::plan::paths::{Moved, PathKind, Shifted};
use crate::plan::{FileChange, Plan, Warning};
use crate::printable;
use crate::transaction::record::Direction;

/// Why a diff is left out.
const WITHHELD: &str = "not everybody may read this file (see --show-private)";

/// Writes what is renamed, the number of changes, and the source of a new name that the user did not give.
pub fn write_head(out: &mut (impl Write + ?Sized), plan: &Plan) -> io::Result<()> {
    let under = plan.root.display();
    for subject in &plan.subjects {
        let (what, old, new) = (capital(subject.what), &subject.old, &subject.new);
        comment(out, &format!("{what} {old} becomes {new} under {under}."))?;
        if let Some(host) = &subject.named_after {
            let (name, source) = (&host.name, &host.source);
            comment(out, &format!("The new name is made from the host name {name} ({source})."))?;
        }
    }
    let edits: usize = plan.files.iter().map(|file| file.edits.len()).sum();
    write!(out, "# {}, {}", count(plan.files.len(), "file"), count(edits, "edit"))?;
    match plan.paths.changes.len() + plan.shifted.len() {
        0 => writeln!(out, "."),
        paths => writeln!(out, ", {}.", count(paths, "path")),
    }
}

/// The words with a capital first letter, as the beginning of a sentence.
fn capital(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// Writes every change.
pub fn write_diffs(
    out: &mut (impl Write + ?Sized),
    plan: &Plan,
    context: usize,
    style: Style,
) -> io::Result<()> {
    let paths = &plan.paths.changes;
    // A patch has no directories. It shows the files in them one by one.
    for change in paths.iter().filter(|change| change.kind == PathKind::Directory) {
        let text = format!("Directory {} becomes {}.", change.from.display(), change.to.display());
        comment(out, &text)?;
    }
    let moved = &plan.paths.moved;
    // Each path occurs only once.
    let by_path: HashMap<&Path, &Moved> =
        moved.iter().map(|moved| (moved.from.as_path(), moved)).collect();
    for change in &plan.files {
        let moved = by_path.get(change.path.as_path());
        if let Some(moved) = moved {
            moved::write_head(out, moved, style)?;
        }
        let to = moved.map_or(&change.path, |moved| &moved.to);
        write_diff(out, change, to, context, style)?;
    }
    for Shifted { moved, change } in &plan.shifted {
        moved::write_head(out, moved, style)?;
        if let Some(change) = change {
            write_diff(out, change, &moved.to, context, style)?;
        }
    }
    let rewritten: HashSet<&Path> = plan.files.iter().map(|change| change.path.as_path()).collect();
    moved
        .iter()
        .filter(|moved| !rewritten.contains(moved.from.as_path()))
        .try_for_each(|moved| moved::write(out, moved, style))
}

/// Writes the diff of one file, if it may be shown.
fn write_diff(
    out: &mut (impl Write + ?Sized),
    change: &FileChange,
    to: &Path,
    context: usize,
    style: Style,
) -> io::Result<()> {
    if change.secret {
        return comment(out, &format!("{}: not shown: it is a secret", change.path.display()));
    }
    if change.private && !style.private {
        let (path, edits) = (change.path.display(), count(change.edits.len(), "edit"));
        return comment(out, &format!("{path}: {edits}, not shown: {WITHHELD}"));
    }
    diff::write(out, change, to, context, style)
}

/// Writes warnings and steps.
pub fn write_rest(out: &mut (impl Write + ?Sized), job: &Job, style: Style) -> io::Result<()> {
    write_warnings(out, &job.plan, style)?;
    if !job.plan.steps.is_empty() {
        writeln!(out, "# Steps:")?;
        for (number, step) in job.plan.steps.iter().enumerate() {
            let words = job.changes.words(step, Direction::Forward);
            comment(out, &format!(" {}. {words}", number + 1))?;
        }
    }
    Ok(())
}

/// Writes one line after `#`. Control characters from names or texts are made visible.
pub fn comment(out: &mut (impl Write + ?Sized), text: &str) -> io::Result<()> {
    writeln!(out, "# {}", printable::line(text))
}

/// Writes one line per warning. Control characters are escaped: a file's name may contain a newline.
pub fn write_warnings(
    out: &mut (impl Write + ?Sized),
    plan: &Plan,
    style: Style,
) -> io::Result<()> {
    let (on, off) = style.paint(Mark::Warning);
    for warning in &plan.warnings {
        let text = warning_text(warning);
        writeln!(out, "# {on}Warning:{off} {}", printable::line(&text))?;
    }
    Ok(())
}

/// `path:line:column: text`.
pub fn warning_text(warning: &Warning) -> String {
    let mut text = String::new();
    if let Some(path) = &warning.path {
        text.push_str(&path.display().to_string());
        for number in [warning.line, warning.column].into_iter().flatten() {
            let _ = write!(text, ":{number}");
        }
        text.push_str(": ");
    }
    text.push_str(&warning.text);
    text
}

pub use crate::printable::count;
