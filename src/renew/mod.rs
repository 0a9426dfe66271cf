//! What a clone shares with its template and should have of its own: IDs and keys, renewed.
//!
//! Each kind is drawn once in a process: the plan that is carried out has what was shown.

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

/// What becomes of them where `/etc` is made of something else.
pub(crate) const WHERE_IMAGE_BASED: &str =
    "which may bring the old IDs back: set the clone's own IDs there";

/// Bytes that nobody is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secret bytes", self.0.len())
    }
}

/// What tells a file's text, which is of keys, without giving it away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
struct Sum(String);

impl Sum {
    fn of(bytes: &[u8]) -> Self {
        Self(hexadecimal(&Sha256::digest(bytes)))
    }
}
