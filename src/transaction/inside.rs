//! Whatever a journal names is reached inside its root, and through no link.
//!
//! Anybody may have made a journal or the tree that it is about (`--root`). So every path of a journal must be
//! spelled in the one plain way (`plain`), no directory on the way to it may be a symbolic link ([`straight`]), and
//! a copy in a journal's directory must be a regular file ([`is_file`]).

use std::fs::{self, File, Metadata};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};

use crate::regular::open_regular;

/// Demands an absolute path without `.`, `..`, empty components and NUL bytes.
pub(super) fn plain(path: &Path) -> Result<()> {
    let bytes = path.as_os_str().as_bytes();
    let mut components = bytes.split(|byte| *byte == b'/');
    let is_absolute = components.next() == Some(b"");
    let is_plain =
        |component: &[u8]| !matches!(component, b"" | b"." | b"..") && !component.contains(&0);
    if !is_absolute || bytes.is_empty() || !components.all(is_plain) {
        bail!("`{}` is not an absolute path without `.` and `..`", path.display());
    }
    Ok(())
}

/// Demands that neither a directory on this machine nor any directory above it is a symbolic link. Directories that
/// do not exist are accepted. The path is that of a canonical root ([`crate::guest::root::Root::outer`]), joined with
/// a plain path. A path that passes is therefore inside that root.
///
/// # Errors
/// The first path that is a link, or not a directory.
pub fn straight(dir: &Path) -> Result<()> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
    if matches!(openat2(AT_FDCWD, dir, how), Ok(_) | Err(Errno::ENOENT)) {
        return Ok(());
    }
    // Find out which directory it is. This is also the way for kernels before 5.6, which do not have openat2(2).
    let mut above: Vec<&Path> = dir.ancestors().collect();
    above.reverse();
    for dir in above {
        match kind(dir)? {
            None => return Ok(()),
            Some(metadata) if metadata.is_symlink() => bail!(
                "`{}` is a symbolic link where the journal has a directory: put the directory back",
                dir.display()
            ),
            Some(metadata) if !metadata.is_dir() => {
                bail!("`{}` is not a directory: move it away", dir.display())
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Demands that a path on this machine is a regular file or does not exist, and that no link leads there. True if the
/// file exists.
pub fn is_file(path: &Path) -> Result<bool> {
    straight(path.parent().unwrap_or(path))?;
    match kind(path)? {
        None => Ok(false),
        Some(metadata) if metadata.is_file() => Ok(true),
        Some(metadata) if metadata.is_symlink() => bail!(
            "`{}` is a symbolic link where the journal has a file: put the file back",
            path.display()
        ),
        Some(_) => bail!("`{}` is not a regular file: move it away", path.display()),
    }
}

/// Opens a regular file that no link leads to. `None` if nothing is there.
pub fn open(path: &Path) -> Result<Option<File>> {
    if !is_file(path)? {
        return Ok(None);
    }
    let opened = open_regular(path).with_context(|| format!("reading `{}`", path.display()))?;
    Ok(Some(opened))
}

/// Demands that there are only directories and regular files below a directory. With `links`, symbolic links are
/// allowed, too. They are never followed.
pub(super) fn only_files(dir: &Path, links: bool) -> Result<()> {
    straight(dir)?;
    let listing = || format!("listing `{}`", dir.display());
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(listing),
    };
    for entry in entries {
        let entry = entry.with_context(listing)?;
        let kind = entry.file_type().with_context(listing)?;
        if kind.is_dir() {
            only_files(&entry.path(), links)?;
        } else if !(kind.is_file() || links && kind.is_symlink()) {
            bail!(
                "`{}` is not a regular file, and postclone creates only regular files in a journal: find out who \
                 created it, and move it away",
                entry.path().display()
            );
        }
    }
    Ok(())
}

/// Demands that a directory or file of a journal belongs to root or to the effective user, and that nobody else may
/// write to it.
pub(super) fn is_own(path: &Path, metadata: &Metadata) -> Result<()> {
    let (user, mode) = (nix::unistd::geteuid().as_raw(), metadata.mode() & 0o7777);
    let why = if metadata.uid() != 0 && metadata.uid() != user {
        format!("belongs to user {}", metadata.uid())
    } else if mode & 0o022 != 0 {
        format!("has mode {mode:o}, so others may write to it")
    } else {
        return Ok(());
    };
    let mode = if metadata.is_dir() { "700" } else { "600" };
    let owner = if user == 0 { "root".to_owned() } else { user.to_string() };
    bail!(
        "`{0}` {why}, so anybody may have made the journal: check it, and if it is postclone's own, run `chown \
         {owner}: {0}; chmod {mode} {0}`",
        path.display()
    )
}

/// Creates a directory of the root and those above it, with mode 0700. Links are resolved inside the root.
///
/// # Errors
/// A link that leads to nothing. What it would lead to on this machine does not belong to the root.
pub(super) fn make_dir(root: &crate::guest::root::Root, path: &Path) -> Result<PathBuf> {
    let mut at = PathBuf::from("/");
    for component in path.strip_prefix("/").unwrap_or(path) {
        let next = at.join(component);
        at = match root.resolve(&next)? {
            Some(next) => next,
            None if root.is_link(&next) => bail!(
                "`{}` is a symbolic link to nothing: remove it, or create its target",
                root.outer(&next).display()
            ),
            None => {
                super::journal::make_dir(&root.outer(&next))?;
                next
            }
        };
    }
    Ok(root.outer(&at))
}

/// Keeps bytes under a journal's directory. They replace what was kept there before.
pub(super) fn keep(path: &Path, mut from: impl io::Read) -> Result<()> {
    let keeping = || format!("keeping a copy in `{}`", path.display());
    let mut file = fresh(path)?;
    io::copy(&mut from, &mut file).and_then(|_| file.flush()).with_context(keeping)
}

/// Creates a new file that only its owner can read, and its directories. It replaces a file or link of that name.
pub(super) fn fresh(path: &Path) -> Result<File> {
    let making = || format!("making `{}`", path.display());
    let dir = path.parent().unwrap_or(path);
    straight(dir)?;
    super::journal::make_dir(dir)?;
    remove(path)?;
    File::options().write(true).create_new(true).mode(0o600).open(path).with_context(making)
}

/// Removes a file or link. Not an error if there is none.
pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing `{}`", path.display()))
        }
        _ => Ok(()),
    }
}

fn kind(path: &Path) -> Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("looking at `{}`", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_one_spelling_is_plain() {
        for path in ["/etc/fstab", "/a", "/a b/\u{e4}", "/..x/.y"] {
            assert!(plain(Path::new(path)).is_ok(), "{path}");
        }
        for path in
            ["", "/", "etc", "/etc/", "//etc", "/etc//x", "/./x", "/x/.", "/../x", "/x/..", "/x\0"]
        {
            assert!(plain(Path::new(path)).is_err(), "{path}");
        }
    }

    #[test]
    fn no_link_is_followed_on_the_way() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        fs::create_dir_all(base.join("a/b")).unwrap();
        fs::write(base.join("a/b/file"), "x").unwrap();
        symlink("a", base.join("link")).unwrap();
        symlink("nowhere", base.join("dangling")).unwrap();
        symlink("file", base.join("a/b/last")).unwrap();
        assert!(straight(&base.join("a/b")).is_ok());
        assert!(straight(&base.join("a/new/b")).is_ok(), "what is not there leads nowhere");
        assert!(straight(&base.join("link/b")).is_err());
        assert!(straight(&base.join("dangling/b")).is_err());
        let said = straight(&base.join("a/b/file/x")).unwrap_err().to_string();
        assert!(said.ends_with("/a/b/file` is not a directory: move it away"), "{said}");
        assert!(is_file(&base.join("a/b/file")).unwrap());
        assert!(!is_file(&base.join("a/b/none")).unwrap());
        for path in ["a/b/last", "link/b/file", "a/b", "a/b/file/x"] {
            assert!(is_file(&base.join(path)).is_err(), "{path}");
        }
        assert!(only_files(&base.join("a"), true).is_ok());
        assert!(only_files(&base.join("a"), false).is_err());
    }
}
