//! A world in which the new names are already valid.
//!
//! Until the reboot, the dm nodes, the mounts and the kernel command line of the running system have the
//! old names, and image tools read them: dracut reads /sys/…/dm/name and /dev/mapper, kernel-install reads
//! /proc/cmdline. A [`World`] is a mount namespace of one thread in which these have the values that they
//! will have after the reboot. For the root of another system, it also has that root, with the devices of
//! this machine. Programs run in it by [`crate::run::Cmd::within`]. The kernel removes everything with the
//! last process in the namespace, so that nothing is left, however a run ends.

#![allow(clippy::disallowed_methods, reason = "the one room that mounts")]

mod devices;
mod labels;
mod mounts;
mod names;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result};
use nix::sched::{CloneFlags, unshare};

use crate::change::Changes;
use crate::guest::mounts::mounted;
use crate::guest::root::Root;
use crate::plan;
use crate::proof::default_arguments;
use crate::rewrite::edit;
use crate::rewrite::text::kernel_command_line;
use crate::run::{Output, Place};
use crate::threads::joined;
use crate::transaction::record::Direction;
use crate::transaction::scratch;
use names::Names;

/// Where the files of a world are. They are visible in that world only.
const STAGE: &str = "/run/postclone/world";

/// The kernel command line (proc(5)).
const CMDLINE: &str = "/proc/cmdline";

/// Where programs run.
#[derive(Debug, Clone)]
pub struct World {
    root: PathBuf,
    names: Option<Names>,
    cmdline: Option<Vec<u8>>,
}

impl World {
    /// A root's system as it is. The names of this machine do not change.
    pub fn of(root: &Root) -> Result<Self> {
        let cmdline = (!root.is_live()).then(|| default_arguments(root).into_bytes());
        Ok(Self { root: root.base().to_owned(), names: None, cmdline })
    }

    /// A root's system as it will be when it has booted after a run.
    pub fn after(root: &Root, changes: &Changes) -> Result<Self> {
        let world = Self::of(root)?;
        let renamed = |uuid: &str, name: &str| changes.dm_name(uuid, name);
        let names = Names::find(Path::new("/sys/block"), renamed);
        let names = Some(names).filter(|names| !names.devices().is_empty());
        let before = match world.cmdline {
            Some(cmdline) => cmdline,
            // A chroot without /proc has no command line, so none needs to change.
            None => fs::read(CMDLINE).unwrap_or_default(),
        };
        let mut after = before.clone();
        for matcher in changes.matchers(Direction::Forward, &plan::mappings(root)?) {
            after = edit::apply(&after, &kernel_command_line(&matcher, &after)?.edits);
        }
        let cmdline = (!root.is_live() || after != before).then_some(after);
        Ok(Self { names, cmdline, ..world })
    }

    /// Whether it is the same as this program's own environment.
    fn is_here(&self) -> bool {
        self.root == Path::new("/") && self.names.is_none() && self.cmdline.is_none()
    }

    /// Enters the world and leaves it. This shows before any change whether the world can be made.
    pub fn rehearse(&self) -> Result<()> {
        self.inside(|| Ok(()))
    }

    /// Runs `act` in the world, on a thread of its own.
    pub(crate) fn inside<T: Send>(&self, act: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        if self.is_here() {
            return act();
        }
        let work = || {
            self.enter().with_context(|| {
                format!(
                    "making a view of `{}` for the image tools, which needs all capabilities of root",
                    self.root.display()
                )
            })?;
            act()
        };
        joined(thread::scope(|scope| scope.spawn(work).join()))
    }

    /// Gives this thread the mounts and the root directory of the world.
    fn enter(&self) -> Result<()> {
        unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS)
            .context("making a mount namespace")?;
        mounts::private()?;
        let stage = Path::new(STAGE);
        scratch::directory(stage)?;
        mounts::memory(stage)?;
        if let Some(names) = &self.names {
            rename_devices(names, stage)?;
        }
        if let Some(cmdline) = &self.cmdline {
            show(&stage.join("cmdline"), cmdline, Path::new(CMDLINE))?;
        }
        let is_live = self.root == Path::new("/");
        if is_live {
            be_no_chroot();
        }
        let root = stage.join("root");
        scratch::directory(&root)?;
        mounts::leave_out(stage)?;
        let mounts = mounted();
        let tree =
            tree::Tree { base: &self.root, mounts: &mounts, names: self.names.as_ref(), stage };
        if is_live && !tree.names_group() {
            return Ok(());
        }
        tree.show(&root)?;
        if !is_live {
            tree::furnish(&root)?;
        }
        tree::enter(&root)
    }
}

/// Gives the group's devices their new names in sysfs, in /dev, and in the records of udev.
fn rename_devices(names: &Names, stage: &Path) -> Result<()> {
    let dev = stage.join("dev");
    scratch::directory(&dev)?;
    mounts::memory(&dev)?;
    devices::copy(Path::new("/dev"), &dev, names, &tree::below(&mounted(), Path::new("/dev")))?;
    mounts::shift(&dev, Path::new("/dev"))?;
    for device in names.devices() {
        let sysfs = format!("/sys/block/{}/dm/name", device.kernel);
        let name = format!("{}\n", device.new);
        show(&stage.join(format!("{}.name", device.kernel)), name.as_bytes(), Path::new(&sysfs))?;
        let record = PathBuf::from(format!("/run/udev/data/b{}", device.number));
        if let Ok(text) = fs::read_to_string(&record) {
            let text = names.record(device, &text);
            let own = stage.join(format!("{}.udev", device.kernel));
            show(&own, text.as_bytes(), &record)?;
        }
    }
    Ok(())
}

/// Shows other bytes in place of a file's content.
fn show(own: &Path, bytes: &[u8], at: &Path) -> Result<()> {
    mounts::bind(&labels::file(own, bytes, at)?, at)
}

/// Shows this thread's mount table as that of process 1. ischroot(1) compares the two. In a chroot, hooks
/// leave out what they take for another system's (initramfs-tools hooks/resume). Does nothing without
/// /proc.
fn be_no_chroot() {
    let own = Path::new("/proc/thread-self/mountinfo");
    if let Err(error) = mounts::bind(own, Path::new("/proc/1/mountinfo")) {
        log::debug!("{error:#}");
    }
}

impl Place for World {
    fn run(&self, start: &(dyn Fn() -> Result<Output> + Sync)) -> Result<Output> {
        self.inside(start)
    }
}
