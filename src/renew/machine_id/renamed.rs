//! What gets another name with the machine ID, in both directions.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::Renewal;
use crate::guest::root::Root;
use crate::renew::entries;
use crate::transaction::record::Direction;
use crate::transaction::twins::Twin;

impl Renewal {
    /// The ID from which a run goes, and the ID to which it goes.
    pub(super) fn way(&self, direction: Direction) -> (&str, &str) {
        match direction {
            Direction::Forward => (&self.kept.old, &self.kept.new),
            Direction::Backward => (&self.kept.new, &self.kept.old),
        }
    }

    /// The paths that get other names, by their names before a run in this direction.
    pub(super) fn named(&self, direction: Direction) -> Vec<PathBuf> {
        if direction == Direction::Forward {
            return self.kept.entries.clone();
        }
        let (to, from) = self.way(direction);
        self.kept.entries.iter().filter_map(|path| entries::renamed(path, from, to)).collect()
    }

    /// The same, with their new names. Going back, this includes what was installed since under the new ID.
    pub(super) fn twins(&self, root: &Root, direction: Direction) -> Result<Vec<Twin>> {
        let (from, to) = self.way(direction);
        let mut paths = self.named(direction);
        let there = entries::found(root, from)?;
        let more: Vec<PathBuf> = there.into_iter().filter(|path| !paths.contains(path)).collect();
        if direction == Direction::Forward {
            if let Some(path) = more.first() {
                bail!(
                    "`{}` was created while postclone ran: run the command again",
                    path.display()
                );
            }
        }
        paths.extend(more);
        entries::twins(root, &paths, from, to)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::Kept;
    use super::*;

    #[test]
    fn an_entry_that_the_plan_does_not_know_stops_the_run() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = ("a".repeat(32), "b".repeat(32));
        let entries = dir.path().join("boot/loader/entries");
        fs::create_dir_all(dir.path().join("etc")).unwrap();
        fs::create_dir_all(&entries).unwrap();
        let root = Root::open(dir.path()).unwrap();
        let kept = Kept { old: old.clone(), new, token: None, entries: Vec::new() };
        let renewal = Renewal { kept, in_images: false };
        assert!(renewal.twins(&root, Direction::Forward).is_ok());
        fs::write(entries.join(format!("{old}-6.1.conf")), "title x\n").unwrap();
        let said = renewal.twins(&root, Direction::Forward).unwrap_err().to_string();
        let path = format!("/boot/loader/entries/{old}-6.1.conf");
        assert_eq!(
            said,
            format!("`{path}` was created while postclone ran: run the command again")
        );
    }
}
