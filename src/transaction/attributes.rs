//! Owner, mode, extended attributes and times of a file that is replaced.

use std::fs::{self, File, FileTimes, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result};
use nix::sys::statfs::{MSDOS_SUPER_MAGIC, fstatfs};

/// Gives `to` the owner, mode and extended attributes of `from`.
///
/// FAT stores none of them (mount(8), vfat): refusals are passed over there.
pub fn copy(from: &Path, to: &File, to_path: &Path) -> Result<()> {
    let doing = || format!("giving `{}` the attributes of `{}`", to_path.display(), from.display());
    let wanted = fs::symlink_metadata(from).with_context(doing)?;
    let fat = fstatfs(to).is_ok_and(|stat| stat.filesystem_type() == MSDOS_SUPER_MAGIC);
    let mine = to.metadata().with_context(doing)?;
    if (mine.uid(), mine.gid()) != (wanted.uid(), wanted.gid()) {
        let owned = std::os::unix::fs::fchown(to, Some(wanted.uid()), Some(wanted.gid()));
        if !fat {
            owned.with_context(doing)?;
        }
    }
    let moded = to.set_permissions(fs::Permissions::from_mode(wanted.mode() & 0o7777));
    if !fat {
        moded.with_context(doing)?;
        copy_xattrs(from, to_path).with_context(doing)?;
    }
    Ok(())
}

/// Extended attributes, ACLs and security labels among them. A copy from a file system that has
/// none takes none away. Of a symbolic link they are its own (xattr(7)).
pub(super) fn copy_xattrs(from: &Path, to: &Path) -> std::io::Result<()> {
    let names = match xattr::list(from) {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => return Ok(()),
        Err(error) => return Err(error),
    };
    for name in names {
        let Some(value) = xattr::get(from, &name)? else { continue };
        if xattr::get(to, &name)?.as_deref() != Some(&value) {
            xattr::set(to, &name, &value)?;
        }
    }
    Ok(())
}

/// The access and modification time of a file, to be set on another.
pub fn times(of: &Metadata) -> FileTimes {
    let at = |seconds: i64, nanoseconds: i64| {
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let base = if seconds < 0 { UNIX_EPOCH - whole } else { UNIX_EPOCH + whole };
        base + Duration::from_nanos(nanoseconds.unsigned_abs())
    };
    FileTimes::new()
        .set_accessed(at(of.atime(), of.atime_nsec()))
        .set_modified(at(of.mtime(), of.mtime_nsec()))
}
