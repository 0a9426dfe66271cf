//! The host's name in its places.

use crate::identity::Kind;

/// The rows of this file.
pub const KINDS: &[Kind] = &[];
