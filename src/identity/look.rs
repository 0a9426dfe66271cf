//! Looks for every identity, and says which machine each belongs to.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use serde::Serialize;

use super::hash;
use super::item::Harm;
use super::judge::{Judge, State};
use super::marks::{Marks, Relation};
use super::record::{By, Machine, Record};
use super::table::kinds;
use super::told::{Told, disks, sshd};
use super::view::View;
use crate::guest::nics;
use crate::guest::root::Root;

/// What this machine is, compared with the machines on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Its disk was in another machine before.
    Clone,
    /// It is the machine that was sealed as a template.
    Template,
    /// It is the machine on record, and nobody sealed it.
    Same,
    /// It is uncertain whether it is a machine on record.
    Unsure,
    /// There is no record, or the tree is not running.
    Unknown,
}

/// An identity, and the machine that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The kind's word.
    pub item: &'static str,
    /// Where it is. Empty if there is none.
    pub place: String,
    /// Which machine it belongs to.
    pub state: State,
    /// A clause that says why.
    pub evidence: String,
    /// When it does harm that two machines share it.
    pub harm: Harm,
    /// What happens while two machines share it.
    pub hurts: &'static str,
    /// What would change it.
    pub change: &'static str,
    /// Keyed hashes of its values.
    pub hashes: Vec<String>,
}

/// The result of a look.
#[derive(Debug)]
pub struct Looked {
    /// The host name. Empty if the machine has none.
    pub host: String,
    /// What the machine is, compared with those on record.
    pub standing: Standing,
    /// The record, if there is one.
    pub record: Option<Record>,
    /// How the machine compares with each machine on record.
    pub relations: Vec<Relation>,
    /// The marks that tell the machine apart. Empty for a tree that is not running.
    pub marks: Marks,
    /// One row for each identity, in the table's order, and one for each kind of which there is none.
    pub rows: Vec<Row>,
}

/// Looks at a tree. `told` is for the running system. `against` is another machine's list, which is then used instead
/// of the record.
///
/// # Errors
/// A record that cannot be read.
pub fn look(root: &Root, told: Option<&Told>, against: Option<Judge<'_>>) -> Result<Looked> {
    let mut view = View::of(root);
    let mut marks = Marks::default();
    if let Some(told) = told {
        view.nics = Some(nics::all());
        view.sshd.clone_from(&told.sshd);
        view.devices = told.devices.as_deref();
        view.inventory = told.inventory.as_ref();
        marks = Marks::of_running(root, told.devices.as_deref());
    }
    let record = Record::of(root)?;
    let is_known = told.is_some() && !marks.is_empty();
    let relations = record.as_ref().filter(|_| is_known).map(|record| record.relations(&marks));
    let standing = standing(record.as_ref(), relations.as_deref());
    let relations = relations.unwrap_or_default();
    let rows = {
        let judge = match (against, &record) {
            (Some(against), _) => against,
            (None, Some(record)) if is_known => Judge::Record(record, relations.clone()),
            (None, Some(_)) if told.is_some() => Judge::Hints(
                "nothing tells this machine apart from others: no firmware UUID, network card or disk",
            ),
            (None, Some(_)) => Judge::Hints("the tree is not running, so its machine is not known"),
            (None, None) => Judge::Hints("there is no record"),
        };
        rows(&view, &judge, |_| true)
    };
    let host = view.host.clone().unwrap_or_default();
    Ok(Looked { host, standing, record, relations, marks, rows })
}

/// The host name on record, if the running machine was sealed as a template.
///
/// # Errors
/// A record that cannot be read.
pub fn sealed_here(root: &Root) -> Result<Option<String>> {
    let Some(record) = Record::of(root)?.filter(|_| root.is_live()) else { return Ok(None) };
    if record.machines.iter().all(|machine| machine.by != By::Seal) {
        return Ok(None);
    }
    let devices = disks();
    let relations = record.relations(&Marks::of_running(root, devices.as_deref()));
    if standing(Some(&record), Some(&relations)) != Standing::Template {
        return Ok(None);
    }
    let sealed = record.machines.iter().rfind(|machine| machine.by == By::Seal);
    Ok(sealed.map(|machine| machine.host.clone()))
}

/// The identities of these kinds in the running machine, and the machine that each belongs to according to the
/// record. `None` if nothing can be certain: there is no record, the tree does not run, or the machine cannot be told
/// apart from those on record. `None` for a template, too, because its identities are its own on purpose.
///
/// # Errors
/// A record that cannot be read.
pub fn certain(root: &Root, wanted: &[&str]) -> Result<Option<Vec<Row>>> {
    let Some(record) = Record::of(root)?.filter(|_| root.is_live()) else { return Ok(None) };
    let devices = disks();
    let marks = Marks::of_running(root, devices.as_deref());
    let relations = record.relations(&marks);
    let standing = standing(Some(&record), Some(&relations));
    if marks.is_empty() || !is_certain(standing) {
        return Ok(None);
    }
    let mut view = View::of(root);
    (view.nics, view.sshd, view.devices) = (Some(nics::all()), sshd(root), devices.as_deref());
    Ok(Some(rows(&view, &Judge::Record(&record, relations), |kind| wanted.contains(&kind))))
}

/// Whether a machine with this standing knows which identities are its own.
fn is_certain(standing: Standing) -> bool {
    matches!(standing, Standing::Clone | Standing::Same)
}

fn standing(record: Option<&Record>, relations: Option<&[Relation]>) -> Standing {
    let (Some(record), Some(relations)) = (record, relations) else { return Standing::Unknown };
    let own = relations.iter().rposition(|relation| *relation == Relation::Same);
    match own.map(|at| record.machines[at].by) {
        Some(By::Seal) => Standing::Template,
        _ if relations.contains(&Relation::Unsure) && own.is_none() => Standing::Unsure,
        _ if relations.contains(&Relation::Other) => Standing::Clone,
        Some(_) => Standing::Same,
        None => Standing::Unknown,
    }
}

fn rows(view: &View<'_>, judge: &Judge<'_>, is_wanted: impl Fn(&str) -> bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for kind in kinds().filter(|kind| is_wanted(kind.id)) {
        let row = |place: String, (state, evidence): (State, String), hashes| Row {
            item: kind.id,
            place,
            state,
            evidence,
            harm: kind.harm(),
            hurts: kind.hurts,
            change: kind.change,
            hashes,
        };
        let found = (kind.find)(view);
        let troubles = view.take_troubles();
        if found.is_empty() && troubles.is_empty() {
            rows.push(row(String::new(), (State::Absent, "there is none".to_owned()), Vec::new()));
        }
        for found in found {
            let hashes = found.values.iter().map(|value| hash::of(kind.id, value));
            let hashes: Vec<String> = hashes.collect();
            let judgement = judge.of(kind.id, &found, &hashes);
            rows.push(row(found.place, judgement, hashes));
        }
        for trouble in troubles {
            rows.push(row(String::new(), (State::Unknown, trouble), Vec::new()));
        }
    }
    rows
}

impl Looked {
    /// The name on record of the machine that this disk was in before. `None` if it was in no other machine, or that
    /// machine has no name there.
    pub fn template(&self) -> Option<&str> {
        let record = self.record.as_ref()?;
        let machines = record.machines.iter().zip(&self.relations);
        let mut others = machines.filter(|(_, relation)| **relation == Relation::Other);
        others.next_back().map(|(machine, _)| machine.host.as_str()).filter(|host| !host.is_empty())
    }

    /// The record with what was seen added to it. `None` if that changes nothing, or if nothing tells the machine
    /// apart from others. With [`By::Seal`], every identity counts as the machine's own from now on.
    pub fn recorded(&self, by: By) -> Option<Record> {
        if self.marks.is_empty() {
            return None;
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let machine = Machine {
            host: self.host.clone(),
            since: since.map(|since| since.as_secs()).unwrap_or_default(),
            by,
            marks: self.marks.clone(),
        };
        let mut items = Vec::new();
        for row in &self.rows {
            let own = by == By::Seal || row.state == State::Own;
            items.extend(row.hashes.iter().map(|hash| (row.item, hash.clone(), own)));
        }
        let mut record = self.record.clone().unwrap_or_default();
        record.add(machine, &items).then_some(record)
    }

    /// The rows by the record, if they are certain: see [`certain`].
    pub fn certain(&self) -> Option<&[Row]> {
        is_certain(self.standing).then_some(self.rows.as_slice())
    }

    /// Whether there are identities of these kinds, and each is known to be this machine's own.
    pub fn are_own(&self, kinds: &[&str]) -> bool {
        let rows = self.rows.iter().filter(|row| kinds.contains(&row.item));
        let mut rows = rows.filter(|row| row.state != State::Absent).peekable();
        rows.peek().is_some() && rows.all(|row| row.state == State::Own)
    }

    /// The kinds that have a row in this state, in the table's order, each once.
    pub fn kinds_in(&self, state: State) -> Vec<&'static str> {
        self.kinds(|row| row.state == state)
    }

    /// Those of [`Looked::kinds_in`] that do this kind of harm.
    pub fn kinds_that(&self, harm: Harm, state: State) -> Vec<&'static str> {
        self.kinds(|row| row.state == state && row.harm == harm)
    }

    fn kinds(&self, is_wanted: impl Fn(&Row) -> bool) -> Vec<&'static str> {
        let mut kinds: Vec<&str> =
            self.rows.iter().filter(|row| is_wanted(row)).map(|row| row.item).collect();
        kinds.dedup();
        kinds
    }
}
