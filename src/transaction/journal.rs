//! The journal of a run: its plan, the files' bytes before and after, and what was begun and done.
//!
//! A directory a run under [`STATE`], mode 0700:
//!
//! | entry | holds |
//! |---|---|
//! | `journal` | one JSON record a line, each synced before the act that it announces |
//! | `before/`, `bridge/`, `after/` | the files' bytes, `before/` with attributes and times |
//! | `paths-back` | a script for who has no postclone at hand |
//! | `images/`, `placed/` | images as they were: those of `/boot`, and those elsewhere |

use std::collections::{HashMap, HashSet};
use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use nix::fcntl::{FallocateFlags, fallocate};

use super::durable::Durable;
use super::record::{Direction, FORMAT, Record, Saved, Stamp, State};
use super::{STATE, attributes, by_hand, failpoint, marker, sync_dir};
use crate::guest::root::Root;
use crate::plan::FileChange;

/// A run's journal, open for more records.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    pub(super) base: PathBuf,
    log: File,
    /// What the run set out to do.
    pub saved: Saved,
    done: HashSet<(Direction, usize)>,
    begun: HashSet<(Direction, usize)>,
    state: State,
    /// Where in [`Saved::paths`] a path stands, looked up when it is first asked for.
    pub(super) paths_by_name: OnceLock<HashMap<PathBuf, usize>>,
}

impl Journal {
    /// Writes the plan and the files' bytes; all is durable when this returns.
    pub fn create(root: &Root, saved: Saved, files: &[FileChange]) -> Result<Self> {
        let state = state_dir(root)?;
        remove_unbegun(&state);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let dir = state.join(format!("{:012}.{:06}", now.as_secs(), now.subsec_micros()));
        make_dir(&dir)?;
        let result = Self::fill(root, &dir, saved, files);
        if result.is_err() {
            let _ = fs::remove_dir_all(&dir);
        }
        result
    }

    fn fill(root: &Root, dir: &Path, saved: Saved, files: &[FileChange]) -> Result<Self> {
        let mut durable = Durable::default();
        durable.watch(dir)?;
        for change in files {
            let before = write_new(&copy_path(dir, "before", &change.path), &change.before)?;
            let original = root.outer(&change.path);
            let path = copy_path(dir, "before", &change.path);
            attributes::copy(&original, &before, &path)?;
            let stamped = before.set_times(attributes::times(&change.metadata));
            stamped.with_context(|| format!("writing `{}`", path.display()))?;
            durable.wrote(&path);
            let after = change.after();
            for (side, bytes) in [("after", Some(&after)), ("bridge", change.bridge.as_ref())] {
                let Some(bytes) = bytes else { continue };
                let path = copy_path(dir, side, &change.path);
                write_new(&path, bytes)?;
                durable.wrote(&path);
            }
        }
        let path = dir.join(by_hand::SCRIPT);
        write_new(&path, by_hand::script(&saved.paths).as_bytes())?;
        durable.wrote(&path);
        durable.sync()?;
        let log = write_new(&dir.join("journal"), b"")?;
        let mut journal = Self {
            dir: dir.to_owned(),
            base: root.base().to_owned(),
            log,
            saved: saved.clone(),
            done: HashSet::new(),
            begun: HashSet::new(),
            state: State::Open(Direction::Forward),
            paths_by_name: OnceLock::new(),
        };
        journal.append(&Record::Begin(Box::new(saved)))?;
        // Room for every record to come; a file system that has no such thing (EOPNOTSUPP) does
        // without.
        let _ = fallocate(&journal.log, FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, RECORDS);
        marker::write(dir)?;
        sync_dir(dir)?;
        sync_dir(dir.parent().unwrap_or(dir))?;
        Ok(journal)
    }

    /// The latest run of a root, if there was one.
    pub fn latest(root: &Root) -> Result<Option<Self>> {
        let mut names = root.list(STATE)?;
        names.retain(|name| {
            name.to_str().is_some_and(|name| name.starts_with(|c: char| c.is_ascii_digit()))
        });
        for name in names.into_iter().rev() {
            let Some(dir) = root.resolve(&Path::new(STATE).join(name))? else { continue };
            if let Some(journal) = Self::open(root, &root.outer(&dir))? {
                return Ok(Some(journal));
            }
        }
        Ok(None)
    }

    /// A run's journal; `None` where the run was cut before it began to change anything.
    fn open(root: &Root, dir: &Path) -> Result<Option<Self>> {
        let path = dir.join("journal");
        let reading = || format!("reading `{}`", path.display());
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(reading),
        };
        let mut lines = text.split_inclusive('\n');
        let first = lines.next().filter(|line| line.ends_with('\n'));
        let Some(first) = first else { return Ok(None) };
        let stamp: Stamp = serde_json::from_str(first).with_context(reading)?;
        if stamp.format > FORMAT {
            bail!(
                "`{}` has format {}; this postclone reads up to {FORMAT}: use the version that wrote it, {}",
                path.display(),
                stamp.format,
                stamp.version
            );
        }
        let Record::Begin(saved) = serde_json::from_str(first).with_context(reading)? else {
            bail!(
                "reading `{}`: its first record is not the plan: move its directory away",
                path.display()
            );
        };
        let log = File::options().append(true).open(&path).with_context(reading)?;
        // A torn last line would glue itself to the next record.
        if !text.ends_with('\n') {
            (&log).write_all(b"\n").with_context(reading)?;
        }
        let mut journal = Self {
            dir: dir.to_owned(),
            base: root.base().to_owned(),
            log,
            saved: *saved,
            done: HashSet::new(),
            begun: HashSet::new(),
            state: State::Open(Direction::Forward),
            paths_by_name: OnceLock::new(),
        };
        for line in lines {
            // A torn line announces an act that never began. One that lacks its newline alone is whole.
            if let Ok(record) = serde_json::from_str(line) {
                journal.note(&record);
            }
        }
        Ok(Some(journal))
    }

    fn note(&mut self, record: &Record) {
        match record {
            Record::Begin(_) => {}
            Record::Intent { direction, step } => {
                // Going one way undoes what was done the other way.
                let other = match direction {
                    Direction::Forward => Direction::Backward,
                    Direction::Backward => Direction::Forward,
                };
                self.done.remove(&(other, *step));
                self.begun.insert((*direction, *step));
                self.state = State::Open(*direction);
            }
            Record::Done { direction, step } => {
                self.done.insert((*direction, *step));
            }
            Record::Closed { direction: Direction::Forward } => self.state = State::Done,
            Record::Closed { direction: Direction::Backward } => self.state = State::Undone,
        }
    }

    fn append(&mut self, record: &Record) -> Result<()> {
        let writing = || format!("writing the journal in `{}`", self.dir.display());
        failpoint::hit("journal").with_context(writing)?;
        let mut line = serde_json::to_vec(record).with_context(writing)?;
        line.push(b'\n');
        (&self.log).write_all(&line).and_then(|()| self.log.sync_data()).with_context(writing)?;
        self.note(record);
        Ok(())
    }

    /// Announces a step. Durable when this returns.
    pub fn intend(&mut self, direction: Direction, step: usize) -> Result<()> {
        self.append(&Record::Intent { direction, step })
    }

    /// Notes that a step was done and seen.
    pub fn did(&mut self, direction: Direction, step: usize) -> Result<()> {
        self.append(&Record::Done { direction, step })
    }

    /// Notes that the run is over.
    pub fn close(&mut self, direction: Direction) -> Result<()> {
        self.append(&Record::Closed { direction })?;
        marker::remove(&self.dir);
        Ok(())
    }

    /// Whether a step was done this way and not undone since.
    pub fn is_done(&self, direction: Direction, step: usize) -> bool {
        self.done.contains(&(direction, step))
    }

    /// Whether a step was ever begun this way.
    pub fn was_begun(&self, direction: Direction, step: usize) -> bool {
        self.begun.contains(&(direction, step))
    }

    /// What is to become of the run.
    pub fn state(&self) -> State {
        self.state
    }

    /// Where it is, on this machine.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The copy of a file in one of the directories.
    pub fn copy_of(&self, side: &str, path: &Path) -> PathBuf {
        copy_path(&self.dir, side, path)
    }

    /// Removes the journal of a run that changed nothing.
    pub fn discard(self) {
        marker::remove(&self.dir);
        if let Err(error) = fs::remove_dir_all(&self.dir) {
            log::warn!("removing `{}`: {error}", self.dir.display());
        }
    }
}

/// Bytes that a journal may grow to, the way back included.
const RECORDS: i64 = 128 << 10;

/// Bytes that a journal of these files needs, rounded up to blocks.
pub fn room(files: &[FileChange]) -> u64 {
    let both = |change: &FileChange| (change.before.len() + change.after().len()) as u64 + 16384;
    files.iter().map(both).sum::<u64>() + (256 << 10)
}

/// Makes [`STATE`] where it is not there, and gives its place on this machine.
pub(super) fn state_dir(root: &Root) -> Result<PathBuf> {
    let state = root.resolve(Path::new(STATE))?.unwrap_or_else(|| PathBuf::from(STATE));
    let outer = root.outer(&state);
    make_dir(&outer)?;
    Ok(outer)
}

/// Removes what is left of runs that were cut before their plan was written.
fn remove_unbegun(state: &Path) {
    for entry in fs::read_dir(state).into_iter().flatten().flatten() {
        if entry.path().is_dir() && !entry.path().join("journal").exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn copy_path(dir: &Path, side: &str, path: &Path) -> PathBuf {
    dir.join(side).join(path.strip_prefix("/").unwrap_or(path))
}

/// The copies hold what may be secret: nobody but the owner looks into their directory.
fn make_dir(dir: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("making the directory `{}`", dir.display()))
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<File> {
    let writing = || format!("writing `{}`", path.display());
    failpoint::hit("copy").with_context(writing)?;
    make_dir(path.parent().unwrap_or(path))?;
    let mut file =
        File::options().append(true).create_new(true).open(path).with_context(writing)?;
    file.write_all(bytes).with_context(writing)?;
    Ok(file)
}
