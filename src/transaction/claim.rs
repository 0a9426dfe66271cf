//! A root tree that is claimed for one run: everything that could change it meanwhile is kept out.

use anyhow::Result;

use super::lock::{Lock, no_package_manager};
use crate::guest::root::Root;

/// Held from before the journal is read until the run is over.
#[derive(Debug)]
pub struct Claim {
    _lock: Lock,
}

impl Claim {
    /// Claims a tree for a new run, or refuses at once.
    ///
    /// # Errors
    /// Another postclone or a package manager is at work.
    pub fn take(root: &Root) -> Result<Self> {
        let lock = Lock::take(root)?;
        no_package_manager(root)?;
        Ok(Self { _lock: lock })
    }

    /// Claims a tree to go on with an earlier run, once an image tool that it left behind has ended.
    ///
    /// # Errors
    /// As [`Claim::take`].
    pub fn take_over(root: &Root) -> Result<Self> {
        let lock = Lock::take_over(root)?;
        no_package_manager(root)?;
        Ok(Self { _lock: lock })
    }
}
