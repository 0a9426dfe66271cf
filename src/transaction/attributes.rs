//! Owner, mode, extended attributes, inode flags and times of a file that is replaced.

use std::ffi::OsStr;
use std::fs::{self, File, FileTimes, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result};
use nix::sys::statfs::{MSDOS_SUPER_MAGIC, fstatfs};
use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use crate::regular::open_regular;

/// Signatures of the content and of the other attributes. If the content changes, they no longer match, and the
/// kernel refuses to open the file (Documentation/ABI/testing/ima_policy, `appraise`).
const OF_CONTENT: &[&str] = &["security.ima", "security.evm"];

/// Inode flags that say how to treat a file (ioctl_iflags(2); letters of chattr(1): A, c, d, s, S, u, j, t). A file
/// with a flag that forbids replacing it (`i`, `a`) was refused earlier. Flags that the file system sets itself, like
/// `e`, are not copied.
const FLAGS: IFlags = IFlags::NOATIME
    .union(IFlags::COMPRESSED)
    .union(IFlags::NODUMP)
    .union(IFlags::SECURE_REMOVAL)
    .union(IFlags::SYNC)
    .union(IFlags::UNRM)
    .union(IFlags::JOURNALING)
    .union(IFlags::NOTAIL)
    .union(IFlags::from_bits_retain(NOCOMPRESS))
    .union(IFlags::from_bits_retain(DAX));

/// `FS_NOCOMP_FL` and `FS_DAX_FL` (linux/fs.h; letters m and x).
const NOCOMPRESS: u32 = 0x400;
const DAX: u32 = 0x0200_0000;

/// Flags that can be set only while a file is empty (letter C; btrfs(5)).
const OF_EMPTY: IFlags = IFlags::NOCOW;

/// Gives `to`, which has the same content, the owner, mode, extended attributes and flags of `from`.
///
/// FAT stores none of them (mount(8), vfat), so refusals are ignored there. A journal on a file system without flags
/// keeps no flags. That loses nothing: a file that is put back also gets the flags of the file that it replaces.
pub fn copy(from: &Path, to: &File, to_path: &Path) -> Result<()> {
    give(from, to, to_path, true)?;
    if let Some(flags) = flags(from) {
        let _ = add_flags(to, flags & FLAGS);
    }
    Ok(())
}

/// Prepares an empty file that will replace `target`, with the attributes of `like`.
pub(super) fn prepare(target: &Path, like: &Path, to: &File) {
    let wanted = wanted_flags(target, like) & OF_EMPTY;
    if add_flags(to, wanted).is_err() {
        log::warn!(
            "`{}` loses the attribute C (no copy on write): set it by hand, see chattr(1)",
            target.display()
        );
    }
}

/// Gives a file that will replace `target` the owner, mode, extended attributes and flags of `like`. Signatures of
/// the content are copied only if the content is that of `like`.
pub(super) fn carry(target: &Path, like: &Path, to: &File, to_path: &Path) -> Result<()> {
    give(like, to, to_path, target != like)?;
    let wanted = wanted_flags(target, like) & FLAGS;
    if let Err(error) = add_flags(to, wanted) {
        log::warn!(
            "`{}` loses inode flags ({error}): see `lsattr`, and set them with `chattr`",
            target.display()
        );
    }
    Ok(())
}

fn give(from: &Path, to: &File, to_path: &Path, same_content: bool) -> Result<()> {
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
        copy_xattrs(from, to_path, same_content).with_context(doing)?;
    }
    Ok(())
}

/// Copies extended attributes, which include ACLs and security labels. A source on a file system without extended
/// attributes removes none from the target. Symbolic links have attributes of their own (xattr(7)).
pub(super) fn copy_xattrs(from: &Path, to: &Path, same_content: bool) -> std::io::Result<()> {
    let names = match xattr::list(from) {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => return Ok(()),
        Err(error) => return Err(error),
    };
    let signs = |name: &OsStr| OF_CONTENT.iter().any(|of_content| name == *of_content);
    let (signatures, others): (Vec<_>, Vec<_>) = names.partition(|name| signs(name));
    for name in others {
        let Some(value) = xattr::get(from, &name)? else { continue };
        if xattr::get(to, &name)?.as_deref() != Some(&value) {
            xattr::set(to, &name, &value)?;
        }
    }
    for name in signatures {
        if !same_content {
            log::warn!(
                "`{}` had {}, which belongs to its old bytes: if the kernel appraises files, sign it again (evmctl(1))",
                from.display(),
                name.to_string_lossy()
            );
        } else if let Some(value) = xattr::get(from, &name)? {
            if let Err(error) = xattr::set(to, &name, &value) {
                log::warn!(
                    "`{}` loses {} ({error}): sign it again (evmctl(1))",
                    to.display(),
                    name.to_string_lossy()
                );
            }
        }
    }
    Ok(())
}

/// The flags of the file that is put in place, and of the file that it replaces.
fn wanted_flags(target: &Path, like: &Path) -> IFlags {
    let of = |path| flags(path).unwrap_or(IFlags::empty());
    if target == like { of(target) } else { of(target) | of(like) }
}

/// A file's flags. None if its file system has no flags.
fn flags(path: &Path) -> Option<IFlags> {
    ioctl_getflags(open_regular(path).ok()?).ok()
}

fn add_flags(to: &File, flags: IFlags) -> rustix::io::Result<()> {
    if flags.is_empty() {
        return Ok(());
    }
    let now = ioctl_getflags(to)?;
    if now.contains(flags) { Ok(()) } else { ioctl_setflags(to, now | flags) }
}

/// The access and modification time of a file, to set them on another file.
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
