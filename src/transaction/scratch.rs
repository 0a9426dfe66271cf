//! Creates the files of a [`crate::world`]. They are on file systems in memory that only this world has, and go with
//! it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use anyhow::{Context, Result};
use nix::sys::stat::{Mode, SFlag, mknod};

/// Creates a directory, and those above it.
pub fn directory(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("making the directory `{}`", path.display()))
}

/// Writes a file.
pub fn file(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("writing `{}`", path.display()))
}

/// Creates a symbolic link.
pub fn link(target: &Path, path: &Path) -> Result<()> {
    std::os::unix::fs::symlink(target, path)
        .with_context(|| format!("linking `{}`", path.display()))
}

/// Creates a device node like another one.
pub fn node(path: &Path, like: &fs::Metadata) -> Result<()> {
    let making = || format!("making the device node `{}`", path.display());
    let kind = SFlag::from_bits_truncate(like.mode() & SFlag::S_IFMT.bits());
    mknod(path, kind, Mode::empty(), like.rdev()).with_context(making)?;
    attributes(path, like)
}

/// Sets an extended attribute. A symbolic link has its own (xattr(7)).
pub fn extended_attribute(path: &Path, name: &str, value: &[u8]) -> std::io::Result<()> {
    xattr::set(path, name, value)
}

/// Sets the owner and mode to those of another file.
pub fn attributes(path: &Path, like: &fs::Metadata) -> Result<()> {
    let giving = || format!("giving `{}` its owner and mode", path.display());
    chown(path, Some(like.uid()), Some(like.gid())).with_context(giving)?;
    fs::set_permissions(path, fs::Permissions::from_mode(like.mode() & 0o7777)).with_context(giving)
}
