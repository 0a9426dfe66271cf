//! The files of a run, put to one side: as they were, on the bridge, or as they are to be.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::journal::Journal;
use super::staged::{self, Staged};
use super::{failpoint, inside, stream};
use crate::guest::root::Root;
use crate::plan::Step;

/// Which bytes a file is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Those from before the run, with attributes and times.
    Before,
    /// File systems by UUID; only files that a boot reads have this side.
    Bridge,
    /// Those with the new name.
    After,
}

impl Side {
    const ALL: [Self; 3] = [Self::Before, Self::Bridge, Self::After];

    fn dir(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Bridge => "bridge",
            Self::After => "after",
        }
    }
}

/// Files that wait beside their targets.
#[derive(Debug)]
pub struct Waiting {
    /// Each with what may stand at its target when it takes its place.
    files: Vec<(Staged, Vec<Vec<u8>>)>,
}

impl Journal {
    /// Removes what a run that was cut left beside its targets.
    ///
    /// # Errors
    /// A path that is not inside the root any more ([`Journal::confine`]).
    pub fn sweep(&self, root: &Root) -> Result<()> {
        self.confine(root)?;
        let images = self.saved.steps.iter().filter_map(|step| match step {
            Step::RebuildImage { path, .. } => Some(path),
            Step::Place(placed) => Some(&placed.path),
            _ => None,
        });
        let paths = self.saved.paths.iter().map(|path| &path.from);
        let all = self.saved.files.iter().chain(paths).chain(images);
        let targets: Vec<PathBuf> = all.map(|path| self.place(root, path)).collect();
        let is_inside = |path: &&Path| inside::straight(path.parent().unwrap_or(path)).is_ok();
        staged::sweep(targets.iter().map(PathBuf::as_path).filter(is_inside));
        Ok(())
    }

    /// Stages every file that is not yet on that side.
    ///
    /// Hands back, beside what could be staged, an error for each file that could not, as one that
    /// holds no side's bytes: somebody changed it. With `force` its present bytes are kept in the
    /// journal's directory, and it is replaced all the same. A file that goes `over_bridge` first is
    /// staged wherever it is now.
    pub fn stage(
        &self,
        root: &Root,
        side: Side,
        over_bridge: bool,
        force: bool,
    ) -> (Waiting, Vec<anyhow::Error>) {
        let (mut files, mut failures) = (Vec::new(), Vec::new());
        for path in &self.saved.files {
            let over_bridge = over_bridge && self.copy_of(Side::Bridge.dir(), path).exists();
            match self.stage_one(path, &self.place(root, path), side, over_bridge, force) {
                Ok(staged) => files.extend(staged),
                Err(error) => failures.push(error),
            }
        }
        (Waiting { files }, failures)
    }

    /// Writes what the way back puts beside every file into files without a name: as long as these
    /// are open, it has room on each file system, however full that gets meanwhile.
    pub fn reserve(&self, root: &Root) -> Result<Vec<File>> {
        let mut reserved = Vec::new();
        for path in &self.saved.files {
            let place = self.place(root, path);
            let dir = place.parent().unwrap_or(root.base());
            for side in [Side::Bridge, Side::Before] {
                let Some(bytes) = self.bytes(side, path)? else { continue };
                let reserving = || format!("reserving room in `{}`", dir.display());
                failpoint::hit("reserve").with_context(reserving)?;
                let mut file = tempfile::tempfile_in(dir).with_context(reserving)?;
                file.write_all(&bytes).and_then(|()| file.sync_all()).with_context(reserving)?;
                reserved.push(file);
            }
        }
        Ok(reserved)
    }

    fn stage_one(
        &self,
        path: &Path,
        target: &Path,
        side: Side,
        over_bridge: bool,
        force: bool,
    ) -> Result<Option<(Staged, Vec<Vec<u8>>)>> {
        let Some(wanted) = self.bytes(side, path)? else { return Ok(None) };
        let before = self.copy_of(Side::Before.dir(), path);
        let mut known = self.known(path)?;
        if force && target.symlink_metadata().is_err() {
            let making = || format!("making `{}` anew", target.display());
            inside::straight(target.parent().unwrap_or(target))?;
            fs::create_dir_all(target.parent().unwrap_or(target)).with_context(making)?;
            fs::write(target, &wanted).with_context(making)?;
            log::warn!("`{}` was gone and is made anew", target.display());
        }
        let now = read(target)?;
        let is_there = now == wanted && (side != Side::Before || never_replaced(target, &before)?);
        if is_there && !over_bridge {
            return Ok(None);
        }
        if !known.contains(&now) {
            let kept = self.copy_of("changed", path);
            if !force {
                bail!(
                    "`{}` was changed since postclone wrote it; look at it beside `{}`, then use --force to replace it",
                    target.display(),
                    before.display()
                );
            }
            inside::keep(&kept, now.as_slice())?;
            log::warn!(
                "`{}` was changed since; its bytes are kept in `{}`",
                target.display(),
                kept.display()
            );
            known.push(now);
        }
        // Going back, attributes and times are put back as well; going forward they are the target's.
        let staged = match side {
            Side::Before => Staged::write(target, &wanted, &before, true)?,
            Side::Bridge | Side::After => Staged::write(target, &wanted, target, false)?,
        };
        Ok(Some((staged, known)))
    }

    fn bytes(&self, side: Side, path: &Path) -> Result<Option<Vec<u8>>> {
        let copy = self.copy_of(side.dir(), path);
        if side == Side::Bridge && !copy.exists() {
            return Ok(None);
        }
        read(&copy).map(Some)
    }

    /// All that the run itself may have put there.
    fn known(&self, path: &Path) -> Result<Vec<Vec<u8>>> {
        Side::ALL.into_iter().filter_map(|side| self.bytes(side, path).transpose()).collect()
    }

    /// Files that hold no side's bytes, or are gone.
    pub fn changed_since(&self, root: &Root) -> Result<Vec<PathBuf>> {
        self.confine(root)?;
        let mut changed = Vec::new();
        for path in &self.saved.files {
            let now = fs::read(self.place(root, path)).ok();
            let known = self.known(path)?;
            if now.is_none_or(|now| !known.contains(&now)) {
                changed.push(path.clone());
            }
        }
        Ok(changed)
    }

    /// Demands that every file that has this side is on it.
    pub fn files_are(&self, root: &Root, side: Side) -> Result<()> {
        for path in &self.saved.files {
            let target = self.place(root, path);
            if self.bytes(side, path)?.is_some_and(|wanted| read(&target).ok() != Some(wanted)) {
                return Err(anyhow!(
                    "`{}` does not hold the bytes that were put there: see what else writes it",
                    target.display()
                ));
            }
        }
        Ok(())
    }
}

impl Waiting {
    /// Demands that every target still holds what may stand there, and changes nothing.
    ///
    /// # Errors
    /// A file that was changed after it was staged.
    pub fn still_fits(&self) -> Result<()> {
        for (file, known) in &self.files {
            if !known.contains(&read(file.target())?) {
                bail!(
                    "`{}` was changed while postclone ran: run it again",
                    file.target().display()
                );
            }
        }
        Ok(())
    }

    /// Puts all of them in place, and makes it durable.
    ///
    /// # Errors
    /// A file that was changed after it was staged.
    pub fn commit(self) -> Result<()> {
        let targets: Vec<PathBuf> =
            self.files.iter().map(|(file, _)| file.target().to_owned()).collect();
        for (file, known) in self.files {
            if !known.contains(&read(file.target())?) {
                bail!(
                    "`{}` was changed while postclone ran: run it again",
                    file.target().display()
                );
            }
            file.commit()?;
        }
        staged::sync(&targets)
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
    let mut file = stream::open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).with_context(|| format!("reading `{}`", path.display()))?;
    Ok(bytes)
}
