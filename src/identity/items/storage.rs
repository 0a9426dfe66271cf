//! UUIDs of file systems, swap areas, partitions and volumes.

use crate::identity::view::BlockDevice;
use crate::identity::{Found, Kind, View};

/// The rows of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        id: "fs-uuid",
        hurts: "with both disks in one machine, a mount by UUID may take the wrong one, and XFS and \
                Btrfs refuse or mix them up",
        change: "leave it, unless the disks will be in one machine; then `postclone fixup --with fs-uuids`",
        find: file_systems,
    },
    Kind {
        id: "swap-uuid",
        hurts: "with both disks in one machine, either swap may be taken",
        change: "leave it, unless the disks will be in one machine; then `postclone fixup --with swap-uuids`",
        find: swaps,
    },
    Kind {
        id: "luks-uuid",
        hurts: "both machines have one volume key, so whoever has the template's opens this one as well",
        change: "a new UUID does not help: encrypt it again with `cryptsetup reencrypt`",
        find: luks,
    },
    Kind {
        id: "pv-uuid",
        hurts: "with both disks in one machine, LVM takes one of the two and hides the other",
        change: "leave it, unless the disks will be in one machine; then `postclone fixup --with lvm-uuids`",
        find: physical_volumes,
    },
    Kind {
        id: "vg-uuid",
        hurts: "with both disks in one machine, LVM treats both groups as one",
        change: "leave it, unless the disks will be in one machine; then `postclone fixup --with lvm-uuids`",
        find: groups,
    },
    Kind {
        id: "partition-table",
        hurts: "with both disks in one machine, firmware and boot loaders may take the wrong one",
        change: "leave it, unless the disks will be in one machine: UEFI's boot entries name it",
        find: tables,
    },
    Kind {
        id: "partition-uuid",
        hurts: "with both disks in one machine, PARTUUID= in fstab or on the kernel command line may \
                take the wrong partition",
        change: "leave it, unless the disks will be in one machine: UEFI's boot entries name it",
        find: partitions,
    },
];

/// Contents of devices that are not file systems.
const OTHERS: &[&str] =
    &["", "swap", "swsuspend", "crypto_LUKS", "LVM2_member", "linux_raid_member"];

fn file_systems(view: &View<'_>) -> Vec<Found> {
    content(view, |device| !OTHERS.contains(&device.content.as_str()))
}

fn swaps(view: &View<'_>) -> Vec<Found> {
    content(view, |device| matches!(device.content.as_str(), "swap" | "swsuspend"))
}

fn luks(view: &View<'_>) -> Vec<Found> {
    content(view, |device| device.content == "crypto_LUKS")
}

fn physical_volumes(view: &View<'_>) -> Vec<Found> {
    content(view, |device| device.content == "LVM2_member")
}

fn groups(view: &View<'_>) -> Vec<Found> {
    let known = view.groups().iter().filter(|group| !group.uuid.is_empty());
    known.map(|group| Found::one(group.name.as_str(), group.uuid.as_str())).collect()
}

fn tables(view: &View<'_>) -> Vec<Found> {
    let is_own = |device: &&BlockDevice| device.kind == "disk";
    one_each(view, |device| Some(device).filter(is_own).map(|device| &device.table_uuid))
}

/// GPT partitions have UUIDs of their own. On DOS, the UUIDs are derived from the table's (libblkid
/// partitions/dos.c).
fn partitions(view: &View<'_>) -> Vec<Found> {
    one_each(view, |device| (device.table == "gpt").then_some(&device.part_uuid))
}

/// UUIDs of the contents of devices.
fn content(view: &View<'_>, is: impl Fn(&BlockDevice) -> bool) -> Vec<Found> {
    one_each(view, |device| is(device).then_some(&device.uuid))
}

fn one_each(view: &View<'_>, of: impl Fn(&BlockDevice) -> Option<&String>) -> Vec<Found> {
    let found = view.devices().iter().filter_map(|device| {
        let uuid = of(device).filter(|uuid| !uuid.is_empty())?;
        Some(Found::one(device.path.as_str(), uuid.as_str()))
    });
    found.collect()
}
