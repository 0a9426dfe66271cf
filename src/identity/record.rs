//! The record: the machines that this disk has been in, and what each had of its own.
//!
//! It is on the disk, so that a clone has its template's record. It keeps the keyed hash of each identity, and the
//! machine in which it was seen first. An identity that a machine shares with an earlier one belongs to the earlier
//! one.

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::marks::{Marks, Relation};
use crate::guest::root::Root;

/// Where it is, below the directory of postclone's state. Only root can read it.
pub const PATH: &str = "/var/lib/postclone/origin.json";

/// Raised when the file changes in a way that an older postclone would misread.
const FORMAT: u32 = 1;

/// What added a machine to the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// `postclone seal`: the administrator says that the machine is a template.
    Seal,
    /// The package's installation.
    Installation,
    /// A run of postclone.
    Run,
}

/// A machine on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Its host name. Empty if it had none.
    pub host: String,
    /// When it was recorded, in seconds since the epoch.
    pub since: u64,
    /// What recorded it.
    pub by: By,
    /// The marks that tell it apart.
    pub marks: Marks,
}

/// An identity on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The kind's word.
    pub item: String,
    /// Its keyed hash.
    pub hash: String,
    /// The machine in which it was seen first, as an index into [`Record::machines`].
    pub machine: usize,
    /// Whether it is known to be that machine's own: sealed, or made there after the record was.
    pub own: bool,
}

/// The record of a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    format: u32,
    /// The machines, in the order in which they were seen.
    pub machines: Vec<Machine>,
    /// The identities that they had.
    pub entries: Vec<Entry>,
}

impl Default for Record {
    fn default() -> Self {
        Self { format: FORMAT, machines: Vec::new(), entries: Vec::new() }
    }
}

impl Record {
    /// A root's record. `None` if there is none.
    ///
    /// # Errors
    /// A record that cannot be read, that postclone did not write, or that is from a newer postclone.
    pub fn of(root: &Root) -> Result<Option<Self>> {
        match root.read(PATH.as_ref())? {
            Some(source) => Self::parse(&source.bytes)
                .with_context(|| {
                    format!("reading the record `{}`", root.outer(&source.path).display())
                })
                .map(Some),
            None => Ok(None),
        }
    }

    fn parse(bytes: &[u8]) -> Result<Self> {
        let record: Self = serde_json::from_slice(bytes)
            .context("it is not a record of postclone: move it away, and if this is a template, run `postclone seal`")?;
        if record.format != FORMAT {
            bail!(
                "it has the format {}, but this postclone knows {FORMAT}: use a newer version",
                record.format
            );
        }
        if record.entries.iter().any(|entry| entry.machine >= record.machines.len()) {
            bail!(
                "it refers to a machine that it does not contain: move it away, and if this is a template, run \
                 `postclone seal`"
            );
        }
        Ok(record)
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// How the machine with these marks compares with each machine on record.
    pub fn relations(&self, marks: &Marks) -> Vec<Relation> {
        self.machines.iter().map(|machine| marks.against(&machine.marks)).collect()
    }

    /// Adds what was seen in a machine, and returns whether that changed the record. `items` has kinds and hashes,
    /// and whether each is known to be the machine's own.
    ///
    /// What an earlier machine had still belongs to that machine. If it is uncertain which machine this is, nothing
    /// is added.
    pub fn add(&mut self, machine: Machine, items: &[(&str, String, bool)]) -> bool {
        let before = self.clone();
        let relations = self.relations(&machine.marks);
        let at = match relations.iter().rposition(|relation| *relation == Relation::Same) {
            Some(at) => {
                let known = &mut self.machines[at];
                (known.marks, known.host) = (machine.marks, machine.host);
                if machine.by == By::Seal {
                    (known.since, known.by) = (machine.since, By::Seal);
                }
                at
            }
            None if machine.by != By::Seal && relations.contains(&Relation::Unsure) => {
                return false;
            }
            None => {
                self.machines.push(machine);
                self.machines.len() - 1
            }
        };
        let sealed = self.machines[at].by == By::Seal;
        for (item, hash, own) in items {
            let is = |entry: &&mut Entry| entry.item == *item && entry.hash == *hash;
            let mut known = self.entries.iter_mut().filter(is).peekable();
            let is_new = known.peek().is_none();
            match known.find(|entry| entry.machine == at) {
                Some(entry) => entry.own |= *own,
                None if is_new || sealed => self.entries.push(Entry {
                    item: (*item).to_owned(),
                    hash: hash.clone(),
                    machine: at,
                    own: *own,
                }),
                None => {}
            }
        }
        *self != before
    }
}

#[cfg(test)]
mod tests {
    use super::super::marks::Mark;
    use super::*;

    fn machine(host: &str, by: By, marks: &[(Mark, &str)]) -> Machine {
        let mut all = Marks::default();
        for (mark, value) in marks {
            all.add(*mark, [(*value).to_owned()]);
        }
        Machine { host: host.to_owned(), since: 1, by, marks: all }
    }

    fn template() -> Machine {
        machine("tmpl", By::Installation, &[(Mark::Uuid, "t"), (Mark::Nic, "t")])
    }

    fn clone() -> Machine {
        machine("web01", By::Run, &[(Mark::Uuid, "c"), (Mark::Nic, "c")])
    }

    #[test]
    fn what_an_earlier_machine_had_stays_that_ones() {
        let mut record = Record::default();
        assert!(
            record
                .add(template(), &[("machine-id", "1".into(), false), ("key", "k".into(), false)])
        );
        assert!(!record.add(template(), &[("machine-id", "1".into(), false)]), "no news");
        assert!(
            record.add(clone(), &[("machine-id", "2".into(), true), ("key", "k".into(), false)])
        );
        let machines: Vec<(&str, &str, usize, bool)> = record
            .entries
            .iter()
            .map(|entry| (&*entry.item, &*entry.hash, entry.machine, entry.own))
            .collect();
        assert_eq!(
            machines,
            [("machine-id", "1", 0, false), ("key", "k", 0, false), ("machine-id", "2", 1, true)]
        );
        assert_eq!(Record::parse(&record.to_bytes()).unwrap(), record);
    }

    #[test]
    fn a_changed_part_is_followed_and_an_unsure_machine_is_not() {
        let mut record = Record::default();
        record.add(template(), &[]);
        let card = machine("tmpl", By::Run, &[(Mark::Uuid, "t"), (Mark::Nic, "x")]);
        assert!(record.add(card.clone(), &[]));
        assert_eq!(record.machines.len(), 1);
        assert_eq!(record.machines[0].marks, card.marks);
        assert_eq!(record.machines[0].by, By::Installation);
        let unsure = machine("?", By::Run, &[(Mark::Uuid, "y"), (Mark::Nic, "x")]);
        assert!(!record.add(unsure.clone(), &[("key", "k".into(), false)]));
        // The administrator knows which machine it is.
        assert!(record.add(Machine { by: By::Seal, ..unsure }, &[("key", "k".into(), true)]));
        assert_eq!(record.machines.len(), 2);
    }

    #[test]
    fn sealing_claims_what_a_template_was_cloned_with() {
        let mut record = Record::default();
        record.add(template(), &[("key", "k".into(), false)]);
        record.add(Machine { by: By::Seal, ..clone() }, &[("key", "k".into(), true)]);
        assert_eq!(record.entries.len(), 2);
        assert_eq!((record.entries[1].machine, record.entries[1].own), (1, true));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for bad in [
            "",
            "{}",
            "{\"format\":2,\"machines\":[],\"entries\":[]}",
            "{\"format\":1,\"machines\":[],\"entries\":[{\"item\":\"a\",\"hash\":\"b\",\"machine\":0,\"own\":true}]}",
        ] {
            assert!(Record::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
