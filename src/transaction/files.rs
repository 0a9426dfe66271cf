//! Puts the files of a run on one side: as they were before, on the bridge, or as they should become.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::durable::Durable;
use super::journal::Journal;
use super::staged::{self, Staged};
pub use super::waiting::Waiting;
use super::waiting::{Look, Waiter, holds, is_one_of, never_replaced};
use super::{inside, stream};
use crate::guest::root::Root;
use crate::plan::Step;

/// Which bytes a file should hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The bytes from before the run, with attributes and times.
    Before,
    /// File systems are named by UUID. Only files that a boot reads have this side.
    Bridge,
    /// The bytes with the new name.
    After,
}

impl Side {
    pub(super) const ALL: [Self; 3] = [Self::Before, Self::Bridge, Self::After];

    pub(super) fn dir(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Bridge => "bridge",
            Self::After => "after",
        }
    }
}

/// How files are staged.
#[derive(Clone, Copy)]
struct How {
    side: Side,
    over_bridge: bool,
    force: bool,
}

impl Journal {
    /// Removes what an interrupted run left beside its targets.
    ///
    /// # Errors
    /// A path that is no longer inside the root ([`Journal::confine`]).
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

    /// Stages every file that is not on that side yet.
    ///
    /// Returns the staged files, and an error for each file that could not be staged. One such error is a file that
    /// holds the bytes of no side, because somebody changed it. With `force`, the file is replaced nevertheless, and
    /// its present bytes are kept in the journal's directory. With `over_bridge`, a file that has a bridge side is
    /// always staged, because it will go over the bridge first.
    pub fn stage(
        &self,
        root: &Root,
        side: Side,
        over_bridge: bool,
        force: bool,
    ) -> (Waiting, Vec<anyhow::Error>) {
        let (mut waiting, mut failures) = (Waiting::default(), Vec::new());
        let mut durable = Durable::default();
        for path in &self.saved.files {
            let over_bridge = over_bridge && self.copy_of(Side::Bridge.dir(), path).exists();
            let target = self.place(root, path);
            let how = How { side, over_bridge, force };
            match self.stage_one(path, &target, how, &mut durable) {
                Ok(staged) => staged.into_iter().for_each(|staged| waiting.add(staged)),
                Err(error) => failures.push(error),
            }
        }
        failures.extend(durable.sync().err());
        (waiting, failures)
    }

    fn stage_one(
        &self,
        path: &Path,
        target: &Path,
        how: How,
        durable: &mut Durable,
    ) -> Result<Option<Waiter>> {
        let How { side, over_bridge, force } = how;
        let Some(wanted) = self.side(side, path) else { return Ok(None) };
        let before = self.copy_of(Side::Before.dir(), path);
        let mut known = self.known(path);
        if force && target.symlink_metadata().is_err() {
            let making = || format!("making `{}` again", target.display());
            inside::straight(target.parent().unwrap_or(target))?;
            fs::create_dir_all(target.parent().unwrap_or(target)).with_context(making)?;
            fs::write(target, read(&wanted)?).with_context(making)?;
            log::warn!("`{}` was gone and is created again", target.display());
        }
        let seen = Look::at(target)?;
        let is_there = holds(target, &wanted)?;
        if is_there && !over_bridge && (side != Side::Before || never_replaced(target, &before)?) {
            return Ok(None);
        }
        if !is_there && !is_one_of(target, &known)? {
            let kept = self.copy_of("changed", path);
            if !force {
                bail!(
                    "`{}` was changed after postclone wrote it; compare it with `{}`, then use --force to replace it",
                    target.display(),
                    before.display()
                );
            }
            inside::keep(&kept, read(target)?.as_slice())?;
            log::warn!(
                "`{}` was changed since; its present bytes are kept in `{}`",
                target.display(),
                kept.display()
            );
            known.push(kept);
        }
        // Going back restores attributes and times, too. Going forward keeps the target's.
        let (like, goes_back) = match side {
            Side::Before => (before.as_path(), true),
            Side::Bridge | Side::After => (target, false),
        };
        let staged = Staged::one_of(target, &read(&wanted)?, like, goes_back, durable)?;
        Ok(Some(Waiter { staged, known, follows: !goes_back, seen }))
    }

    /// The copy that holds a file's bytes on that side. `None` if the file does not have the side.
    pub(super) fn side(&self, side: Side, path: &Path) -> Option<PathBuf> {
        let copy = self.copy_of(side.dir(), path);
        (side != Side::Bridge || copy.exists()).then_some(copy)
    }

    /// The copies of everything that the run itself may have put at the path.
    fn known(&self, path: &Path) -> Vec<PathBuf> {
        Side::ALL.into_iter().filter_map(|side| self.side(side, path)).collect()
    }

    /// Files that are gone, or hold the bytes of no side.
    pub fn changed_since(&self, root: &Root) -> Result<Vec<PathBuf>> {
        self.confine(root)?;
        let mut changed = Vec::new();
        for path in &self.saved.files {
            let place = self.place(root, path);
            if !is_readable(&place) || !is_one_of(&place, &self.known(path))? {
                changed.push(path.clone());
            }
        }
        Ok(changed)
    }

    /// Demands that every file that has this side is on it.
    pub fn files_are(&self, root: &Root, side: Side) -> Result<()> {
        for path in &self.saved.files {
            let target = self.place(root, path);
            let Some(wanted) = self.side(side, path) else { continue };
            if !is_readable(&target) || !holds(&target, &wanted)? {
                return Err(anyhow!(
                    "`{}` does not contain the bytes that postclone wrote: find out what else writes it",
                    target.display()
                ));
            }
        }
        Ok(())
    }
}

fn is_readable(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file()) && File::open(path).is_ok()
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let mut file = stream::open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).with_context(|| format!("reading `{}`", path.display()))?;
    Ok(bytes)
}
