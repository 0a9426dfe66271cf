//! The plan for a person. Every line that is no diff starts with `#`, so that patch(1) passes it over.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use super::style::{Mark, Style};
use super::{diff, moved};
use crate::guest::placed::{Made, Placed};
use crate::plan::paths::{Moved, PathKind};
use crate::plan::{Plan, Step, Warning};
use crate::printable;
use crate::transaction::record::Direction;

/// Why a diff is left out.
const WITHHELD: &str = "not everybody may read this file (see --show-private)";

/// What becomes of the group, of how much, and where a new name that nobody gave is from.
pub fn write_head(out: &mut (impl Write + ?Sized), plan: &Plan) -> io::Result<()> {
    let under = plan.root.display();
    comment(out, &format!("Volume group {} becomes {} under {under}.", plan.old, plan.new))?;
    if let Some(host) = &plan.named_after {
        let (name, source) = (&host.name, &host.source);
        comment(out, &format!("The new name is made of the host name {name} ({source})."))?;
    }
    let edits: usize = plan.files.iter().map(|file| file.edits.len()).sum();
    write!(out, "# {}, {}", count(plan.files.len(), "file"), count(edits, "edit"))?;
    match plan.paths.changes.len() {
        0 => writeln!(out, "."),
        paths => writeln!(out, ", {}.", count(paths, "path")),
    }
}

/// Every change.
pub fn write_diffs(
    out: &mut (impl Write + ?Sized),
    plan: &Plan,
    context: usize,
    style: Style,
) -> io::Result<()> {
    let paths = &plan.paths.changes;
    // A patch knows no directories: what is in them it shows one by one.
    for change in paths.iter().filter(|change| change.kind == PathKind::Directory) {
        let text = format!("Directory {} becomes {}.", change.from.display(), change.to.display());
        comment(out, &text)?;
    }
    let moved = &plan.paths.moved;
    // Both sides have a path once.
    let by_path: HashMap<&Path, &Moved> =
        moved.iter().map(|moved| (moved.from.as_path(), moved)).collect();
    for change in &plan.files {
        let moved = by_path.get(change.path.as_path());
        if let Some(moved) = moved {
            moved::write_head(out, moved, style)?;
        }
        let to = moved.map_or(&change.path, |moved| &moved.to);
        if change.private && !style.private {
            let (path, edits) = (change.path.display(), count(change.edits.len(), "edit"));
            comment(out, &format!("{path}: {edits}, not shown: {WITHHELD}"))?;
            continue;
        }
        diff::write(out, change, to, context, style)?;
    }
    let rewritten: HashSet<&Path> = plan.files.iter().map(|change| change.path.as_path()).collect();
    moved
        .iter()
        .filter(|moved| !rewritten.contains(moved.from.as_path()))
        .try_for_each(|moved| moved::write(out, moved, style))
}

/// Warnings and steps.
pub fn write_rest(out: &mut (impl Write + ?Sized), plan: &Plan, style: Style) -> io::Result<()> {
    write_warnings(out, plan, style)?;
    if !plan.steps.is_empty() {
        writeln!(out, "# Steps:")?;
        for (number, step) in plan.steps.iter().enumerate() {
            comment(out, &format!(" {}. {}", number + 1, step_text(step, Direction::Forward)))?;
        }
    }
    Ok(())
}

/// One line behind `#`, whatever names and texts of others are in it.
pub fn comment(out: &mut (impl Write + ?Sized), text: &str) -> io::Result<()> {
    writeln!(out, "# {}", printable::line(text))
}

/// One line a warning, control characters escaped: a file's name may hold a newline.
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

/// A step in a person's words.
pub fn step_text(step: &Step, direction: Direction) -> String {
    if direction == Direction::Backward {
        return back_text(step);
    }
    match step {
        Step::Backup { files } => format!("keep a copy of {}", count(*files, "file")),
        Step::RenameGroup { uuid, old, new } => {
            format!("rename volume group {old} ({uuid}) to {new} in LVM's metadata")
        }
        Step::BridgeFiles { files } => {
            format!("bridge {}: file systems by UUID while the name changes", count(*files, "file"))
        }
        Step::ReplaceFiles { files } => format!("replace {}", count(*files, "file")),
        Step::RenamePaths { paths } => format!("rename {}", count(*paths, "path")),
        Step::LinkNames { volumes } => {
            format!("link {} under both names until the next boot", count(*volumes, "volume"))
        }
        Step::ReloadSystemd => "let systemd read its configuration again".to_owned(),
        Step::BridgeImage { generator, kernel, path } => {
            format!("bridge {} for kernel {kernel} with {generator}", path.display())
        }
        Step::RebuildImage { generator, kernel, path } => {
            format!("build {} for kernel {kernel} with {generator}", path.display())
        }
        Step::BridgePlaced(placed) => {
            format!("bridge {}, {}", placed.path.display(), making(placed))
        }
        Step::Place(placed) => format!("make {} anew, {}", placed.path.display(), making(placed)),
        Step::AwaitReboot => {
            "keep the old name from coming back before the reboot, and ask for it".to_owned()
        }
        Step::Verify => {
            "plan again, find nothing left to change, and prove the next boot".to_owned()
        }
    }
}

/// How a placed file is made.
fn making(placed: &Placed) -> String {
    match &placed.made {
        Made::Copy { of } => format!("a copy of {}", of.display()),
        Made::Unified { .. } => format!("for kernel {} with kernel-install", placed.kernel),
    }
}

/// The same step, taken back.
fn back_text(step: &Step) -> String {
    match step {
        Step::Backup { .. } => "read the journal".to_owned(),
        Step::RenameGroup { uuid, old, new } => {
            format!("rename volume group {new} ({uuid}) back to {old} in LVM's metadata")
        }
        Step::BridgeFiles { files } => format!("bridge {} again", count(*files, "file")),
        Step::ReplaceFiles { files } => format!("put {} back as before", count(*files, "file")),
        Step::RenamePaths { paths } => {
            format!("give {} the old name back", count(*paths, "path"))
        }
        Step::LinkNames { .. } => "set the volumes' links right".to_owned(),
        Step::ReloadSystemd => "let systemd read its configuration again".to_owned(),
        Step::AwaitReboot => "settle what waits for the reboot".to_owned(),
        Step::BridgeImage { path, .. } => format!("bridge {} again", path.display()),
        Step::RebuildImage { path, .. } => format!("put the old {} back", path.display()),
        Step::BridgePlaced(placed) => format!("bridge {} again", placed.path.display()),
        Step::Place(placed) => format!("put the old {} back", placed.path.display()),
        Step::Verify => "look at every file and at the group's name".to_owned(),
    }
}

/// `1 file`, `2 files`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
