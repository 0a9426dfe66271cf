//! UUIDs of file systems, swaps, partitions and volumes.

use crate::identity::Kind;

/// The rows of this file.
pub const KINDS: &[Kind] = &[];
