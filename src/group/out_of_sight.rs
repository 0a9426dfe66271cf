//! Why LVM shows no group, or only part of one, although it is on the disks: LVM's devices file lists other disks, as
//! in a clone, or a filter in lvm.conf rejects them.

use crate::guest::devices_file::{self, DevicesFile};
use crate::guest::inventory::{Disk, Group, Inventory};
use crate::lvm;

/// Settings that make hidden disks visible, in the order in which they are tried. LVM ignores filters while it has a
/// devices file (lvmdevices(8)).
const LIFTED: &[&str] = &[
    "devices{use_devicesfile=0}",
    "devices{use_devicesfile=0 filter=[\"a|.*|\"] global_filter=[\"a|.*|\"]}",
];

/// A sentence about the group that `wanted` finds when LVM looks at all disks. `seen` are the disks that LVM shows
/// now. The sentence says what hides the group, where that is set, and what to do. `None` if no disk has such a
/// group.
pub(crate) fn why(seen: &[Disk], wanted: impl Fn(&Inventory) -> Option<Group>) -> Option<String> {
    let (at, group) = LIFTED.iter().enumerate().find_map(|(at, lifted)| {
        let asked = lvm::inventory_of_all(lifted);
        let asked =
            asked.map_err(|error| log::debug!("asking LVM for all disks: {error:#}")).ok()?;
        Some((at, wanted(&asked)?))
    })?;
    let hidden = |disk: &&Disk| {
        !seen.iter().any(|other| other.uuid == disk.uuid && other.path.is_absolute())
    };
    let disks: Vec<&Disk> = group.disks.iter().filter(hidden).collect();
    let paths: Vec<String> = disks.iter().map(|disk| disk.path.display().to_string()).collect();
    let told = format!(
        "LVM ignores `{}`, which holds the volume group `{}`: ",
        paths.join("`, `"),
        group.name
    );
    if at > 0 {
        return Some(format!(
            "{told}a filter in lvm.conf rejects it, for example because it names the disk of another machine: \
             see `lvmconfig devices/filter devices/global_filter`"
        ));
    }
    let file = DevicesFile::read().unwrap_or_default();
    let lines: Vec<String> = disks.iter().map(|disk| line(&file, disk)).collect();
    let host = file.host().map(|host| format!(", which was written on the host `{host}`,"));
    let add: Vec<String> =
        paths.iter().map(|path| format!("`lvmdevices --yes --adddev {path}`")).collect();
    Some(format!(
        "{told}`{}`{} {}: check with `lvmdevices --check`, then {}",
        devices_file::PATH,
        host.unwrap_or_default(),
        lines.join(", and "),
        add.join(" and ")
    ))
}

fn line(file: &DevicesFile, disk: &Disk) -> String {
    match file.line_of(&disk.uuid) {
        Some((number, id)) => {
            format!("has the PVID in line {number} with the ID of another disk ({id})")
        }
        None => format!("has no line with the PVID of `{}`", disk.path.display()),
    }
}
