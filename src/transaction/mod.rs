//! The only room that writes: staged files, atomic replacement, copies to go back to.

pub mod backup;
pub mod image;
pub mod lock;
pub mod runtime;
pub mod staged;
pub mod undo;

use std::fs::{self, File, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result};
use nix::sys::statfs::{MSDOS_SUPER_MAGIC, fstatfs};

/// Gives a new file the owner, mode and extended attributes of the one that it replaces.
///
/// FAT stores none of them (mount(8), vfat): refusals are passed over there.
fn copy_attributes(from: &Path, metadata: &Metadata, to: &File, to_path: &Path) -> Result<()> {
    let doing = || format!("giving `{}` the attributes of `{}`", to_path.display(), from.display());
    let fat = fstatfs(to).is_ok_and(|stat| stat.filesystem_type() == MSDOS_SUPER_MAGIC);
    let mine = to.metadata().with_context(doing)?;
    if (mine.uid(), mine.gid()) != (metadata.uid(), metadata.gid()) {
        let owned = std::os::unix::fs::fchown(to, Some(metadata.uid()), Some(metadata.gid()));
        if !fat {
            owned.with_context(doing)?;
        }
    }
    let moded = to.set_permissions(fs::Permissions::from_mode(metadata.mode() & 0o7777));
    if !fat {
        moded.with_context(doing)?;
        copy_xattrs(from, to_path).with_context(doing)?;
    }
    Ok(())
}

/// Extended attributes, ACLs and security labels among them.
fn copy_xattrs(from: &Path, to: &Path) -> std::io::Result<()> {
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

/// Makes a directory's entries durable.
fn sync_dir(dir: &Path) -> Result<()> {
    let opened = File::open(dir).and_then(|dir| dir.sync_all());
    opened.with_context(|| format!("syncing the directory `{}`", dir.display()))
}
