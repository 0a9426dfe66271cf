//! Whether a path can get its new name.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use rustix::fs::{IFlags, ioctl_getflags};

use crate::guest::root::Root;
use crate::plan::paths::{PathChange, PathKind};

/// The longest file name in bytes (`NAME_MAX`, limits.h). No file system for a root has a lower limit.
const MAX_FILE_NAME: usize = 255;

/// Changes by their new path.
pub(super) type ByName<'a> = HashMap<&'a Path, Vec<&'a PathChange>>;

/// Every change, by its new path.
pub(super) fn by_name(changes: &[PathChange]) -> ByName<'_> {
    let mut all = ByName::new();
    for change in changes {
        all.entry(&change.to).or_default().push(change);
    }
    all
}

/// Checks for everything that rename(2) would refuse, and for an existing file, which it would replace.
pub(super) fn can_be_renamed(root: &Root, change: &PathChange, all: &ByName) -> Result<()> {
    let at = root.outer(&change.from);
    let looking = || format!("looking at `{}`", at.display());
    let dir = at.parent().unwrap_or(Path::new("/"));
    let new = change.to.file_name().unwrap_or_default();
    let changing = if change.renames() { "renamed" } else { "changed to another target" };
    if new.len() > MAX_FILE_NAME {
        bail!(
            "the new file name `{}` would have {} bytes, and a file name has at most {MAX_FILE_NAME}: choose \
             another name for the group; systemd writes each hyphen as four or eight bytes",
            Path::new(new).display(),
            new.len()
        );
    }
    let target = dir.join(new);
    if change.renames() && target.symlink_metadata().is_ok() {
        bail!(
            "`{}` is to become `{}`, which already exists: compare the two and remove one",
            at.display(),
            target.display()
        );
    }
    // Only postclone treats `dev-mapper-x` and `dev-mapper-\x78` as the same unit.
    let same = all.get(change.to.as_path()).into_iter().flatten();
    if let Some(other) = same.copied().find(|other| *other != change) {
        bail!(
            "`{}` and `{}` would both become `{}`: remove one of them",
            at.display(),
            other.from.display(),
            change.to.display()
        );
    }
    if let Err(error) = access(dir, AccessFlags::W_OK | AccessFlags::X_OK) {
        let why = match error {
            Errno::EROFS => "its file system is read-only: mount it read-write",
            Errno::EPERM => "its directory is immutable: see `lsattr -d`, `chattr -i`",
            Errno::EACCES => "permission denied: run as root",
            other => other.desc(),
        };
        bail!("`{}` cannot be {changing}: {why}", at.display());
    }
    if is_locked(dir) {
        bail!(
            "`{}` cannot be {changing}: its directory is immutable or append-only: see `lsattr -d`, `chattr -i -a`",
            at.display()
        );
    }
    if change.kind == PathKind::Link {
        return Ok(());
    }
    if is_locked(&at) {
        bail!(
            "`{}` cannot be {changing}: it is immutable or append-only: see `lsattr -d`, `chattr -i -a`",
            at.display()
        );
    }
    let device = |path: &Path| fs::symlink_metadata(path).map(|metadata| metadata.dev());
    if device(&at).with_context(looking)? != device(dir).with_context(looking)? {
        bail!("`{}` cannot be {changing}: something is mounted there: unmount it", at.display());
    }
    Ok(())
}

/// Whether the inode's flags (chattr(1)) lock a path: rename(2) then fails even for root. A file system
/// without flags locks nothing. For a path that cannot be opened, only access(2) decides.
fn is_locked(path: &Path) -> bool {
    let Ok(metadata) = fs::symlink_metadata(path) else { return false };
    // Opening a FIFO or a device could hang or have an effect.
    if !metadata.is_file() && !metadata.is_dir() {
        return false;
    }
    let flags = File::open(path).ok().and_then(|file| ioctl_getflags(file).ok());
    flags.is_some_and(|flags| flags.intersects(IFlags::IMMUTABLE | IFlags::APPEND))
}
