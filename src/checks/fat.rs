//! Boot files on FAT, which puts no file in another's place in one piece.

use std::path::{Path, PathBuf};

use crate::change::Job;
use crate::guest::mounts::mounted;
use crate::plan::Step;

/// The kernel's names of it (Linux fs/fat).
const FAT: &[&str] = &["vfat", "msdos"];

/// Which of the files that a run writes are there, and what a cut can leave.
pub(super) fn warning(job: &Job) -> Option<String> {
    let mounts = mounted();
    let is_on_fat = |path: &&PathBuf| {
        let outer = job.root.outer(path);
        let above = |target: &Path| outer.starts_with(target);
        // The last of the deepest mount points is the one that is seen.
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
