//! Prints the result of a search as text or JSON.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::style::{Mark, Style};
use super::to_stdout;
use crate::audit::Wanted;
use crate::audit::finding::{Counts, Finding, Obstacle, SearchResult, shown};
use crate::audit::told::{is_same_file, place, say_unreadable, visible};
use crate::cli::{AuditArgs, Format};
use crate::guest::root::Root;
use crate::printable::count;
use crate::severity::Severity;

/// Increased if a field changes its meaning or is removed.
const SCHEMA: u32 = 1;

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

/// Prints the findings that the arguments select. What was not searched is reported on stderr.
pub fn print(
    args: &AuditArgs,
    root: &Root,
    wanted: &Wanted,
    found: &SearchResult,
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
                spellings: wanted.literals().map(shown).collect(),
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

/// `SEVERITY: WHERE: FORM: LINE`, in the style of compilers.
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

fn write_counts(
    out: &mut dyn Write,
    wanted: &Wanted,
    found: &SearchResult,
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
