//! MAC addresses that configurations name.

use crate::identity::Kind;

/// The rows of this file.
pub const KINDS: &[Kind] = &[];
