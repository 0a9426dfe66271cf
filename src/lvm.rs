//! LVM, through its own programs.

pub mod tags;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::guest::inventory::{Inventory, disks};
use crate::names::{LvName, VgName};
use crate::run::{Cmd, Output, Program, ending, quoted};

/// How often a rename is tried while another LVM command holds a lock, and the pause between.
pub(crate) const LOCK_TRIES: u32 = 20;
pub(crate) const LOCK_PAUSE: Duration = Duration::from_millis(500);

/// How often a command that failed without a reason is tried again: some seconds in all.
const SILENT_TRIES: u32 = 6;

/// The beginnings of lines that give no reason (lvm2 lib/commands/errors.h, tools/lvmcmdline.c).
const WITHOUT_REASON: [&str; 2] = ["WARNING:", "Command failed with status code"];

/// lvm.conf(5) `global/wait_for_locks`: a lock that is never released would stop the run for ever.
const NO_WAIT: [&str; 2] = ["--config", "global{wait_for_locks=0}"];

/// The report's columns. They are few, because some of the default columns ask the kernel about each volume.
const VG_COLUMNS: &str = "vg_name,vg_uuid,vg_attr,vg_systemid,vg_mda_free";
const LV_COLUMNS: &str = "lv_name,lv_uuid,lv_attr,lv_host";

/// Whether LVM keeps the old metadata in /etc/lvm/archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archive {
    /// As its configuration says.
    Kept,
    /// Not this time (`--autobackup n`, lvm(8)).
    LeftOut,
}

/// LVM's report of every group that this machine sees.
pub fn inventory() -> Result<Inventory> {
    report_with(NO_WAIT[1])
}

/// The same as LVM would report it with other settings, which lvm.conf(5) explains.
pub fn inventory_of_all(settings: &str) -> Result<Inventory> {
    report_with(&format!("{settings} {}", NO_WAIT[1]))
}

fn report_with(settings: &str) -> Result<Inventory> {
    let report = Cmd::new(Program::Lvm)
        .args(["fullreport", "--all", "--reportformat", "json", "--units", "b", "--nosuffix"])
        // Groups of other hosts, and shared ones: to be refused by name rather than not found.
        .args(["--foreign", "--shared"])
        .args(["--configreport", "vg", "-o", VG_COLUMNS])
        .args(["--configreport", "lv", "-o", LV_COLUMNS])
        .args(["--configreport", "pv", "-o", "pv_uuid,pv_name"])
        .args(["--configreport", "pvseg", "-o", "pvseg_start"])
        .args(["--configreport", "seg", "-o", "segtype"])
        .args([NO_WAIT[0], settings]);
    let output = checked(&report).context("asking LVM for its groups")?;
    let mut inventory = Inventory::parse(&output.stdout)?;
    inventory.said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(inventory)
}

/// Physical volumes that are on more than one disk: each UUID with its disks. LVM's other reports show only the
/// disk that LVM prefers, and so does this report without the column `pv_duplicate`.
pub fn duplicates() -> Result<BTreeMap<String, Vec<PathBuf>>> {
    let report = Cmd::new(Program::Lvm)
        .args(["pvs", "--all", "--reportformat", "json", "-o", "pv_uuid,pv_name,pv_duplicate"])
        .args(NO_WAIT);
    let output = checked(&report).context("asking LVM for its disks")?;
    let mut disks = disks(&output.stdout)?;
    disks.retain(|_, paths| paths.len() > 1);
    Ok(disks)
}

/// What dmeventd may watch in a group: a row for each segment, and how full it is if it is active. This asks the
/// kernel about each volume, so it is not part of the report of all groups.
pub fn watched(uuid: &str) -> Result<Vec<u8>> {
    let report = Cmd::new(Program::Lvm)
        .args(["lvs", "--reportformat", "json"])
        .arg("--select")
        .arg(format!("vg_uuid={uuid}"))
        .args(["-o", "lv_name,lv_attr,segtype,seg_monitor,data_percent,metadata_percent"])
        .args(NO_WAIT);
    Ok(checked(&report).context("asking LVM how full its volumes are")?.stdout)
}

/// The section `activation` of lvm.conf(5) with its defaults: a `key=value` on each line.
pub fn activation() -> Result<String> {
    let output = Cmd::new(Program::Lvm)
        .args(["lvmconfig", "--type", "full", "activation"])
        .checked()
        .context("asking LVM for its configuration")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// This host's system ID (lvmsystemid(7)). `None` if it has none.
pub fn system_id() -> Result<Option<String>> {
    let output =
        Cmd::new(Program::Lvm).arg("systemid").checked().context("asking LVM for the system ID")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let id = text.lines().find_map(|line| line.trim().strip_prefix("system ID:")).map(str::trim);
    Ok(id.filter(|id| !id.is_empty()).map(str::to_owned))
}

/// Renames a group in LVM's metadata and reads the name back by the group's UUID.
///
/// With `--driverloaded n`, the live dm nodes keep their names until the next boot, so no device disappears
/// under a mounted file system. vgrename exits with status 0 after many failures (lvm2 tools/vgrename.c), so only
/// the name that is read back counts.
pub fn rename_group(uuid: &str, to: &VgName, archive: Archive) -> Result<()> {
    let command = renaming("vgrename", archive).arg(uuid).arg(to.as_str());
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

/// Renames a volume in LVM's metadata and reads the name back by the UUIDs of the group and the volume. The live
/// dm nodes keep their names, as in [`rename_group`].
pub fn rename_volume(
    ids: (&str, &str),
    (group, from, to): (&VgName, &LvName, &LvName),
    archive: Archive,
) -> Result<()> {
    let command = renaming("lvrename", archive).args([group.as_str(), from.as_str(), to.as_str()]);
    let output = without_waiting_for_ever(&command)?;
    let (_, name) = volume_name(ids.0, ids.1)?;
    if name == *to {
        return Ok(());
    }
    bail!(
        "the volume {} still has the name `{name}`: {command} {}{}",
        ids.1,
        ending(output.status),
        quoted(&output.stderr)
    )
}

/// A command that changes names only in the metadata.
fn renaming(verb: &str, archive: Archive) -> Cmd {
    let without_archive: &[&str] = match archive {
        Archive::Kept => &[],
        Archive::LeftOut => &["--autobackup", "n"],
    };
    Cmd::new(Program::Lvm)
        .args([verb, "--driverloaded", "n"])
        .args(NO_WAIT)
        .args(without_archive.iter().copied())
}

/// The present names of the group and the volume with those UUIDs.
pub fn volume_name(group: &str, volume: &str) -> Result<(VgName, LvName)> {
    let inventory = inventory()?;
    let found = inventory.by_uuid(group).and_then(|group| {
        let volume = group.volumes.iter().find(|own| own.uuid == volume)?;
        Some((group.name.clone(), volume.name.clone()))
    });
    found.ok_or_else(|| {
        anyhow!("LVM does not show the volume {volume} any more: check with `lvs -o +lv_uuid`")
    })
}

/// The present name of the group with that UUID.
pub fn name_of(uuid: &str) -> Result<VgName> {
    inventory()?.by_uuid(uuid).map(|group| group.name.clone()).ok_or_else(|| {
        anyhow!("LVM does not show the group {uuid} any more: check with `vgs -o +vg_uuid`")
    })
}

/// Tries again for some seconds while another command holds a lock, or LVM gives no reason.
fn without_waiting_for_ever(command: &Cmd) -> Result<Output> {
    let mut tries = 0;
    loop {
        let output = command.output()?;
        tries += 1;
        let (limit, why) = if is_locked(&output) {
            (LOCK_TRIES, "another LVM command holds a lock")
        } else if is_silent(&output) {
            (SILENT_TRIES, "LVM gave no reason")
        } else {
            return Ok(output);
        };
        if output.status.success() || tries >= limit {
            return Ok(output);
        }
        log::debug!("{why}; trying again");
        thread::sleep(LOCK_PAUSE);
    }
}

/// Whether a command failed without giving a reason.
///
/// This happens to a command that does not wait for a lock if another command releases the lock at that moment: the
/// lock's file is removed after it was opened and before it was locked (lvm2 lib/misc/lvm-flock.c, `_do_flock` and
/// `_undo_flock`).
fn is_silent(output: &Output) -> bool {
    !output.status.success()
        && String::from_utf8_lossy(&output.stderr).lines().map(str::trim).all(|line| {
            line.is_empty() || WITHOUT_REASON.iter().any(|words| line.starts_with(words))
        })
}

fn is_locked(output: &Output) -> bool {
    let said = String::from_utf8_lossy(&output.stderr);
    // The lock of all groups has only the second message (lvm2 lib/misc/lvm-flock.c).
    ["Can't get lock", "flock failed: Resource temporarily unavailable"]
        .iter()
        .any(|words| said.contains(words))
}

/// Runs a command that has to succeed.
fn checked(command: &Cmd) -> Result<Output> {
    let output = without_waiting_for_ever(command)?;
    if output.status.success() {
        return Ok(output);
    }
    if is_locked(&output) {
        bail!(
            "another LVM command has held a lock for {} s: see `lslocks`, and wait until it has ended{}",
            (LOCK_PAUSE * LOCK_TRIES).as_secs(),
            quoted(&output.stderr)
        );
    }
    let output = if is_silent(&output) { told(command, output)? } else { output };
    if output.status.success() {
        return Ok(output);
    }
    Err(anyhow!("{command} {}{}", ending(output.status), quoted(&output.stderr)))
}

/// Runs the same command again with `-v`, so that it gives a reason. The command only reads.
fn told(command: &Cmd, silent: Output) -> Result<Output> {
    let told = command.clone().arg("-v").output()?;
    Ok(if is_silent(&told) { silent } else { told })
}

/// Checks that a text has the form of LVM's UUIDs: letters, digits and hyphens (lvm2 lib/uuid/uuid.c).
///
/// # Errors
/// Any other text, because it would become a program's argument.
pub fn is_uuid(uuid: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if uuid.is_empty() || uuid.starts_with('-') || !uuid.chars().all(fits) {
        bail!("`{}` is not a UUID of LVM", uuid.escape_debug());
    }
    Ok(())
}
