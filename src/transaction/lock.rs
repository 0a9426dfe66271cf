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

/// How long to wait for the lock of an interrupted run, and the pause between two attempts.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(20);

/// The file of the lock that this process holds.
static HELD: Mutex<Option<File>> = Mutex::new(None);

fn held() -> MutexGuard<'static, Option<File>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether this process holds the lock. If it does, no other postclone works on its root.
pub(super) fn is_held() -> bool {
    held().is_some()
}

/// The stdin for a program that changes the system for more than a moment. It is an empty file through which the
/// program shares this process's lock (flock(2): a lock belongs to the open file, whoever has it open). If postclone
/// is killed and the program continues, undo and resume cannot begin beside it. `None` if this process holds no lock.
///
/// # Errors
/// No more files can be opened.
pub fn shared() -> io::Result<Option<File>> {
    held().as_ref().map(File::try_clone).transpose()
}

/// Held until it is dropped. If this process is killed, held until every program that shares it has ended.
#[derive(Debug)]
pub struct Lock {
    _file: Flock<File>,
}

impl Lock {
    /// Takes the lock of a root tree, or refuses at once, because a plan was made without it.
    pub fn take(root: &Root) -> Result<Self> {
        Self::within(root, Duration::ZERO)
    }

    /// Takes the lock of a root tree to continue an interrupted run. Waits for a moment if the lock is held: if an
    /// image tool was killed together with its postclone, the tool may end a little later.
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
                // The number is only for people and for `status`. The lock is what counts, on a full disk, too.
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

/// The process that holds the lock of a root tree: postclone, or an image tool that it left behind. `None` if nobody
/// holds it, and 0 if it is unknown who does. Needs no write permission.
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
