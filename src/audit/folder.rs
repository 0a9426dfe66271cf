//! An open directory, and how files in it are opened.
//!
//! Users own parts of the tree and may change them during the search. So every directory and file is
//! opened by its own name, relative to the descriptor of its parent, and links are refused (openat(2),
//! `O_NOFOLLOW`). A user who replaces a name by a link cannot redirect the search. openat2(2) could do the
//! same for paths of several names, but there are none. Only regular files are read, and no call blocks.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::dir::Type;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{Mode, SFlag, fstatat};

use super::rules;

/// An open directory.
pub(super) struct Folder {
    pub(super) fd: OwnedFd,
    /// Path relative to the root, without a leading slash.
    pub(super) path: Vec<u8>,
    pub(super) depth: usize,
    pub(super) in_boot: bool,
    /// Whether its contents are not accessible for everybody.
    pub(super) private: bool,
    /// Only names with one of these prefixes count. If there are none, all names count.
    prefixes: &'static [&'static str],
}

impl Folder {
    /// Opens a directory at which the search starts. The administrator's links to it are already resolved.
    pub(super) fn open(outer: &Path, path: Vec<u8>, private: bool) -> io::Result<Self> {
        Ok(Self::new(open(outer, DIRECTORY, Mode::empty())?, path, 0, private))
    }

    /// Opens a directory in this one.
    pub(super) fn enter(&self, name: &CStr, path: Vec<u8>) -> io::Result<Self> {
        let fd = openat(&self.fd, name, DIRECTORY, Mode::empty())?;
        Ok(Self::new(fd, path, self.depth + 1, self.private))
    }

    /// A directory with its path relative to the root.
    fn new(fd: OwnedFd, path: Vec<u8>, depth: usize, private: bool) -> Self {
        let efi = path == rules::EFI_VARIABLES.as_bytes();
        let prefixes = if efi { rules::EFI_PREFIXES } else { &[] };
        Self { in_boot: rules::is_boot(&path), fd, path, depth, private, prefixes }
    }

    /// Whether a name in the directory counts.
    pub(super) fn counts(&self, name: &[u8]) -> bool {
        self.prefixes.is_empty()
            || self.prefixes.iter().any(|prefix| name.starts_with(prefix.as_bytes()))
    }
}

/// Flags for opening directories.
const DIRECTORY: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Flags for files: do not wait for the other end of a FIFO, and do not acquire a controlling terminal.
const FILE: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_NOCTTY)
    .union(OFlag::O_CLOEXEC);

/// Opens a file, without a change of its access time if that is allowed. None if the file is gone.
pub(super) fn open_file(folder: &Folder, name: &CString) -> io::Result<Option<File>> {
    let open = |flags| openat(&folder.fd, name.as_c_str(), flags, Mode::empty());
    // open(2): only the owner and root may use O_NOATIME.
    let opened = match open(FILE.union(OFlag::O_NOATIME)) {
        Err(Errno::EPERM) => open(FILE),
        other => other,
    };
    match opened {
        Ok(fd) => Ok(Some(File::from(fd))),
        Err(Errno::ENOENT) => Ok(None),
        Err(Errno::ELOOP) => Err(io::Error::other("a link has taken its place meanwhile")),
        Err(error) => Err(error.into()),
    }
}

/// The type of a file, for file systems that do not return it with the name.
pub(super) fn kind_of(folder: &Folder, name: &CStr) -> Option<Type> {
    let stat = fstatat(folder.fd.as_fd(), name, AtFlags::AT_SYMLINK_NOFOLLOW).ok()?;
    match SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) {
        SFlag::S_IFDIR => Some(Type::Directory),
        SFlag::S_IFREG => Some(Type::File),
        SFlag::S_IFLNK => Some(Type::Symlink),
        _ => None,
    }
}
