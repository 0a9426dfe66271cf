//! The device that holds a file system or swap area, told by what no rename and no boot changes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::blkid::Devices;

/// Where the kernel lists block devices by name, and by number.
const SYSFS: &str = "/sys/block";
const NUMBERS: &str = "/sys/dev/block";

/// Kinds of device-mapper devices that have a name of their own: logical volumes and dm-crypt mappings
/// (lvm2 lib/misc/lvm-string.c, cryptsetup lib/libdevmapper.c).
const NAMED: &[&str] = &["LVM-", "CRYPT-"];

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Place {
    /// A volume of the device mapper.
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
    /// The place of a block device; none where nothing but its number tells it from others.
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
    /// None, or more than one.
    pub(super) fn find(&self) -> Result<String> {
        match self {
            Self::Mapped { dm_uuid, .. } => {
                let entries = fs::read_dir(SYSFS).into_iter().flatten().flatten();
                let is_it = |entry: &fs::DirEntry| {
                    let uuid = fs::read_to_string(entry.path().join("dm/uuid")).unwrap_or_default();
                    uuid.trim_end() == dm_uuid
                };
                match entries.into_iter().find(is_it) {
                    Some(entry) => Ok(format!("/dev/{}", entry.file_name().to_string_lossy())),
                    None => {
                        bail!("the volume {dm_uuid} is not active: activate it, `vgchange -ay`")
                    }
                }
            }
            Self::Partition(uuid) => {
                let devices = Devices::look()?;
                match devices.with_partition(uuid)[..] {
                    [path] => Ok(path.to_owned()),
                    [] => bail!("no partition has the PARTUUID {uuid}: attach its disk"),
                    [one, other, ..] => bail!(
                        "`{one}` and `{other}` both have the PARTUUID {uuid}: detach the disk that is none of this \
                         machine's"
                    ),
                }
            }
        }
    }

    /// Demands that it could have been written by postclone.
    ///
    /// # Errors
    /// What it is not.
    pub(super) fn check(&self) -> Result<()> {
        let is_plain = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte))
        };
        match self {
            Self::Mapped { dm_uuid, path } => {
                let name = path.strip_prefix("/dev/mapper/").filter(|name| is_plain(name));
                if name.is_none() || !NAMED.iter().any(|kind| dm_uuid.starts_with(kind)) {
                    bail!("`{}` is no volume of the device mapper", path.escape_debug());
                }
            }
            Self::Partition(uuid) if !is_plain(uuid) => {
                bail!("`{}` is no partition's UUID", uuid.escape_debug());
            }
            Self::Partition(_) => {}
        }
        Ok(())
    }
}

/// Whether two paths lead to one device.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let number = |path: &str| fs::metadata(path).ok().map(|metadata| metadata.rdev());
    one == other || number(one).is_some_and(|number_of_one| Some(number_of_one) == number(other))
}
