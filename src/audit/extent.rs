//! How much of the tree a search reads.

use std::collections::HashSet;

use super::rules;
use crate::severity::Severity;

/// No script and no configuration is larger than this.
const LARGEST: u64 = 16 << 20;

/// Which files are searched.
#[derive(Debug)]
pub(super) enum Extent {
    /// All files, and the contents of images.
    Everything,
    /// What a boot, a service or a person runs: files up to 16 MiB for which [`rules`] has more than a
    /// cosmetic severity. Images are left out, because the plan knows what happens to each of them.
    WhatRuns {
        /// Files in the table of places, wherever they are, by their paths relative to the root.
        known: HashSet<Vec<u8>>,
        /// Files that are left out, by their paths relative to the root.
        without: HashSet<Vec<u8>>,
    },
}

impl Extent {
    /// Whether the search reads every file and opens images.
    pub(super) fn reads_all(&self) -> bool {
        matches!(self, Self::Everything)
    }

    /// Whether the search reads a file. `path` is relative to the root.
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
