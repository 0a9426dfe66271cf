//! A new file beside its target, whole and durable, and the rename that puts it in place.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use tempfile::{NamedTempFile, TempPath};

use super::{attributes, failpoint, freeze, inside, sync_dir};

/// Start of the names of staged files. Programs that read `conf.d/*` pass over hidden files.
pub const PREFIX: &str = ".postclone-";

/// A file that waits beside its target. Dropped, it is removed.
#[derive(Debug)]
pub struct Staged {
    target: PathBuf,
    temporary: TempPath,
}

impl Staged {
    /// Writes `bytes` beside `target` and syncs them. Owner, mode and extended attributes are those
    /// of `like`; with `and_times` its times as well.
    ///
    /// All that can fail (room, permissions, attributes) fails here; [`Staged::commit`] only renames.
    pub fn write(target: &Path, bytes: &[u8], like: &Path, and_times: bool) -> Result<Self> {
        let staging = || format!("staging a new `{}`", target.display());
        failpoint::hit("stage").with_context(staging)?;
        let dir =
            target.parent().ok_or_else(|| anyhow!("`{}` has no directory", target.display()))?;
        inside::straight(dir)?;
        let mut file: NamedTempFile =
            tempfile::Builder::new().prefix(PREFIX).tempfile_in(dir).with_context(staging)?;
        attributes::prepare(target, like, file.as_file());
        file.write_all(bytes).with_context(staging)?;
        attributes::carry(target, like, file.as_file(), file.path())?;
        if and_times {
            let metadata = fs::symlink_metadata(like).with_context(staging)?;
            file.as_file().set_times(attributes::times(&metadata)).with_context(staging)?;
        }
        file.as_file().sync_all().with_context(staging)?;
        Ok(Self { target: target.to_owned(), temporary: file.into_temp_path() })
    }

    /// The file that it will replace.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Puts the new file in place, atomically.
    pub fn commit(self) -> Result<()> {
        let putting = || format!("putting the new `{}` in place", self.target.display());
        failpoint::hit("commit").with_context(putting)?;
        inside::straight(self.target.parent().unwrap_or(&self.target))?;
        self.temporary.persist(&self.target).map_err(|error| error.error).with_context(putting)
    }
}

/// Makes renames durable: each directory, then each file system, and has boot loaders see them, which
/// read no log of a file system's: see [`freeze`].
pub fn sync(targets: &[PathBuf]) -> Result<()> {
    failpoint::hit("sync")?;
    let mut dirs: Vec<&Path> = targets.iter().filter_map(|target| target.parent()).collect();
    dirs.sort();
    dirs.dedup();
    let mut devices = Vec::new();
    for &dir in &dirs {
        sync_dir(dir)?;
        let handle = fs::File::open(dir).with_context(|| format!("opening `{}`", dir.display()))?;
        let device =
            handle.metadata().with_context(|| format!("looking at `{}`", dir.display()))?.dev();
        if !devices.contains(&device) {
            nix::unistd::syncfs(&handle)
                .with_context(|| format!("syncing the file system of `{}`", dir.display()))?;
            devices.push(device);
        }
    }
    freeze::write_logs_back(&dirs);
    Ok(())
}

/// Removes what a killed run left beside its targets.
pub fn sweep<'a>(targets: impl Iterator<Item = &'a Path>) {
    let mut dirs: Vec<&Path> = targets.filter_map(Path::parent).collect();
    dirs.sort();
    dirs.dedup();
    for entry in dirs.into_iter().filter_map(|dir| fs::read_dir(dir).ok()).flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
