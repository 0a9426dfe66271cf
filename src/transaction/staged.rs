//! A new file beside its target, whole and durable, and the rename that puts it in place.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use tempfile::{NamedTempFile, TempPath};

use super::{copy_attributes, sync_dir};
use crate::guest::root::Root;
use crate::plan::FileChange;

/// Start of the names of staged files. Programs that read `conf.d/*` pass over hidden files.
pub const PREFIX: &str = ".postclone-";

/// A file that waits beside its target. Dropped, it is removed.
#[derive(Debug)]
pub struct Staged {
    target: PathBuf,
    temporary: TempPath,
    before: Vec<u8>,
}

impl Staged {
    /// Writes the change's new bytes beside its target, with its attributes, and syncs them.
    ///
    /// All that can fail (room, permissions, attributes) fails here; [`Staged::commit`] only renames.
    pub fn new(root: &Root, change: &FileChange) -> Result<Self> {
        Self::write(&root.outer(&change.path), &change.after(), change.before.clone())
    }

    /// The same for any target; `before` is what it must still hold when the new file goes in place.
    pub fn write(target: &Path, after: &[u8], before: Vec<u8>) -> Result<Self> {
        let staging = || format!("staging a new `{}`", target.display());
        let dir =
            target.parent().ok_or_else(|| anyhow!("`{}` has no directory", target.display()))?;
        let metadata = fs::symlink_metadata(target).with_context(staging)?;
        let mut file: NamedTempFile =
            tempfile::Builder::new().prefix(PREFIX).tempfile_in(dir).with_context(staging)?;
        file.write_all(after).with_context(staging)?;
        copy_attributes(target, &metadata, file.as_file(), file.path())?;
        file.as_file().sync_all().with_context(staging)?;
        Ok(Self { target: target.to_owned(), temporary: file.into_temp_path(), before })
    }

    /// The staged file, for a checker to read.
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// The file that it will replace.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Puts the new file in place, atomically, unless the old one was changed in the meantime.
    pub fn commit(self) -> Result<()> {
        let putting = || format!("putting the new `{}` in place", self.target.display());
        if fs::read(&self.target).with_context(putting)? != self.before {
            bail!("`{}` was changed while postclone ran: run it again", self.target.display());
        }
        let target = self.target.clone();
        self.temporary
            .persist(&target)
            .with_context(|| format!("putting the new `{}` in place", target.display()))
    }
}

/// Makes renames durable: each directory, then each file system, `/boot` being read by a boot
/// loader that does not wait for a journal.
pub fn sync(targets: &[PathBuf]) -> Result<()> {
    let mut dirs: Vec<&Path> = targets.iter().filter_map(|target| target.parent()).collect();
    dirs.sort();
    dirs.dedup();
    for dir in dirs {
        sync_dir(dir)?;
        let handle = File::open(dir).with_context(|| format!("opening `{}`", dir.display()))?;
        nix::unistd::syncfs(&handle)
            .with_context(|| format!("syncing the file system of `{}`", dir.display()))?;
    }
    Ok(())
}
