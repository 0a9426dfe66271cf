//! Copies of the files as they were, under /var/lib/postclone, and the way back to them.

use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use super::staged::Staged;
use super::{copy_attributes, sync_dir};
use crate::guest::root::Root;
use crate::plan::FileChange;

/// Inside the root.
const STATE: &str = "/var/lib/postclone";

/// The copies of one run.
#[derive(Debug)]
pub struct Backup {
    dir: PathBuf,
}

impl Backup {
    /// Copies every file of the plan, with its attributes and times, and the plan itself as JSON;
    /// all of it is durable when this returns.
    pub fn create(root: &Root, files: &[FileChange], plan: &str) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let state = match root.resolve(Path::new(STATE))? {
            Some(state) => root.outer(&state),
            None => root.outer(Path::new(STATE)),
        };
        let dir = state.join(format!("{}.{:06}", now.as_secs(), now.subsec_micros()));
        make_dir(&dir)?;
        let backup = Self { dir };
        write_new(&backup.dir.join("plan.json"), plan.as_bytes())?;
        for change in files {
            let copy = backup.copy_of(&change.path);
            let parent = copy.parent().unwrap_or(&backup.dir);
            make_dir(parent)?;
            let original = root.outer(&change.path);
            let file = write_new(&copy, &change.before)?;
            copy_attributes(&original, &change.metadata, &file, &copy)?;
            file.set_times(times(
                change.metadata.atime(),
                change.metadata.mtime(),
                change.metadata.mtime_nsec(),
            ))
            .with_context(|| format!("setting the times of `{}`", copy.display()))?;
            file.sync_all().with_context(|| format!("syncing `{}`", copy.display()))?;
            sync_dir(parent)?;
        }
        sync_dir(&backup.dir)?;
        sync_dir(&state)?;
        Ok(backup)
    }

    /// Where the copies are, on this machine.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Bytes that copies of these files need, a block of each file's own for the rounding.
    pub fn room(files: &[FileChange]) -> u64 {
        files.iter().map(|change| change.before.len() as u64 + 8192).sum::<u64>() + 65536
    }

    /// Puts a file's old bytes, attributes and modification time back, and looks.
    ///
    /// `written` is what the run had put there: a file that somebody changed since is not overwritten.
    pub fn restore(&self, root: &Root, path: &Path, written: &[u8]) -> Result<()> {
        let target = root.outer(path);
        let copy = self.copy_of(path);
        let before = fs::read(&copy).with_context(|| format!("reading `{}`", copy.display()))?;
        let now = fs::read(&target).with_context(|| format!("reading `{}`", target.display()))?;
        if now != before {
            if now != written {
                bail!(
                    "`{}` was changed by somebody else; its old bytes are in `{}`",
                    target.display(),
                    copy.display()
                );
            }
            Staged::write(&target, &before, now)?.commit()?;
        }
        let metadata =
            fs::metadata(&copy).with_context(|| format!("reading `{}`", copy.display()))?;
        let file = File::options()
            .write(true)
            .open(&target)
            .with_context(|| format!("opening `{}`", target.display()))?;
        copy_attributes(&copy, &metadata, &file, &target)?;
        file.set_times(times(metadata.atime(), metadata.mtime(), metadata.mtime_nsec()))
            .with_context(|| format!("setting the times of `{}`", target.display()))?;
        if fs::read(&target).with_context(|| format!("reading `{}`", target.display()))? != before {
            bail!("`{}` does not hold its old bytes after they were put back", target.display());
        }
        Ok(())
    }

    /// Removes the copies of a run that changed nothing.
    pub fn discard(self) {
        if let Err(error) = fs::remove_dir_all(&self.dir) {
            log::warn!("removing `{}`: {error}", self.dir.display());
        }
    }

    fn copy_of(&self, path: &Path) -> PathBuf {
        self.dir.join("files").join(path.strip_prefix("/").unwrap_or(path))
    }
}

fn times(access: i64, modified: i64, nanoseconds: i64) -> fs::FileTimes {
    let at = |seconds: i64, nanoseconds: i64| {
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let base = if seconds < 0 { UNIX_EPOCH - whole } else { UNIX_EPOCH + whole };
        base + Duration::from_nanos(nanoseconds.unsigned_abs())
    };
    fs::FileTimes::new().set_accessed(at(access, 0)).set_modified(at(modified, nanoseconds))
}

/// The copies hold what may be secret: nobody but the owner looks into their directory.
fn make_dir(dir: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("making the directory `{}`", dir.display()))
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<File> {
    let writing = || format!("writing `{}`", path.display());
    let mut file = File::options().write(true).create_new(true).open(path).with_context(writing)?;
    file.write_all(bytes).with_context(writing)?;
    Ok(file)
}
