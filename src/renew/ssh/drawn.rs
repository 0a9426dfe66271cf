//! Keys that were made in this process.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Secret;
use crate::ssh_keygen::{self, Print};
use crate::transaction::aside::Aside;

/// A key's two halves, and its fingerprint.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) private: Secret,
    pub(super) public: Secret,
    pub(super) print: Print,
}

/// The new keys, by their places. Each is made when it is first needed, and stays the same after that.
#[derive(Debug, Default)]
pub struct Drawn(RefCell<BTreeMap<PathBuf, Pair>>);

impl Drawn {
    /// The new key for a place, of the same type as the one that is there.
    ///
    /// # Errors
    /// An error of ssh-keygen.
    pub(super) fn key(&self, path: &Path, like: &Print, comment: &str) -> Result<Pair> {
        if let Some(pair) = self.0.borrow().get(path) {
            return Ok(pair.clone());
        }
        let aside = Aside::make()?;
        let key = aside.path("key");
        ssh_keygen::make(&key, like, comment)
            .with_context(|| format!("making a new key for `{}`", path.display()))?;
        let public = ssh_keygen::public(&key);
        let read = |path: &Path| {
            fs::read(path)
                .with_context(|| format!("reading the new `{}`", path.display()))
                .map(Secret)
        };
        let print = ssh_keygen::print(&public)?;
        let pair = Pair { private: read(&key)?, public: read(&public)?, print };
        self.0.borrow_mut().insert(path.to_owned(), pair.clone());
        Ok(pair)
    }
}
