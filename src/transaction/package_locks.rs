//! The locks of package managers. While postclone holds them, no package manager builds an image or writes grub.cfg.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, Flock, FlockArg, OFlag, fcntl};
use nix::libc;

use super::holder::{flock_holder, held_by, lives, written_number};
use super::lock;
use crate::guest::root::Root;

/// What makes a file a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// fcntl(2): a write lock on the whole file.
    Fcntl,
    /// flock(2), on a file that the manager creates if it is missing.
    Flock,
    /// flock(2), on a file that the manager prefers if it exists.
    FlockIfThere,
    /// The lock is held while the file exists.
    Existence,
    /// The file holds the number of a running process. It is only read, because the same manager waits for rpm's
    /// lock, too. If no process has the number, the file was left behind, and its owner sees that as well.
    Process,
}

/// Every lock: its file, its kind, and who takes it. They are taken in this order.
///
/// Upstream: dpkg `lib/dpkg/dbmodify.c`; rpm `lib/rpmlock.c`, whose lock dnf and zypper wait for; dnf 4
/// `dnf/lock.py`; libzypp `zypp_detail/ZyppLock.cc`; pacman `lib/libalpm/handle.c`; apk-tools `src/database.c`
/// (version 3 looks for the file in /run first).
const LOCKS: &[(&str, Kind, &str)] = &[
    ("/var/lib/dpkg/lock-frontend", Kind::Fcntl, "dpkg or apt"),
    ("/var/lib/dpkg/lock", Kind::Fcntl, "dpkg or apt"),
    ("/run/yum.pid", Kind::Process, "yum"),
    ("/run/zypp.pid", Kind::Process, "zypper or YaST"),
    ("/run/zypp-rpm.pid", Kind::Process, "zypper or YaST"),
    ("/var/lib/dnf/rpmdb_lock.pid", Kind::Process, "dnf"),
    ("/var/lib/rpm/.rpm.lock", Kind::Fcntl, "rpm, dnf or zypper"),
    ("/usr/lib/sysimage/rpm/.rpm.lock", Kind::Fcntl, "rpm, dnf or zypper"),
    ("/var/lib/pacman/db.lck", Kind::Existence, "pacman"),
    ("/run/apk/db.lock", Kind::FlockIfThere, "apk"),
    ("/lib/apk/db/lock", Kind::Flock, "apk"),
    ("/usr/lib/apk/db/lock", Kind::Flock, "apk"),
];

/// First word in the file that keeps pacman out. This process's number follows it.
const OURS: &str = "postclone";

/// One lock that postclone holds.
#[derive(Debug)]
enum Held {
    /// Held while the file is open. No other part of the program may open these files: a process loses its locks of
    /// fcntl(2) on a file when it closes that file once.
    File {
        _file: File,
    },
    Flock {
        _file: Flock<File>,
    },
    /// Held while the file exists.
    Existence,
}

/// Keeps the package managers of a root tree out until it is dropped.
///
/// Programs that postclone starts can still query them, because no query takes a lock.
#[derive(Debug, Default)]
pub struct PackageManagers {
    held: Vec<Held>,
    /// Files that were created here.
    made: Vec<PathBuf>,
}

impl PackageManagers {
    /// Takes the lock of every package manager in a root tree. Refuses at once if one of them is running.
    ///
    /// A lock is skipped if it cannot be taken because its file system is read-only or the caller is not root. Before
    /// this process has the run's own lock, this is only a look: see [`lock::Lock`].
    ///
    /// # Errors
    /// A lock that somebody holds, with the process if it can be found out. A lock that is not a regular file.
    pub fn hold(root: &Root) -> Result<Self> {
        let mut managers = Self::default();
        let mut taken: Vec<PathBuf> = Vec::new();
        for &(lock, kind, who) in LOCKS {
            // Process numbers and /run belong to the running system.
            let running = kind == Kind::Process || lock.starts_with("/run/");
            if running && !root.is_live() {
                continue;
            }
            let lock = Path::new(lock);
            let (Some(dir), Some(name)) = (lock.parent(), lock.file_name()) else { continue };
            let Some(dir) = root.resolve(dir)?.filter(|dir| root.outer(dir).is_dir()) else {
                continue;
            };
            // Two names of one directory. To open the file twice would release the first lock.
            let inner = dir.join(name);
            if taken.contains(&inner) {
                continue;
            }
            let path = root.outer(&inner);
            managers.take(&path, kind, who)?;
            taken.push(inner);
        }
        Ok(managers)
    }

    /// Checks whether a package manager is running, and takes no lock for longer. If this process holds the run's own
    /// lock, it also has the managers' locks, and a second look would release them.
    ///
    /// # Errors
    /// The same as [`PackageManagers::hold`].
    pub fn look(root: &Root) -> Result<()> {
        if lock::is_held() { Ok(()) } else { Self::hold(root).map(drop) }
    }

    fn take(&mut self, path: &Path, kind: Kind, who: &str) -> Result<()> {
        match kind {
            Kind::Process => {
                let process = written_number(path, "").filter(|&process| lives(process));
                return process.map_or(Ok(()), |process| Err(held_by(process, path, who)));
            }
            Kind::Existence => return self.make(path, who),
            Kind::Fcntl | Kind::Flock | Kind::FlockIfThere => {}
        }
        let Some(file) = self.open(path, kind)? else { return Ok(()) };
        self.held.push(if kind == Kind::Fcntl {
            by_fcntl(file, path, who)?
        } else {
            by_flock(file, path, who)?
        });
        Ok(())
    }

    /// Opens a lock's file, and creates it if it is missing.
    fn open(&mut self, path: &Path, kind: Kind) -> Result<Option<File>> {
        let mut how = OpenOptions::new();
        how.read(true).write(true).mode(0o640);
        how.custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits());
        let mut opened = how.open(path);
        let is_missing =
            |opened: &io::Result<File>| kind_of(opened) == Some(io::ErrorKind::NotFound);
        if is_missing(&opened) && kind != Kind::FlockIfThere {
            opened = how.create_new(true).open(path);
            if opened.is_ok() {
                self.made.push(path.to_owned());
            }
        }
        match opened {
            Ok(file) if file.metadata().is_ok_and(|metadata| metadata.is_file()) => Ok(Some(file)),
            Ok(_) => bail!("`{}` is not a regular file: move it away", path.display()),
            Err(error) if out_of_reach(&error) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
                bail!("`{}` is a symbolic link, but should be a file: move it away", path.display())
            }
            Err(error) => Err(error).with_context(|| format!("opening `{}`", path.display())),
        }
    }

    /// Creates the file whose existence is the lock. If a killed postclone left its file behind, that file is
    /// replaced.
    fn make(&mut self, path: &Path, who: &str) -> Result<()> {
        let making = || format!("making `{}`", path.display());
        let mut how = OpenOptions::new();
        how.write(true).create_new(true).mode(0o600);
        let mut made = how.open(path);
        if kind_of(&made) == Some(io::ErrorKind::AlreadyExists) {
            let is_ours = written_number(path, OURS).is_some();
            if !is_ours {
                bail!(
                    "`{0}` exists, so {who} is running: wait until it has ended; if `pgrep -l {who}` and `fuser \
                     -v {0}` show nothing, it was interrupted: remove the lock with `rm {0}`",
                    path.display()
                );
            }
            // While this process holds its own lock, there is no other postclone. Without the lock, this is only a
            // first look.
            if !lock::is_held() {
                return Ok(());
            }
            fs::remove_file(path).with_context(making)?;
            made = how.open(path);
        }
        match made {
            Ok(mut file) => {
                self.made.push(path.to_owned());
                self.held.push(Held::Existence);
                writeln!(file, "{OURS} {}", std::process::id()).with_context(making)
            }
            Err(error) if out_of_reach(&error) => Ok(()),
            Err(error) => Err(error).with_context(making),
        }
    }
}

impl Drop for PackageManagers {
    /// Removes the created files while they are still locked. A program that opens one now is refused or creates its
    /// own.
    fn drop(&mut self) {
        for path in self.made.drain(..) {
            if let Err(error) = fs::remove_file(&path) {
                log::warn!("removing `{}`: {error}", path.display());
            }
        }
        self.held.clear();
    }
}

fn kind_of(opened: &io::Result<File>) -> Option<io::ErrorKind> {
    opened.as_ref().err().map(io::Error::kind)
}

/// If postclone cannot write a lock here, no package manager is running either, unless it has more rights.
fn out_of_reach(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// The constants of fcntl(2) fit its fields on every Linux.
#[allow(clippy::cast_possible_truncation)]
const fn short(constant: libc::c_int) -> libc::c_short {
    constant as libc::c_short
}

fn by_fcntl(file: File, path: &Path, who: &str) -> Result<Held> {
    let mut wanted = libc::flock {
        l_type: short(libc::F_WRLCK),
        l_whence: short(libc::SEEK_SET),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    match fcntl(&file, FcntlArg::F_SETLK(&wanted)) {
        Ok(_) => Ok(Held::File { _file: file }),
        Err(Errno::EACCES | Errno::EAGAIN) => {
            let told = fcntl(&file, FcntlArg::F_GETLK(&mut wanted));
            Err(held_by(told.map_or(0, |_| wanted.l_pid), path, who))
        }
        Err(error) => Err(error).with_context(|| format!("locking `{}`", path.display())),
    }
}

fn by_flock(file: File, path: &Path, who: &str) -> Result<Held> {
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(file) => Ok(Held::Flock { _file: file }),
        Err((file, Errno::EWOULDBLOCK)) => {
            Err(held_by(flock_holder(&file).unwrap_or_default(), path, who))
        }
        Err((_, error)) => Err(error).with_context(|| format!("locking `{}`", path.display())),
    }
}
