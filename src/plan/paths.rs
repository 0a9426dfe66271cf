//! Paths that change: renames of files, directories and links, and new targets of links.

use std::fs::Metadata;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::FileChange;

/// One path that gets another name, or a link that gets another target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathChange {
    /// Absolute inside the root before the run, the directory's links resolved.
    pub from: PathBuf,
    /// The same afterwards, when all paths are renamed. Only names change: each stays in its
    /// directory, which may itself get another name.
    pub to: PathBuf,
    /// What stands there.
    pub kind: PathKind,
    /// A link's target, and its time, before the run.
    pub link: Option<Link>,
}

/// What a path leads to, itself not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathKind {
    /// Anything but the others.
    File,
    /// With all that is in it.
    Directory,
    /// A symbolic link.
    Link,
}

impl PathKind {
    /// Of a path's own metadata, links not followed.
    pub fn of(metadata: &Metadata) -> Self {
        if metadata.is_dir() {
            Self::Directory
        } else if metadata.is_symlink() {
            Self::Link
        } else {
            Self::File
        }
    }
}

/// A symbolic link before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The target before.
    pub before: PathBuf,
    /// The target afterwards; the same for a mask, which leads to /dev/null.
    pub after: PathBuf,
    /// Modification time before: seconds and nanoseconds since 1970.
    pub modified: (i64, i64),
}

impl PathChange {
    /// Whether the path itself gets another name, or only what is above it, or its target.
    pub fn renames(&self) -> bool {
        self.from.file_name() != self.to.file_name()
    }

    /// The link, where it gets another target.
    pub fn retargets(&self) -> Option<&Link> {
        self.link.as_ref().filter(|link| link.before != link.after)
    }
}

/// A file or link that is found under another path afterwards, or with another target: what a patch
/// shows, which knows no directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Its path before.
    pub from: PathBuf,
    /// Its path afterwards.
    pub to: PathBuf,
    /// A link's target before and after.
    pub targets: Option<(PathBuf, PathBuf)>,
}

/// A file that an act of a change's own gives another name, as a patch shows it.
#[derive(Debug)]
pub struct Shifted {
    /// Its paths.
    pub moved: Moved,
    /// What changes in it.
    pub change: Option<FileChange>,
}

/// The paths part of a plan.
#[derive(Debug, Default)]
pub struct Paths {
    /// What is renamed, in the order in which it is: the innermost first.
    pub changes: Vec<PathChange>,
    /// The same for a patch, by path.
    pub moved: Vec<Moved>,
}
