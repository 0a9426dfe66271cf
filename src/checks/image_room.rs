//! The space that images need.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::change::Job;
use crate::guest::placed::Made;

/// The bytes that images need, by purpose.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// In the journal, which keeps all old images. It keeps a second copy of images that are built on the
    /// bridge.
    pub(super) kept: u64,
    /// For the largest unified kernel image while it is built.
    pub(super) workshop: u64,
    /// On each file system, with a directory of it: the largest image, which is beside the old one while
    /// it is written.
    pub(super) beside: Vec<(PathBuf, u64)>,
}

/// The space that the images of a run need.
pub(super) fn room(job: &Job) -> Room {
    let mut room = Room::default();
    let mut beside: BTreeMap<u64, (PathBuf, u64)> = BTreeMap::new();
    let mut add = |path: &Path, of: &Path, copies: u64, workshop: bool| {
        let (path, of) = (job.root.outer(path), job.root.outer(of));
        let (Ok(old), Ok(new)) = (fs::metadata(&path), fs::metadata(of)) else { return };
        room.kept += copies * old.len();
        let grown = new.len() + new.len() / 10;
        if workshop {
            room.workshop = room.workshop.max(grown);
        }
        let dir = path.parent().unwrap_or(&path).to_owned();
        let largest = &mut beside.entry(old.dev()).or_insert((dir, 0)).1;
        *largest = grown.max(*largest);
    };
    if job.generator.is_some() {
        for image in &job.images.images {
            add(&image.path, &image.path, if job.bridges_images { 2 } else { 1 }, false);
        }
    }
    for placed in &job.placed {
        let copies = if placed.bridge.is_some() { 2 } else { 1 };
        match &placed.last.made {
            Made::Copy { of } => add(&placed.last.path, of, copies, false),
            Made::Unified { .. } => add(&placed.last.path, &placed.last.path, copies, true),
        }
    }
    room.beside = beside.into_values().collect();
    room
}
