//! A whole unified kernel image: its sections and command lines.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};

use super::pe;
use crate::regular::open_regular;

/// The kernel's limit is 4 KiB or less on most machines. A longer text is not a command line.
const MAX_CMDLINE: u64 = 64 << 10;

/// Sections that matter for the boot: what the kernel is started with, and what the TPM's policy depends
/// on (uapi-group.org, specification 5). Without one of them, the boot is different or fails.
const NEEDED: &[&str] =
    &[".linux", ".initrd", ".cmdline", ".ucode", ".dtb", ".pcrsig", ".pcrpkey", ".profile"];

/// What a unified kernel image consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unified {
    /// Names of its sections.
    pub sections: BTreeSet<String>,
    /// Its command lines. An image with profiles has several.
    pub cmdlines: Vec<String>,
    /// Whether it is signed for Secure Boot.
    pub signed: bool,
}

impl Unified {
    /// Reads the sections, but not the contents of the initramfs image.
    ///
    /// # Errors
    /// If the file is not a PE program, is truncated, or cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let reading = || format!("reading the image `{}`", path.display());
        let file = open_regular(path).with_context(reading)?;
        let mut image = Self { sections: BTreeSet::new(), cmdlines: Vec::new(), signed: false };
        for section in pe::sections(&file).with_context(reading)? {
            let name = String::from_utf8_lossy(section.name()).into_owned();
            if name == ".cmdline" {
                let text = section.content(&file, MAX_CMDLINE).with_context(reading)?;
                let text = String::from_utf8_lossy(&text);
                image.cmdlines.push(text.trim_matches(['\0', ' ', '\n']).to_owned());
            }
            image.sections.insert(name);
        }
        image.signed = pe::is_signed(&file).with_context(reading)?;
        Ok(image)
    }

    /// What `before` has and this image lacks, in words.
    pub fn lacks(&self, before: &Self) -> Vec<String> {
        let gone =
            |name: &&&str| before.sections.contains(**name) && !self.sections.contains(**name);
        let mut lacks: Vec<String> =
            NEEDED.iter().filter(gone).map(|name| format!("the section `{name}`")).collect();
        if before.signed && !self.signed {
            lacks.push("the signature for Secure Boot".to_owned());
        }
        lacks
    }
}
