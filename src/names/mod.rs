//! The names of a volume group and its volumes, and every spelling of them in Linux.
//!
//! | spelling | example for group `a-b`, volume `root` | module |
//! |---|---|---|
//! | name | `a-b`, `root` | [`VgName`], [`LvName`] |
//! | dm name | `a--b-root` | [`dm`] |
//! | device paths | `/dev/a-b/root`, `/dev/mapper/a--b-root`, `/dev/disk/by-id/dm-name-a--b-root` | [`path`] |
//! | unit name | `dev-mapper-a\x2d\x2db\x2droot.device` | [`mod@unit`] |
//! | GRUB disk | `lvm/a--b-root` | [`dm`], after `lvm/` |

pub mod dm;
mod error;
mod lv;
pub mod path;
mod pattern;
pub mod unit;
mod vg;

pub use error::NameError;
pub use lv::LvName;
pub use pattern::Pattern;
pub use vg::VgName;

/// Whether LVM allows this byte in the name of a group or a volume (lvm2 lib/misc/lvm-string.c).
pub fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'+' | b'-')
}

/// The rules for both groups and volumes: characters, first character, dots, 127 bytes.
fn check_common(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if let Some(character) = name.chars().find(|c| !u8::try_from(*c).is_ok_and(is_name_byte)) {
        return Err(NameError::Character(character));
    }
    if name.starts_with('-') {
        return Err(NameError::LeadingHyphen);
    }
    if name == "." || name == ".." {
        return Err(NameError::Dots);
    }
    if name.len() > MAX_NAME {
        return Err(NameError::TooLong { length: name.len(), limit: MAX_NAME });
    }
    Ok(())
}

/// The longest name that LVM stores, in bytes (`NAME_LEN` - 1).
const MAX_NAME: usize = 127;
