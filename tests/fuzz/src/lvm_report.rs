//! LVM's JSON report.

use postclone::guest::inventory::Inventory;
use postclone::names::{LvName, VgName};

/// What was taken for a name is one, and the same bytes read twice say the same.
pub fn check(input: &[u8]) {
    let Ok(inventory) = Inventory::parse(input) else { return };
    for group in &inventory.groups {
        assert!(VgName::new(group.name.as_str()).is_ok(), "{}", group.name);
        for volume in &group.volumes {
            assert!(LvName::new(volume.name.as_str()).is_ok(), "{}", volume.name);
        }
    }
    let again = Inventory::parse(input).expect("it was read once");
    assert_eq!(format!("{inventory:?}"), format!("{again:?}"));
}
