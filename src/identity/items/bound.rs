//! What is named after the host and must never be renamed.

use crate::identity::Kind;

/// The rows of this file.
pub const KINDS: &[Kind] = &[];
