//! Renames the paths of a run, gives links new targets, and undoes both. Each change is atomic.
//!
//! Going forward, files get their new contents first, under the old path. Then the paths are renamed, the innermost
//! first. Going back, this step goes through the paths in reverse order, and contents come first, too. So every file
//! can be found from its old path and the renames that are done ([`Journal::place`]), wherever a run was interrupted.
//!
//! An interrupted rename does not stop a boot. systemd ignores a `.swap` unit whose `What=` does not match its name
//! (systemd.swap(5)) and boots without that swap, which is only wanted (`swap.target.wants/`). A drop-in or a link
//! under the name that the group does not have applies to no unit. A link in `.requires/` of a target or mount would
//! stop a boot, so it leaves the plan without a bridge and with a warning (`engine/bridge.rs`).

use std::fs::{self, Metadata};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::journal::Journal;
use super::link::{put, turn};
use super::record::Direction;
use super::{inside, staged, stream};
use crate::failpoint;
use crate::guest::root::Root;
use crate::plan::Step;
use crate::plan::paths::{Link, PathChange, PathKind};

/// The old and the new place of a path on this machine, and what is there.
struct Places {
    old: PathBuf,
    new: PathBuf,
    at_old: Option<Metadata>,
    at_new: Option<Metadata>,
}

impl Journal {
    /// Where a path of the tree before the run is now, on this machine. The path and each directory above it has its
    /// new name if it was renamed already, and its old name otherwise.
    pub fn place(&self, root: &Root, path: &Path) -> PathBuf {
        if self.saved.paths.is_empty() || !self.has_begun_paths() {
            return root.outer(path);
        }
        let mut original = PathBuf::from("/");
        let mut at = root.base().to_owned();
        for component in path.strip_prefix("/").unwrap_or(path) {
            original.push(component);
            at.push(component);
            if let Some(change) = self.change_of(&original).filter(|change| change.renames()) {
                let new = at.with_file_name(change.to.file_name().unwrap_or_default());
                if new.symlink_metadata().is_ok() {
                    at = new;
                }
            }
        }
        at
    }

    /// How the run changes a path. `None` if it does not.
    fn change_of(&self, path: &Path) -> Option<&PathChange> {
        let by_name = self.paths_by_name.get_or_init(|| {
            let paths = self.saved.paths.iter().enumerate().rev();
            paths.map(|(at, change)| (change.from.clone(), at)).collect()
        });
        self.saved.paths.get(*by_name.get(path)?)
    }

    /// Gives every path its new name and target. Going back, gives it the old ones.
    ///
    /// A path that is already right is skipped. With `force`, a file that somebody put in the way is moved into the
    /// journal's directory, and a path that somebody removed is ignored.
    pub fn rename_paths(&self, root: &Root, direction: Direction, force: bool) -> Result<()> {
        let mut changed = Vec::new();
        let paths = self.saved.paths.iter();
        let paths: Vec<&PathChange> = match direction {
            Direction::Forward => paths.collect(),
            Direction::Backward => paths.rev().collect(),
        };
        for path in paths {
            changed.push(match direction {
                Direction::Forward => self.forward(root, path)?,
                Direction::Backward => self.backward(root, path, force)?,
            });
        }
        // Directories that were renamed after their entries have another name now.
        let places: Vec<PathBuf> =
            self.saved.paths.iter().map(|path| self.place(root, &path.from)).collect();
        if changed.contains(&true) { staged::sync(&places) } else { Ok(()) }
    }

    /// Gives the link its new target under its old name, then renames it. True if it changed anything.
    fn forward(&self, root: &Root, path: &PathChange) -> Result<bool> {
        let places = self.places(root, path)?;
        let at = match (&places.at_old, &places.at_new) {
            (Some(_), None) => &places.old,
            (None, Some(_)) => &places.new,
            (Some(_), Some(_)) => bail!(
                "`{}` was to become `{}`, which exists by now: move one of the two away",
                places.old.display(),
                places.new.display()
            ),
            (None, None) => bail!("`{}` is gone: put it back", places.old.display()),
        };
        let turned = match path.retargets() {
            Some(link) => turn(at, &link.before, &link.after, None)?,
            None => false,
        };
        if at == &places.new {
            return Ok(turned);
        }
        rename(&places.old, &places.new)?;
        Ok(true)
    }

    /// Renames the path back, then gives the link its old target. True if it changed anything.
    fn backward(&self, root: &Root, path: &PathChange, force: bool) -> Result<bool> {
        let places = self.places(root, path)?;
        let renamed = match (&places.at_old, &places.at_new) {
            (Some(in_the_way), Some(_)) => {
                if !force {
                    bail!("{}", in_the_way_text(&places));
                }
                self.set_aside(&path.from, &places.old, in_the_way)?;
                true
            }
            (None, Some(_)) => true,
            (Some(_), None) => false,
            (None, None) if !force => bail!("`{}` is gone", places.new.display()),
            (None, None) => {
                let Some(link) = &path.link else {
                    log::warn!("`{}` is gone: nothing is put back", places.new.display());
                    return Ok(false);
                };
                put(&places.old, &link.before, None, Some(link.modified))?;
                return Ok(true);
            }
        };
        if renamed {
            rename(&places.new, &places.old)?;
        }
        let Some(link) = &path.link else { return Ok(renamed) };
        match fs::read_link(&places.old) {
            Ok(target) if target == link.before || target == link.after => {}
            _ if !force => bail!("{}", turned_text(&places.old, link)),
            _ => {
                let metadata = places
                    .old
                    .symlink_metadata()
                    .with_context(|| format!("looking at `{}`", places.old.display()))?;
                self.set_aside(&path.from, &places.old, &metadata)?;
                put(&places.old, &link.before, None, Some(link.modified))?;
                return Ok(true);
            }
        }
        Ok(turn(&places.old, &link.after, &link.before, Some(link.modified))? || renamed)
    }

    /// Demands that every path has the name and target of this side. A path that is gone under both names was
    /// reported earlier, so it is skipped on the way back.
    pub fn paths_are(&self, root: &Root, direction: Direction) -> Result<()> {
        for path in &self.saved.paths {
            let places = self.places(root, path)?;
            let (wanted, at, other) = match direction {
                Direction::Forward => (&places.new, &places.at_new, &places.at_old),
                Direction::Backward => (&places.old, &places.at_old, &places.at_new),
            };
            let at = if path.renames() { at } else { &places.at_old };
            let gone = at.is_none() && direction == Direction::Forward;
            if gone || (path.renames() && other.is_some()) {
                return Err(anyhow!(
                    "`{}` does not have the name that it was given",
                    wanted.display()
                ));
            }
            let Some(link) = path.link.as_ref().filter(|_| at.is_some()) else { continue };
            let target = match direction {
                Direction::Forward => &link.after,
                Direction::Backward => &link.before,
            };
            if fs::read_link(wanted).ok().as_ref() != Some(target) {
                return Err(anyhow!(
                    "`{}` does not lead to `{}`",
                    wanted.display(),
                    target.display()
                ));
            }
        }
        Ok(())
    }

    /// A sentence for each path that is neither as the run left it nor as the run found it. The contents of a file or
    /// directory do not count, because they stay the same under either name.
    ///
    /// # Errors
    /// A path that is no longer inside the root.
    pub fn paths_changed_since(&self, root: &Root) -> Result<Vec<String>> {
        let mut changed = Vec::new();
        for path in &self.saved.paths {
            let places = self.places(root, path)?;
            let (at, there) = match (&places.at_old, &places.at_new) {
                (Some(_), Some(_)) => {
                    changed.push(in_the_way_text(&places));
                    continue;
                }
                (None, None) => {
                    changed.push(format!("`{}` is gone", places.new.display()));
                    continue;
                }
                (Some(there), None) => (&places.old, there),
                (None, Some(there)) => (&places.new, there),
            };
            if path.kind != PathKind::of(there) {
                changed.push(format!("`{}` is something else now", at.display()));
            } else if let Some(link) = &path.link {
                if !fs::read_link(at).is_ok_and(|now| now == link.before || now == link.after) {
                    changed.push(turned_text(at, link));
                }
            }
        }
        Ok(changed)
    }

    fn places(&self, root: &Root, path: &PathChange) -> Result<Places> {
        let dir = self.place(root, path.from.parent().unwrap_or(Path::new("/")));
        inside::straight(&dir)?;
        let at = |path: &Path| dir.join(path.file_name().unwrap_or_default());
        let (old, new) = (at(&path.from), at(&path.to));
        let at_old = old.symlink_metadata().ok();
        // A path that keeps its name has one place, which counts as the old one.
        let at_new = if path.renames() { new.symlink_metadata().ok() } else { None };
        Ok(Places { old, new, at_old, at_new })
    }

    fn has_begun_paths(&self) -> bool {
        let mut steps = self.saved.steps.iter().enumerate();
        steps.any(|(number, step)| {
            matches!(step, Step::RenamePaths { .. }) && self.was_begun(Direction::Forward, number)
        })
    }

    /// Moves a file or link into the journal's directory.
    fn set_aside(&self, path: &Path, there: &Path, metadata: &Metadata) -> Result<()> {
        let kept = self.copy_of("changed", path);
        let keeping = || format!("keeping `{}` in `{}`", there.display(), kept.display());
        if metadata.is_dir() {
            bail!("`{}` is a directory: move it away", there.display());
        }
        if metadata.is_symlink() {
            // This creates the directories.
            drop(inside::fresh(&kept)?);
            inside::remove(&kept)?;
            symlink(fs::read_link(there).with_context(keeping)?, &kept).with_context(keeping)?;
        } else {
            inside::keep(&kept, stream::open(there)?)?;
        }
        fs::remove_file(there).with_context(keeping)?;
        log::warn!("`{}` was created since; it is kept as `{}`", there.display(), kept.display());
        Ok(())
    }
}

fn in_the_way_text(places: &Places) -> String {
    format!("`{}` exists again, beside `{}`", places.old.display(), places.new.display())
}

fn turned_text(at: &Path, link: &Link) -> String {
    format!("`{}` does not lead to `{}` any more", at.display(), link.after.display())
}

/// Renames, and never replaces anything, not even a file that was created a moment ago.
fn rename(from: &Path, to: &Path) -> Result<()> {
    let renaming = || format!("renaming `{}` to `{}`", from.display(), to.display());
    failpoint::hit("rename-path").with_context(renaming)?;
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems do not have that flag, for example older ZFS (rename(2)).
        Err(rustix::io::Errno::INVAL) if to.symlink_metadata().is_err() => {
            fs::rename(from, to).with_context(renaming)
        }
        done => done.with_context(renaming),
    }
}
