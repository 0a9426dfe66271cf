use std::fmt;

use serde::{Deserialize, Serialize};

use super::{NameError, check_common};

/// A logical volume's name, hidden ones (`pool_tmeta`, `lvol0_pmspare`) included.
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

/// Substrings that only LVM itself may put into a name (lvm2 lib/misc/lvm-string.c).
const RESERVED_PARTS: &[&str] = &[
    "_cdata", "_cmeta", "_corig", "_cpool", "_cvol", "_wcorig", "_mimage", "_mlog", "_rimage",
    "_rmeta", "_tdata", "_tmeta", "_vdata", "_imeta", "_iorig", "_pmspare", "_vorigin",
];

impl LvName {
    /// Any name that stands in metadata: those which only LVM gives are accepted.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check_common(name)?;
        Ok(Self(name.to_owned()))
    }

    /// A name that a person may give to a volume.
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

    /// The raw name, as `lvs` prints it, without the brackets of a hidden volume.
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
        assert!(LvName::new("tp_tmeta").is_ok());
    }
}
