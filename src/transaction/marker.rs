//! The file that exists beside a run's journal while the run is open. The unit that reports open runs at the next
//! boot looks for it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::inside;

fn path(journal: &Path) -> PathBuf {
    journal.with_file_name("open")
}

/// Marks the run whose journal is in that directory as open.
pub(super) fn write(journal: &Path) -> Result<()> {
    let marker = path(journal);
    let text = format!("{}\n", journal.file_name().unwrap_or_default().to_string_lossy());
    inside::keep(&marker, text.as_bytes())
}

/// Removes the mark, because the run has ended.
pub(super) fn remove(journal: &Path) {
    let marker = path(journal);
    match fs::remove_file(&marker) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            log::warn!("removing `{}`: {error}", marker.display());
        }
        _ => {}
    }
}
