//! One run at a time.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::STATE;
use super::journal::state_dir;
use crate::guest::root::Root;

/// How long the lock of a run that was interrupted is waited for, and the pause between two looks.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(20);

/// The file of the lock that this process holds.
static HELD: Mutex<Option<File>> = Mutex::new(None);

fn held() -> MutexGuard<'static, Option<File>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether this process holds the lock, and so is the one postclone that works on its root.
pub(super) fn is_held() -> bool {
    held().is_some()
}

/// The stdin of a program that changes the system for longer than an instant: a file at its end by which it
/// shares this process's lock (flock(2): a lock is the open file's, whoever has it open). What goes on
/// after postclone was killed keeps undo and resume from beginning beside it. None where none is held.
///
/// # Errors
/// No more files can be opened.
pub fn shared() -> io::Result<Option<File>> {
    held().as_ref().map(File::try_clone).transpose()
}

/// Held until it is dropped, or, where this process is killed, until everything has ended that shares it.
#[derive(Debug)]
pub struct Lock {
    _file: Flock<File>,
}

impl Lock {
    /// Takes the lock of a root tree, or refuses at once: a plan was made without it.
    pub fn take(root: &Root) -> Result<Self> {
        Self::within(root, Duration::ZERO)
    }

    /// Takes the lock of a root tree to go on with a run that was interrupted, once what is about to end has ended:
    /// an image tool may outlive its postclone by a moment, where both were killed.
    pub fn take_over(root: &Root) -> Result<Self> {
        Self::within(root, PATIENCE)
    }

    fn within(root: &Root, patience: Duration) -> Result<Self> {
        let path = state_dir(root)?.join("lock");
        let locking = || format!("locking `{}`", path.display());
        let file = File::options()
            .create(true)
            .read(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(locking)?;
        match locked(file, patience) {
            Ok(mut file) => {
                // For people and for `status` alone: the lock is what counts, on a full disk as well.
                let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
                *held() = Some(file.try_clone().with_context(locking)?);
                Ok(Self { _file: file })
            }
            Err(Errno::EWOULDBLOCK) => bail!(
                "another postclone, or an image tool that it left behind, holds `{0}`: wait until it \
                 has ended; `fuser -v {0}` shows it",
                path.display()
            ),
            Err(error) => Err(error).with_context(locking),
        }
    }
}

fn locked(mut file: File, patience: Duration) -> Result<Flock<File>, Errno> {
    let start = Instant::now();
    loop {
        file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(locked) => return Ok(locked),
            Err((file, Errno::EWOULDBLOCK)) if start.elapsed() < patience => file,
            Err((_, error)) => return Err(error),
        };
        thread::sleep(PAUSE);
    }
}

/// The process that holds the lock of a root tree, or an image tool that it left behind; none if nobody
/// does, and 0 where it cannot be told which. Needs no right to write.
pub fn holder(root: &Root) -> Option<u32> {
    let path = root.resolve(&Path::new(STATE).join("lock")).ok()??;
    let mut file = File::open(root.outer(&path)).ok()?;
    match Flock::lock(file.try_clone().ok()?, FlockArg::LockSharedNonblock) {
        Err((_, Errno::EWOULDBLOCK)) => {
            let mut text = String::new();
            let _ = file.read_to_string(&mut text);
            Some(text.trim().parse().unwrap_or(0))
        }
        _ => None,
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        *held() = None;
    }
}
