//! The dm devices that still have old names, and the new spellings of their names in /dev and in the
//! records of udev.

use std::fs;
use std::path::{Path, PathBuf};

use crate::names::dm;
use crate::names::path::MAPPER;

/// A dm device with its present name and its name after the reboot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Device {
    /// The kernel name: `dm-0`.
    pub(super) kernel: String,
    /// Device number: `254:0`.
    pub(super) number: String,
    /// The present dm name.
    pub(super) old: String,
    /// The new dm name.
    pub(super) new: String,
}

/// The devices that get other names.
#[derive(Debug, Clone)]
pub(super) struct Names {
    devices: Vec<Device>,
}

impl Names {
    /// Finds the dm devices, also hidden ones, that get new names. `renamed` returns the new name for a dm
    /// UUID and present name. `block` is `/sys/block`.
    pub(super) fn find(block: &Path, renamed: impl Fn(&str, &str) -> Option<String>) -> Self {
        let device = |kernel: String| {
            let read = |file: &str| {
                let text = fs::read_to_string(block.join(&kernel).join(file)).ok()?;
                Some(text.trim_end().to_owned())
            };
            let (uuid, name) = (read("dm/uuid")?, read("dm/name")?);
            let (new, number) = (renamed(&uuid, &name)?, read("dev")?);
            Some(Device { kernel, number, old: name, new })
        };
        let entries = fs::read_dir(block).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut devices: Vec<Device> = names.filter_map(device).collect();
        devices.sort_by(|a, b| a.kernel.cmp(&b.kernel));
        Self { devices }
    }

    pub(super) fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// The new path of the device with this number.
    pub(super) fn path_of(&self, number: &str) -> Option<String> {
        let device = self.devices.iter().find(|device| device.number == number)?;
        Some(format!("{MAPPER}{}", device.new))
    }

    /// The path of an entry of /dev after the reboot. Both paths are relative to /dev. `target` is the
    /// target of a link.
    pub(super) fn entry(&self, path: &Path, target: Option<&Path>) -> PathBuf {
        let kernel = target.and_then(Path::file_name).and_then(|name| name.to_str());
        let linked = self.devices.iter().any(|device| Some(device.kernel.as_str()) == kernel);
        match path.to_str().and_then(|path| self.spelled(path, linked)) {
            Some(spelled) => PathBuf::from(spelled),
            None => path.to_owned(),
        }
    }

    /// Whether a directory in /dev is that of a group with another name after the reboot, so that its
    /// links move.
    pub(super) fn is_group(&self, path: &Path) -> bool {
        self.devices
            .iter()
            .filter_map(Device::pairs)
            .any(|((old, _), (new, _))| old != new && path == Path::new(&old))
    }

    /// udev's record about a device with the new names (systemd src/libsystemd/sd-device,
    /// device_update_db). `S:` is followed by a link relative to /dev, `E:` by a property.
    pub(super) fn record(&self, device: &Device, text: &str) -> String {
        let mut lines: Vec<String> = Vec::new();
        for line in text.lines() {
            let line = match line.split_once(':') {
                Some(("S", link)) => {
                    format!("S:{}", self.spelled(link, true).unwrap_or_else(|| link.to_owned()))
                }
                Some(("E", property)) => format!("E:{}", device.property(property)),
                _ => line.to_owned(),
            };
            // Until the reboot, both names have links.
            if !(line.starts_with("S:") && lines.contains(&line)) {
                lines.push(line);
            }
        }
        lines.push(String::new());
        lines.join("\n")
    }

    /// A path relative to /dev with the new name. `ours` says that it is known to be one of the devices.
    fn spelled(&self, path: &str, ours: bool) -> Option<String> {
        for head in ["mapper/", "disk/by-id/dm-name-"] {
            if let Some(name) = path.strip_prefix(head) {
                let device = self.devices.iter().find(|device| device.old == name)?;
                return Some(format!("{head}{}", device.new));
            }
        }
        let (group, volume) = path.split_once('/').filter(|_| ours)?;
        let mut pairs = self.devices.iter().filter_map(Device::pairs);
        let (_, (group, volume)) = pairs.find(|(old, _)| (&*old.0, &*old.1) == (group, volume))?;
        Some(format!("{group}/{volume}"))
    }
}

impl Device {
    /// A property in the device's record, with the new names.
    fn property(&self, property: &str) -> String {
        let pairs = self.pairs();
        let renamed = |name: &str, of: fn(&(String, String)) -> &String| {
            let (old, new) = pairs.as_ref()?;
            (of(old) == name).then(|| of(new).clone())
        };
        match property.split_once('=') {
            Some((key @ "DM_VG_NAME", name)) => {
                format!(
                    "{key}={}",
                    renamed(name, |pair| &pair.0).unwrap_or_else(|| name.to_owned())
                )
            }
            Some((key @ "DM_LV_NAME", name)) => {
                format!(
                    "{key}={}",
                    renamed(name, |pair| &pair.1).unwrap_or_else(|| name.to_owned())
                )
            }
            Some((key, name)) if name == self.old => format!("{key}={}", self.new),
            _ => property.to_owned(),
        }
    }

    /// The names of group and volume, before and after.
    fn pairs(&self) -> Option<((String, String), (String, String))> {
        let (old, new) = (dm::split(&self.old)?, dm::split(&self.new)?);
        Some(((old.vg, old.lv), (new.vg, new.lv)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let dir = tempfile::tempdir().unwrap();
        for (kernel, uuid, name) in [
            ("dm-0", "LVM-GROUPvolume0", "a--b-root"),
            ("dm-1", "LVM-GROUPvolume1-tpool", "a--b-pool-tpool"),
            ("dm-2", "LVM-OTHERvolume2", "a--b-root2"),
            ("dm-3", "CRYPT-LUKS2-x", "a--b-crypt"),
            ("dm-4", "LVM-GROUPvolume4", "c-new"),
        ] {
            let dm = dir.path().join(kernel).join("dm");
            fs::create_dir_all(&dm).unwrap();
            fs::write(dm.join("uuid"), format!("{uuid}\n")).unwrap();
            fs::write(dm.join("name"), format!("{name}\n")).unwrap();
            let number = kernel.trim_start_matches("dm-");
            fs::write(dir.path().join(kernel).join("dev"), format!("254:{number}\n")).unwrap();
        }
        fs::create_dir(dir.path().join("vda")).unwrap();
        Names::find(dir.path(), |uuid, name| {
            let rest = name.strip_prefix("a--b-").filter(|_| uuid.starts_with("LVM-GROUP"))?;
            Some(format!("c-{rest}"))
        })
    }

    #[test]
    fn the_groups_devices_are_told_by_uuid_and_hidden_ones_are_among_them() {
        let names = names();
        let told: Vec<(&str, &str)> = names
            .devices()
            .iter()
            .map(|device| (device.kernel.as_str(), device.new.as_str()))
            .collect();
        assert_eq!(told, [("dm-0", "c-root"), ("dm-1", "c-pool-tpool")]);
        assert_eq!(names.path_of("254:0").as_deref(), Some("/dev/mapper/c-root"));
        assert_eq!(names.path_of("254:2"), None);
    }

    #[test]
    fn entries_of_dev_move_with_their_device_alone() {
        let names = names();
        let place = |path: &str, target: Option<&str>| {
            names.entry(Path::new(path), target.map(Path::new)).display().to_string()
        };
        assert_eq!(place("mapper/a--b-root", Some("../dm-0")), "mapper/c-root");
        assert_eq!(place("mapper/a--b-root", None), "mapper/c-root");
        assert_eq!(place("mapper/a--b-root2", Some("../dm-2")), "mapper/a--b-root2");
        assert_eq!(place("mapper/a--b-crypt", Some("../dm-3")), "mapper/a--b-crypt");
        assert_eq!(place("a-b/root", Some("../dm-0")), "c/root");
        assert_eq!(place("a-b/root2", Some("../dm-2")), "a-b/root2");
        assert_eq!(
            place("disk/by-id/dm-name-a--b-root", Some("../../dm-0")),
            "disk/by-id/dm-name-c-root"
        );
        assert_eq!(place("disk/by-uuid/1", Some("../../dm-0")), "disk/by-uuid/1");
    }

    #[test]
    fn a_record_of_udev_has_each_new_name_once() {
        let names = names();
        let text = "S:mapper/a--b-root\nS:mapper/c-root\nS:a-b/root\nS:disk/by-uuid/1\nI:12\n\
                    E:DM_NAME=a--b-root\nE:DM_VG_NAME=a-b\nE:DM_LV_NAME=root\nE:ID_FS_LABEL=a-b\nG:systemd\n";
        assert_eq!(
            names.record(&names.devices()[0], text),
            "S:mapper/c-root\nS:c/root\nS:disk/by-uuid/1\nI:12\n\
             E:DM_NAME=c-root\nE:DM_VG_NAME=c\nE:DM_LV_NAME=root\nE:ID_FS_LABEL=a-b\nG:systemd\n"
        );
    }
}
