//! One step of a run: an act, and the phase of the run that it belongs to.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Act;
use crate::guest::placed::Placed;

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// Keep the files' bytes as they are now, in the journal under /var/lib/postclone.
    Backup {
        /// Number of files.
        files: usize,
    },
    /// Name file systems by UUID in the files that a boot reads, so that the next boot comes up
    /// whatever the group is called.
    BridgeFiles {
        /// Number of files.
        files: usize,
    },
    /// Build a kernel's initramfs image on the bridge, where images hold copies of bridged files.
    BridgeImage {
        /// The tool that builds it.
        generator: String,
        /// The kernel's version.
        kernel: String,
        /// The image, inside the root.
        path: PathBuf,
    },
    /// Make again what kernel-install has placed for a kernel on the bridge.
    BridgePlaced(Placed),
    /// Put the new files in place of the old.
    ReplaceFiles {
        /// Number of files.
        files: usize,
    },
    /// Rename what has the group's name itself, and turn links to it.
    RenamePaths {
        /// Number of files, directories and links.
        paths: usize,
    },
    /// Let systemd read its configuration again.
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
    /// Make again what kernel-install has placed for a kernel, of the new image.
    Place(Placed),
    /// Plan again: nothing may be left to change. Then prove the next boot.
    Verify,
    /// What a kind of change does itself.
    #[serde(untagged)]
    Own(Act),
}

/// Which part of a run a step belongs to, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The journal, with everything as it was.
    Keep,
    /// Files and images that boot under either name.
    Bridge,
    /// The instant in which the machine gets the new name.
    Pivot,
    /// The files, and what has the name itself.
    Files,
    /// What the files name no more.
    Rest,
    /// Device links in the running system.
    Links,
    /// The rest of the running system, until the reboot.
    Live,
    /// What changes when the files are in place, and goes back before them.
    Late,
    /// Images that the next boot reads, built by the system itself alone.
    Image,
    /// The second look at all of it.
    Verify,
}

impl Phase {
    /// Whether it is about the running system alone: from a rescue system there is no such thing to do.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Links | Self::Live)
    }
}

impl Step {
    /// The phase. Of a change's own acts only its kind knows it, and here they count as a pivot.
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

    /// Whether the step makes an image that boots under either name.
    pub fn is_bridge_image(&self) -> bool {
        matches!(self, Self::BridgeImage { .. } | Self::BridgePlaced(_))
    }
}
