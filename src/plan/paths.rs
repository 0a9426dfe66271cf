//! Paths that change: files, directories and links that are renamed, and links that get new targets.

use std::fs::Metadata;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::FileChange;

/// A path that is renamed, or a link that gets another target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathChange {
    /// The path before the run: absolute inside the root, with the links of its directory resolved.
    pub from: PathBuf,
    /// The path after the run, when all paths are renamed. Only names change: each path stays in its
    /// directory, which may be renamed itself.
    pub to: PathBuf,
    /// What is there.
    pub kind: PathKind,
    /// The link before and after the run, if it is one.
    pub link: Option<Link>,
}

/// What is at a path. Links are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathKind {
    /// Anything else.
    File,
    /// A directory with its contents.
    Directory,
    /// A symbolic link.
    Link,
}

impl PathKind {
    /// The kind of a path, by metadata that were read without following links.
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
    /// The target afterwards. The target of a mask, /dev/null, does not change.
    pub after: PathBuf,
    /// Modification time before: seconds and nanoseconds since 1970.
    pub modified: (i64, i64),
}

impl PathChange {
    /// Whether the path's own name changes, and not only its directory or its target.
    pub fn renames(&self) -> bool {
        self.from.file_name() != self.to.file_name()
    }

    /// The link, if it gets another target.
    pub fn retargets(&self) -> Option<&Link> {
        self.link.as_ref().filter(|link| link.before != link.after)
    }
}

/// A file or link that has another path or another target after the run. A patch shows these, because it
/// has no directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Its path before.
    pub from: PathBuf,
    /// Its path afterwards.
    pub to: PathBuf,
    /// A link's target before and after.
    pub targets: Option<(PathBuf, PathBuf)>,
}

/// A file that an act of a change renames, as a patch shows it.
#[derive(Debug)]
pub struct Shifted {
    /// Its paths.
    pub moved: Moved,
    /// What changes in it.
    pub change: Option<FileChange>,
}

/// The part of a plan about paths.
#[derive(Debug, Default)]
pub struct Paths {
    /// The changes in the order of the run, innermost paths first.
    pub changes: Vec<PathChange>,
    /// The same changes for a patch, sorted by path.
    pub moved: Vec<Moved>,
}
