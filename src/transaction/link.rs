//! Puts a symbolic link in place atomically.

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt, lchown, symlink};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;

use super::{attributes, staged};
use crate::failpoint;

/// Gives a link another target, atomically. False if it has that target already.
pub(super) fn turn(
    at: &Path,
    from: &Path,
    to: &Path,
    modified: Option<(i64, i64)>,
) -> Result<bool> {
    let now = fs::read_link(at).with_context(|| format!("reading the link `{}`", at.display()))?;
    if now == to {
        return Ok(false);
    }
    if now != from {
        bail!("`{}` does not lead to `{}` any more", at.display(), from.display());
    }
    put(at, to, Some(at), modified)?;
    Ok(true)
}

/// Puts a link in place atomically, with the owner and extended attributes of `like`.
pub(super) fn put(
    at: &Path,
    target: &Path,
    like: Option<&Path>,
    modified: Option<(i64, i64)>,
) -> Result<()> {
    let linking = || format!("linking `{}` to `{}`", at.display(), target.display());
    failpoint::hit("link").with_context(linking)?;
    let dir = at.parent().ok_or_else(|| anyhow!("`{}` has no directory", at.display()))?;
    let temporary = tempfile::Builder::new()
        .prefix(staged::PREFIX)
        .make_in(dir, |path| symlink(target, path))
        .with_context(linking)?
        .into_temp_path();
    if let Some(like) = like {
        let metadata = look(like)?;
        lchown(&temporary, Some(metadata.uid()), Some(metadata.gid())).with_context(linking)?;
        attributes::copy_xattrs(like, &temporary, true).with_context(linking)?;
    }
    if let Some((seconds, nanoseconds)) = modified {
        let time = TimeSpec::new(seconds, nanoseconds);
        utimensat(nix::fcntl::AT_FDCWD, &*temporary, &time, &time, UtimensatFlags::NoFollowSymlink)
            .with_context(linking)?;
    }
    failpoint::hit("turn-link").with_context(linking)?;
    temporary.persist(at).map_err(|error| error.error).with_context(linking)
}

fn look(path: &Path) -> Result<Metadata> {
    path.symlink_metadata().with_context(|| format!("looking at `{}`", path.display()))
}
