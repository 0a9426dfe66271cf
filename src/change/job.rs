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
    /// What is changed.
    pub changes: Changes,
    /// What the run does.
    pub plan: Plan,
    /// Names of dm-crypt mappings that the tree declares.
    pub mappings: BTreeSet<String>,
    /// What blkid says, or why it says nothing; none if it was not asked.
    pub devices: Option<Result<Devices>>,
    /// The kernels' images.
    pub images: Images,
    /// What builds them.
    pub generator: Option<Generator>,
    /// What holds of the next boot before the run, once it was asked for.
    pub(super) proof_before: OnceCell<Vec<Row>>,
    /// What follows the images.
    pub placed: Vec<Following>,
    /// Whether images are built on the bridge, too.
    pub bridges_images: bool,
    /// Whether LVM, the images and the running system are left alone.
    pub files_only: bool,
    /// Files that the user named, beside the table of places.
    pub also: Vec<PathBuf>,
    /// What the plan leaves of the names, where that was searched for.
    pub not_rewritten: NotRewritten,
    /// The run that this one undoes, by the name of its journal's directory.
    pub undoes: Option<String>,
}

impl Job {
    /// One that nothing has been found for yet.
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

    /// Whether the running system is part of it.
    pub fn is_live(&self) -> bool {
        self.root.is_live() && !self.files_only
    }

    /// The old names, as a search wants them.
    pub fn wanted(&self) -> Vec<Wanted> {
        self.changes.wanted(&self.mappings)
    }
}
