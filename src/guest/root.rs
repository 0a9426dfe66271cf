//! The root tree. All paths are joined here, and links are resolved inside the root, as in a chroot.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};

use crate::exit::refuse;
pub use crate::regular::{identity, open_regular};

/// The number of links that the kernel follows (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// A larger file is not a configuration file. The old and the new text are both kept in memory.
pub const MAX_FILE: u64 = 256 << 20;

/// The root directory of a system: `/`, or where the tree of another system is mounted.
#[derive(Debug, Clone)]
pub struct Root {
    base: PathBuf,
}

/// A regular file and its content.
#[derive(Debug)]
pub struct Source {
    /// Absolute path inside the root, with links resolved.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its metadata when it was read.
    pub metadata: Metadata,
}

impl Root {
    /// A root tree. `dir` must be a directory with an `etc`.
    pub fn open(dir: &Path) -> Result<Self> {
        let base = fs::canonicalize(dir)
            .with_context(|| format!("opening the root directory `{}`", dir.display()))
            .map_err(refuse)?;
        if !base.join("etc").is_dir() {
            return Err(refuse(anyhow::anyhow!(
                "`{}` is not a root tree: it has no directory `etc`; give the directory where the system's `/` \
                 is mounted",
                dir.display()
            )));
        }
        Ok(Self { base })
    }

    /// Whether this is the root of the running system.
    pub fn is_live(&self) -> bool {
        self.base == Path::new("/")
    }

    /// The root's directory on this machine.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The path on this machine of a resolved path inside the root.
    pub fn outer(&self, inner: &Path) -> PathBuf {
        self.base.join(inner.strip_prefix("/").unwrap_or(inner))
    }

    /// The path inside the root of a path on this machine.
    pub fn inner(&self, outer: &Path) -> PathBuf {
        Path::new("/").join(outer.strip_prefix(&self.base).unwrap_or(outer))
    }

    /// Follows links inside the root. `..` does not leave the root, as in a chroot. `None` if nothing is
    /// at the path.
    ///
    /// # Errors
    /// If there are too many links, or if the path cannot be searched.
    pub fn resolve(&self, path: &Path) -> Result<Option<PathBuf>> {
        let mut rest = components(path);
        match self.without_links(&rest) {
            Ok(path) => return Ok(Some(path)),
            Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(None),
            Err(_) => {}
        }
        let mut done = PathBuf::from("/");
        let mut links = 0;
        while let Some(component) = rest.pop() {
            if component == ".." {
                done.pop();
                continue;
            }
            let next = done.join(&component);
            let outer = self.outer(&next);
            let metadata = match fs::symlink_metadata(&outer) {
                Ok(metadata) => metadata,
                Err(error) if is_absent(&error) => {
                    if links > 0 {
                        log::debug!(
                            "`{}` is a link to `{}`, which does not exist",
                            path.display(),
                            next.display()
                        );
                    }
                    return Ok(None);
                }
                Err(error) => {
                    return Err(error).with_context(|| format!("looking at `{}`", outer.display()));
                }
            };
            if !metadata.is_symlink() {
                done = next;
                continue;
            }
            links += 1;
            if links > MAX_LINKS {
                bail!(
                    "`{}` goes through more than {MAX_LINKS} symbolic links: remove the loop",
                    path.display()
                );
            }
            let target = fs::read_link(&outer)
                .with_context(|| format!("reading the symbolic link `{}`", outer.display()))?;
            if target.is_absolute() {
                done = PathBuf::from("/");
            }
            rest.extend(components(&target));
        }
        Ok(Some(done))
    }

    /// The path of these components, in reverse order, if it exists and has no link. openat2(2) checks all
    /// components in one call.
    ///
    /// # Errors
    /// `ENOENT` or `ENOTDIR` if the path has no link and does not exist. Other errors, which an old kernel
    /// may also return, mean nothing.
    fn without_links(&self, components: &[OsString]) -> Result<PathBuf, Errno> {
        if components.iter().any(|component| component == "..") {
            return Err(Errno::ELOOP);
        }
        let mut path = PathBuf::from("/");
        path.extend(components.iter().rev());
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
        openat2(AT_FDCWD, &self.outer(&path), how).map(|_| path)
    }

    /// Whether the path itself is a symbolic link.
    pub fn is_link(&self, path: &Path) -> bool {
        fs::symlink_metadata(self.outer(path)).is_ok_and(|metadata| metadata.is_symlink())
    }

    /// Whether the path exists. Links are followed.
    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        matches!(self.resolve(path.as_ref()), Ok(Some(_)))
    }

    /// Reads a whole regular file. `None` if there is none.
    ///
    /// # Errors
    /// If it is not a regular file, is larger than [`MAX_FILE`] bytes, or cannot be read.
    pub fn read(&self, path: &Path) -> Result<Option<Source>> {
        let Some(path) = self.resolve(path)? else { return Ok(None) };
        let outer = self.outer(&path);
        let reading = || format!("reading `{}`", outer.display());
        let kind = fs::symlink_metadata(&outer).with_context(reading)?.file_type();
        if !kind.is_file() {
            bail!("`{}` is {}, not a regular file: move it away", outer.display(), kind_name(kind));
        }
        let mut file = open_regular(&outer).with_context(reading)?;
        let metadata = file.metadata().with_context(reading)?;
        if metadata.len() > MAX_FILE {
            bail!(
                "`{}` has {} MiB; postclone edits files of at most {} MiB: move it away",
                outer.display(),
                metadata.len() >> 20,
                MAX_FILE >> 20
            );
        }
        let bytes = read_whole(&mut file, metadata.len()).with_context(reading)?;
        Ok(Some(Source { path, bytes, metadata }))
    }

    /// The text of a small file that is not essential. `None` if it cannot be read.
    pub fn read_text(&self, path: impl AsRef<Path>) -> Option<String> {
        let source = self.read(path.as_ref()).ok()??;
        Some(String::from_utf8_lossy(&source.bytes).into_owned())
    }

    /// The names in a directory, sorted. None if there is no such directory.
    pub fn list(&self, dir: impl AsRef<Path>) -> Result<Vec<OsString>> {
        let Some(dir) = self.resolve(dir.as_ref())? else { return Ok(Vec::new()) };
        let outer = self.outer(&dir);
        if !outer.is_dir() {
            return Ok(Vec::new());
        }
        let listing = || format!("listing `{}`", outer.display());
        let mut names = Vec::new();
        for entry in fs::read_dir(&outer).with_context(listing)? {
            names.push(entry.with_context(listing)?.file_name());
        }
        names.sort();
        Ok(names)
    }
}

/// The components of the path in reverse order, without `/` and `.`.
fn components(path: &Path) -> Vec<OsString> {
    let mut all: Vec<OsString> = path
        .components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect();
    all.reverse();
    all
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

fn kind_name(kind: fs::FileType) -> &'static str {
    if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_char_device() {
        "a character device"
    } else if kind.is_block_device() {
        "a block device"
    } else {
        "a symbolic link"
    }
}

fn read_whole(file: &mut File, length: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
