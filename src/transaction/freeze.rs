//! What a boot loader reads must be where it looks for it.
//!
//! A boot loader reads a file system without its log. syncfs(2) writes ext4's, Btrfs's and FAT's to their
//! places (`tests/running/boot_fs.rs`), and XFS's to its log alone: until XFS has written that back, GRUB sees the
//! old directory. A freeze writes it back (`xfs_fs_freeze` in the kernel's `fs/xfs/xfs_super.c`).

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

/// Directories of which boot loaders read, wherever the root is mounted.
const LOADERS: &[&str] = &["boot", "efi"];

/// What it takes that a boot loader sees a directory as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// No more than a sync, or no boot loader reads there.
    Synced,
    /// To freeze the file system and thaw it.
    Freeze,
    /// Time: it is the file system of `/`, which is not to be frozen by a program that runs on it.
    Time,
}

/// What a directory takes, with the number of its file system's device.
///
/// # Errors
/// A directory that cannot be looked at.
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

/// Has the logs of these directories' file systems written back, as far as boot loaders need it. They are
/// synced already: where this fails, it is said, for the files are safe and only a boot loader may see
/// the old ones for a while.
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

/// Between the two calls of fsfreeze(8) nothing may write there, not even to a log.
fn freeze_and_thaw(dir: &Path) -> Result<()> {
    /// Images are built side by side, and a file system is frozen once at a time.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let thawer = Thawer::start(dir)?;
    let frozen = Cmd::new(Program::Fsfreeze).arg("--freeze").arg(dir).checked();
    if let Err(error) = frozen {
        // Somebody else's freeze is not ended here.
        thawer.call_off();
        return Err(error);
    }
    thawer.thaw().or_else(|_| thawer::thaw(dir))
}
