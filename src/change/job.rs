//! Everything that a run works with.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;

use super::{Changes, Following};
use crate::audit::{NotRewritten, Wanted};
use crate::blkid::Devices;
use crate::guest::kernels::{Generator, Images};
use crate::guest::root::Root;
use crate::plan::Plan;
use crate::proof::Row;

/// Everything that a run works with.
pub struct Job {
    /// The tree.
    pub root: Root,
    /// The changes.
    pub changes: Changes,
    /// What the run does.
    pub plan: Plan,
    /// Names of dm-crypt mappings that the tree declares.
    pub mappings: BTreeSet<String>,
    /// What blkid reports, or why it failed. `None` if it was not asked.
    pub devices: Option<Result<Devices>>,
    /// The kernels' images.
    pub images: Images,
    /// The tool that builds them.
    pub generator: Option<Generator>,
    /// The proof of the next boot from before the run, computed when it is first needed.
    pub(super) proof_before: OnceCell<Vec<Row>>,
    /// Files that follow the images.
    pub placed: Vec<Following>,
    /// Whether images are built on the bridge, too.
    pub bridges_images: bool,
    /// Whether LVM, the images and the running system are left alone.
    pub files_only: bool,
    /// Files that the user named in addition to the table of places.
    pub also: Vec<PathBuf>,
    /// Names that the plan leaves, if they were searched for.
    pub not_rewritten: NotRewritten,
    /// The run that this one undoes, by the name of its journal's directory.
    pub undoes: Option<String>,
}

impl Job {
    /// A job for which nothing has been found yet.
    pub fn new(root: Root, changes: Changes, plan: Plan, mappings: BTreeSet<String>) -> Self {
        Self {
            root,
            changes,
            plan,
            mappings,
            devices: None,
            images: Images::default(),
            generator: None,
            proof_before: OnceCell::new(),
            placed: Vec::new(),
            bridges_images: false,
            files_only: false,
            also: Vec::new(),
            not_rewritten: NotRewritten { complete: true, ..NotRewritten::default() },
            undoes: None,
        }
    }

    /// Whether the run changes the running system, too.
    pub fn is_live(&self) -> bool {
        self.root.is_live() && !self.files_only
    }

    /// The old names, as a search needs them.
    pub fn wanted(&self) -> Vec<Wanted> {
        self.changes.wanted(&self.mappings)
    }
}
