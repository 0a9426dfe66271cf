//! Claims a root tree for one run, and keeps out everything that could change the tree meanwhile.

use anyhow::Result;

use super::lock::Lock;
use super::package_locks::PackageManagers;
use crate::guest::root::Root;

/// Held from before the journal is read until the run has ended.
#[derive(Debug)]
pub struct Claim {
    // Dropped first: the files that stand in for package managers' locks can be removed safely only under our own
    // lock.
    _managers: PackageManagers,
    _lock: Lock,
}

impl Claim {
    /// Claims a tree for a new run, or refuses at once. A run with `files_only` ignores package managers.
    ///
    /// # Errors
    /// Fails if another postclone or a package manager is running.
    pub fn take(root: &Root, files_only: bool) -> Result<Self> {
        let lock = Lock::take(root)?;
        let managers =
            if files_only { PackageManagers::default() } else { PackageManagers::hold(root)? };
        Ok(Self { _managers: managers, _lock: lock })
    }

    /// Claims a tree to continue an earlier run. Waits for an image tool that the earlier run left behind.
    ///
    /// # Errors
    /// The same as [`Claim::take`].
    pub fn take_over(root: &Root) -> Result<Self> {
        let lock = Lock::take_over(root)?;
        Ok(Self { _managers: PackageManagers::hold(root)?, _lock: lock })
    }
}
