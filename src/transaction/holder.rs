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

/// The error for a lock that a process holds. If `process` is 0, nobody knows which process it is.
pub(super) fn held_by(process: i32, path: &Path, who: &str) -> Error {
    // fcntl(2) has no number for a process in another namespace, or for a lock that belongs to no process.
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

/// The process that holds a file's lock of flock(2), according to proc_locks(5).
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

/// The process number in a lock's file, after this word.
pub(super) fn written_number(path: &Path, word: &str) -> Option<i32> {
    let mut text = String::new();
    open_regular(path).ok()?.take(32).read_to_string(&mut text).ok()?;
    text.trim().strip_prefix(word)?.trim().parse().ok().filter(|&process| process > 0)
}

/// Whether a process with that number exists.
pub(super) fn lives(process: i32) -> bool {
    kill(Pid::from_raw(process), None) != Err(Errno::ESRCH)
}

/// A process, shown by its number and, if /proc has it, by its name.
struct Holder(i32);

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.0)?;
        let name = fs::read_to_string(format!("/proc/{}/comm", self.0)).unwrap_or_default();
        let name = name.trim();
        // Anyone who runs a program can choose its name.
        if name.is_empty() || name.chars().any(char::is_control) {
            return Ok(());
        }
        write!(f, " (`{name}`)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_without_a_number_is_looked_for_by_hand() {
        assert_eq!(
            held_by(0, Path::new("/run/x.lock"), "dnf").to_string(),
            "a process holds `/run/x.lock`: wait until dnf has ended; `fuser -v /run/x.lock` shows it"
        );
    }
}
