//! A world in which the new names are true already.
//!
//! Until the reboot the running system's dm nodes, its mounts and its command line have the old ones,
//! and image tools read them: dracut /sys/…/dm/name and /dev/mapper, kernel-install /proc/cmdline. A
//! [`World`] is a mount namespace of one thread, in which those say what they will say after the
//! reboot; for another system's root it is that root as well, with this machine's devices. Programs
//! run in it by [`crate::run::Cmd::within`]. The kernel takes all of it down with the last process in
//! it, so that nothing is left behind however a run ends.

#![allow(clippy::disallowed_methods, reason = "the one room that mounts")]

mod devices;
mod labels;
mod mounts;
mod names;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, anyhow};
use nix::sched::{CloneFlags, unshare};

use crate::change::Changes;
use crate::guest::mounts::mounted;
use crate::guest::root::Root;
use crate::plan;
use crate::proof::default_arguments;
use crate::rewrite::edit;
use crate::rewrite::text::kernel_command_line;
use crate::run::{Output, Place};
use crate::transaction::record::Direction;
use crate::transaction::scratch;
use names::Names;

/// Where a world's files are; what is there is seen in the world alone.
const STAGE: &str = "/run/postclone/world";

/// What the kernel was started with (proc(5)).
const CMDLINE: &str = "/proc/cmdline";

/// Where programs are to run.
#[derive(Debug, Clone)]
pub struct World {
    root: PathBuf,
    names: Option<Names>,
    cmdline: Option<Vec<u8>>,
}

impl World {
    /// The system of a root as it is: of this machine's names, nothing is changed.
    pub fn of(root: &Root) -> Result<Self> {
        let cmdline = (!root.is_live()).then(|| default_arguments(root).into_bytes());
        Ok(Self { root: root.base().to_owned(), names: None, cmdline })
    }

    /// The system of a root as it will be when it has booted after a run.
    pub fn after(root: &Root, changes: &Changes) -> Result<Self> {
        let world = Self::of(root)?;
        let renamed = |uuid: &str, name: &str| changes.dm_name(uuid, name);
        let names = Names::find(Path::new("/sys/block"), renamed);
        let names = Some(names).filter(|names| !names.devices().is_empty());
        let before = match world.cmdline {
            Some(cmdline) => cmdline,
            // There is none in a chroot without /proc, and then none is to be changed.
            None => fs::read(CMDLINE).unwrap_or_default(),
        };
        let mut after = before.clone();
        for matcher in changes.matchers(Direction::Forward, &plan::mappings(root)?) {
            after = edit::apply(&after, &kernel_command_line(&matcher, &after)?.edits);
        }
        let cmdline = (!root.is_live() || after != before).then_some(after);
        Ok(Self { names, cmdline, ..world })
    }

    /// Whether it differs in nothing from where this program runs.
    fn is_here(&self) -> bool {
        self.root == Path::new("/") && self.names.is_none() && self.cmdline.is_none()
    }

    /// Makes the world and leaves it again: what cannot be made is to be known before a change.
    pub fn rehearse(&self) -> Result<()> {
        self.inside(|| Ok(()))
    }

    /// Does `act` in it, on a thread of its own.
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
        thread::scope(|scope| scope.spawn(work).join())
            .unwrap_or_else(|_| Err(anyhow!("a thread ended in a panic")))
    }

    /// Makes this thread's mounts and root directory the world's.
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

/// Gives the group's devices their new names in sysfs, in /dev and in udev's records.
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

/// Shows bytes where a file has others.
fn show(own: &Path, bytes: &[u8], at: &Path) -> Result<()> {
    mounts::bind(&labels::file(own, bytes, at)?, at)
}

/// ischroot(1) holds the mount table against that of process 1, and hooks leave out what they take to
/// be another system's in a chroot (initramfs-tools hooks/resume). Without /proc there is none.
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
