//! The only room that writes: the journal, staged files, atomic replacement.

#![allow(clippy::disallowed_methods, reason = "the one room that writes")]

pub mod aside;
pub mod attributes;
mod by_hand;
pub mod claim;
mod confine;
mod durable;
mod environment;
pub mod excerpt;
pub mod files;
pub mod freeze;
mod holder;
pub mod image;
pub mod inside;
pub mod journal;
mod left;
mod line;
mod link;
pub mod lock;
mod log_file;
pub mod made;
mod marker;
pub mod origin;
pub mod package_locks;
pub mod paths;
mod progress;
pub mod record;
pub mod reserve;
mod runs;
pub mod runtime;
pub mod scratch;
pub mod secrets;
pub mod staged;
mod stream;
pub mod twins;
mod undone;
mod valid;
mod waiting;
mod workshop;

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};

pub use crate::own::STATE;
pub use durable::flush;

/// Makes a directory's entries durable.
fn sync_dir(dir: &Path) -> Result<()> {
    let opened = File::open(dir).and_then(|dir| dir.sync_all());
    opened.with_context(|| format!("syncing the directory `{}`", dir.display()))
}
