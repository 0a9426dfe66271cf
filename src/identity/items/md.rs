//! mdadm's homehost.

use crate::identity::Kind;

/// The rows of this file.
pub const KINDS: &[Kind] = &[];
