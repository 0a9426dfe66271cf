//! cloud-init's instance.

use crate::identity::Kind;

/// The rows of this file.
pub const KINDS: &[Kind] = &[];
