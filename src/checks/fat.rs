//! Boot files on FAT, on which no file can be replaced atomically.

use std::path::{Path, PathBuf};

use crate::change::Job;
use crate::guest::mounts::mounted;
use crate::plan::Step;

/// The kernel's names for FAT (Linux fs/fat).
const FAT: &[&str] = &["vfat", "msdos"];

/// Warns of files on FAT that a run writes, and of what an interruption may leave.
pub(super) fn warning(job: &Job) -> Option<String> {
    let mounts = mounted();
    let is_on_fat = |path: &&PathBuf| {
        let outer = job.root.outer(path);
        let above = |target: &Path| outer.starts_with(target);
        // Of several mounts at the deepest mount point, the last one is visible.
        let mount = mounts
            .iter()
            .filter(|mount| above(&mount.target))
            .max_by_key(|mount| mount.target.components().count());
        mount.is_some_and(|mount| FAT.contains(&mount.kind.as_str()))
    };
    let built = job.plan.steps.iter().filter_map(|step| match step {
        Step::RebuildImage { path, .. } => Some(path),
        Step::Place(placed) => Some(&placed.path),
        _ => None,
    });
    let files: Vec<&PathBuf> =
        job.plan.files.iter().map(|change| &change.path).chain(built).filter(is_on_fat).collect();
    let first = files.first()?;
    let others = match files.len() {
        1 => String::new(),
        more => format!(" and {} more", more - 1),
    };
    Some(format!(
        "`{}`{others} on FAT: FAT has no journal, and a power cut while such a file is put in place can leave it missing or under a temporary name; postclone's journal has its bytes: from a rescue system, run \
         `fsck.vfat`, then `postclone rename --resume --root DIR` or `postclone undo --root DIR`",
        first.display()
    ))
}
