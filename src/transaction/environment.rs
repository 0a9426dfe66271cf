//! GRUB's environment block. GRUB writes it at each boot, so only the values that the run changed count.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::files::{Side, read};
use super::journal::Journal;
use super::staged::Staged;
use crate::guest::root::Root;
use crate::rewrite::grubenv;

/// The name of the block's file on every distribution (grub-editenv(1)).
const NAME: &str = "grubenv";

impl Journal {
    /// Copies what GRUB wrote to the block since the run into the copies of every side. If the block's values are no
    /// longer the run's, nothing is done here, and the check for edits will report the block.
    ///
    /// If it is interrupted, it can be done again.
    pub fn follow_grub(&self, root: &Root) -> Result<()> {
        let is_block = |path: &&PathBuf| path.file_name() == Some(NAME.as_ref());
        for path in self.saved.files.iter().filter(is_block) {
            self.follow(&self.place(root, path), path)?;
        }
        Ok(())
    }

    fn follow(&self, target: &Path, path: &Path) -> Result<()> {
        let Ok(now) = read(target) else { return Ok(()) };
        let mut copies = Vec::new();
        for side in Side::ALL {
            let copy = self.copy_of(side.dir(), path);
            if copy.exists() {
                copies.push((read(&copy)?, copy));
            }
        }
        if copies.iter().any(|(bytes, _)| *bytes == now) {
            return Ok(());
        }
        let sides: Vec<Vec<u8>> = copies.iter().map(|(bytes, _)| bytes.clone()).collect();
        for (bytes, copy) in &copies {
            let Some(merged) = grubenv::with_values_of(&now, &sides, bytes) else { return Ok(()) };
            Staged::write(copy, &merged, copy, true)?.commit()?;
        }
        Ok(())
    }
}
