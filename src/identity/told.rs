//! What programs report about the running system.

use std::thread;

use anyhow::Result;

use super::devices;
use super::items::ssh;
use super::view::{BlockDevice, View};
use crate::guest::inventory::Inventory;
use crate::guest::root::Root;
use crate::lvm;
use crate::run::{Cmd, Program};

/// What programs report about the running system. They are asked in parallel.
#[derive(Debug, Default)]
pub struct Told {
    pub(super) devices: Option<Vec<BlockDevice>>,
    pub(super) sshd: Option<String>,
    pub(super) inventory: Option<Inventory>,
}

impl Told {
    /// Asks lsblk, sshd if its configuration names keys, and LVM if it was not asked yet. If a program does not
    /// answer, that is reported, and its answer is missing.
    pub fn ask(root: &Root, inventory: Option<Inventory>) -> Self {
        thread::scope(|scope| {
            let devices = scope.spawn(disks);
            let sshd = scope.spawn(|| sshd(root));
            let has_lvm = Program::Lvm.find().is_some();
            let inventory = inventory.or_else(|| has_lvm.then(|| said(lvm::inventory())).flatten());
            Self {
                devices: devices.join().unwrap_or_default(),
                sshd: sshd.join().unwrap_or_default(),
                inventory,
            }
        })
    }
}

/// What sshd(8) uses according to its whole configuration. `None` if it is not installed, or was not started yet,
/// because it needs its directory below /run.
pub(crate) fn sshd(root: &Root) -> Option<String> {
    Program::Sshd.find().filter(|_| ssh::are_named(&View::of(root)))?;
    let output = Cmd::new(Program::Sshd).arg("-T").checked();
    let output = output.map_err(|error| log::debug!("{error:#}")).ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The block devices. If neither udev nor lsblk is there, nothing is known of them, and that is not reported.
pub(super) fn disks() -> Option<Vec<BlockDevice>> {
    match devices::look() {
        Err(_) if Program::Lsblk.find().is_none() => None,
        found => said(found),
    }
}

fn said<T>(result: Result<T>) -> Option<T> {
    result.map_err(|error| log::warn!("{error:#}")).ok()
}
