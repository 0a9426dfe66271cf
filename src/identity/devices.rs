//! Block devices from udev's database, or from lsblk(8) if that database is incomplete. Neither reads a disk that
//! udev knows.

use anyhow::{Context, Result};
use serde_json::Value;

use super::udev_data;
use super::view::BlockDevice;
use crate::run::{Cmd, Program};

/// The columns that lsblk prints.
const COLUMNS: &str = "PATH,TYPE,FSTYPE,UUID,PTTYPE,PTUUID,PARTUUID,SERIAL,WWN";

/// Every block device that this machine sees, each once, except CD drives and loop devices.
///
/// # Errors
/// An error of lsblk, or output that lsblk cannot have printed.
pub fn look() -> Result<Vec<BlockDevice>> {
    if let Some(devices) = udev_data::look() {
        return Ok(devices);
    }
    let output = Cmd::new(Program::Lsblk).args(["--json", "--list", "--output", COLUMNS]).checked();
    let output = output.context("asking for the block devices")?;
    parse(&output.stdout).context("reading what lsblk printed")
}

fn parse(bytes: &[u8]) -> Result<Vec<BlockDevice>> {
    let document: Value = serde_json::from_slice(bytes)?;
    let rows = document.get("blockdevices").and_then(Value::as_array);
    let rows = rows.context("it has no list `blockdevices`")?;
    let mut devices: Vec<BlockDevice> = Vec::new();
    for row in rows {
        let text =
            |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let device = BlockDevice {
            path: text("path"),
            kind: text("type"),
            content: text("fstype"),
            uuid: text("uuid").to_lowercase(),
            table: text("pttype"),
            table_uuid: text("ptuuid").to_lowercase(),
            part_uuid: text("partuuid").to_lowercase(),
            serial: text("serial"),
            wwn: text("wwn"),
        };
        let passes = matches!(device.kind.as_str(), "rom" | "loop");
        if !passes && devices.iter().all(|known| known.path != device.path) {
            devices.push(device);
        }
    }
    Ok(devices)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Output of util-linux 2.38.1, shortened.
    const LIST: &str = r#"{"blockdevices": [
      {"path":"/dev/sr0", "type":"rom", "fstype":"iso9660", "uuid":"2026-01-01-00-00-00-00", "pttype":null, "ptuuid":null, "partuuid":null, "serial":"QM00003", "wwn":null},
      {"path":"/dev/vda", "type":"disk", "fstype":null, "uuid":null, "pttype":"gpt", "ptuuid":"4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", "partuuid":null, "serial":"disk-a", "wwn":null},
      {"path":"/dev/vda1", "type":"part", "fstype":"ext2", "uuid":"A0b0", "pttype":"gpt", "ptuuid":"4f68bce3-e8cd-4db1-96e7-fbcaf984b709", "partuuid":"11", "serial":null, "wwn":null},
      {"path":"/dev/vda1", "type":"part", "fstype":"ext2", "uuid":"a0b0", "pttype":"gpt", "ptuuid":null, "partuuid":"11", "serial":null, "wwn":null}
    ]}"#;

    #[test]
    fn each_device_once() {
        let devices = parse(LIST.as_bytes()).unwrap();
        let paths: Vec<&str> = devices.iter().map(|device| device.path.as_str()).collect();
        assert_eq!(paths, ["/dev/vda", "/dev/vda1"]);
        assert_eq!((&*devices[0].serial, &*devices[0].table), ("disk-a", "gpt"));
        assert_eq!((&*devices[1].uuid, &*devices[1].content), ("a0b0", "ext2"));
    }

    #[test]
    fn something_else_is_an_error() {
        for bad in ["", "[]", "{}", "{\"blockdevices\":1}"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
