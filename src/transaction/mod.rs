//! The only room that writes: the journal, staged files, atomic replacement.

pub mod attributes;
mod by_hand;
mod durable;
pub mod failpoint;
pub mod files;
pub mod image;
pub mod journal;
mod link;
pub mod lock;
mod marker;
pub mod paths;
pub mod record;
pub mod runtime;
pub mod scratch;
pub mod staged;
mod waiting;
mod workshop;

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};

/// Where runs keep their journals, inside the root.
pub const STATE: &str = "/var/lib/postclone";

/// Makes a directory's entries durable.
fn sync_dir(dir: &Path) -> Result<()> {
    let opened = File::open(dir).and_then(|dir| dir.sync_all());
    opened.with_context(|| format!("syncing the directory `{}`", dir.display()))
}
