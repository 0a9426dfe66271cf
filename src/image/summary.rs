//! What an image can do for a boot.

use std::collections::BTreeSet;

use super::Entry;
use crate::rewrite::crypttab;

/// A crypttab beyond this is none.
const MAX_CRYPTTAB: u64 = 1 << 20;

/// The parts of an image without which a boot from LVM or LUKS fails, each with the entries that
/// provide it: any one will do.
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

/// Where the mappings stand that the image opens: initramfs-tools, dracut and mkinitcpio.
const CRYPTTABS: &[&str] = &["cryptroot/crypttab", "etc/crypttab"];

/// What is found of an image while its entries go by.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Which of `init`, `lvm` and `cryptsetup` it has.
    pub parts: BTreeSet<&'static str>,
    /// Names of the mappings in its crypttab.
    pub mappings: BTreeSet<String>,
}

impl Summary {
    /// Whether an entry's content is of interest.
    pub fn reads(entry: &Entry) -> bool {
        let is_crypttab = CRYPTTABS.iter().any(|name| name.as_bytes() == entry.name);
        is_crypttab && entry.is_file() && entry.size <= MAX_CRYPTTAB
    }

    /// Looks at one entry; `content` counts where [`Summary::reads`] says so.
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

    /// What `before` had and this one lacks, in words.
    pub fn lacks(&self, before: &Self) -> Vec<String> {
        let parts = before.parts.difference(&self.parts).map(|part| format!("`{part}`"));
        let mappings = before.mappings.difference(&self.mappings);
        parts.chain(mappings.map(|name| format!("the mapping `{name}` in its crypttab"))).collect()
    }
}
