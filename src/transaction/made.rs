//! Small files and links that a run creates and later removes, and files that it removes for good.

use std::fs::{self, DirBuilder};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::{inside, staged, sync_dir};
use crate::failpoint;
use crate::guest::root::Root;

/// Creates a file of a root that everybody may read, complete and durable. Not an error if it exists with these
/// bytes.
///
/// # Errors
/// A file with other bytes, because it is somebody's.
pub fn file(root: &Root, path: &Path, bytes: &[u8]) -> Result<()> {
    let place = place(root, path)?;
    let making = || format!("making `{}`", place.display());
    if let Some(held) = held(&place)? {
        if held == bytes {
            return Ok(());
        }
        bail!(
            "`{}` was created meanwhile by somebody else: find out by whom, and try again",
            place.display()
        );
    }
    failpoint::hit("make-file").with_context(making)?;
    let dir = dir_of(&place).with_context(making)?;
    let mut file =
        tempfile::Builder::new().prefix(staged::PREFIX).tempfile_in(dir).with_context(making)?;
    file.write_all(bytes).with_context(making)?;
    let everybody = fs::Permissions::from_mode(0o644);
    file.as_file().set_permissions(everybody).with_context(making)?;
    file.as_file().sync_all().with_context(making)?;
    file.persist_noclobber(&place).map_err(|error| error.error).with_context(making)?;
    sync_dir(dir)
}

/// Removes such a file. Does nothing if it is gone, or if it holds other bytes, because it is somebody's by now. Its
/// directory stays.
pub fn take_away(root: &Root, path: &Path, bytes: &[u8]) -> Result<()> {
    let place = place(root, path)?;
    if held(&place)?.as_deref() != Some(bytes) {
        return Ok(());
    }
    failpoint::hit("take-away")?;
    inside::remove(&place)?;
    sync_dir(place.parent().unwrap_or(&place))
}

/// Creates a symbolic link of a root, durably. Not an error if it exists with this target.
///
/// # Errors
/// Something else in its place, because it is somebody's.
pub fn link(root: &Root, path: &Path, target: &Path) -> Result<()> {
    let place = place(root, path)?;
    if leads(&place)?.as_deref() == Some(target) {
        return Ok(());
    }
    let making = || format!("linking `{}` to `{}`", place.display(), target.display());
    failpoint::hit("make-link").with_context(making)?;
    let dir = dir_of(&place).with_context(making)?;
    symlink(target, &place).with_context(making)?;
    sync_dir(dir)
}

/// Removes such a link. Does nothing if it is gone, or if it leads elsewhere, because it is somebody's by now.
pub fn take_link_away(root: &Root, path: &Path, target: &Path) -> Result<()> {
    let place = place(root, path)?;
    if leads(&place)?.as_deref() != Some(target) {
        return Ok(());
    }
    failpoint::hit("take-link-away")?;
    inside::remove(&place)?;
    sync_dir(place.parent().unwrap_or(&place))
}

/// Where a link leads. `None` if the path is not a link.
fn leads(place: &Path) -> Result<Option<PathBuf>> {
    inside::straight(place.parent().unwrap_or(place))?;
    Ok(fs::read_link(place).ok())
}

/// The directory of what will be created. It is created if it does not exist.
fn dir_of(place: &Path) -> Result<&Path> {
    let dir = place.parent().unwrap_or(place);
    if !dir.exists() {
        DirBuilder::new().mode(0o755).create(dir)?;
        sync_dir(dir.parent().unwrap_or(dir))?;
    }
    Ok(dir)
}

/// Removes a regular file of a root for good. Not an error if it is gone.
///
/// # Errors
/// Something else in its place.
pub fn remove(root: &Root, path: &Path) -> Result<()> {
    let Some(place) = root.resolve(path)?.map(|path| root.outer(&path)) else { return Ok(()) };
    if inside::is_file(&place)? {
        failpoint::hit("remove-file")?;
        inside::remove(&place)?;
        sync_dir(place.parent().unwrap_or(&place))?;
    }
    Ok(())
}

/// The path on this machine. Its directory, or the directory above that, must exist.
fn place(root: &Root, path: &Path) -> Result<PathBuf> {
    let none = || anyhow!("`{}` has no directory", path.display());
    let (dir, name) = (path.parent().ok_or_else(none)?, path.file_name().ok_or_else(none)?);
    let dir = match root.resolve(dir)? {
        Some(dir) => dir,
        None if root.is_link(dir) => bail!(
            "`{}` is a symbolic link to nothing: remove it, or create its target",
            root.outer(dir).display()
        ),
        None => {
            let above = root.resolve(dir.parent().ok_or_else(none)?)?.ok_or_else(none)?;
            above.join(dir.file_name().ok_or_else(none)?)
        }
    };
    Ok(root.outer(&dir.join(name)))
}

fn held(place: &Path) -> Result<Option<Vec<u8>>> {
    if !inside::is_file(place)? {
        return Ok(None);
    }
    fs::read(place).map(Some).with_context(|| format!("reading `{}`", place.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_made_once_and_taken_away_while_it_is_ours() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("etc/units")).unwrap();
        let root = Root::open(dir.path()).unwrap();
        let path = Path::new("/etc/units/x.wants/a");
        let at = dir.path().join(&path.to_str().unwrap()[1..]);
        let (ours, other) = (Path::new("../a"), Path::new("../b"));
        for _ in 0..2 {
            link(&root, path, ours).unwrap();
            assert_eq!(fs::read_link(&at).unwrap(), ours);
        }
        let said = format!("{:#}", link(&root, path, other).unwrap_err());
        assert!(said.contains("linking `"), "{said}");
        take_link_away(&root, path, other).unwrap();
        assert!(at.is_symlink());
        for _ in 0..2 {
            take_link_away(&root, path, ours).unwrap();
            assert!(!at.is_symlink());
        }
        fs::write(&at, "a file").unwrap();
        take_link_away(&root, path, ours).unwrap();
        assert!(link(&root, path, ours).is_err() && at.is_file());
    }

    #[test]
    fn it_is_made_once_and_taken_away_while_it_is_ours() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("etc")).unwrap();
        let root = Root::open(dir.path()).unwrap();
        let (path, at) =
            (Path::new("/etc/kernel/entry-token"), dir.path().join("etc/kernel/entry-token"));
        for _ in 0..2 {
            file(&root, path, b"a\n").unwrap();
            assert_eq!(fs::read(&at).unwrap(), b"a\n");
        }
        assert_eq!(fs::metadata(&at).unwrap().permissions().mode() & 0o777, 0o644);
        let said = format!("{:#}", file(&root, path, b"b\n").unwrap_err());
        assert!(
            said.contains(
                "` was created meanwhile by somebody else: find out by whom, and try again"
            ),
            "{said}"
        );
        for _ in 0..2 {
            take_away(&root, path, b"b\n").unwrap();
            assert!(at.exists());
        }
        for _ in 0..2 {
            take_away(&root, path, b"a\n").unwrap();
            assert!(!at.exists());
        }
    }
}
