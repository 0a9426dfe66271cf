//! Files that wait beside their targets, and what each target must be when it is replaced.

use std::fs::{self, FileType, Metadata};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use super::inside;
use super::staged::{self, Staged};

/// Files that wait beside their targets.
#[derive(Debug, Default)]
pub struct Waiting {
    files: Vec<Waiter>,
}

/// One file that waits.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) staged: Staged,
    /// The journal's copies of everything that may be at the target when the file replaces it.
    pub(super) known: Vec<PathBuf>,
    /// Whether the file takes over attributes that the target gets meanwhile. Going back, it does not: it has the
    /// attributes of the old file.
    pub(super) follows: bool,
    /// The target's status from just before its bytes were last compared.
    pub(super) seen: Look,
}

impl Waiting {
    pub(super) fn add(&mut self, waiter: Waiter) {
        self.files.push(waiter);
    }

    /// Demands that every target is still one that may be replaced, and changes nothing. It reads a file's bytes only
    /// if the file's status says that they may have changed.
    ///
    /// # Errors
    /// A target that somebody changed, removed or replaced since its file was staged.
    pub fn still_fits(&self) -> Result<()> {
        self.files.iter().try_for_each(|waiter| waiter.look().map(drop))
    }

    /// Puts all files in place durably. It compares every target before it replaces the first one. If the status of a
    /// target changed since, it compares that target again.
    ///
    /// # Errors
    /// A file that was changed after it was staged.
    pub fn commit(mut self) -> Result<()> {
        for waiter in &mut self.files {
            waiter.catch_up()?;
        }
        let targets: Vec<PathBuf> =
            self.files.iter().map(|waiter| waiter.staged.target().to_owned()).collect();
        for mut waiter in self.files {
            waiter.catch_up()?;
            waiter.staged.commit()?;
        }
        staged::sync(&targets)
    }
}

impl Waiter {
    /// Checks whether the target may be replaced.
    fn look(&self) -> Result<Look> {
        let target = self.staged.target();
        let now = Look::at(target)?;
        if now.is_surely(&self.seen) {
            return Ok(now);
        }
        if now.kind == self.seen.kind && is_one_of(target, &self.known)? {
            return Ok(now);
        }
        bail!("`{}` was changed while postclone ran: run the command again", target.display())
    }

    /// The same, and the file takes over attributes that the target got meanwhile.
    fn catch_up(&mut self) -> Result<()> {
        let now = self.look()?;
        if self.follows && !now.is_surely(&self.seen) {
            self.staged.follow()?;
        }
        self.seen = now;
        Ok(())
    }
}

/// A file's status: what changes when its bytes or attributes do (inode(7)).
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    kind: FileType,
    inode: (u64, u64),
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    /// Whether another change would have given it other times.
    settled: bool,
}

/// File times can be as coarse as two seconds (mount(8), vfat), and the kernel's clock for them ticks up to ten
/// milliseconds apart.
const COARSE: i64 = 3;

impl Look {
    /// The status of what is there now. Links are not followed.
    pub(super) fn at(path: &Path) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let of: Metadata =
            path.symlink_metadata().with_context(|| format!("looking at `{}`", path.display()))?;
        Ok(Self {
            kind: of.file_type(),
            inode: (of.dev(), of.ino()),
            length: of.len(),
            modified: (of.mtime(), of.mtime_nsec()),
            changed: (of.ctime(), of.ctime_nsec()),
            settled: of.mtime().max(of.ctime()) < now.saturating_sub(COARSE),
        })
    }

    /// Whether nothing was changed since the other look. If the file was changed a moment before that look, it may
    /// have been changed again with the same times, so the answer is no.
    fn is_surely(&self, before: &Self) -> bool {
        let parts = |of: &Self| (of.kind, of.inode, of.length, of.modified, of.changed);
        before.settled && !before.kind.is_symlink() && parts(self) == parts(before)
    }
}

/// Whether a file holds the bytes of one of the copies.
///
/// # Errors
/// A file or copy that cannot be read.
pub(super) fn is_one_of(file: &Path, copies: &[PathBuf]) -> Result<bool> {
    for copy in copies {
        if holds(file, copy)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a file holds the bytes of a copy. Only a small part is in memory at a time. A missing file holds nothing.
///
/// # Errors
/// A file that cannot be read, or is not regular.
pub(super) fn holds(file: &Path, copy: &Path) -> Result<bool> {
    let open = |path: &Path| {
        let reading = || format!("reading `{}`", path.display());
        let Some(opened) = inside::open(path)? else { return Ok(None) };
        let length = opened.metadata().with_context(reading)?.len();
        Ok::<_, anyhow::Error>(Some((opened, length)))
    };
    let Some((mut left, length)) = open(file)? else { return Ok(false) };
    let Some((mut right, other)) = open(copy)? else { return Ok(false) };
    if length != other {
        return Ok(false);
    }
    let size = usize::try_from(length).unwrap_or(usize::MAX).clamp(1, CHUNK);
    let (mut one, mut two) = (vec![0; size], vec![0; size]);
    loop {
        let read = left.read(&mut one);
        let read = read.with_context(|| format!("reading `{}`", file.display()))?;
        if read == 0 {
            return Ok(true);
        }
        match right.read_exact(&mut two[..read]) {
            Ok(()) if one[..read] == two[..read] => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => {
                return Err(error).with_context(|| format!("reading `{}`", copy.display()));
            }
        }
    }
}

/// How many bytes are compared at a time.
const CHUNK: usize = 1 << 18;

/// Whether the file still has its time from before the run. If so, it is the old file itself.
pub(super) fn never_replaced(target: &Path, before: &Path) -> Result<bool> {
    let looking = |path: &Path| {
        fs::metadata(path).with_context(|| format!("looking at `{}`", path.display()))
    };
    let (target, before) = (looking(target)?, looking(before)?);
    Ok((target.mtime(), target.mtime_nsec()) == (before.mtime(), before.mtime_nsec()))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::time::Duration;

    use super::*;

    const OLD: &str = "/dev/mapper/a--b-root";
    const NEW: &str = "/dev/mapper/c--d-root";

    /// Two files that wait. With `settled`, they count as files that nobody has touched for a while.
    fn staged(dir: &Path, settled: bool) -> (Waiting, [PathBuf; 2]) {
        let mut waiting = Waiting::default();
        let copy = dir.join("copy");
        fs::write(&copy, OLD).unwrap();
        let targets = ["one", "two"].map(|name| dir.join(name));
        for target in &targets {
            fs::write(target, OLD).unwrap();
            let file = Staged::write(target, NEW.as_bytes(), target, false).unwrap();
            let seen = Look { settled, ..Look::at(target).unwrap() };
            let known = vec![copy.clone()];
            waiting.add(Waiter { staged: file, known, follows: true, seen });
        }
        (waiting, targets)
    }

    fn text(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn what_was_not_touched_fits_and_takes_its_place() {
        for settled in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let (waiting, targets) = staged(dir.path(), settled);
            waiting.still_fits().unwrap();
            assert_eq!(targets.each_ref().map(|path| text(path)), [OLD, OLD]);
            waiting.commit().unwrap();
            assert_eq!(targets.each_ref().map(|path| text(path)), [NEW, NEW]);
        }
    }

    #[test]
    fn no_file_is_replaced_where_the_last_was_changed() {
        type Change = fn(&Path);
        let changes: [Change; 4] = [
            |path| fs::write(path, OLD.to_uppercase()).unwrap(),
            |path| fs::write(path, "").unwrap(),
            |path| {
                fs::rename(path, path.with_extension("kept")).unwrap();
                symlink(path.with_extension("kept"), path).unwrap();
            },
            |path| {
                fs::remove_file(path).unwrap();
                fs::create_dir(path).unwrap();
            },
        ];
        for change in changes {
            let dir = tempfile::tempdir().unwrap();
            let (waiting, [one, two]) = staged(dir.path(), true);
            change(&two);
            let said = format!("{:#}", waiting.still_fits().unwrap_err());
            assert!(said.contains("two` was changed while postclone ran"), "{said}");
            let said = format!("{:#}", waiting.commit().unwrap_err());
            assert!(said.contains("two` was changed while postclone ran"), "{said}");
            assert_eq!(text(&one), OLD);
            // No file waits any more.
            let hidden = fs::read_dir(dir.path()).unwrap().flatten();
            assert!(hidden.into_iter().all(|entry| entry.file_name().len() < 9));
        }
    }

    #[test]
    fn a_file_that_was_written_again_with_the_same_bytes_fits() {
        let dir = tempfile::tempdir().unwrap();
        let (waiting, [one, _]) = staged(dir.path(), true);
        fs::remove_file(&one).unwrap();
        fs::write(&one, OLD).unwrap();
        waiting.still_fits().unwrap();
        waiting.commit().unwrap();
        assert_eq!(text(&one), NEW);
    }

    #[test]
    fn a_file_that_is_gone_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let (waiting, [one, _]) = staged(dir.path(), true);
        fs::remove_file(one).unwrap();
        let said = format!("{:#}", waiting.still_fits().unwrap_err());
        assert!(said.contains("looking at `") && said.contains("one`"), "{said}");
    }

    #[test]
    fn attributes_of_the_moment_go_over() {
        let dir = tempfile::tempdir().unwrap();
        let (waiting, [one, two]) = staged(dir.path(), true);
        fs::set_permissions(&one, fs::Permissions::from_mode(0o600)).unwrap();
        xattr::set(&two, "user.note", b"late").unwrap();
        waiting.commit().unwrap();
        assert_eq!(fs::metadata(&one).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(xattr::get(&two, "user.note").unwrap().as_deref(), Some(&b"late"[..]));
    }

    #[test]
    fn attributes_that_are_gone_do_not_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let (_, [one, _]) = staged(dir.path(), true);
        xattr::set(&one, "user.note", b"early").unwrap();
        let seen = Look { settled: true, ..Look::at(&one).unwrap() };
        let file = Staged::write(&one, NEW.as_bytes(), &one, false).unwrap();
        let mut waiting = Waiting::default();
        let known = vec![dir.path().join("copy")];
        waiting.add(Waiter { staged: file, known, follows: true, seen });
        xattr::remove(&one, "user.note").unwrap();
        waiting.commit().unwrap();
        assert_eq!((text(&one).as_str(), xattr::get(&one, "user.note").unwrap()), (NEW, None));
    }

    #[test]
    fn a_file_that_was_just_changed_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, OLD).unwrap();
        let fresh = Look::at(&path).unwrap();
        assert!(!fresh.is_surely(&fresh));
        // A time in the future, as after a clock was set back.
        let ahead = fs::FileTimes::new().set_modified(SystemTime::now() + Duration::from_secs(999));
        File::open(&path).unwrap().set_times(ahead).unwrap();
        assert!(!Look::at(&path).unwrap().settled);
    }
}
