//! Makes what a boot loader reads visible to it.
//!
//! A boot loader reads a file system without its log. syncfs(2) writes the logs of ext4, Btrfs and FAT to their final
//! places (`tests/running/boot_fs.rs`). On XFS, it writes only to the log: until XFS has written the log back, GRUB
//! sees the old directory. A freeze writes the log back (`xfs_fs_freeze` in the kernel's `fs/xfs/xfs_super.c`).

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use nix::sys::statfs::fstatfs;

use crate::run::thawer::{self, Thawer};
use crate::run::{Cmd, Program};

/// `XFS_SUPER_MAGIC` of statfs(2).
const XFS: u64 = 0x5846_5342;

/// Directories from which boot loaders read, wherever the root is mounted.
const LOADERS: &[&str] = &["boot", "efi"];

/// What must be done before a boot loader sees a directory as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// Nothing more than a sync, or no boot loader reads there.
    Synced,
    /// The file system must be frozen and thawed.
    Freeze,
    /// Wait. It is the file system of `/`, and a program that runs on it must not freeze it.
    Time,
}

/// What a directory needs, with the number of its file system's device.
///
/// # Errors
/// A directory that cannot be examined.
pub fn log_of(dir: &Path) -> Result<(u64, Log)> {
    let looking = || format!("looking at the file system of `{}`", dir.display());
    let opened = File::open(dir).with_context(looking)?;
    let device = opened.metadata().with_context(looking)?.dev();
    let is_read = dir.iter().any(|part| LOADERS.iter().any(|loader| part == *loader));
    let kind = fstatfs(&opened).with_context(looking)?.filesystem_type();
    #[allow(clippy::cast_sign_loss, clippy::unnecessary_cast)]
    let is_xfs = kind.0 as u64 & u64::from(u32::MAX) == XFS;
    let log = if !is_read || !is_xfs {
        Log::Synced
    } else if fs::metadata("/").with_context(looking)?.dev() == device {
        Log::Time
    } else {
        Log::Freeze
    };
    Ok((device, log))
}

/// Writes the logs of these directories' file systems back, as far as boot loaders need it. The file systems are
/// synced already. So a failure only logs a warning: the files are safe, but a boot loader may see the old ones for a
/// while.
pub(super) fn write_logs_back(dirs: &[&Path]) {
    let mut done = Vec::new();
    for dir in dirs {
        let frozen = log_of(dir).and_then(|(device, log)| {
            if log != Log::Freeze || done.contains(&device) {
                return Ok(());
            }
            done.push(device);
            freeze_and_thaw(dir)
        });
        if let Err(error) = frozen {
            log::warn!(
                "the log of the XFS on `{}` was not written back, and GRUB may read the old files for a minute: \
                 {error:#}",
                dir.display()
            );
        }
    }
}

/// Between the two calls of fsfreeze(8), nothing may write to the file system, not even to a log.
fn freeze_and_thaw(dir: &Path) -> Result<()> {
    /// Images are built in parallel, but a file system can be frozen only once at a time.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let thawer = Thawer::start(dir)?;
    let frozen = Cmd::new(Program::Fsfreeze).arg("--freeze").arg(dir).checked();
    if let Err(error) = frozen {
        // Do not end a freeze that somebody else began.
        thawer.call_off();
        return Err(error);
    }
    thawer.thaw().or_else(|_| thawer::thaw(dir))
}
