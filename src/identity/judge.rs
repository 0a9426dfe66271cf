//! Decides which machine an identity belongs to: by the record, by another machine's list, or by hints.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::item::Found;
use super::marks::Relation;
use super::record::{By, Entry, Machine, Record};

/// Which machine an identity belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Another machine's: the record says so, and this is another machine.
    Template,
    /// Probably another machine's, as far as the tree itself shows.
    Probably,
    /// Unknown.
    Unknown,
    /// This machine's own.
    Own,
    /// There is no such identity.
    Absent,
}

/// An identity's state, and the sentence that says why, without a full stop.
pub type Judgement = (State, String);

/// What an identity is compared with.
#[derive(Debug)]
pub enum Judge<'a> {
    /// The record of the disk, and how this machine compares with each machine in it.
    Record(&'a Record, Vec<Relation>),
    /// Another machine's list: its host name, and the kinds and hashes in it.
    Against(String, BTreeSet<(String, String)>),
    /// Nothing. The tree is not running, or has no record.
    Hints(&'static str),
}

impl Judge<'_> {
    /// Which machine an identity belongs to. `hashes` are those of its values.
    pub fn of(&self, kind: &str, found: &Found, hashes: &[String]) -> Judgement {
        match self {
            Self::Record(record, relations) => by_record(record, relations, kind, found, hashes),
            Self::Against(host, items) => {
                let has = |hash: &String| items.contains(&(kind.to_owned(), hash.clone()));
                let any = items.iter().any(|(item, _)| item == kind);
                if hashes.iter().any(has) {
                    (State::Template, format!("{host} has the same"))
                } else if any {
                    (State::Own, format!("{host} has another"))
                } else {
                    hinted(found, format!("{host} has none on its list"))
                }
            }
            Self::Hints(why) => hinted(found, (*why).to_owned()),
        }
    }
}

fn by_record(
    record: &Record,
    relations: &[Relation],
    kind: &str,
    found: &Found,
    hashes: &[String],
) -> Judgement {
    let of_kind: Vec<&Entry> = record.entries.iter().filter(|entry| entry.item == kind).collect();
    let equal: Vec<&&Entry> = of_kind.iter().filter(|entry| hashes.contains(&entry.hash)).collect();
    let relation =
        |entry: &Entry| relations.get(entry.machine).copied().unwrap_or(Relation::Unsure);
    let first = |wanted: Relation| equal.iter().find(|entry| relation(entry) == wanted);
    if let Some(entry) = first(Relation::Other) {
        let machine = &record.machines[entry.machine];
        return (
            State::Template,
            format!("it is on record as that of {}, another machine", said(machine)),
        );
    }
    if let Some(entry) = first(Relation::Unsure) {
        let machine = &record.machines[entry.machine];
        let why = format!(
            "it is on record as that of {}, and it is not certain whether that is another machine",
            said(machine)
        );
        return (State::Probably, why);
    }
    if equal.iter().any(|entry| entry.own) {
        let sealed = equal.iter().any(|entry| record.machines[entry.machine].by == By::Seal);
        let why = if sealed { "sealed in this machine" } else { "made in this machine" };
        return (State::Own, why.to_owned());
    }
    if !equal.is_empty() {
        return hinted(
            found,
            "on record for this machine, but the record does not say where it came from".to_owned(),
        );
    }
    match of_kind.first() {
        Some(entry) if found.hint.is_none() => {
            (State::Own, format!("{} had another on record", said(&record.machines[entry.machine])))
        }
        _ => hinted(found, "not on record".to_owned()),
    }
}

fn said(machine: &Machine) -> &str {
    if machine.host.is_empty() { "a machine without a name" } else { &machine.host }
}

/// What the tree itself shows, if nothing else decides.
fn hinted(found: &Found, otherwise: String) -> Judgement {
    match &found.hint {
        Some(hint) => (State::Probably, hint.clone()),
        None => (State::Unknown, otherwise),
    }
}
