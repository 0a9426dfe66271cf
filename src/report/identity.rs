//! Prints which machine the identities on this disk belong to, as text or JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use super::style::{Mark, Style};
use super::to_stdout;
use super::wrap::wrapped;
use crate::cli::{Format, IdentityArgs};
use crate::guest::root::Root;
use crate::identity::against::SCHEMA;
use crate::identity::item::Harm;
use crate::identity::judge::State;
use crate::identity::look::{Looked, Row, Standing};
use crate::identity::marks::{Marks, Relation};
use crate::identity::record::By;
use crate::printable;

/// The columns before the text of an item.
const INDENT: &str = "          ";

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    host: &'a str,
    root: &'a Path,
    machine: Standing,
    record: Vec<Known<'a>>,
    marks: &'a Marks,
    counts: BTreeMap<State, usize>,
    items: &'a [Row],
}

/// A machine in the record.
#[derive(Serialize)]
struct Known<'a> {
    host: &'a str,
    since: u64,
    by: By,
    is: &'static str,
}

/// Prints what the arguments select.
pub fn print(args: &IdentityArgs, root: &Root, looked: &Looked) -> Result<()> {
    let style = Style::of_stdout(args.color);
    to_stdout(|out| match args.format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &document(root, looked))?;
            writeln!(out)
        }
        Format::Text => {
            let against = args.against.as_deref();
            paragraph(out, &head(looked, against))?;
            for (row, places) in grouped(&looked.rows) {
                let is_harmless =
                    row.harm == Harm::BothDisks && row.state == State::Template && !args.disks;
                if args.all
                    || matches!(row.state, State::Template | State::Probably) && !is_harmless
                {
                    item(out, row, &places, style, args.all)?;
                }
            }
            if args.all {
                return Ok(());
            }
            shared(out, looked, args)?;
            rest(out, looked)
        }
    })
}

fn document<'a>(root: &'a Root, looked: &'a Looked) -> Document<'a> {
    let machines = looked.record.iter().flat_map(|record| &record.machines);
    let relations = looked.relations.iter().map(Some).chain(std::iter::repeat(None));
    let known = machines.zip(relations).map(|(machine, relation)| Known {
        host: &machine.host,
        since: machine.since,
        by: machine.by,
        is: match relation {
            Some(Relation::Same) => "this",
            Some(Relation::Other) => "another",
            Some(Relation::Unsure) => "unsure",
            None => "unknown",
        },
    });
    let mut counts = BTreeMap::new();
    for row in &looked.rows {
        *counts.entry(row.state).or_default() += 1;
    }
    Document {
        schema: SCHEMA,
        host: &looked.host,
        root: root.base(),
        machine: looked.standing,
        record: known.collect(),
        marks: &looked.marks,
        counts,
        items: &looked.rows,
    }
}

/// What kind of machine this is, and how that is known.
fn head(looked: &Looked, against: Option<&Path>) -> String {
    let host = if looked.host.is_empty() {
        "This machine".to_owned()
    } else {
        format!("This machine, {},", looked.host)
    };
    if let Some(path) = against {
        return format!("{host} was compared with the machine whose list is {}.", path.display());
    }
    let machines = looked.record.iter().flat_map(|record| &record.machines);
    let machines = machines.zip(looked.relations.iter().copied());
    let named = |wanted| {
        let hosts = machines.clone().filter(move |(_, relation)| *relation == wanted);
        let hosts: Vec<&str> = hosts.map(|(machine, _)| machine.host.as_str()).collect();
        hosts.join(", ")
    };
    match looked.standing {
        Standing::Clone => format!(
            "{host} is a clone. Its disk was in another machine before, or was copied from that machine's disk: {}.",
            named(Relation::Other)
        ),
        Standing::Template => format!("{host} was sealed as a template. Its identity is its own."),
        Standing::Same => format!(
            "{host} is the machine where the record was made. The record does not say whether it was cloned \
             before that."
        ),
        Standing::Unsure => format!(
            "{host} may be a clone: some of the marks that tell machines apart have changed since the record of \
             {} was made. If it is not a clone, say so with `postclone seal`.",
            named(Relation::Unsure)
        ),
        Standing::Unknown if looked.record.is_some() => {
            format!("{host} has a record, but postclone cannot see which machine this is.")
        }
        Standing::Unknown => format!(
            "{host} has no record of an earlier machine. Only the contents of files can suggest one."
        ),
    }
}

/// Groups adjacent rows with the same item, state and evidence: the first row, with the places of all.
fn grouped(rows: &[Row]) -> Vec<(&Row, Vec<&str>)> {
    let mut groups: Vec<(&Row, Vec<&str>)> = Vec::new();
    for row in rows {
        match groups.last_mut() {
            Some((first, places)) if is_alike(first, row) => places.push(&row.place),
            _ => groups.push((row, vec![&row.place])),
        }
    }
    groups
}

fn is_alike(first: &Row, row: &Row) -> bool {
    first.item == row.item && first.state == row.state && first.evidence == row.evidence
}

fn item(
    out: &mut dyn Write,
    row: &Row,
    places: &[&str],
    style: Style,
    all: bool,
) -> io::Result<()> {
    let (on, off) = match row.state {
        State::Template => style.paint(Mark::Removed),
        State::Probably => style.paint(Mark::Warning),
        _ => ("", ""),
    };
    let places: Vec<&str> = places.iter().copied().filter(|place| !place.is_empty()).collect();
    let title = if places.is_empty() {
        row.item.to_owned()
    } else {
        format!("{}: {}", row.item, places.join(", "))
    };
    for (number, line) in wrapped(&printable::line(&title), INDENT).iter().enumerate() {
        let state = if number == 0 { word(row.state) } else { "" };
        writeln!(out, "{on}{state:10}{off}{}", line.trim_start())?;
    }
    if all || row.state == State::Probably {
        indented(out, &capital(&row.evidence))?;
    }
    if matches!(row.state, State::Template | State::Probably) {
        indented(out, &capital(row.hurts))?;
        indented(out, &format!("To change it: {}.", row.change))?;
    }
    Ok(())
}

/// Says that nothing does harm, if the record shows that. Lists what does harm only while both disks are
/// in one machine.
fn shared(out: &mut dyn Write, looked: &Looked, args: &IdentityArgs) -> io::Result<()> {
    let harmful = looked.kinds_that(Harm::Always, State::Template);
    let is_clean = harmful.is_empty() && looked.kinds_in(State::Probably).is_empty();
    let disks = looked.kinds_that(Harm::BothDisks, State::Template);
    let is_told = !args.disks || disks.is_empty();
    if looked.standing == Standing::Clone && args.against.is_none() && is_clean && is_told {
        let scope = if disks.is_empty() {
            ""
        } else {
            " that does harm while the disks of both machines are apart"
        };
        paragraph(out, &format!("Nothing is known to be the template's{scope}."))?;
    }
    if disks.is_empty() || args.disks {
        return Ok(());
    }
    let disks = disks.join(", ");
    paragraph(
        out,
        &format!(
            "The template's, and harmful only while disks of both machines are in one machine: {disks}. \
             `postclone identity --disks` says what each does and what changes it."
        ),
    )
}

/// Lists the kinds that need no action, and those that are unknown.
fn rest(out: &mut dyn Write, looked: &Looked) -> io::Result<()> {
    let lists = [
        (State::Own, "This machine's own"),
        (State::Unknown, "It is not known whose they are"),
        (State::Absent, "Not there"),
    ];
    for (state, words) in lists {
        let kinds = looked.kinds_in(state);
        if !kinds.is_empty() {
            paragraph(out, &format!("{words}: {}.", kinds.join(", ")))?;
        }
    }
    let troubles =
        looked.rows.iter().filter(|row| row.state == State::Unknown && row.hashes.is_empty());
    let mut told: Vec<&str> = troubles.map(|row| row.evidence.as_str()).collect();
    told.dedup();
    told.iter().try_for_each(|trouble| paragraph(out, &format!("Not seen: {trouble}.")))
}

fn paragraph(out: &mut dyn Write, text: &str) -> io::Result<()> {
    wrapped(&printable::line(text), "").iter().try_for_each(|line| writeln!(out, "{line}"))
}

fn indented(out: &mut dyn Write, text: &str) -> io::Result<()> {
    let text = if text.ends_with('.') { text.to_owned() } else { format!("{text}.") };
    wrapped(&printable::line(&text), INDENT).iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// The words with a capital first letter, as the beginning of a sentence.
fn capital(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn word(state: State) -> &'static str {
    match state {
        State::Template => "template",
        State::Probably => "probably",
        State::Unknown => "unknown",
        State::Own => "own",
        State::Absent => "absent",
    }
}
