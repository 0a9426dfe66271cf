//! Block devices from udev's database, which is where lsblk(8) gets them, too. Reading it directly starts one process
//! less.
//!
//! `/run/udev/data/bMAJOR:MINOR` has one property per line, `E:KEY=VALUE` (systemd
//! src/libsystemd/sd-device/sd-device.c, `handle_db_line`). The rules for persistent storage and blkid set the
//! properties (udev 60-persistent-storage.rules).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::view::BlockDevice;

/// Where the kernel lists block devices, and where udev keeps what it knows of them.
const SYSFS: &str = "/sys/class/block";
const DATA: &str = "/run/udev/data";

/// Every block device, except CD drives, loop devices and memory. `None` if udev does not know each of them.
pub(super) fn look() -> Option<Vec<BlockDevice>> {
    let mut names: Vec<String> = fs::read_dir(SYSFS)
        .ok()?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !["sr", "loop", "ram", "zram", "fd"].iter().any(|kind| is_of(name, kind)))
        .collect();
    names.sort();
    let mut found = Vec::new();
    for name in names {
        let dir = Path::new(SYSFS).join(&name);
        let number = fs::read_to_string(dir.join("dev")).ok()?;
        let data = fs::read(Path::new(DATA).join(format!("b{}", number.trim()))).ok()?;
        let is_partition = dir.join("partition").exists();
        found.push(device(&name, is_partition, &String::from_utf8_lossy(&data)));
    }
    (!found.is_empty()).then_some(found)
}

/// Whether a device's name is the name of a kind followed by a number.
fn is_of(name: &str, kind: &str) -> bool {
    let rest = name.strip_prefix(kind);
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

fn device(name: &str, is_partition: bool, data: &str) -> BlockDevice {
    let lines = data.lines().filter_map(|line| line.strip_prefix("E:")?.split_once('='));
    let properties: BTreeMap<&str, &str> = lines.collect();
    let first = |keys: &[&str]| {
        let found = keys.iter().find_map(|key| properties.get(key));
        found.map(|value| (*value).to_owned()).unwrap_or_default()
    };
    let kind = match properties.get("DM_UUID").and_then(|uuid| uuid.split_once('-')) {
        Some(("LVM", _)) => "lvm",
        Some(("CRYPT", _)) => "crypt",
        Some(_) => "dm",
        None if is_partition => "part",
        None if is_of(name, "md") => "raid",
        None => "disk",
    };
    BlockDevice {
        path: match properties.get("DM_NAME") {
            Some(mapped) => format!("/dev/mapper/{mapped}"),
            None => format!("/dev/{}", name.replace('!', "/")),
        },
        kind: kind.to_owned(),
        content: first(&["ID_FS_TYPE"]),
        uuid: first(&["ID_FS_UUID"]).to_lowercase(),
        table: first(&["ID_PART_ENTRY_SCHEME", "ID_PART_TABLE_TYPE"]),
        table_uuid: first(&["ID_PART_TABLE_UUID"]).to_lowercase(),
        part_uuid: first(&["ID_PART_ENTRY_UUID"]).to_lowercase(),
        serial: first(&["ID_SCSI_SERIAL", "SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"]),
        wwn: first(&["ID_WWN_WITH_EXTENSION", "ID_WWN"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_become_a_device() {
        let data = "S:disk/by-uuid/x\nI:1\nE:ID_SERIAL=system-1000\nE:ID_PART_TABLE_UUID=4F68BCE3\nE:ID_PART_TABLE_TYPE=gpt\nG:systemd\n";
        let disk = device("vda", false, data);
        assert_eq!((&*disk.path, &*disk.kind, &*disk.serial), ("/dev/vda", "disk", "system-1000"));
        assert_eq!((&*disk.table, &*disk.table_uuid), ("gpt", "4f68bce3"));
        let data = "E:DM_NAME=a--b-root\nE:DM_UUID=LVM-x\nE:ID_FS_TYPE=ext4\nE:ID_FS_UUID=Ab-1\n";
        let volume = device("dm-0", false, data);
        assert_eq!((&*volume.path, &*volume.kind), ("/dev/mapper/a--b-root", "lvm"));
        assert_eq!((&*volume.content, &*volume.uuid), ("ext4", "ab-1"));
        assert!(is_of("sr0", "sr") && !is_of("srv", "sr") && !is_of("md", "md"));
    }
}
