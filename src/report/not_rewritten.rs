//! The part of a plan that lists what will still name the group.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;

use super::style::{Mark, Style};
use super::text::{comment, count};
use crate::audit::NotRewritten;
use crate::audit::finding::Finding;
use crate::audit::told::place;
use crate::plan::{Plan, Warning};
use crate::printable;

/// At most so many places are listed. The rest is only counted.
const LISTED: usize = 100;

/// At most so many files are in the proposed options.
const NAMED: usize = 10;

/// Writes each place with its line and what to do, unless a warning of the plan is about it. Then writes
/// the options that would rewrite some of the places.
pub fn write(
    out: &mut (impl Write + ?Sized),
    plan: &Plan,
    left: &NotRewritten,
    style: Style,
) -> io::Result<()> {
    let told = told(&plan.warnings);
    let is_new = |finding: &&Finding| {
        let path = Path::new(&finding.path);
        !told.contains(&(path, None)) && !told.contains(&(path, finding.line))
    };
    let findings: Vec<&Finding> = left.findings.iter().filter(is_new).collect();
    if !findings.is_empty() {
        comment(
            out,
            &format!("Not rewritten, and still names {} after the run:", plan.searched_names()),
        )?;
    }
    for finding in findings.iter().take(LISTED) {
        let (on, off) = style.paint(Mark::Warning);
        let excerpt = printable::line(&finding.excerpt);
        let more = match finding.more {
            0 => String::new(),
            more => format!(" (and {more} more like it there)"),
        };
        let word = finding.severity.word();
        writeln!(out, "#  {on}{word}:{off} {}: {excerpt}{more}", place(finding))?;
        writeln!(out, "#    {}", printable::line(&finding.advice))?;
    }
    if let Some(more @ 1..) = findings.len().checked_sub(LISTED) {
        comment(
            out,
            &format!(
                " and {}: `postclone audit {}` lists them",
                count(more, "more place"),
                plan.searched_names()
            ),
        )?;
    }
    if !left.also.is_empty() {
        let options: Vec<String> =
            left.also.iter().take(NAMED).map(|path| format!("--also {path}")).collect();
        let more = if left.also.len() > NAMED { " ..." } else { "" };
        comment(
            out,
            &format!(
                "To rewrite these text files as well: {}",
                command(plan, &format!("{}{more}", options.join(" ")))
            ),
        )?;
    }
    if !left.complete {
        comment(
            out,
            "The search for what else names the group is not complete: `postclone audit` searches everything.",
        )?;
    }
    if left.unreadable > 0 {
        let files = count(left.unreadable, "file");
        comment(out, &format!("{files} could not be searched: `postclone audit` names them."))?;
    }
    Ok(())
}

/// The user's command with additional options.
fn command(plan: &Plan, options: &str) -> String {
    match &plan.subjects[..] {
        [one] if one.what == "volume group" => {
            format!("postclone rename {options} {} {}", one.old, one.new)
        }
        _ => format!("the same command with {options}"),
    }
}

/// The lines and files that warnings are about. No line means the whole file.
fn told(warnings: &[Warning]) -> HashSet<(&Path, Option<u64>)> {
    let places =
        warnings.iter().filter_map(|warning| Some((warning.path.as_deref()?, warning.line)));
    places.map(|(path, line)| (path, line.map(|line| line as u64))).collect()
}
