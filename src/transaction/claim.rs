//! A root tree that is claimed for one run: everything that could change it meanwhile is kept out.

use anyhow::Result;

use super::lock::Lock;
use super::package_locks::PackageManagers;
use crate::guest::root::Root;

/// Held from before the journal is read until the run is over.
#[derive(Debug)]
pub struct Claim {
    // Given back first: what stands in for a lock of theirs is only safe to remove under ours.
    _managers: PackageManagers,
    _lock: Lock,
}

impl Claim {
    /// Claims a tree for a new run, or refuses at once. A run on `files_only` leaves package managers be.
    ///
    /// # Errors
    /// Another postclone or a package manager is at work.
    pub fn take(root: &Root, files_only: bool) -> Result<Self> {
        let lock = Lock::take(root)?;
        let managers =
            if files_only { PackageManagers::default() } else { PackageManagers::hold(root)? };
        Ok(Self { _managers: managers, _lock: lock })
    }

    /// Claims a tree to go on with an earlier run, once an image tool that it left behind has ended.
    ///
    /// # Errors
    /// As [`Claim::take`].
    pub fn take_over(root: &Root) -> Result<Self> {
        let lock = Lock::take_over(root)?;
        Ok(Self { _managers: PackageManagers::hold(root)?, _lock: lock })
    }
}
