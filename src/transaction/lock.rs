//! One run at a time.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::guest::root::Root;

/// Held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: Flock<File>,
}

impl Lock {
    /// Takes the lock of a root tree.
    pub fn take(root: &Root) -> Result<Self> {
        let state = root.outer(Path::new("/var/lib/postclone"));
        let path = state.join("lock");
        let locking = || format!("locking `{}`", path.display());
        DirBuilder::new().recursive(true).mode(0o700).create(&state).with_context(locking)?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(locking)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => Ok(Self { _file: file }),
            Err((_, Errno::EWOULDBLOCK)) => {
                bail!("another postclone holds `{}`: wait until it has ended", path.display())
            }
            Err((_, error)) => Err(error).with_context(locking),
        }
    }
}
