//! What an image can do for a boot.

use std::collections::BTreeSet;

use super::Entry;
use crate::rewrite::crypttab;

/// A larger file is not a crypttab.
const MAX_CRYPTTAB: u64 = 1 << 20;

/// The parts that an image needs to boot from LVM or LUKS, each with the entries that provide it. One
/// entry is enough.
const PARTS: &[(&str, &[&str])] = &[
    ("init", &["init"]),
    ("lvm", &["sbin/lvm", "usr/sbin/lvm", "bin/lvm", "usr/bin/lvm"]),
    (
        "cryptsetup",
        &[
            "sbin/cryptsetup",
            "usr/sbin/cryptsetup",
            "bin/cryptsetup",
            "usr/bin/cryptsetup",
            "lib/systemd/systemd-cryptsetup",
            "usr/lib/systemd/systemd-cryptsetup",
            "usr/bin/systemd-cryptsetup",
        ],
    ),
];

/// The crypttab in an image of initramfs-tools, dracut and mkinitcpio.
const CRYPTTABS: &[&str] = &["cryptroot/crypttab", "etc/crypttab"];

/// What is known about an image after its entries were read.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Which of `init`, `lvm` and `cryptsetup` it has.
    pub parts: BTreeSet<&'static str>,
    /// The names of the mappings in its crypttab.
    pub mappings: BTreeSet<String>,
}

impl Summary {
    /// Whether the summary needs an entry's content.
    pub fn reads(entry: &Entry) -> bool {
        let is_crypttab = CRYPTTABS.iter().any(|name| name.as_bytes() == entry.name);
        is_crypttab && entry.is_file() && entry.size <= MAX_CRYPTTAB
    }

    /// Adds one entry. `content` is only used if [`Summary::reads`] is true for the entry.
    pub fn note(&mut self, entry: &Entry, content: &[u8]) {
        for (part, places) in PARTS {
            if places.iter().any(|place| place.as_bytes() == entry.name) {
                self.parts.insert(part);
            }
        }
        if Self::reads(entry) {
            self.mappings.extend(crypttab::mapping_names(content));
        }
    }

    /// What `before` has and this image lacks, in words.
    pub fn lacks(&self, before: &Self) -> Vec<String> {
        let parts = before.parts.difference(&self.parts).map(|part| format!("`{part}`"));
        let mappings = before.mappings.difference(&self.mappings);
        parts.chain(mappings.map(|name| format!("the mapping `{name}` in its crypttab"))).collect()
    }
}
