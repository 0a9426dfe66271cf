//! What a token is to the names that are renamed.

use std::ops::Range;

use super::edit::Form;
use crate::names::LvName;

/// What a token is to the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Not a name of this group.
    Foreign,
    /// The group fits, the volume is none that is known.
    UnknownVolume,
    /// A name of this group.
    Ours(Hit),
}

/// Where in the token the name stands, and what replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Bytes of the name inside the token.
    pub name: Range<usize>,
    /// The new name in the same spelling.
    pub new: String,
    /// The token's form.
    pub form: Form,
    /// The volume that the token names; none if it names the group alone.
    pub volume: Option<LvName>,
}

impl Verdict {
    /// The verdict where a device is meant: `/dev/VG` is a directory, and no mount's source.
    #[must_use]
    pub fn device(self) -> Self {
        match self {
            Self::Ours(hit) if hit.form == Form::DeviceDirectory => Self::Foreign,
            other => other,
        }
    }
}

/// Moves a hit inside a longer token.
pub(super) fn shift(verdict: Verdict, by: usize) -> Verdict {
    match verdict {
        Verdict::Ours(hit) => {
            Verdict::Ours(Hit { name: hit.name.start + by..hit.name.end + by, ..hit })
        }
        other => other,
    }
}
