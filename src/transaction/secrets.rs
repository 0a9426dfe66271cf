//! Secrets among the bytes that journals keep, for example the private halves of keys. They are another machine's. So
//! they are kept only until a boot has shown that the new keys work.
//!
//! The public half of a key is removed with its private half, because one is of no use without the other.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::journal::Journal;
use super::record::State;
use super::{STATE, inside, runs, sync_dir};
use crate::guest::root::Root;

/// This file in a journal's directory says that the journal's secrets were removed.
const DROPPED: &str = "dropped";

/// This file is beside the journals while one of them has secrets. The unit that removes secrets looks for it.
const MARKER: &str = "secrets";

impl Journal {
    /// The runs of a root that have ended and whose journals contain secrets.
    ///
    /// # Errors
    /// The same as [`Journal::latest`].
    pub fn with_secrets(root: &Root) -> Result<Vec<Self>> {
        let Some(state) = root.resolve(Path::new(STATE))? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for dir in runs::dirs(&root.outer(&state))? {
            let Some(journal) = Self::open(root, &dir)? else { continue };
            let is_over = !matches!(journal.state(), State::Open(_));
            if is_over && journal.saved.secrets.is_some() && !journal.has_dropped() {
                found.push(journal);
            }
        }
        Ok(found)
    }

    /// Removes the secrets from before and after the run. Notes that first.
    ///
    /// # Errors
    /// A copy that cannot be removed.
    pub fn drop_secrets(&self) -> Result<()> {
        inside::keep(&self.dir().join(DROPPED), &b""[..])?;
        sync_dir(self.dir())?;
        for path in self.secret_files() {
            for side in ["before", "after", "changed"] {
                let copy = self.copy_of(side, &path);
                if inside::is_file(&copy)? {
                    inside::remove(&copy)?;
                }
            }
        }
        nix::unistd::sync();
        Ok(())
    }

    /// Whether the journal's secrets were removed.
    pub fn has_dropped(&self) -> bool {
        self.dir().join(DROPPED).exists()
    }

    /// Removes files from the run that can no longer be undone.
    pub(super) fn pass_over_dropped(&mut self) -> Result<()> {
        if self.has_dropped() {
            inside::is_file(&self.dir().join(DROPPED))?;
            let gone = self.secret_files();
            self.saved.files.retain(|path| !gone.contains(path));
        }
        Ok(())
    }

    /// Secret files of the run, and their public halves.
    fn secret_files(&self) -> Vec<PathBuf> {
        let secrets = self.saved.secrets.iter().flat_map(|secrets| &secrets.files);
        let public = |path: &PathBuf| {
            let mut name = path.clone().into_os_string();
            name.push(".pub");
            PathBuf::from(name)
        };
        secrets.flat_map(|path| [path.clone(), public(path)]).collect()
    }

    /// Creates the mark for the unit, if the run has secrets.
    pub(super) fn mark_secrets(&self) -> Result<()> {
        if self.saved.secrets.is_none() {
            return Ok(());
        }
        inside::keep(&self.dir().with_file_name(MARKER), &b""[..])
    }
}

/// Removes the mark if no journal has secrets any more.
///
/// # Errors
/// The same as [`Journal::with_secrets`].
pub fn unmark(root: &Root) -> Result<()> {
    let Some(state) = root.resolve(Path::new(STATE))? else { return Ok(()) };
    if !Journal::with_secrets(root)?.is_empty() {
        return Ok(());
    }
    let marker = root.outer(&state).join(MARKER);
    match fs::symlink_metadata(&marker) {
        Ok(_) => inside::remove(&marker).context("the secrets are gone, and their mark is not"),
        Err(_) => Ok(()),
    }
}
