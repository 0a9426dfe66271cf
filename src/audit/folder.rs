//! An open directory, and what is opened in it.
//!
//! Users own parts of the tree and may change them meanwhile. Every directory and file is opened by
//! its one name in its parent's descriptor, links refused (openat(2), `O_NOFOLLOW`), so that no link
//! that somebody puts in a name's place leads anywhere. openat2(2) would say the same of longer
//! paths, of which there are none. Only what is a regular file is opened, and nothing blocks.

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
    /// Below the root, without a leading slash.
    pub(super) path: Vec<u8>,
    pub(super) depth: usize,
    pub(super) in_boot: bool,
    /// Whether not everybody may reach what is in it.
    pub(super) private: bool,
    /// Only names that begin so count; all where there are none.
    prefixes: &'static [&'static str],
}

impl Folder {
    /// Opens a directory at which the search starts, where an administrator's links led to.
    pub(super) fn open(outer: &Path, path: Vec<u8>, private: bool) -> io::Result<Self> {
        Ok(Self::new(open(outer, DIRECTORY, Mode::empty())?, path, 0, private))
    }

    /// Opens a directory in this one.
    pub(super) fn enter(&self, name: &CStr, path: Vec<u8>) -> io::Result<Self> {
        let fd = openat(&self.fd, name, DIRECTORY, Mode::empty())?;
        Ok(Self::new(fd, path, self.depth + 1, self.private))
    }

    /// A directory with its path below the root.
    fn new(fd: OwnedFd, path: Vec<u8>, depth: usize, private: bool) -> Self {
        let efi = path == rules::EFI_VARIABLES.as_bytes();
        let prefixes = if efi { rules::EFI_PREFIXES } else { &[] };
        Self { in_boot: rules::is_boot(&path), fd, path, depth, private, prefixes }
    }

    /// Whether a name in it is of interest.
    pub(super) fn counts(&self, name: &[u8]) -> bool {
        self.prefixes.is_empty()
            || self.prefixes.iter().any(|prefix| name.starts_with(prefix.as_bytes()))
    }
}

/// How directories are opened.
const DIRECTORY: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// How files are: without waiting for a FIFO's other end or becoming a terminal's owner.
const FILE: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_NOCTTY)
    .union(OFlag::O_CLOEXEC);

/// Opens a file, its time of access left alone where that is allowed. None where it is gone.
pub(super) fn open_file(folder: &Folder, name: &CString) -> io::Result<Option<File>> {
    let open = |flags| openat(&folder.fd, name.as_c_str(), flags, Mode::empty());
    // open(2): O_NOATIME is the owner's and root's.
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

/// A type that the file system does not tell with the name.
pub(super) fn kind_of(folder: &Folder, name: &CStr) -> Option<Type> {
    let stat = fstatat(folder.fd.as_fd(), name, AtFlags::AT_SYMLINK_NOFOLLOW).ok()?;
    match SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) {
        SFlag::S_IFDIR => Some(Type::Directory),
        SFlag::S_IFREG => Some(Type::File),
        SFlag::S_IFLNK => Some(Type::Symlink),
        _ => None,
    }
}
