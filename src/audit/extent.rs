//! How much of the tree a search looks into.

use std::collections::HashSet;

use super::rules;
use crate::severity::Severity;

/// Beyond this size nothing is a script or a configuration.
const LARGEST: u64 = 16 << 20;

/// Which files are searched.
#[derive(Debug)]
pub(super) enum Extent {
    /// All of them, and what is inside images.
    Everything,
    /// What a boot, a service or a person runs: files for which [`rules`] has more than a cosmetic
    /// severity, to 16 MiB. Images are left out, for a plan knows what becomes of each.
    WhatRuns {
        /// Files of the table of places, wherever they lie, by their paths below the root.
        known: HashSet<Vec<u8>>,
        /// Files that are left out, by their paths below the root.
        without: HashSet<Vec<u8>>,
    },
}

impl Extent {
    /// Whether every file is read, and images are opened.
    pub(super) fn reads_all(&self) -> bool {
        matches!(self, Self::Everything)
    }

    /// Whether a file is read. `path` is below the root.
    pub(super) fn reads(&self, path: &[u8], executable: bool, length: u64) -> bool {
        match self {
            Self::Everything => true,
            Self::WhatRuns { known, without } => {
                length <= LARGEST
                    && !without.contains(path)
                    && (known.contains(path) || rules::of(path, executable).0 <= Severity::Error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_copies_and_what_the_plan_makes_are_not_read() {
        let set = |paths: &[&str]| paths.iter().map(|path| path.as_bytes().to_vec()).collect();
        let extent = Extent::WhatRuns {
            known: set(&["var/lib/app/settings"]),
            without: set(&["boot/efi/EFI/Linux/debian.efi"]),
        };
        for (path, executable, length, read) in [
            ("etc/fstab", false, 1, true),
            ("etc/fstab.bak", false, 1, false),
            ("home/me/notes", false, 1, false),
            ("home/me/bin/backup", true, 1, true),
            ("var/lib/app/settings", false, 1, true),
            ("var/lib/app/data", false, 1, false),
            ("boot/efi/EFI/Linux/debian.efi", false, 1, false),
            ("boot/efi/EFI/debian/grubx64.efi", false, 1, true),
            ("opt/app/bundle", true, 32 << 20, false),
        ] {
            assert_eq!(extent.reads(path.as_bytes(), executable, length), read, "{path}");
            assert!(Extent::Everything.reads(path.as_bytes(), executable, length));
        }
    }
}
