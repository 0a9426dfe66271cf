//! How a token relates to the names that change.

use std::ops::Range;

use super::edit::Form;
use crate::names::LvName;

/// How a token relates to the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Does not name this group.
    Foreign,
    /// Fits the group, but names an unknown volume.
    UnknownVolume,
    /// Names this group.
    Ours(Hit),
}

/// Where the name is in the token, and what replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Bytes of the name inside the token.
    pub name: Range<usize>,
    /// The new name in the same spelling.
    pub new: String,
    /// The token's form.
    pub form: Form,
    /// The volume that the token names. None if it names only the group.
    pub volume: Option<LvName>,
}

impl Verdict {
    /// The verdict where a device is expected: `/dev/VG` is a directory and cannot be mounted.
    #[must_use]
    pub fn device(self) -> Self {
        match self {
            Self::Ours(hit) if hit.form == Form::DeviceDirectory => Self::Foreign,
            other => other,
        }
    }
}

/// Shifts a hit into a longer token.
pub(super) fn shift(verdict: Verdict, by: usize) -> Verdict {
    match verdict {
        Verdict::Ours(hit) => {
            Verdict::Ours(Hit { name: hit.name.start + by..hit.name.end + by, ..hit })
        }
        other => other,
    }
}
