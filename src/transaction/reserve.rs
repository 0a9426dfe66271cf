//! Room that is kept free for what an undo would write.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::files::{Side, read};
use super::journal::Journal;
use crate::failpoint;
use crate::guest::root::Root;

/// The largest block of any file system (mkfs.vfat(8), clusters of FAT32).
const LARGEST_BLOCK: usize = 64 << 10;

/// For each file system, by its device number: a file without a name that is as large as the files that an undo would
/// write there. As long as it is open, the undo has room, even if the file system fills up meanwhile.
#[derive(Debug, Default)]
pub struct Reserve(BTreeMap<u64, File>);

impl Reserve {
    /// Reserves room on each file system that has none yet.
    ///
    /// # Errors
    /// A file system without enough room, or a file that cannot be read.
    pub fn fill(&mut self, journal: &Journal, root: &Root) -> Result<()> {
        let mut added: BTreeMap<u64, (File, usize)> = BTreeMap::new();
        for path in &journal.saved.files {
            let place = journal.place(root, path);
            let dir = place.parent().unwrap_or(root.base());
            let reserving = || format!("reserving room in `{}`", dir.display());
            for side in [Side::Bridge, Side::Before] {
                let Some(copy) = journal.side(side, path) else { continue };
                let device = dir.metadata().with_context(reserving)?.dev();
                if self.0.contains_key(&device) {
                    continue;
                }
                failpoint::hit("reserve").with_context(reserving)?;
                let (file, block) = match added.entry(device) {
                    Entry::Occupied(there) => there.into_mut(),
                    Entry::Vacant(none) => {
                        let file = tempfile::tempfile_in(dir).with_context(reserving)?;
                        let block = file.metadata().with_context(reserving)?.blksize();
                        none.insert((file, usize::try_from(block).unwrap_or(LARGEST_BLOCK)))
                    }
                };
                // Write the bytes themselves, because a file system may compress them. A file takes whole blocks, and
                // one more for its inode and name.
                let mut bytes = read(&copy)?;
                let whole = bytes.len().next_multiple_of((*block).clamp(1, LARGEST_BLOCK));
                bytes.resize(whole + *block, 0);
                file.write_all(&bytes).with_context(reserving)?;
            }
        }
        for (file, _) in added.values() {
            // The file system allocates room only when it writes bytes out (ext4(5), delalloc).
            file.sync_all().context("reserving room to undo the run")?;
        }
        self.0.extend(added.into_iter().map(|(device, (file, _))| (device, file)));
        Ok(())
    }

    /// Closes the files on these mounted file systems, because an open file prevents umount(2).
    ///
    /// # Errors
    /// A mount point that cannot be examined.
    pub fn release(&mut self, mount_points: &[PathBuf]) -> Result<()> {
        for target in mount_points {
            let looking = || format!("looking at `{}`", target.display());
            self.0.remove(&Path::metadata(target).with_context(looking)?.dev());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_reserve_on_that_file_system_is_released() {
        let dir = tempfile::tempdir().unwrap();
        let device = dir.path().metadata().unwrap().dev();
        let mut reserve = Reserve::default();
        for number in [device, device + 1] {
            reserve.0.insert(number, tempfile::tempfile_in(dir.path()).unwrap());
        }
        reserve.release(&[dir.path().to_owned()]).unwrap();
        assert_eq!(reserve.0.into_keys().collect::<Vec<_>>(), [device + 1]);
    }
}
