//! Steps in words.

use super::{Direction, Step};
use crate::guest::placed::{Made, Placed};
use crate::printable::count;

impl Step {
    /// A step in words. An act of a change is only named, because only its kind can describe it.
    pub fn words(&self, direction: Direction) -> String {
        match direction {
            Direction::Forward => forward(self),
            Direction::Backward => back(self),
        }
    }
}

fn forward(step: &Step) -> String {
    match step {
        Step::Backup { files } => format!("keep a copy of {}", count(*files, "file")),
        Step::BridgeFiles { files } => {
            format!("bridge {}: file systems by UUID while the name changes", count(*files, "file"))
        }
        Step::ReplaceFiles { files } => format!("replace {}", count(*files, "file")),
        Step::RenamePaths { paths } => format!("rename {}", count(*paths, "path")),
        Step::ReloadSystemd => "make systemd read its configuration again".to_owned(),
        Step::BridgeImage { generator, kernel, path } => {
            format!("bridge {} for kernel {kernel} with {generator}", path.display())
        }
        Step::RebuildImage { generator, kernel, path } => {
            format!("build {} for kernel {kernel} with {generator}", path.display())
        }
        Step::BridgePlaced(placed) => {
            format!("bridge {}, {}", placed.path.display(), making(placed))
        }
        Step::Place(placed) => format!("make {} again, {}", placed.path.display(), making(placed)),
        Step::Verify => {
            "plan again, find nothing left to change, and prove the next boot".to_owned()
        }
        Step::Own(act) => act.step.clone(),
    }
}

/// How a placed file is made.
fn making(placed: &Placed) -> String {
    match &placed.made {
        Made::Copy { of } => format!("a copy of {}", of.display()),
        Made::Unified { .. } => format!("for kernel {} with kernel-install", placed.kernel),
    }
}

/// The undoing of a step.
fn back(step: &Step) -> String {
    match step {
        Step::Backup { .. } => "read the journal".to_owned(),
        Step::BridgeFiles { files } => format!("bridge {} again", count(*files, "file")),
        Step::ReplaceFiles { files } => format!("put {} back as before", count(*files, "file")),
        Step::RenamePaths { paths } => {
            format!("give {} the old name again", count(*paths, "path"))
        }
        Step::ReloadSystemd => "make systemd read its configuration again".to_owned(),
        Step::BridgeImage { path, .. } => format!("bridge {} again", path.display()),
        Step::RebuildImage { path, .. } => format!("put the old {} back", path.display()),
        Step::BridgePlaced(placed) => format!("bridge {} again", placed.path.display()),
        Step::Place(placed) => format!("put the old {} back", placed.path.display()),
        Step::Verify => "check every file".to_owned(),
        Step::Own(act) => act.step.clone(),
    }
}
