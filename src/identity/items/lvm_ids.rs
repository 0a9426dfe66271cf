//! LVM's system ID and devices file.

use crate::identity::{Found, Kind, View};

/// The rows of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        id: "lvm-system-id",
        hurts: "each machine may use the other's groups, which the system ID is there to prevent",
        change: "give this machine another ID in /etc/lvm/lvmlocal.conf, then each group: \
                 `vgchange --systemid` (lvmsystemid(7))",
        find: system_ids,
    },
    Kind {
        id: "lvm-devices-file",
        hurts: "it names the template's disks, and LVM looks at no others",
        change: "`lvmdevices --check` shows what is wrong, and `lvmdevices --update` fixes it",
        find: devices_file,
    },
];

/// The file that lists the devices LVM may use (lvmdevices(8)).
const DEVICES: &str = "/etc/lvm/devices/system.devices";

/// The groups' owners, and the ID that the configuration gives this host.
fn system_ids(view: &View<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for path in ["/etc/lvm/lvm.conf", "/etc/lvm/lvmlocal.conf"] {
        let Some(text) = view.text(path) else { continue };
        let lines = text.lines().map(str::trim);
        let values = lines.filter_map(|line| {
            let value = line.strip_prefix("system_id")?.trim_start().strip_prefix('=')?.trim();
            value.strip_prefix('"')?.split('"').next()
        });
        let values: Vec<Vec<u8>> =
            values.filter(|value| !value.is_empty()).map(Into::into).collect();
        if !values.is_empty() {
            found.push(Found::many(path, values));
        }
    }
    let owned = view.groups().iter().filter(|group| !group.system_id.is_empty());
    found.extend(owned.map(|group| Found::one(group.name.as_str(), group.system_id.as_str())));
    found
}

/// The IDs of the physical volumes, and the names of their disks where these are IDs of the disks themselves.
fn devices_file(view: &View<'_>) -> Vec<Found> {
    let Some(text) = view.text(DEVICES) else { return Vec::new() };
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let is_id = |word: &&str| word.starts_with("PVID=") || word.starts_with("SYSTEMID=");
    let mut values: Vec<&str> = Vec::new();
    for line in lines {
        let by_name = line.contains("IDTYPE=devname");
        let words = line.split_whitespace();
        values.extend(words.filter(|word| is_id(word) || !by_name && word.starts_with("IDNAME=")));
    }
    let values: Vec<Vec<u8>> = values.into_iter().map(Into::into).collect();
    if values.is_empty() { Vec::new() } else { vec![Found::many(DEVICES, values)] }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::guest::root::Root;

    #[test]
    fn comments_and_device_names_are_no_identity() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("etc/lvm/devices")).unwrap();
        fs::write(
            dir.path().join("etc/lvm/devices/system.devices"),
            "# PVID=no\nVERSION=1.1.2\nIDTYPE=devname IDNAME=/dev/vda5 DEVNAME=/dev/vda5 PVID=abc\n\
             IDTYPE=sys_wwid IDNAME=t10.x DEVNAME=/dev/sda PVID=def\n",
        )
        .unwrap();
        fs::write(
            dir.path().join("etc/lvm/lvmlocal.conf"),
            "local {\n\t# system_id = \"no\"\n\tsystem_id = \"tmpl\"\n\tsystem_id_source = \"lvmlocal\"\n}\n",
        )
        .unwrap();
        let root = Root::open(dir.path()).unwrap();
        let view = View::of(&root);
        let words: Vec<Vec<u8>> = ["PVID=abc", "IDNAME=t10.x", "PVID=def"].map(Into::into).to_vec();
        assert_eq!(devices_file(&view), [Found::many(DEVICES, words)]);
        assert_eq!(
            system_ids(&view),
            [Found::many("/etc/lvm/lvmlocal.conf", vec![b"tmpl".to_vec()])]
        );
    }
}
