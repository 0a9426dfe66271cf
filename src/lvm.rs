//! LVM by its own programs.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::guest::inventory::Inventory;
use crate::names::VgName;
use crate::run::{Cmd, Output, Program, ending, quoted};

/// How often a rename is tried while another LVM command holds a lock, and the pause between.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(500);

/// Columns of the report: few, because some of the default ones ask the kernel about each volume.
const VG_COLUMNS: &str = "vg_name,vg_uuid,vg_attr,vg_systemid";
const LV_COLUMNS: &str = "lv_name,lv_uuid,lv_attr";

/// Whether LVM keeps the metadata of before in /etc/lvm/archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archive {
    /// As its configuration says.
    Kept,
    /// Not this time (`--autobackup n`, lvm(8)).
    LeftOut,
}

/// LVM's report of every group that this machine sees.
pub fn inventory() -> Result<Inventory> {
    let output = Cmd::new(Program::Lvm)
        .args(["fullreport", "--all", "--reportformat", "json"])
        .args(["--configreport", "vg", "-o", VG_COLUMNS])
        .args(["--configreport", "lv", "-o", LV_COLUMNS])
        .args(["--configreport", "pv", "-o", "pv_uuid"])
        .args(["--configreport", "pvseg", "-o", "pvseg_start"])
        .args(["--configreport", "seg", "-o", "segtype"])
        .checked()
        .context("asking LVM for its groups")?;
    Inventory::parse(&output.stdout)
}

/// Renames a group in LVM's metadata and reads the name back by the group's UUID.
///
/// `--driverloaded n` leaves the live dm nodes alone: they keep their names until the next boot,
/// so that no device goes away under a mounted file system. vgrename ends with status 0 after many
/// failures (lvm2 tools/vgrename.c), so only the name that is read back counts.
pub fn rename_group(uuid: &str, to: &VgName, archive: Archive) -> Result<()> {
    let without_archive: &[&str] = match archive {
        Archive::Kept => &[],
        Archive::LeftOut => &["--autobackup", "n"],
    };
    let command = Cmd::new(Program::Lvm)
        .args(["vgrename", "--driverloaded", "n", "--config", "global{wait_for_locks=0}"])
        .args(without_archive.iter().copied())
        .arg(uuid)
        .arg(to.as_str());
    let output = without_waiting_for_ever(&command)?;
    let name = name_of(uuid)?;
    if name == *to {
        return Ok(());
    }
    bail!(
        "the group {uuid} still has the name `{name}`: {command} {}{}",
        ending(output.status),
        quoted(&output.stderr)
    )
}

/// The present name of the group with that UUID.
pub fn name_of(uuid: &str) -> Result<VgName> {
    inventory()?.by_uuid(uuid).map(|group| group.name.clone()).ok_or_else(|| {
        anyhow!("LVM does not show the group {uuid} any more: look with `vgs -o +vg_uuid`")
    })
}

/// With `wait_for_locks=1` a lock that is never given back would hold the run for ever.
fn without_waiting_for_ever(command: &Cmd) -> Result<Output> {
    let mut tries = 0;
    loop {
        let output = command.output()?;
        tries += 1;
        let locked = String::from_utf8_lossy(&output.stderr).contains("Can't get lock");
        if output.status.success() || !locked || tries == LOCK_TRIES {
            return Ok(output);
        }
        log::debug!("another LVM command holds a lock; trying again");
        thread::sleep(LOCK_PAUSE);
    }
}
