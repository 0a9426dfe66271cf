//! Files under /run, which the next boot removes, and links that lead to them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Writes a file under /run, and creates its directory.
pub fn write(path: &Path, text: &str) -> Result<()> {
    let writing = || format!("writing `{}`", path.display());
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).with_context(writing)?;
    }
    fs::write(path, text).with_context(writing)
}

/// Links to a file under /run from elsewhere, replacing an older link.
///
/// # Errors
/// Something other than a link is there: it is somebody's file.
pub fn link(target: &Path, link: &Path) -> Result<()> {
    if link.symlink_metadata().is_ok_and(|metadata| !metadata.is_symlink()) {
        bail!("`{}` exists and is not a symbolic link: move it away", link.display());
    }
    unlink(link)?;
    std::os::unix::fs::symlink(target, link)
        .with_context(|| format!("linking `{}` to `{}`", link.display(), target.display()))
}

/// Removes a file or link. Not an error if there is none.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing `{}`", path.display()))
        }
        _ => Ok(()),
    }
}

/// Removes a symbolic link, and nothing else.
pub fn unlink(link: &Path) -> Result<()> {
    if link.is_symlink() { remove(link) } else { Ok(()) }
}

/// Moves a directory of /dev out of the way while `act` runs.
///
/// systemd and udev notice nothing, because they look at their own database and not at the directory.
pub fn with_hidden<T>(dir: &Path, act: impl FnOnce() -> Result<T>) -> Result<T> {
    let hidden = dir.with_file_name(format!(
        "{}{}",
        super::staged::PREFIX,
        dir.file_name().unwrap_or_default().to_string_lossy()
    ));
    let moving = || format!("moving `{}` away", dir.display());
    let there = dir.symlink_metadata().is_ok();
    if there {
        fs::rename(dir, &hidden).with_context(moving)?;
    }
    let result = act();
    if there {
        fs::rename(&hidden, dir).with_context(|| format!("moving `{}` back", dir.display()))?;
    }
    result
}
