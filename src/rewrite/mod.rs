//! Finds the bytes of a file that name the group: bytes in, spans out. No files, no processes.
//!
//! A new format needs one file here and one line in [`PLACES`].

pub mod advice;
pub mod bare;
pub mod bls;
mod boot_places;
pub mod bridge;
mod command_line;
pub mod commands;
pub mod crypttab;
pub mod decoded;
pub mod edit;
pub mod efi_variable;
mod elsewhere;
pub mod fields;
pub mod free_text;
pub mod fstab;
pub mod grubenv;
pub mod image_bridge;
pub mod json;
mod kernel_path;
pub mod keyed;
pub mod libvirt;
pub mod lines;
pub mod lvm_conf;
mod lvm_filter;
mod lvm_options;
mod lvm_tokens;
pub mod matcher;
pub mod merge;
pub mod place;
pub mod places;
pub mod recorded;
pub mod scan;
mod service_places;
pub mod shell_conf;
pub mod text;
pub mod udev_rules;
pub mod unit_bridge;
pub mod unit_file;
pub mod unit_name;
pub mod unit_path;
pub mod uuid_bridge;
pub mod verdict;
pub mod xen;
pub mod xml;

use std::path::Path;

use anyhow::Result;

use crate::glob::is_component;
use edit::Findings;
use matcher::Matcher;
pub use place::{Place, Treatment};
pub use places::{INCLUDED, PLACES};

/// Finds what to change in a file's bytes.
pub type Rewrite = fn(&Matcher, &[u8]) -> Result<Findings>;

/// Whether a path belongs to a place. The path is relative to the root, without a leading slash.
pub fn is_at(place: &Place, path: &str) -> bool {
    is_path(place.pattern, path) && !place.passes_over(Path::new(path))
}

/// Whether a path fits a place's pattern. The path is relative to the root, without a leading slash.
pub fn is_path(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let components: Vec<&str> = path.split('/').collect();
    fits(&pattern, &components)
}

fn fits(pattern: &[&str], path: &[&str]) -> bool {
    let Some((first, pattern)) = pattern.split_first() else { return path.is_empty() };
    if *first == "**" {
        let directories = path.iter().take_while(|name| !name.starts_with('.')).count();
        return (0..=directories).any(|at| fits(pattern, &path[at..]));
    }
    let Some((name, path)) = path.split_first() else { return false };
    is_component(name.as_bytes(), first) && fits(pattern, path)
}
