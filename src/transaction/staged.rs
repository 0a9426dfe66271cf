//! A complete, durable new file beside its target, and the rename that puts it in place.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use tempfile::{NamedTempFile, TempPath};

use super::durable::Durable;
use super::{attributes, freeze, inside, sync_dir};
use crate::failpoint;

/// The names of staged files start with this. Programs that read `conf.d/*` ignore hidden files.
pub const PREFIX: &str = ".postclone-";

/// A file that waits beside its target. Dropping it removes it.
#[derive(Debug)]
pub struct Staged {
    target: PathBuf,
    temporary: TempPath,
}

impl Staged {
    /// Writes `bytes` beside `target` and syncs them. Owner, mode and extended attributes are those of `like`. With
    /// `and_times`, the times are, too.
    ///
    /// Everything that can fail (room, permissions, attributes) fails here. [`Staged::commit`] only renames.
    pub fn write(target: &Path, bytes: &[u8], like: &Path, and_times: bool) -> Result<Self> {
        let (file, staged) = Self::make(target, bytes, like, and_times)?;
        file.sync_all().with_context(|| format!("staging a new `{}`", target.display()))?;
        Ok(staged)
    }

    /// The same for one of many files. `durable` makes them durable before any of them is put in place.
    pub(super) fn one_of(
        target: &Path,
        bytes: &[u8],
        like: &Path,
        and_times: bool,
        durable: &mut Durable,
    ) -> Result<Self> {
        durable.watch(target.parent().unwrap_or(target))?;
        let (_, staged) = Self::make(target, bytes, like, and_times)?;
        durable.wrote(&staged.temporary);
        Ok(staged)
    }

    fn make(target: &Path, bytes: &[u8], like: &Path, and_times: bool) -> Result<(fs::File, Self)> {
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
        let (file, temporary) = file.into_parts();
        Ok((file, Self { target: target.to_owned(), temporary }))
    }

    /// The file that this one will replace.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Takes over the owner, mode and extended attributes that the target has by now. It removes attributes that the
    /// target no longer has, except those that the system itself gives to files (`security.*`, xattr(7)).
    pub fn follow(&self) -> Result<()> {
        let following = || {
            format!(
                "giving the new `{}` the attributes that the file has by now",
                self.target.display()
            )
        };
        let file = fs::File::open(&self.temporary).with_context(following)?;
        attributes::carry(&self.target, &self.target, &file, &self.temporary)?;
        let names = |path: &Path| match xattr::list(path) {
            Ok(names) => Ok(names.collect::<Vec<_>>()),
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(Vec::new()),
            Err(error) => Err(error),
        };
        let wanted = names(&self.target).with_context(following)?;
        for name in names(&self.temporary).with_context(following)? {
            let given = name.as_encoded_bytes().starts_with(b"security.");
            if !wanted.contains(&name) && (!given || name == "security.capability") {
                xattr::remove(&self.temporary, &name).with_context(following)?;
            }
        }
        Ok(())
    }

    /// Puts the new file in place, atomically.
    pub fn commit(self) -> Result<()> {
        let putting = || format!("putting the new `{}` in place", self.target.display());
        failpoint::hit("commit").with_context(putting)?;
        inside::straight(self.target.parent().unwrap_or(&self.target))?;
        self.temporary.persist(&self.target).map_err(|error| error.error).with_context(putting)
    }
}

/// Makes renames durable: first each directory, then each file system. Then makes them visible to boot loaders, which
/// do not read a file system's log: see [`freeze`].
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
