use std::fmt;

use serde::{Deserialize, Serialize};

use super::{NameError, check_common};

/// The name of a logical volume, which may be a hidden one (`pool_tmeta`, `lvol0_pmspare`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LvName(String);

impl TryFrom<String> for LvName {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        Self::new(&name)
    }
}

impl From<LvName> for String {
    fn from(name: LvName) -> Self {
        name.0
    }
}

const RESERVED_PREFIXES: &[&str] = &["pvmove", "snapshot"];

/// Parts of names that only LVM itself may use (lvm2 lib/misc/lvm-string.c).
const RESERVED_PARTS: &[&str] = &[
    "_cdata", "_cmeta", "_corig", "_cpool", "_cvol", "_wcorig", "_mimage", "_mlog", "_rimage",
    "_rmeta", "_tdata", "_tmeta", "_vdata", "_imeta", "_iorig", "_pmspare", "_vorigin",
];

impl LvName {
    /// Any name that metadata may contain, also names that only LVM itself gives.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check_common(name)?;
        Ok(Self(name.to_owned()))
    }

    /// A name that a user may give to a volume.
    pub fn user_given(name: &str) -> Result<Self, NameError> {
        let lv = Self::new(name)?;
        let reserved = RESERVED_PREFIXES
            .iter()
            .find(|prefix| name.starts_with(**prefix))
            .or_else(|| RESERVED_PARTS.iter().find(|part| name.contains(**part)));
        match reserved {
            Some(part) => Err(NameError::Reserved(part)),
            None => Ok(lv),
        }
    }

    /// The new name of this volume if the volume `old` is renamed to `new`. None unless it is that volume
    /// or a hidden part of it (`pool_tmeta`). LVM renames these parts, too (lvm2 lib/metadata/lv_manip.c,
    /// `lv_rename_update`).
    pub fn part_of(&self, old: &Self, new: &Self) -> Option<Self> {
        let rest = self.0.strip_prefix(&old.0)?;
        let is_part = RESERVED_PARTS.iter().any(|part| {
            let number = rest.strip_prefix(part);
            number.is_some_and(|rest| !rest.contains(|c: char| c != '_' && !c.is_ascii_digit()))
        });
        (rest.is_empty() || is_part).then(|| Self(format!("{new}{rest}")))
    }

    /// The raw name as `lvs` prints it, without the brackets of a hidden volume.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LvName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_words_are_lvms() {
        assert_eq!(LvName::user_given("pvmove0"), Err(NameError::Reserved("pvmove")));
        assert_eq!(LvName::user_given("a_tmeta_x"), Err(NameError::Reserved("_tmeta")));
        assert!(LvName::user_given("xcdata").is_ok());
        let name = |name: &str| LvName::new(name).unwrap();
        let part = |of: &str| name(of).part_of(&name("p"), &name("q-1")).map(String::from);
        assert_eq!(part("p").as_deref(), Some("q-1"));
        assert_eq!(part("p_tmeta").as_deref(), Some("q-1_tmeta"));
        assert_eq!(part("p_rimage_0").as_deref(), Some("q-1_rimage_0"));
        assert_eq!((part("p_x"), part("pp"), part("p_tmetax")), (None, None, None));
        assert!(LvName::new("tp_tmeta").is_ok());
    }
}
