//! Who may see the text of a file.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::root::Root;

/// `S_IROTH` and `S_IXOTH` (inode(7)).
const OTHERS_READ: u32 = 0o004;
const OTHERS_SEARCH: u32 = 0o001;

/// Whether a file is not readable for everybody, by its mode or by that of a directory above it inside the
/// root. Directories above the root say nothing about the system in it.
pub fn is_private(root: &Root, path: &Path, metadata: &Metadata) -> bool {
    !is_readable(metadata) || path.parent().is_some_and(|dir| is_reached_by_few(root, dir))
}

/// Whether a directory of the root, or one above it, is not searchable for everybody.
pub fn is_reached_by_few(root: &Root, dir: &Path) -> bool {
    let closed = |dir: &Path| {
        let looked = fs::symlink_metadata(root.outer(dir));
        looked.map_or(true, |metadata| !is_searchable(&metadata))
    };
    dir.ancestors().any(|dir| dir != Path::new("/") && closed(dir))
}

/// Whether everybody who can reach the file may read it.
pub fn is_readable(metadata: &Metadata) -> bool {
    metadata.mode() & OTHERS_READ != 0
}

/// Whether everybody may access the contents of a directory.
pub fn is_searchable(metadata: &Metadata) -> bool {
    metadata.mode() & OTHERS_SEARCH != 0
}
