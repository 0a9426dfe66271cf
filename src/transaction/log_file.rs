//! The file of a journal's records. It is read without write access, and written only at its end.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::fcntl::{FallocateFlags, OFlag, fallocate};

use super::record::Record;
use super::{inside, line};
use crate::failpoint;
use crate::guest::root::MAX_FILE;

/// The size up to which a journal may grow, including the records of an undo.
const ROOM: i64 = 128 << 10;

/// The file is opened for writing when the first record is written.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: Option<File>,
    /// Bytes up to the end of the last complete record.
    whole: u64,
    /// Size of the file when it was read. It is larger than `whole` if the last line is incomplete.
    seen: u64,
    /// Whether the last complete record has its newline.
    ended: bool,
}

impl Log {
    /// Creates a log, open for writing.
    pub(super) fn create(path: PathBuf) -> Result<Self> {
        let file = inside::fresh(&path)?;
        Ok(Self { path, file: Some(file), whole: 0, seen: 0, ended: true })
    }

    /// Reads a log. `None` if it does not exist or has no plan yet.
    pub(super) fn read(path: PathBuf) -> Result<Option<(Self, line::Text)>> {
        let reading = || format!("reading `{}`", path.display());
        let Some(file) = inside::open(&path)? else { return Ok(None) };
        inside::is_own(&path, &file.metadata().with_context(reading)?)?;
        let mut text = Vec::new();
        (&file).take(MAX_FILE + 1).read_to_end(&mut text).with_context(reading)?;
        let seen = text.len() as u64;
        if seen > MAX_FILE {
            bail!("`{}` is not a journal: it has more than {} MiB", path.display(), MAX_FILE >> 20);
        }
        let Some(text) = line::read(&path, &text)? else { return Ok(None) };
        let log = Self { file: None, whole: text.whole, seen, ended: text.ended, path };
        Ok(Some((log, text)))
    }

    /// Reserves room for every later record. A file system that cannot do this (EOPNOTSUPP) works without.
    pub(super) fn reserve(&self) {
        if let Some(file) = &self.file {
            let _ = fallocate(file, FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, ROOM);
        }
    }

    /// Writes a record after the last complete one. It is durable when this returns. After an error it does not
    /// count, and the next record replaces it.
    pub(super) fn append(&mut self, record: &Record) -> Result<()> {
        let writing = || format!("writing `{}`", self.path.display());
        failpoint::hit("journal").with_context(writing)?;
        let mut bytes = if self.ended { Vec::new() } else { vec![b'\n'] };
        bytes.extend(line::write(record).with_context(writing)?);
        if self.file.is_none() {
            self.file = Some(open(&self.path, self.seen)?);
        }
        let Some(file) = &self.file else { return Ok(()) };
        if self.seen != self.whole {
            file.set_len(self.whole).with_context(writing)?;
            self.seen = self.whole;
            self.reserve();
        }
        if let Err(error) = put(file, &bytes, self.whole) {
            // Cut off the incomplete record now. If that fails, the next record will do it.
            self.seen = u64::MAX;
            if file.set_len(self.whole).is_ok() {
                self.seen = self.whole;
                self.reserve();
            }
            return Err(error).with_context(writing);
        }
        self.whole += bytes.len() as u64;
        self.seen = self.whole;
        self.ended = true;
        Ok(())
    }
}

/// Opens the file for writing, if it is still as long as when it was read.
fn open(path: &Path, seen: u64) -> Result<File> {
    let opening = || format!("opening `{}` for writing", path.display());
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let mut options = File::options();
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits());
    let file = options.write(true).open(path).with_context(opening)?;
    if file.metadata().with_context(opening)?.len() != seen {
        bail!("`{}` was changed after it was read: run the command again", path.display());
    }
    Ok(file)
}

/// With failpoints, it writes two halves, to simulate a machine that stops in the middle.
fn put(file: &File, bytes: &[u8], at: u64) -> Result<()> {
    let half = if cfg!(feature = "failpoints") { bytes.len() / 2 } else { 0 };
    file.write_all_at(&bytes[..half], at)?;
    failpoint::hit("journal-half")?;
    file.write_all_at(&bytes[half..], at + half as u64)?;
    Ok(file.sync_data()?)
}
