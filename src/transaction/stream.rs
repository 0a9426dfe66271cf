//! Images are large. They are copied in blocks (with copy_file_range(2) if possible), and never held in memory.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, anyhow};

use super::{attributes, inside, staged};
use crate::failpoint;

/// Replaces a target with a file's bytes, atomically and durably. Owner, mode and attributes are those of `like`.
/// With `and_times`, the times are, too.
pub(super) fn put(from: &Path, target: &Path, like: &Path, and_times: bool) -> Result<()> {
    let staging = || format!("staging a new `{}`", target.display());
    failpoint::hit("stage").with_context(staging)?;
    let mut source = open(from)?;
    let dir = target.parent().ok_or_else(|| anyhow!("`{}` has no directory", target.display()))?;
    inside::straight(dir)?;
    let mut file =
        tempfile::Builder::new().prefix(staged::PREFIX).tempfile_in(dir).with_context(staging)?;
    attributes::prepare(target, like, file.as_file());
    std::io::copy(&mut source, file.as_file_mut()).with_context(staging)?;
    attributes::carry(target, like, file.as_file(), file.path())?;
    if and_times {
        let metadata = like.symlink_metadata().with_context(staging)?;
        file.as_file().set_times(attributes::times(&metadata)).with_context(staging)?;
    }
    file.as_file().sync_all().with_context(staging)?;
    let putting = || format!("putting the new `{}` in place", target.display());
    failpoint::hit("commit").with_context(putting)?;
    file.into_temp_path().persist(target).map_err(|error| error.error).with_context(putting)?;
    staged::sync(&[target.to_owned()])
}

/// Opens a regular file that no link leads to.
pub(super) fn open(path: &Path) -> Result<File> {
    inside::open(path)?.ok_or_else(|| anyhow!("`{}` is gone", path.display()))
}
