//! Device paths of a logical volume.

use super::{LvName, VgName, dm};

/// Where libdevmapper and udev create nodes that have the dm name.
pub const MAPPER: &str = "/dev/mapper/";

/// udev's persistent link with the dm name (lvm2 udev/13-dm-disk.rules).
pub const BY_ID: &str = "/dev/disk/by-id/dm-name-";

/// `/dev/mapper/VG-LV`.
pub fn mapper_path(vg: &VgName, lv: &LvName) -> String {
    format!("{MAPPER}{}", dm::dm_name(vg, lv))
}

/// `/dev/VG/LV`.
pub fn device_path(vg: &VgName, lv: &LvName) -> String {
    format!("/dev/{vg}/{lv}")
}

/// `/dev/disk/by-id/dm-name-VG-LV`.
pub fn by_id_path(vg: &VgName, lv: &LvName) -> String {
    format!("{BY_ID}{}", dm::dm_name(vg, lv))
}
