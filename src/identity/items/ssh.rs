//! SSH host keys and certificates.

use crate::identity::Kind;

/// The rows of this file.
pub const KINDS: &[Kind] = &[];
