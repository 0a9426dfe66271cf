//! The journal of a run: its plan, the files' bytes before and after, and what was begun and done.
//!
//! Each run has a directory under [`super::STATE`], mode 0700:
//!
//! | entry | holds |
//! |---|---|
//! | `journal` | one JSON record per line, with a checksum, each synced before the act that it announces |
//! | `before/`, `bridge/`, `after/` | the files' bytes; in `before/` with attributes and times |
//! | `paths-back` | a script for a system without postclone |
//! | `images/`, `placed/` | images as they were: those of `/boot`, and those elsewhere |
//! | `dropped` | exists if the secrets among the files' bytes were removed ([`super::secrets`]) |

use std::collections::{HashMap, HashSet};
use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

use super::durable::Durable;
use super::log_file::Log;
use super::record::{Begin, Direction, Record, Saved, State};
pub(super) use super::runs::state_dir;
use super::runs::{next, remove_unbegun};
use super::{attributes, by_hand, inside, marker, sync_dir, valid};
use crate::failpoint;
use crate::guest::root::Root;
use crate::plan::FileChange;

/// A run's journal. More records can be written to it.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    pub(super) base: PathBuf,
    log: Log,
    /// The run's plan.
    pub saved: Saved,
    done: HashSet<(Direction, usize)>,
    begun: HashSet<(Direction, usize)>,
    state: State,
    /// The index of each path in [`Saved::paths`], built when it is first needed.
    pub(super) paths_by_name: OnceLock<HashMap<PathBuf, usize>>,
}

impl Journal {
    /// Writes the plan and the files' bytes. Everything is durable when this returns.
    pub fn create(root: &Root, saved: Saved, files: &[FileChange]) -> Result<Self> {
        let state = state_dir(root)?;
        remove_unbegun(&state);
        let dir = next(&state)?;
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
        let run = dir.file_name().map(|name| name.to_string_lossy().into_owned());
        let mut journal = Self {
            dir: dir.to_owned(),
            base: root.base().to_owned(),
            log: Log::create(dir.join("journal"))?,
            saved: saved.clone(),
            done: HashSet::new(),
            begun: HashSet::new(),
            state: State::Open(Direction::Forward),
            paths_by_name: OnceLock::new(),
        };
        journal.append(&Record::Begin(Box::new(Begin { run, saved })))?;
        journal.log.reserve();
        marker::write(dir)?;
        journal.mark_secrets()?;
        sync_dir(dir)?;
        sync_dir(dir.parent().unwrap_or(dir))?;
        Ok(journal)
    }

    /// Opens a run's journal. `None` if the run was interrupted before it began to change anything, or if the
    /// directory is a copy of another run's directory.
    pub(super) fn open(root: &Root, dir: &Path) -> Result<Option<Self>> {
        let metadata =
            fs::symlink_metadata(dir).with_context(|| format!("looking at `{}`", dir.display()))?;
        if !metadata.is_dir() {
            bail!("`{}` is not a directory of a run: move it away", dir.display());
        }
        inside::is_own(dir, &metadata)?;
        let path = dir.join("journal");
        let Some((log, text)) = Log::read(path.clone())? else { return Ok(None) };
        let Begin { run, saved } = text.begin;
        if let Some(run) = run.filter(|run| dir.file_name() != Some(run.as_ref())) {
            log::warn!(
                "`{}` is ignored: according to its journal, it is a copy of `{}`; if there is no other copy, \
                 give it that name",
                dir.display(),
                dir.with_file_name(run).display()
            );
            return Ok(None);
        }
        let refusing = || refusal(&path);
        valid::check(&saved).with_context(refusing)?;
        let mut journal = Self {
            dir: dir.to_owned(),
            base: root.base().to_owned(),
            log,
            saved,
            done: HashSet::new(),
            begun: HashSet::new(),
            state: State::Open(Direction::Forward),
            paths_by_name: OnceLock::new(),
        };
        for record in &text.records {
            journal.take(record).with_context(refusing)?;
        }
        journal.pass_over_dropped()?;
        Ok(Some(journal))
    }

    /// Notes a record that was read.
    fn take(&mut self, record: &Record) -> Result<()> {
        if let Record::Intent { step, .. } | Record::Done { step, .. } = record {
            if *step >= self.saved.steps.len() {
                bail!("a record concerns step {}, of {}", step + 1, self.saved.steps.len());
            }
        }
        if matches!(record, Record::Begin(_)) {
            bail!("it has a second plan");
        }
        self.note(record);
        Ok(())
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
        self.log.append(record)?;
        self.note(record);
        Ok(())
    }

    /// Announces a step. The record is durable when this returns.
    pub fn intend(&mut self, direction: Direction, step: usize) -> Result<()> {
        self.append(&Record::Intent { direction, step })
    }

    /// Notes that a step was done and verified.
    pub fn did(&mut self, direction: Direction, step: usize) -> Result<()> {
        self.append(&Record::Done { direction, step })
    }

    /// Notes that the run has ended.
    pub fn close(&mut self, direction: Direction) -> Result<()> {
        self.append(&Record::Closed { direction })?;
        marker::remove(&self.dir);
        Ok(())
    }

    /// Whether a step was done in this direction and not undone since.
    pub fn is_done(&self, direction: Direction, step: usize) -> bool {
        self.done.contains(&(direction, step))
    }

    /// Whether a step was ever begun in this direction.
    pub fn was_begun(&self, direction: Direction, step: usize) -> bool {
        self.begun.contains(&(direction, step))
    }

    /// Whether the run is open, done or undone.
    pub fn state(&self) -> State {
        self.state
    }

    /// The journal's directory on this machine.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The copy of a file in one of the directories.
    pub fn copy_of(&self, side: &str, path: &Path) -> PathBuf {
        copy_path(&self.dir, side, path)
    }

    /// The message for a journal that is refused because of its content.
    pub fn is_none_of_ours(&self) -> String {
        refusal(&self.dir.join("journal"))
    }

    /// Removes the journal of a run that changed nothing.
    pub fn discard(self) {
        marker::remove(&self.dir);
        if let Err(error) = fs::remove_dir_all(&self.dir) {
            log::warn!("removing `{}`: {error}", self.dir.display());
        }
    }
}

fn refusal(journal: &Path) -> String {
    let path = journal.display();
    format!(
        "`{path}` is not written as postclone writes it; if it is not yours, move its directory away"
    )
}

/// Bytes that a journal of these files needs, rounded up to blocks.
pub fn room(files: &[FileChange]) -> u64 {
    let both = |change: &FileChange| (change.before.len() + change.after().len()) as u64 + 16384;
    files.iter().map(both).sum::<u64>() + (256 << 10)
}

fn copy_path(dir: &Path, side: &str, path: &Path) -> PathBuf {
    dir.join(side).join(path.strip_prefix("/").unwrap_or(path))
}

/// Only the owner can read the directory, because the copies may contain secrets.
pub(super) fn make_dir(dir: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("making the directory `{}`", dir.display()))
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<File> {
    let writing = || format!("writing `{}`", path.display());
    failpoint::hit("copy").with_context(writing)?;
    make_dir(path.parent().unwrap_or(path))?;
    let mut file = File::options()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(writing)?;
    file.write_all(bytes).with_context(writing)?;
    Ok(file)
}
