//! A unified kernel image as a whole: its sections and its command lines.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};

use super::pe;
use crate::regular::open_regular;

/// The kernel's own limit is 4 KiB or less on most machines; more is no command line.
const MAX_CMDLINE: u64 = 64 << 10;

/// Sections without which another boot comes of it, or none: what the kernel is started with, and what
/// a TPM's policy is about (uapi-group.org, specification 5).
const NEEDED: &[&str] =
    &[".linux", ".initrd", ".cmdline", ".ucode", ".dtb", ".pcrsig", ".pcrpkey", ".profile"];

/// What a unified kernel image is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unified {
    /// Names of its sections.
    pub sections: BTreeSet<String>,
    /// Its command lines: more than one where it has profiles.
    pub cmdlines: Vec<String>,
    /// Whether it is signed for Secure Boot.
    pub signed: bool,
}

impl Unified {
    /// Reads what there is, but not what is in the initrd.
    ///
    /// # Errors
    /// A file that is no PE program, is cut off or cannot be read.
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

    /// What `before` had and this one lacks, in words.
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
