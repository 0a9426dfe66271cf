//! The proof of the next boot, as a run expects it before its first change.

use anyhow::{Result, bail};

use super::Job;
use super::placed::Following;
use crate::names::VgName;
use crate::proof::{self, Facts, Row, View};

impl Job {
    /// What holds and what fails before the run, by the name that the group has then.
    pub(crate) fn proof_before(&self) -> &[Row] {
        self.proof_before.get_or_init(|| {
            let group = self.target.group.as_ref();
            let now = group.map_or(&self.target.old, |group| &group.name);
            let gone = if *now == self.target.old { &self.target.new } else { &self.target.old };
            proof::rows(&View::now(&self.root), &self.facts(now, gone))
        })
    }

    /// Refuses a plan after which the next boot would miss something that it finds now.
    ///
    /// # Errors
    /// The rows that would fail: lines in places that are not rewritten.
    pub(crate) fn nothing_fails_by_plan(&self) -> Result<()> {
        let texts = self.plan.files.iter().map(|change| (change.path.clone(), change.after()));
        let lines = self.placed.iter().filter_map(Following::command_line);
        let view = View::with(&self.root, texts.collect()).with_command_lines(lines.collect());
        let facts = self.facts(&self.target.new, &self.target.old);
        let mut rows = proof::rows(&view, &facts);
        proof::compare(&mut rows, self.proof_before());
        match proof::failures(&rows) {
            None => Ok(()),
            Some(failing) => bail!(
                "the next boot would fail by what is not rewritten: {failing}; name the file system by \
                 UUID there, or write the new name by hand, then run it again"
            ),
        }
    }

    fn facts(&self, now: &VgName, gone: &VgName) -> Facts {
        let volumes = self.target.volumes();
        let facts = Facts::new(now.clone(), Some(gone.clone()), &volumes, self.mappings.clone());
        let group = self.target.group.iter();
        let dm_uuids = group.flat_map(|group| {
            let known = group.volumes.iter().filter(|volume| !volume.uuid.is_empty());
            known.map(|volume| group.dm_uuid(volume))
        });
        facts.with_dm_uuids(dm_uuids.collect())
    }
}
