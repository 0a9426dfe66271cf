//! Writes the record of the machines in which a disk has been.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use super::{STATE, inside, sync_dir};
use crate::guest::root::Root;

/// The record's name in the directory of postclone's state.
const NAME: &str = "origin.json";

/// Writes the record so that only root can read it. At every instant, either the old or the new record is there. The
/// new one is durable when this returns.
///
/// # Errors
/// A file system that cannot be written, or a link in the way.
pub fn keep(root: &Root, bytes: &[u8]) -> Result<()> {
    let dir = inside::make_dir(root, Path::new(STATE))?;
    let target = dir.join(NAME);
    let writing = || format!("writing the record `{}`", target.display());
    let mut file = tempfile::Builder::new()
        .prefix(super::staged::PREFIX)
        .tempfile_in(&dir)
        .with_context(writing)?;
    file.write_all(bytes).with_context(writing)?;
    file.as_file().sync_all().with_context(writing)?;
    file.persist(&target).map_err(|error| error.error).with_context(writing)?;
    sync_dir(&dir)
}
