//! The files of a run, put to one side: as they were before, or as they are to be.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::journal::Journal;
use super::record::Direction;
use super::staged::{self, Staged};
use crate::guest::root::Root;
use crate::plan::Step;

/// Files that wait beside their targets, and what stands there now.
#[derive(Debug)]
pub struct Waiting {
    files: Vec<(Staged, Vec<u8>)>,
}

impl Journal {
    /// Removes what a run that was cut left beside its targets.
    pub fn sweep(&self, root: &Root) {
        let images = self.saved.steps.iter().filter_map(|step| match step {
            Step::RebuildImage { path, .. } => Some(path),
            _ => None,
        });
        let targets: Vec<PathBuf> =
            self.saved.files.iter().chain(images).map(|path| root.outer(path)).collect();
        staged::sweep(targets.iter().map(PathBuf::as_path));
    }

    /// Stages every file that is not yet as the direction wants it.
    ///
    /// Hands back, beside what could be staged, an error for each file that could not, as one that
    /// holds neither side's bytes: somebody changed it. With `force` its present bytes are kept in
    /// the journal's directory, and it is replaced all the same.
    pub fn stage(
        &self,
        root: &Root,
        direction: Direction,
        force: bool,
    ) -> (Waiting, Vec<anyhow::Error>) {
        let (mut files, mut failures) = (Vec::new(), Vec::new());
        for path in &self.saved.files {
            match self.stage_one(path, &root.outer(path), direction, force) {
                Ok(staged) => files.extend(staged),
                Err(error) => failures.push(error),
            }
        }
        (Waiting { files }, failures)
    }

    fn stage_one(
        &self,
        path: &Path,
        target: &Path,
        direction: Direction,
        force: bool,
    ) -> Result<Option<(Staged, Vec<u8>)>> {
        let [before, after] = ["before", "after"].map(|side| self.copy_of(side, path));
        let (wanted, other) = match direction {
            Direction::Forward => (&after, &before),
            Direction::Backward => (&before, &after),
        };
        let (wanted, other) = (read(wanted)?, read(other)?);
        let now = read(target)?;
        if now == wanted && (direction == Direction::Forward || never_replaced(target, &before)?) {
            return Ok(None);
        }
        if now != wanted && now != other {
            let kept = self.copy_of("changed", path);
            if !force {
                bail!(
                    "`{}` was changed since postclone wrote it; look at it beside `{}`, then use --force to replace it",
                    target.display(),
                    before.display()
                );
            }
            keep(&kept, &now)?;
            log::warn!(
                "`{}` was changed since; its bytes are kept in `{}`",
                target.display(),
                kept.display()
            );
        }
        // Going back, attributes and times are put back as well; going forward they are the target's.
        let like = match direction {
            Direction::Forward => target,
            Direction::Backward => &before,
        };
        let staged = Staged::write(target, &wanted, like, direction == Direction::Backward)?;
        Ok(Some((staged, now)))
    }

    /// Files that hold neither side's bytes, or are gone.
    pub fn changed_since(&self, root: &Root) -> Result<Vec<PathBuf>> {
        let mut changed = Vec::new();
        for path in &self.saved.files {
            let now = fs::read(root.outer(path)).ok();
            let sides = [read(&self.copy_of("before", path))?, read(&self.copy_of("after", path))?];
            if now.is_none_or(|now| !sides.contains(&now)) {
                changed.push(path.clone());
            }
        }
        Ok(changed)
    }

    /// Demands that every file is as the direction wants it.
    pub fn files_are(&self, root: &Root, direction: Direction) -> Result<()> {
        let side = match direction {
            Direction::Forward => "after",
            Direction::Backward => "before",
        };
        for path in &self.saved.files {
            let target = root.outer(path);
            if read(&target)? != read(&self.copy_of(side, path))? {
                return Err(anyhow!(
                    "`{}` does not hold the bytes that were put there",
                    target.display()
                ));
            }
        }
        Ok(())
    }
}

impl Waiting {
    /// Puts all of them in place, and makes it durable.
    ///
    /// # Errors
    /// A file that was changed after it was staged.
    pub fn commit(self) -> Result<usize> {
        let count = self.files.len();
        let targets: Vec<PathBuf> =
            self.files.iter().map(|(file, _)| file.target().to_owned()).collect();
        for (file, stood) in self.files {
            if read(file.target())? != stood {
                bail!(
                    "`{}` was changed while postclone ran: run it again",
                    file.target().display()
                );
            }
            file.commit()?;
        }
        staged::sync(&targets)?;
        Ok(count)
    }
}

/// Whether the file still has the time that it had before the run: it is the old file itself.
fn never_replaced(target: &Path, before: &Path) -> Result<bool> {
    let looking = |path: &Path| {
        fs::metadata(path).with_context(|| format!("looking at `{}`", path.display()))
    };
    let (target, before) = (looking(target)?, looking(before)?);
    Ok((target.mtime(), target.mtime_nsec()) == (before.mtime(), before.mtime_nsec()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading `{}`", path.display()))
}

fn keep(path: &Path, bytes: &[u8]) -> Result<()> {
    let keeping = || format!("keeping a copy in `{}`", path.display());
    fs::create_dir_all(path.parent().unwrap_or(path)).with_context(keeping)?;
    fs::write(path, bytes).with_context(keeping)
}
