//! Findings as text and as JSON.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::finding::{Counts, Finding, Findings, Obstacle, Part};
use super::text::Wanted;
use crate::cli::{AuditArgs, Format};
use crate::guest::root::Root;
use crate::printable;
use crate::report::style::{Mark, Style};
use crate::report::text::count;
use crate::report::to_stdout;
use crate::severity::Severity;

/// Raised when a field changes its meaning or goes away.
const SCHEMA: u32 = 1;

/// Warnings of one kind on stderr; the rest is counted.
const WARNINGS: usize = 50;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    name: String,
    root: &'a Path,
    spellings: Vec<String>,
    complete: bool,
    findings: Vec<&'a Finding>,
    counts: Counts,
    unreadable: &'a [Obstacle],
    passed_over: &'a [Obstacle],
    searched: Searched,
}

#[derive(Serialize)]
struct Searched {
    files: u64,
    bytes: u64,
}

/// Prints what the arguments ask for; what was not searched goes to stderr.
pub fn print(
    args: &AuditArgs,
    root: &Root,
    wanted: &Wanted,
    found: &Findings,
    time: Duration,
) -> Result<()> {
    for each in &found.passed_over {
        log::info!("passed over {}: {}", visible(&each.path), each.why);
    }
    say_unreadable(found);
    let style = Style::of_stdout(args.color);
    let list = found.list.iter().filter(|finding| finding.severity <= args.severity);
    to_stdout(|out| {
        if args.format == Format::Json {
            let document = Document {
                schema: SCHEMA,
                name: wanted.said(),
                root: root.base(),
                spellings: wanted.spellings.literals().map(super::finding::shown).collect(),
                complete: !found.incomplete,
                findings: list.collect(),
                counts: found.counts,
                unreadable: &found.unreadable,
                passed_over: &found.passed_over,
                searched: Searched { files: found.files, bytes: found.bytes },
            };
            serde_json::to_writer_pretty(&mut *out, &document)?;
            return writeln!(out);
        }
        let list: Vec<&Finding> = list.collect();
        for (number, finding) in list.iter().enumerate() {
            write_finding(out, finding, style)?;
            let more = list.get(number + 1).is_some_and(|next| is_same_file(finding, next));
            if !more {
                writeln!(out, "    {}", visible(&finding.advice))?;
            }
        }
        write_counts(out, wanted, found, args.severity, time)
    })
}

/// What a rename leaves, a line a file, and what it means.
pub fn left_lines(old: &str, found: &Findings) -> Vec<String> {
    let mut lines = Vec::new();
    let mut list = found.list.as_slice();
    while let [first, rest @ ..] = list {
        let same = rest.iter().take_while(|next| is_same_file(first, next)).count();
        let more = if same > 0 { format!(" (and {same} more there)") } else { String::new() };
        lines.push(format!(
            "Still names {old}: {}: {}{more}: {}",
            first.severity.word(),
            place(first),
            visible(&first.advice)
        ));
        list = &rest[same..];
    }
    if found.counts.boot > 0 {
        lines.push(format!("The next boot may meet {old} there: see to it before you reboot."));
    }
    lines
}

/// What the search at a rename's end says of the next boot, beside its proof; none where it says nothing.
/// `found` is none where it failed.
pub fn of_next_boot(old: &str, found: Option<&Findings>) -> Option<String> {
    let Some(found) = found else { return Some(format!("what else names {old} is not known")) };
    let named = match found.counts.boot {
        0 => None,
        1 => Some(format!("1 place that it may read names {old}")),
        places => Some(format!("{places} places that it may read name {old}")),
    };
    let ended = found.incomplete.then(|| format!("not all was searched for {old}"));
    let told: Vec<String> = named.into_iter().chain(ended).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// What could not be looked into, as warnings.
pub(super) fn say_unreadable(found: &Findings) {
    for each in found.unreadable.iter().take(WARNINGS) {
        log::warn!("could not look into `{}`: {}", visible(&each.path), visible(&each.why));
    }
    if found.unreadable.len() > WARNINGS {
        let more = found.unreadable.len() - WARNINGS;
        log::warn!("could not look into {more} more: use --format json for all of them");
    }
}

fn is_same_file(one: &Finding, other: &Finding) -> bool {
    (&one.path, one.severity, &one.advice) == (&other.path, other.severity, &other.advice)
}

/// `SEVERITY: WHERE: FORM: LINE`, as compilers print.
fn write_finding(out: &mut dyn Write, finding: &Finding, style: Style) -> io::Result<()> {
    let mark = if finding.severity <= Severity::Error { Mark::Removed } else { Mark::Warning };
    let (on, off) = style.paint(mark);
    write!(
        out,
        "{on}{}:{off} {}: {}",
        finding.severity.word(),
        place(finding),
        finding.form.word()
    )?;
    writeln!(out, ": {}", visible(&finding.excerpt))?;
    if finding.more > 0 {
        writeln!(out, "    and {} more like it in this file", finding.more)?;
    }
    Ok(())
}

/// Where a finding is: `path:line:column`, `image(file inside):line:column`, `path:byte N`.
pub fn place(finding: &Finding) -> String {
    let mut text = visible(&finding.path);
    if let Some(inside) = &finding.inside {
        text = format!("{text}({})", visible(inside));
    }
    match (finding.part, finding.line, finding.column) {
        (Part::FileName, _, _) => text + " (its name)",
        (Part::LinkTarget, _, _) => text + " (its target)",
        (Part::Content, Some(line), Some(column)) => format!("{text}:{line}:{column}"),
        _ => format!("{text}:byte {}", finding.offset),
    }
}

fn write_counts(
    out: &mut dyn Write,
    wanted: &Wanted,
    found: &Findings,
    least: Severity,
    time: Duration,
) -> io::Result<()> {
    let Counts { boot, error, cosmetic, history } = found.counts;
    let hidden = if least < Severity::History
        && found.counts.at_least(least) < found.counts.at_least(Severity::History)
    {
        format!(" (shown: {} and worse)", least.word())
    } else {
        String::new()
    };
    writeln!(
        out,
        "{}: {boot} boot, {error} error, {cosmetic} cosmetic, {history} history{hidden}; {} searched in {:.1} s.",
        wanted.said(),
        count(usize::try_from(found.files).unwrap_or(usize::MAX), "file"),
        time.as_secs_f64()
    )
}

/// A file's text on one line, its control characters shown instead of obeyed.
fn visible(text: &str) -> String {
    printable::line(text).into_owned()
}
