//! Keys that were made in this process.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result};

use super::Secret;
use crate::ssh_keygen::{self, Print};
use crate::threads::joined;
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

/// A key that is wanted.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Its place.
    pub(super) path: PathBuf,
    /// The key that is there, whose type it gets.
    pub(super) like: Print,
    pub(super) comment: String,
}

impl Drawn {
    /// The new keys, in the same order. They are made at the same time.
    ///
    /// # Errors
    /// An error of ssh-keygen.
    pub(super) fn keys(&self, wanted: &[Wanted]) -> Result<Vec<Pair>> {
        let mut made = self.0.borrow_mut();
        let new: Vec<&Wanted> = wanted.iter().filter(|one| !made.contains_key(&one.path)).collect();
        let pairs = thread::scope(|scope| {
            let threads: Vec<_> = new.iter().map(|one| scope.spawn(|| make(one))).collect();
            threads.into_iter().map(|thread| joined(thread.join())).collect::<Result<Vec<_>>>()
        })?;
        made.extend(new.iter().map(|one| one.path.clone()).zip(pairs));
        Ok(wanted.iter().map(|one| made[&one.path].clone()).collect())
    }
}

fn make(wanted: &Wanted) -> Result<Pair> {
    let aside = Aside::make()?;
    let key = aside.path("key");
    let print = ssh_keygen::make(&key, &wanted.like, &wanted.comment)
        .with_context(|| format!("making a new key for `{}`", wanted.path.display()))?;
    let read = |path: &Path| {
        fs::read(path).with_context(|| format!("reading the new `{}`", path.display())).map(Secret)
    };
    Ok(Pair { private: read(&key)?, public: read(&ssh_keygen::public(&key))?, print })
}
