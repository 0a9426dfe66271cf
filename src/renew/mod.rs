//! Renews IDs and keys that a clone shares with its template, and should have of its own.
//!
//! Each new value is drawn once per process, so that the plan that is carried out has the values that were shown.

pub mod dhcp;
mod entries;
pub mod machine_id;
pub mod macs;
pub mod seeds;
pub mod snakeoil;
pub mod ssh;
pub mod storage;
mod whole;

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::encoding::hexadecimal;

/// What a system that creates its `/etc` from something else does with them.
pub(crate) const WHERE_IMAGE_BASED: &str =
    "which may bring the old IDs back: set the clone's own IDs there";

/// Bytes that are never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secret bytes", self.0.len())
    }
}

/// Identifies a file's text without revealing it, because the text may contain keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
struct Sum(String);

impl Sum {
    fn of(bytes: &[u8]) -> Self {
        Self(hexadecimal(&Sha256::digest(bytes)))
    }
}
