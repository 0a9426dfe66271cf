//! LVM's system ID and devices file.

use crate::identity::Kind;

/// The rows of this file.
pub const KINDS: &[Kind] = &[];
