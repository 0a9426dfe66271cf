//! Which bytes of a file name the group: bytes in, spans out. No files, no processes.
//!
//! A new format is one file here and one line in [`PLACES`].

pub mod advice;
pub mod bare;
pub mod bls;
pub mod bridge;
pub mod crypttab;
pub mod decoded;
pub mod edit;
pub mod efi_variable;
pub mod fields;
pub mod free_text;
pub mod fstab;
pub mod grubenv;
pub mod image_bridge;
pub mod json;
pub mod keyed;
pub mod libvirt;
pub mod lines;
pub mod lvm_conf;
pub mod matcher;
pub mod places;
pub mod scan;
pub mod shell_conf;
pub mod text;
pub mod udev_rules;
pub mod unit_bridge;
pub mod unit_file;
pub mod unit_name;
pub mod unit_path;
pub mod xml;

use anyhow::Result;

use edit::Findings;
use matcher::Matcher;
pub use places::{PLACES, Place, Treatment};

/// Finds what to change in a file's bytes.
pub type Rewrite = fn(&Matcher, &[u8]) -> Result<Findings>;
