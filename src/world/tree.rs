//! A separate root directory: that of another system, with what its programs need of this machine, or that
//! of this system, with the new names in its mount table.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::mounts;
use super::names::Names;
use crate::guest::mounts::Mount;
use crate::transaction::scratch;

/// What a chroot gets from this machine completely.
const OF_MACHINE: &[&str] = &["dev", "proc", "sys"];

/// What it gets from this machine's /run: the records of udev and of LVM, and LVM's locks. The rest
/// belongs to services that do not run in it (sd_booted(3) tests /run/systemd/system).
const OF_RUN: &[&str] = &["udev", "lvm", "lock"];

/// File systems that show the device name of each mount. btrfs and zfs show names of their own.
const SIMPLE: &[&str] = &["ext2", "ext3", "ext4", "xfs", "vfat", "f2fs", "jfs"];

/// The mounts below a root directory.
pub(super) struct Tree<'a> {
    /// The root directory.
    pub(super) base: &'a Path,
    /// The mount table.
    pub(super) mounts: &'a [Mount],
    pub(super) names: Option<&'a Names>,
    /// Where the files of this world are. They are not part of the tree.
    pub(super) stage: &'a Path,
}

impl Tree<'_> {
    /// Whether any file system in the tree is on a device that gets another name.
    pub(super) fn names_group(&self) -> bool {
        let below = |mount: &&Mount| mount.target.starts_with(self.base);
        self.mounts.iter().filter(below).any(|mount| self.is_named(mount))
    }

    /// Shows the tree at `to`.
    pub(super) fn show(&self, to: &Path) -> Result<()> {
        let mut at = self.mounts.iter().rfind(|mount| mount.target == self.base);
        while let Some(above) = at.and_then(|mount| self.above(mount)) {
            at = Some(above);
        }
        if let Some(mount) = at {
            return self.place(mount, to);
        }
        // The base is a directory in another mount, and other mounts are below it.
        mounts::bind(self.base, to)?;
        let holders = self.mounts.iter().filter(|mount| self.base.starts_with(&mount.target));
        let holder = holders.max_by_key(|mount| mount.target.components().count());
        holder.map_or(Ok(()), |holder| self.children(holder, to))
    }

    fn place(&self, mount: &Mount, to: &Path) -> Result<()> {
        let device = self.new_name(mount).filter(|_| is_simple(mount));
        let named = device.is_some_and(|device| {
            let options = (mount.options.as_str(), mount.system_options.as_str());
            let again = mounts::again(&device, to, &mount.kind, options.0, options.1);
            // A mount under its old name is better than no mount.
            again.inspect_err(|error| log::debug!("{error:#}")).is_ok()
        });
        if !named {
            mounts::bind(&mount.target, to)?;
        }
        self.children(mount, to)
    }

    fn children(&self, parent: &Mount, to: &Path) -> Result<()> {
        let inside = |mount: &&Mount| {
            mount.parent == parent.id
                && mount.target.starts_with(self.base)
                && mount.target != parent.target
                && mount.target != self.base
        };
        let base = if parent.target.starts_with(self.base) { &parent.target } else { self.base };
        for child in self.mounts.iter().filter(inside) {
            let mut child = child;
            while let Some(above) = self.above(child) {
                child = above;
            }
            let Ok(inner) = child.target.strip_prefix(base) else { continue };
            let to = to.join(inner);
            // Access to an automount point would mount something that nobody needs.
            if child.target == self.stage || child.kind == "autofs" || !to.exists() {
                continue;
            }
            if self.any_named(child) {
                self.place(child, &to)?;
            } else {
                mounts::bind_all(&child.target, &to)?;
            }
        }
        Ok(())
    }

    /// The mount that covers this one at the same mount point.
    fn above(&self, mount: &Mount) -> Option<&Mount> {
        self.mounts
            .iter()
            .find(|other| other.parent == mount.id && other.target == mount.target)
            .filter(|other| other.id != mount.id)
    }

    fn any_named(&self, mount: &Mount) -> bool {
        let children = self.mounts.iter().filter(|child| child.parent == mount.id);
        self.is_named(mount)
            || children.filter(|child| child.id != mount.id).any(|child| self.any_named(child))
    }

    fn is_named(&self, mount: &Mount) -> bool {
        self.new_name(mount).is_some()
    }

    fn new_name(&self, mount: &Mount) -> Option<String> {
        self.names?.path_of(&mount.device)
    }
}

fn is_simple(mount: &Mount) -> bool {
    mount.shows == Path::new("/") && SIMPLE.contains(&mount.kind.as_str())
}

/// Gives a chroot what its programs need of this machine.
pub(super) fn furnish(root: &Path) -> Result<()> {
    for dir in OF_MACHINE {
        let (from, to) = (Path::new("/").join(dir), root.join(dir));
        if is_directory(&from) && is_directory(&to) {
            mounts::bind_all(&from, &to)?;
        }
    }
    let run = root.join("run");
    if !is_directory(&run) {
        return Ok(());
    }
    mounts::memory(&run)?;
    for dir in OF_RUN {
        let (from, to) = (Path::new("/run").join(dir), run.join(dir));
        if from.is_dir() {
            scratch::directory(&to)?;
            mounts::bind_all(&from, &to)?;
        }
    }
    Ok(())
}

fn is_directory(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
}

/// Makes `root` the root directory of the calling thread.
pub(super) fn enter(root: &Path) -> Result<()> {
    let entering = || format!("entering `{}`", root.display());
    nix::unistd::chroot(root).with_context(entering)?;
    nix::unistd::chdir("/").with_context(entering)
}

/// The mount points below a directory.
pub(super) fn below(mounts: &[Mount], dir: &Path) -> Vec<PathBuf> {
    let inside = mounts.iter().filter(|mount| mount.target.starts_with(dir) && mount.target != dir);
    inside.map(|mount| mount.target.clone()).collect()
}
