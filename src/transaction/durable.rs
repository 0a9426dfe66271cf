//! Makes many writes durable at once, with one sync for each file system.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::sync_dir;
use crate::failpoint;

/// The file systems that a step writes to. Each is opened before its first write, because syncfs(2) reports only the
/// errors that happened since its descriptor was opened.
#[derive(Debug, Default)]
pub(super) struct Durable {
    /// For each device number: an open directory, and its path for errors.
    systems: BTreeMap<u64, (File, PathBuf)>,
    /// The directory that was watched last. Files usually come directory by directory.
    last: PathBuf,
    /// The files that were written.
    files: Vec<PathBuf>,
}

/// Makes everything durable that was written to the file system of a directory, and to its device.
///
/// # Errors
/// A directory that cannot be opened, or a write that failed.
pub fn flush(dir: &Path) -> Result<()> {
    let syncing = || format!("syncing the file system of `{}`", dir.display());
    let handle = File::open(dir).with_context(syncing)?;
    flush_through(&handle).with_context(syncing)
}

/// On some file systems (fs/fat), syncfs(2) does not flush the disk's cache. fsync(2) does.
fn flush_through(handle: &File) -> Result<()> {
    nix::unistd::syncfs(handle)?;
    Ok(handle.sync_all()?)
}

/// Up to this many files are synced one by one, because syncfs(2) also waits for everything that other programs have
/// written. On a disk, 64 syncs take less than a second.
const FEW: usize = 64;

impl Durable {
    /// Watches a directory: whatever is written below it from now on will be made durable.
    pub(super) fn watch(&mut self, dir: &Path) -> Result<()> {
        if self.last == dir {
            return Ok(());
        }
        let looking = || format!("looking at `{}`", dir.display());
        let device = dir.metadata().with_context(looking)?.dev();
        if let Entry::Vacant(entry) = self.systems.entry(device) {
            entry.insert((File::open(dir).with_context(looking)?, dir.to_owned()));
        }
        dir.clone_into(&mut self.last);
        Ok(())
    }

    /// Notes a file that was written.
    pub(super) fn wrote(&mut self, path: &Path) {
        self.files.push(path.to_owned());
    }

    /// Makes bytes, attributes and names durable. It syncs a few files one by one, and many files through their file
    /// systems if syncfs(2) reports errors.
    pub(super) fn sync(self) -> Result<()> {
        if self.files.len() <= FEW || !syncfs_tells_of_errors() {
            return self.sync_each();
        }
        for (handle, dir) in self.systems.values() {
            let syncing = || format!("syncing the file system of `{}`", dir.display());
            failpoint::hit("syncfs").with_context(syncing)?;
            flush_through(handle).with_context(syncing)?;
        }
        Ok(())
    }

    /// Syncs each file, and each directory from the file's own up to the watched one.
    fn sync_each(&self) -> Result<()> {
        failpoint::hit("sync-each")?;
        let mut dirs = BTreeSet::new();
        for path in &self.files {
            let synced = File::open(path).and_then(|file| file.sync_all());
            synced.with_context(|| format!("syncing `{}`", path.display()))?;
            let watched = |dir: &&Path| self.systems.values().any(|(_, top)| dir.starts_with(top));
            let parent = path.parent();
            dirs.extend(parent);
            dirs.extend(parent.into_iter().flat_map(Path::ancestors).take_while(watched));
        }
        dirs.into_iter().try_for_each(sync_dir)
    }
}

/// The first Linux version on which syncfs(2) fails if a write failed (syncfs(2), HISTORY).
const TELLS: (u32, u32) = (5, 8);

fn syncfs_tells_of_errors() -> bool {
    fs::read_to_string("/proc/sys/kernel/osrelease").is_ok_and(|release| version(&release) >= TELLS)
}

fn version(release: &str) -> (u32, u32) {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().ok());
    let mut next = || numbers.next().flatten().unwrap_or(0);
    (next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_told_by_their_numbers() {
        for (release, tells) in [
            ("6.1.0-1-amd64\n", true),
            ("5.10.0", true),
            ("5.8", true),
            ("5.4.0-150-generic", false),
            ("4.18.0-553.el8_10.x86_64", false),
            ("", false),
        ] {
            assert_eq!(version(release) >= TELLS, tells, "{release}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_synced_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gone");
        let mut durable = Durable::default();
        durable.watch(dir.path()).unwrap();
        durable.wrote(&path);
        let said = format!("{:#}", durable.sync().unwrap_err());
        assert!(said.starts_with("syncing `") && said.contains("gone`"), "{said}");
    }
}
