//! Who holds a lock.

use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Error, anyhow};
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::regular::open_regular;

/// The refusal where a lock is held, by a process or, with 0, by somebody.
pub(super) fn held_by(process: i32, path: &Path, who: &str) -> Error {
    // Of a process in another namespace, and of a lock that is no process's, fcntl(2) knows no number.
    if process > 0 {
        return anyhow!(
            "{} holds `{}`: wait until {who} has ended",
            Holder(process),
            path.display()
        );
    }
    anyhow!(
        "a process holds `{0}`: wait until {who} has ended; `fuser -v {0}` shows it",
        path.display()
    )
}

/// The process that holds a file's lock of flock(2), as proc_locks(5) tells of it.
pub(super) fn flock_holder(file: &File) -> Option<i32> {
    let metadata = file.metadata().ok()?;
    let (major, minor) =
        (nix::sys::stat::major(metadata.dev()), nix::sys::stat::minor(metadata.dev()));
    let place = format!("{major:02x}:{minor:02x}:{}", metadata.ino());
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let mut fields = locks.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let line = fields.find(|line| {
        line.get(1) == Some(&"FLOCK") && line.get(5).is_some_and(|field| *field == place)
    })?;
    line.get(4)?.parse().ok()
}

/// The number of a process that stands in a lock's file, behind this word.
pub(super) fn written_number(path: &Path, word: &str) -> Option<i32> {
    let mut text = String::new();
    open_regular(path).ok()?.take(32).read_to_string(&mut text).ok()?;
    text.trim().strip_prefix(word)?.trim().parse().ok().filter(|&process| process > 0)
}

/// Whether there is a process of that number.
pub(super) fn lives(process: i32) -> bool {
    kill(Pid::from_raw(process), None) != Err(Errno::ESRCH)
}

/// A process by its number, and by its name where /proc has it.
struct Holder(i32);

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.0)?;
        let name = fs::read_to_string(format!("/proc/{}/comm", self.0)).unwrap_or_default();
        let name = name.trim();
        // Whoever runs a program chooses its name.
        if name.is_empty() || name.chars().any(char::is_control) {
            return Ok(());
        }
        write!(f, " (`{name}`)")
    }
}
