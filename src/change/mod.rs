//! What a plan changes: the trait of a kind of change, the changes of one plan, and the job that is made
//! of them.
//!
//! The engine ([`crate::engine`]) carries out, finishes and undoes any of them, and knows none by name. A
//! kind of change is a room of its own with a type that implements [`Change`], and a line in
//! [`crate::changes`].

mod following;
mod job;
mod list;
mod proof;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Instant;

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

use crate::audit::Wanted;
use crate::blkid::Devices;
use crate::guest::root::Root;
use crate::plan::paths::Shifted;
use crate::plan::{Act, Phase, Rewriter, Subject};
use crate::proof::Known;
use crate::rewrite::bridge::Uuids;
use crate::rewrite::edit::Edit;
use crate::rewrite::matcher::Matcher;
use crate::rewrite::uuid_bridge::StandIns;
use crate::transaction::record::Direction;
pub use following::Following;
pub use job::Job;
pub use list::Changes;

/// One change of a plan. What is asked of it both ways is asked with a direction: forward from the old
/// state to the new, backward from the new to the old.
pub trait Change: fmt::Debug + Send + Sync {
    /// The word under which the journal keeps it.
    fn kind(&self) -> &'static str;

    /// What the journal keeps of it, and its kind reads again: an object.
    fn kept(&self) -> Value;

    /// What is changed, from what to what, for people and programs.
    fn subject(&self) -> Subject;

    /// Whether there is nothing to change.
    fn is_empty(&self) -> bool {
        false
    }

    /// What is asked before it is done, the beginning of a question: `Rename`.
    fn asked(&self) -> &'static str {
        "Rename"
    }

    /// Whether images may hold what it changes.
    fn needs_images(&self) -> bool {
        self.concerns_boot()
    }

    /// Whether images are built for it even where no file changes.
    fn is_in_images(&self) -> bool {
        false
    }

    /// What a system whose /etc is made of something else does with it, and what to do there; none if
    /// it is a name that such a system's boot has, too.
    fn where_image_based(&self) -> Option<&'static str> {
        None
    }

    // --- What is found and made.

    /// What changes in the kernel command line of a unified kernel image that is built anew, beside names.
    fn argument_edits(&self, _command_line: &[u8], _direction: Direction) -> Vec<Edit> {
        Vec::new()
    }

    /// How its names are found in files and replaced. `mappings` are the names of dm-crypt mappings that
    /// the tree declares.
    fn matcher(&self, _direction: Direction, _mappings: &BTreeSet<String>) -> Option<Matcher> {
        None
    }

    /// Its own rules for files of its own, beside the names that a matcher finds.
    fn rewriter(&self, _direction: Direction) -> Option<Box<dyn Rewriter>> {
        None
    }

    /// Those of its rules whose edits stay when a plan of its own takes the run back.
    fn remains(&self) -> Option<Box<dyn Rewriter>> {
        None
    }

    /// Files to which its own acts give another name, for a patch.
    ///
    /// # Errors
    /// What cannot be read.
    fn shifted(&self, _root: &Root) -> Result<Vec<Shifted>> {
        Ok(Vec::new())
    }

    /// Whether a boot needs what is changed, so that the next boot is proved, and loaders and the TPM are thought
    /// of.
    fn concerns_boot(&self) -> bool {
        true
    }

    /// What no image may hold, and no file shall, when the plan was carried out.
    fn wanted(&self, _mappings: &BTreeSet<String>) -> Option<Wanted> {
        None
    }

    /// Adds what is true of names when a run has gone that way.
    fn know(&self, _known: &mut Known, _direction: Direction) {}

    /// Which way the machine looks as if it had gone: backward where the change is yet to come.
    fn stands(&self) -> Direction {
        Direction::Backward
    }

    /// The name that a live dm device has after the reboot, by its dm UUID and the name that it has
    /// now; none if it keeps that.
    fn dm_name(&self, _dm_uuid: &str, _name: &str) -> Option<String> {
        None
    }

    /// The file systems by UUID that a bridge has in place of names.
    fn uuids(&self, _devices: &Devices) -> Uuids {
        Uuids::new()
    }

    /// What names file systems of partitions while their UUIDs change.
    fn stand_ins(&self) -> StandIns {
        StandIns::new()
    }

    // --- Before the first change.

    /// Whether it has an act that the machine cannot be between two boots without: a pivot.
    fn pivots(&self) -> bool {
        false
    }

    /// What root is needed for; none if anybody may.
    fn needs_root(&self) -> Option<&'static str> {
        None
    }

    /// Everything that could refuse later, each answer by itself.
    fn checks(&self, _job: &Job) -> Vec<Result<()>> {
        Vec::new()
    }

    /// What a person should know before they say yes.
    fn warnings(&self, _job: &Job) -> Vec<String> {
        Vec::new()
    }

    /// Whether what a journal names is of this root, and not of the machine on which postclone runs.
    ///
    /// # Errors
    /// If it is not.
    fn is_of(&self, _root: &Root) -> Result<()> {
        Ok(())
    }

    /// What a person should know when it is done.
    fn afterwards(&self, _job: &Job) -> Option<&'static str> {
        None
    }

    /// Services that run and go on with the old state until they are restarted.
    fn holders(&self, _job: &Job) -> Vec<Holder> {
        Vec::new()
    }

    // --- Its own acts.

    /// Its acts of the pivot, and those in the running system.
    fn acts(&self, _job: &Job) -> Vec<Act> {
        Vec::new()
    }

    /// The phase of an act of its own.
    ///
    /// # Errors
    /// An act that is none of its own, or that does not fit what the journal keeps of it.
    fn phase(&self, act: &Act) -> Result<Phase>;

    /// An act in a person's words.
    fn words(&self, act: &Act, direction: Direction) -> String;

    /// Takes an act, looking first whether it was taken before. Gives what was seen afterwards.
    fn take(
        &self,
        act: &Act,
        root: &Root,
        direction: Direction,
        told: &mut Told,
    ) -> Result<Option<String>>;

    /// Whether the machine has the new state; none if it has no pivot, or that cannot be seen.
    fn is_made(&self) -> Option<bool> {
        None
    }

    /// Demands of the machine what the pivot was for, when a run has gone that way.
    fn demand(&self, _direction: Direction) -> Result<()> {
        Ok(())
    }

    /// What a boot after the run has done that the bytes of before know nothing of: a clause. Such a run is not
    /// undone by them.
    ///
    /// # Errors
    /// What cannot be seen.
    fn came(&self) -> Result<Option<String>> {
        Ok(None)
    }

    /// What is true then, in a few words: `the group is NEW`. Empty where its acts have said it.
    fn state(&self, _direction: Direction) -> String {
        String::new()
    }

    /// What the pivot changes: `the group's name`.
    fn thing(&self) -> &'static str;

    /// What the reboot brings that the running system waits for: a sentence.
    fn next(&self) -> Option<&'static str> {
        None
    }

    /// The change that takes this one back by a plan of its own, with all that a plan needs to know.
    fn back(&self, root: &Root) -> Result<Box<dyn Change>>;
}

/// A service that goes on with what was changed as it was, until it is restarted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// Its unit.
    pub unit: String,
    /// What it has it for: a clause.
    pub why: String,
    /// Its files that were rewritten, inside the root.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// When the machine was told to pivot.
#[derive(Debug, Default)]
pub struct Told(pub Option<Instant>);
