//! Secrets among the bytes that journals keep, as the private halves of keys: they are another machine's, and
//! are kept no longer than until a boot has shown that the new ones serve.
//!
//! A private half's public half goes with it: the two are of no use apart.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::journal::Journal;
use super::record::State;
use super::{STATE, inside, runs, sync_dir};
use crate::guest::root::Root;

/// Stands in a journal's directory when its secrets are gone.
const DROPPED: &str = "dropped";

/// Stands beside the journals as long as one of them has secrets, for the unit that drops them.
const MARKER: &str = "secrets";

impl Journal {
    /// The runs of a root that are over and whose journals have secrets.
    ///
    /// # Errors
    /// As [`Journal::latest`].
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

    /// Removes the secrets, of before and after the run, and notes that first.
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

    /// Whether its secrets are gone.
    pub fn has_dropped(&self) -> bool {
        self.dir().join(DROPPED).exists()
    }

    /// Takes files out of the run that cannot be undone any more.
    pub(super) fn pass_over_dropped(&mut self) -> Result<()> {
        if self.has_dropped() {
            inside::is_file(&self.dir().join(DROPPED))?;
            let gone = self.secret_files();
            self.saved.files.retain(|path| !gone.contains(path));
        }
        Ok(())
    }

    /// Secret files of the run, and what goes with them.
    fn secret_files(&self) -> Vec<PathBuf> {
        let secrets = self.saved.secrets.iter().flat_map(|secrets| &secrets.files);
        let public = |path: &PathBuf| {
            let mut name = path.clone().into_os_string();
            name.push(".pub");
            PathBuf::from(name)
        };
        secrets.flat_map(|path| [path.clone(), public(path)]).collect()
    }

    /// Leaves the mark for the unit, where the run has secrets.
    pub(super) fn mark_secrets(&self) -> Result<()> {
        if self.saved.secrets.is_none() {
            return Ok(());
        }
        inside::keep(&self.dir().with_file_name(MARKER), &b""[..])
    }
}

/// Removes the mark where no journal has secrets any more.
///
/// # Errors
/// As [`Journal::with_secrets`].
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
