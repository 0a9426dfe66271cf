//! The walk through the tree.

use std::collections::{HashMap, HashSet};
use std::ffi::CString;
use std::fs::{File, Metadata};
use std::hash::Hash;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, PoisonError};

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, readlinkat};
use nix::sys::stat::fstatat;

use super::closed;
use super::extent::Extent;
use super::file::{Looker, Spot};
use super::finding::{Part, obstacle};
use super::folder::{Folder, kind_of, open_file};
use super::queue::Queue;
use super::rules;
use super::stop::Stop;
use super::text::Wanted;
use crate::guest::private::{is_readable, is_searchable};
use crate::guest::root::identity;

/// Files in one job. A directory with more files becomes several jobs.
const BATCH: usize = 64;

/// No tree made by people is deeper. Each level may keep a descriptor open.
const MAX_DEPTH: usize = 200;

/// Larger files are disks of machines.
const MAX_FILE: u64 = 8 << 30;

/// A job.
pub(super) enum Errand {
    /// A directory that is already open.
    Open(Folder),
    /// A directory inside another one.
    Enter(Arc<Folder>, CString),
    /// Files in a directory.
    Files(Arc<Folder>, Vec<CString>),
    /// A file of a known place that links lead to, with the path of that place. The flag says whether not
    /// everybody may read it.
    Known(File, Vec<u8>, bool),
}

/// What the threads share.
pub(super) struct Walk<'a> {
    pub(super) wanted: &'a Wanted,
    pub(super) stop: &'a Stop,
    extent: &'a Extent,
    pub(super) queue: Queue<Errand>,
    /// Types of file systems by mount point. The paths are relative to the root.
    mounts: HashMap<Vec<u8>, String>,
    directories: Mutex<HashSet<(u64, u64)>>,
    linked: Mutex<HashSet<(u64, u64)>>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        wanted: &'a Wanted,
        stop: &'a Stop,
        extent: &'a Extent,
        starts: Vec<Errand>,
        mounts: HashMap<Vec<u8>, String>,
    ) -> Self {
        let queue = Queue::new(starts);
        Self {
            wanted,
            stop,
            extent,
            queue,
            mounts,
            directories: Mutex::default(),
            linked: Mutex::default(),
        }
    }

    /// Does one job. After the time limit, it drops jobs.
    pub(super) fn take(&self, job: Errand, looker: &mut Looker<'_>) {
        if self.stop.is_due() {
            looker.found.incomplete = true;
            return;
        }
        match job {
            Errand::Open(folder) => self.list(folder, looker),
            Errand::Enter(parent, name) => self.enter(&parent, &name, looker),
            Errand::Files(folder, names) => self.files(&folder, &names, looker),
            Errand::Known(file, path, hidden) => {
                let result = file.metadata().and_then(|metadata| {
                    let where_it_is = (rules::is_boot(&path), hidden);
                    self.regular(&file, &metadata, looker, where_it_is, || path.clone())
                });
                note(looker, &path, result);
                self.stop.count(1);
            }
        }
    }

    /// Opens a directory by its name in another one.
    fn enter(&self, parent: &Arc<Folder>, name: &CString, looker: &mut Looker<'_>) {
        let path = join(&parent.path, name.as_bytes());
        if parent.depth == MAX_DEPTH {
            let why = format!("it is more than {MAX_DEPTH} directories deep");
            note(looker, &path, Err(io::Error::other(why)));
            return;
        }
        if let Some(why) =
            closed::closed(&path).map(str::to_owned).or_else(|| self.is_closed(&path))
        {
            looker.found.passed_over.push(obstacle(&path, why));
            return;
        }
        match parent.enter(name, path.clone()) {
            Ok(folder) => self.list(folder, looker),
            Err(error) => note(looker, &path, Err(error)),
        }
    }

    /// Why the search does not enter a mount point.
    pub(super) fn is_closed(&self, path: &[u8]) -> Option<String> {
        why_closed(self.mounts.get(path)?)
    }

    /// Reads a directory, checks the names in it, and creates jobs for its contents.
    fn list(&self, folder: Folder, looker: &mut Looker<'_>) {
        let result = self.listed(folder, looker);
        if let Err((path, error)) = result {
            note(looker, &path, Err(error));
        }
    }

    fn listed(
        &self,
        mut folder: Folder,
        looker: &mut Looker<'_>,
    ) -> Result<(), (Vec<u8>, io::Error)> {
        let failed = |error: io::Error| (folder.path.clone(), error);
        let file = File::from(folder.fd.try_clone().map_err(failed)?);
        let metadata = file.metadata().map_err(failed)?;
        folder.private |= !is_searchable(&metadata);
        // A directory that is mounted at two places counts once.
        if !first_time(&self.directories, identity(&metadata)) {
            return Ok(());
        }
        let mut dir = Dir::from_fd(file.into()).map_err(|error| failed(error.into()))?;
        let (mut inner, mut files, mut links) = (Vec::new(), Vec::new(), Vec::new());
        for entry in dir.iter() {
            let entry = entry.map_err(|error| failed(error.into()))?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") || !folder.counts(name.to_bytes()) {
                continue;
            }
            match entry.file_type().or_else(|| kind_of(&folder, name)) {
                Some(Type::Directory) => inner.push(name.to_owned()),
                Some(Type::File) => files.push(name.to_owned()),
                Some(Type::Symlink) => links.push(name.to_owned()),
                _ => {}
            }
        }
        drop(dir);
        let has = |wanted: &str| {
            inner.iter().chain(&links).any(|name| name.as_bytes() == wanted.as_bytes())
        };
        if ["etc", "usr", "var"].into_iter().all(has) {
            let why = "another system's root";
            looker.found.passed_over.push(obstacle(&folder.path, why));
            return Ok(());
        }
        for name in inner.iter().chain(&files).chain(&links) {
            if self.wanted.may_be_in(name.to_bytes()) {
                let path = join(&folder.path, name.to_bytes());
                let spot = Spot { path: &path, executable: false, private: folder.private };
                looker.name(spot, Part::FileName, name.to_bytes());
            }
        }
        for name in &links {
            self.link(&folder, name, looker);
        }
        let folder = Arc::new(folder);
        let rest = files.split_off(files.len().min(BATCH));
        let batches = rest.chunks(BATCH).map(|names| Errand::Files(folder.clone(), names.to_vec()));
        let jobs = inner.into_iter().map(|name| Errand::Enter(folder.clone(), name)).chain(batches);
        let jobs: Vec<Errand> = jobs.collect();
        if !jobs.is_empty() {
            self.queue.add(jobs);
        }
        self.files(&folder, &files, looker);
        Ok(())
    }

    fn link(&self, folder: &Folder, name: &CString, looker: &mut Looker<'_>) {
        match readlinkat(&folder.fd, name.as_c_str()) {
            Ok(target) => {
                let target = target.into_vec();
                if self.wanted.may_be_in(&target) {
                    let path = join(&folder.path, name.to_bytes());
                    let spot = Spot { path: &path, executable: false, private: folder.private };
                    looker.name(spot, Part::LinkTarget, &target);
                }
            }
            // The link is gone, or is no longer a link.
            Err(Errno::ENOENT | Errno::EINVAL) => {}
            Err(error) => {
                note(looker, &join(&folder.path, name.to_bytes()), Err(error.into()));
            }
        }
    }

    fn files(&self, folder: &Folder, names: &[CString], looker: &mut Looker<'_>) {
        for name in names {
            if self.stop.is_due() {
                looker.found.incomplete = true;
                return;
            }
            if !self.extent.reads_all() && !self.is_wanted(folder, name) {
                continue;
            }
            let result = open_file(folder, name).and_then(|file| {
                let Some(file) = file else { return Ok(()) };
                let metadata = file.metadata()?;
                if !metadata.is_file() {
                    return Ok(());
                }
                let path = || join(&folder.path, name.to_bytes());
                self.regular(&file, &metadata, looker, (folder.in_boot, folder.private), path)
            });
            if result.is_err() {
                note(looker, &join(&folder.path, name.to_bytes()), result);
            }
        }
        self.stop.count(names.len() as u64);
    }

    /// Whether a file belongs to the extent. This check must not open the file: closing any descriptor of
    /// a package manager's lock file would release this process's own lock on it (fcntl(2), "Record
    /// locks").
    fn is_wanted(&self, folder: &Folder, name: &CString) -> bool {
        let Ok(found) = fstatat(&folder.fd, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW) else {
            return false;
        };
        let length = u64::try_from(found.st_size).unwrap_or(u64::MAX);
        let path = join(&folder.path, name.to_bytes());
        self.extent.reads(&path, found.st_mode & 0o111 != 0, length)
    }

    fn regular(
        &self,
        file: &File,
        metadata: &Metadata,
        looker: &mut Looker<'_>,
        (in_boot, hidden): (bool, bool),
        path: impl Fn() -> Vec<u8>,
    ) -> io::Result<()> {
        if metadata.nlink() > 1 && !first_time(&self.linked, identity(metadata)) {
            return Ok(());
        }
        if metadata.len() > MAX_FILE {
            let why = format!("it is larger than {} GiB", MAX_FILE >> 30);
            looker.found.passed_over.push(obstacle(&path(), why));
            return Ok(());
        }
        looker.found.files += 1;
        if looker.has(file, metadata.len(), in_boot)? {
            let path = path();
            let executable = metadata.mode() & 0o111 != 0;
            let private = hidden || !is_readable(metadata);
            looker.look(file, Spot { path: &path, executable, private })?;
        }
        Ok(())
    }
}

/// Why the search does not enter a file system of this type.
pub(super) fn why_closed(kind: &str) -> Option<String> {
    closed::closed_file_system(kind).map(|why| format!("{kind} {why}"))
}

fn first_time<K: Eq + Hash>(seen: &Mutex<HashSet<K>>, key: K) -> bool {
    seen.lock().unwrap_or_else(PoisonError::into_inner).insert(key)
}

/// Records what could not be read. A file that has vanished is not an obstacle.
fn note(looker: &mut Looker<'_>, path: &[u8], result: io::Result<()>) {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            looker.found.could_not(obstacle(path, error));
        }
        _ => {}
    }
}

fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    [dir, b"/", name].concat()
}
