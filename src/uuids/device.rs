//! The device that holds a file system or swap area, identified by something that no rename and no boot changes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::blkid::Devices;

/// Where the kernel lists block devices by name, and by number.
const SYSFS: &str = "/sys/block";
const NUMBERS: &str = "/sys/dev/block";

/// Digits of a group's UUID. It follows `LVM-` in a volume's dm UUID (lvm2 lib/misc/lvm-string.c).
const GROUP: usize = 32;

/// Kinds of device-mapper devices that have a name of their own: logical volumes and dm-crypt mappings
/// (lvm2 lib/misc/lvm-string.c, cryptsetup lib/libdevmapper.c).
const NAMED: &[&str] = &["LVM-", "CRYPT-"];

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Place {
    /// A device-mapper volume.
    Mapped {
        /// Its dm UUID.
        dm_uuid: String,
        /// Its path when the run is done.
        path: String,
    },
    /// A partition, by its UUID in the partition table.
    Partition(String),
}

impl Place {
    /// The place of a block device. `None` if only its number distinguishes it from other devices.
    pub(super) fn of(number: &str, path: &str, devices: &Devices) -> Option<Self> {
        let dm = Path::new(NUMBERS).join(number).join("dm");
        let read = |file: &str| {
            fs::read_to_string(dm.join(file)).ok().map(|text| text.trim_end().to_owned())
        };
        match (read("uuid"), read("name")) {
            (Some(uuid), Some(name)) => {
                let is_named = NAMED.iter().any(|kind| uuid.starts_with(kind));
                is_named
                    .then(|| Self::Mapped { dm_uuid: uuid, path: format!("/dev/mapper/{name}") })
            }
            _ => devices.partition(path).map(|uuid| Self::Partition(uuid.to_owned())),
        }
    }

    /// The path of the device that is there now.
    ///
    /// # Errors
    /// There is no such device, or more than one.
    pub(super) fn find(&self) -> Result<String> {
        match self {
            Self::Mapped { dm_uuid, .. } => match volume(Path::new(SYSFS), dm_uuid) {
                Some(name) => Ok(format!("/dev/{name}")),
                None => {
                    bail!("the volume {dm_uuid} is not active: activate it with `vgchange -ay`")
                }
            },
            Self::Partition(uuid) => {
                let devices = Devices::look()?;
                match devices.with_partition(uuid)[..] {
                    [path] => Ok(path.to_owned()),
                    [] => bail!("no partition has the PARTUUID {uuid}: attach its disk"),
                    [one, other, ..] => bail!(
                        "`{one}` and `{other}` both have the PARTUUID {uuid}: detach the disk that does not \
                         belong to this machine"
                    ),
                }
            }
        }
    }

    /// Checks that postclone could have written it.
    ///
    /// # Errors
    /// Values that postclone never writes.
    pub(super) fn check(&self) -> Result<()> {
        let is_plain = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte))
        };
        match self {
            Self::Mapped { dm_uuid, path } => {
                let name = path.strip_prefix("/dev/mapper/").filter(|name| is_plain(name));
                if name.is_none() || !NAMED.iter().any(|kind| dm_uuid.starts_with(kind)) {
                    bail!("`{}` is not a volume of device-mapper", path.escape_debug());
                }
            }
            Self::Partition(uuid) if !is_plain(uuid) => {
                bail!("`{}` is not the UUID of a partition", uuid.escape_debug());
            }
            Self::Partition(_) => {}
        }
        Ok(())
    }
}

/// The kernel's name of the live volume with a dm UUID. The group may have got another UUID since the journal was
/// written. Then the only volume whose own part of the dm UUID is the same is taken.
fn volume(sysfs: &Path, dm_uuid: &str) -> Option<String> {
    let entries = fs::read_dir(sysfs).into_iter().flatten().flatten();
    let live: Vec<(String, String)> = entries
        .filter_map(|entry| {
            let uuid = fs::read_to_string(entry.path().join("dm/uuid")).ok()?;
            Some((entry.file_name().into_string().ok()?, uuid.trim_end().to_owned()))
        })
        .collect();
    let own = |uuid: &str| {
        uuid.strip_prefix("LVM-").and_then(|uuid| uuid.get(GROUP..)).map(str::to_owned)
    };
    if let Some((name, _)) = live.iter().find(|(_, uuid)| uuid == dm_uuid) {
        return Some(name.clone());
    }
    let own_part = own(dm_uuid)?;
    let mut alike = live.iter().filter(|(_, uuid)| own(uuid).as_ref() == Some(&own_part));
    let (first, more) = (alike.next()?, alike.next());
    more.is_none().then(|| first.0.clone())
}

/// Whether two paths lead to the same device.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let number = |path: &str| fs::metadata(path).ok().map(|metadata| metadata.rdev());
    one == other || number(one).is_some_and(|number_of_one| Some(number_of_one) == number(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dm(group: char, volume: &str) -> String {
        format!("LVM-{}{volume}", group.to_string().repeat(GROUP))
    }

    fn found(live: &[String], wanted: &str) -> Option<String> {
        let sysfs = tempfile::tempdir().unwrap();
        for (number, uuid) in live.iter().enumerate() {
            let dm = sysfs.path().join(format!("dm-{number}/dm"));
            fs::create_dir_all(&dm).unwrap();
            fs::write(dm.join("uuid"), format!("{uuid}\n")).unwrap();
        }
        volume(sysfs.path(), wanted)
    }

    #[test]
    fn a_volume_is_known_whatever_its_groups_uuid_became() {
        let wanted = dm('a', "root");
        assert_eq!(found(&[dm('b', "root"), dm('a', "root")], &wanted).as_deref(), Some("dm-1"));
        assert_eq!(found(&[dm('b', "swap"), dm('b', "root")], &wanted).as_deref(), Some("dm-1"));
        assert_eq!(found(&[dm('b', "root"), dm('c', "root")], &wanted), None);
        assert_eq!(found(&["CRYPT-x".to_owned()], "CRYPT-y"), None);
    }
}
