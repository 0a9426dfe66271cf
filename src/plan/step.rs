//! A step of a run: an act, and the phase that it belongs to.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Act;
use crate::guest::placed::Placed;

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// Keep the present bytes of the files in the journal, below /var/lib/postclone.
    Backup {
        /// Number of files.
        files: usize,
    },
    /// Name file systems by UUID in the files that a boot reads, so that the machine boots under either
    /// name.
    BridgeFiles {
        /// Number of files.
        files: usize,
    },
    /// Build a kernel's initramfs image on the bridge, if images contain copies of bridged files.
    BridgeImage {
        /// The tool that builds it.
        generator: String,
        /// The kernel's version.
        kernel: String,
        /// The image, inside the root.
        path: PathBuf,
    },
    /// Make again, on the bridge, what kernel-install has placed for a kernel.
    BridgePlaced(Placed),
    /// Replace the files by the new ones.
    ReplaceFiles {
        /// Number of files.
        files: usize,
    },
    /// Rename paths that have the group's name, and change the targets of links to them.
    RenamePaths {
        /// Number of files, directories and links.
        paths: usize,
    },
    /// Make systemd read its configuration again.
    ReloadSystemd,
    /// Rebuild a kernel's initramfs image.
    RebuildImage {
        /// The tool that builds it.
        generator: String,
        /// The kernel's version.
        kernel: String,
        /// The image, inside the root.
        path: PathBuf,
    },
    /// Make again, from the new image, what kernel-install has placed for a kernel.
    Place(Placed),
    /// Plan again: nothing may be left to change. Then prove the next boot.
    Verify,
    /// An act of a kind of change.
    #[serde(untagged)]
    Own(Act),
}

/// The parts of a run, in order. Each step belongs to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The journal, with the old state of everything.
    Keep,
    /// Files and images that boot under either name.
    Bridge,
    /// The moment at which the machine gets the new name.
    Pivot,
    /// The files, and the paths that have the name.
    Files,
    /// What the files no longer name.
    Rest,
    /// Device links in the running system.
    Links,
    /// The rest of the running system, until the reboot.
    Live,
    /// What changes after the files, and is undone before them.
    Late,
    /// Images that the next boot reads. Only the system itself can build them.
    Image,
    /// The check of everything at the end.
    Verify,
}

impl Phase {
    /// Whether the phase is only about the running system. A run from a rescue system has no such phase.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Links | Self::Live)
    }
}

impl Step {
    /// The phase. Only the kind of a change knows the phase of its own acts. Here, they all count as a
    /// pivot.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Backup { .. } => Phase::Keep,
            Self::BridgeFiles { .. } | Self::BridgeImage { .. } | Self::BridgePlaced(_) => {
                Phase::Bridge
            }
            Self::ReplaceFiles { .. } | Self::RenamePaths { .. } => Phase::Files,
            Self::ReloadSystemd => Phase::Live,
            Self::RebuildImage { .. } | Self::Place(_) => Phase::Image,
            Self::Verify => Phase::Verify,
            Self::Own(_) => Phase::Pivot,
        }
    }

    /// Whether the step builds an image that boots under either name.
    pub fn is_bridge_image(&self) -> bool {
        matches!(self, Self::BridgeImage { .. } | Self::BridgePlaced(_))
    }
}
