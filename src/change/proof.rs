//! The proof of the next boot, as a run expects it before its first change.

use anyhow::{Result, bail};

use super::{Following, Job};
use crate::proof::{self, Facts, Known, Row, View};
use crate::transaction::record::Direction;

impl Job {
    /// What works and what fails before the run, under the names from before it.
    pub fn proof_before(&self) -> &[Row] {
        self.proof_before.get_or_init(|| {
            if !self.changes.concern_boot() {
                return Vec::new();
            }
            proof::rows(&View::now(&self.root), &self.facts(self.changes.known_now()))
        })
    }

    /// Refuses a plan after which the next boot would not find something that it finds now.
    ///
    /// # Errors
    /// The rows that would fail: lines in places that are not rewritten.
    pub fn nothing_fails_by_plan(&self) -> Result<()> {
        if !self.changes.concern_boot() {
            return Ok(());
        }
        let texts = self.plan.files.iter().map(|change| (change.path.clone(), change.after()));
        let shifted = &self.plan.shifted;
        let texts = texts.chain(shifted.iter().filter_map(|shifted| {
            Some((shifted.moved.to.clone(), shifted.change.as_ref()?.after()))
        }));
        let names = shifted.iter().map(|shifted| &shifted.moved);
        let names = names.map(|moved| (moved.from.clone(), moved.to.clone()));
        let lines = self.placed.iter().filter_map(Following::command_line);
        let view = View::with(&self.root, texts.collect())
            .with_command_lines(lines.collect())
            .with_shifted(names);
        let facts = self.facts(self.changes.known(Direction::Forward));
        let mut rows = proof::rows(&view, &facts);
        proof::compare(&mut rows, self.proof_before());
        match proof::failures(&rows) {
            None => Ok(()),
            Some(failing) => bail!(
                "the next boot would fail because of what is not rewritten: {failing}; name the file system by \
                 UUID there, or write the new name by hand, then run the command again"
            ),
        }
    }

    fn facts(&self, known: Known) -> Facts {
        Facts::of(known, self.mappings.clone())
    }
}
