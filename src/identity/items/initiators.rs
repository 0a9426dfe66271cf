//! Names of iSCSI initiators and NVMe hosts.

use crate::identity::Kind;

/// The rows of this file.
pub const KINDS: &[Kind] = &[];
