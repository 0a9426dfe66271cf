//! What a plan changes: the trait of a kind of change, the changes of one plan, and the job made from them.
//!
//! The engine ([`crate::engine`]) carries out, finishes and undoes changes of any kind, and knows no kind by name. A
//! kind of change is a room of its own with a type that implements [`Change`], and a line in [`crate::changes`].

mod following;
mod job;
mod list;
mod proof;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
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

/// One change of a plan. Some methods take a direction: forward is from the old state to the new, backward from the
/// new to the old.
pub trait Change: fmt::Debug + Send + Sync {
    /// The word under which the journal keeps this kind.
    fn kind(&self) -> &'static str;

    /// What the journal keeps of the change, and its kind reads again. It is a JSON object.
    fn kept(&self) -> Value;

    /// What is changed, from what to what, for people and programs.
    fn subject(&self) -> Subject;

    /// Whether there is nothing to change.
    fn is_empty(&self) -> bool {
        false
    }

    /// The beginning of the question before the run: `Rename`.
    fn asked(&self) -> &'static str {
        "Rename"
    }

    /// Whether images may contain what it changes.
    fn needs_images(&self) -> bool {
        self.concerns_boot()
    }

    /// Whether images are built for it even if no file changes.
    fn is_in_images(&self) -> bool {
        false
    }

    /// What happens to the change on a system that creates its /etc from something else, and what to do there. `None`
    /// if the change is to a name that such a system's boot has, too.
    fn where_image_based(&self) -> Option<&'static str> {
        None
    }

    // --- What is found and made.

    /// Edits to the kernel command line of a unified kernel image that is rebuilt, in addition to names.
    fn argument_edits(&self, _command_line: &[u8], _direction: Direction) -> Vec<Edit> {
        Vec::new()
    }

    /// Finds and replaces the change's names in files. `mappings` are the names of dm-crypt mappings that the tree
    /// declares.
    fn matcher(&self, _direction: Direction, _mappings: &BTreeSet<String>) -> Option<Matcher> {
        None
    }

    /// Rules for files of its own, in addition to the names that a matcher finds.
    fn rewriter(&self, _direction: Direction) -> Option<Box<dyn Rewriter>> {
        None
    }

    /// Those of its rules whose edits stay when the run is undone by a plan of its own.
    fn remains(&self) -> Option<Box<dyn Rewriter>> {
        None
    }

    /// Files that get another name by the change's own acts, for a patch.
    ///
    /// # Errors
    /// Something that cannot be read.
    fn shifted(&self, _root: &Root) -> Result<Vec<Shifted>> {
        Ok(Vec::new())
    }

    /// Whether a boot needs what is changed. If so, the next boot is proved, and boot loaders and the TPM are
    /// considered.
    fn concerns_boot(&self) -> bool {
        true
    }

    /// What no image may contain, and no file should, after the run.
    fn wanted(&self, _mappings: &BTreeSet<String>) -> Option<Wanted> {
        None
    }

    /// Adds what is true of names when a run has gone in this direction.
    fn know(&self, _known: &mut Known, _direction: Direction) {}

    /// The direction in which the machine seems to have gone: backward if the change has not been made yet.
    fn stands(&self) -> Direction {
        Direction::Backward
    }

    /// The name that a live dm device will have after the reboot, from its dm UUID and its present name. `None` if it
    /// keeps its name.
    fn dm_name(&self, _dm_uuid: &str, _name: &str) -> Option<String> {
        None
    }

    /// File systems by UUID, which a bridge uses instead of names.
    fn uuids(&self, _devices: &Devices) -> Uuids {
        Uuids::new()
    }

    /// What names the file systems of partitions while their UUIDs change.
    fn stand_ins(&self) -> StandIns {
        StandIns::new()
    }

    // --- Before the first change.

    /// Whether it has an act that must be complete between two boots: a pivot.
    fn pivots(&self) -> bool {
        false
    }

    /// What root is needed for. `None` if anybody may carry out the change.
    fn needs_root(&self) -> Option<&'static str> {
        None
    }

    /// Checks everything that could cause a refusal later. Each answer is separate.
    fn checks(&self, _job: &Job) -> Vec<Result<()>> {
        Vec::new()
    }

    /// What people should know before they say yes.
    fn warnings(&self, _job: &Job) -> Vec<String> {
        Vec::new()
    }

    /// Checks that what a journal names belongs to this root, and not to the machine on which postclone runs.
    ///
    /// # Errors
    /// It does not.
    fn is_of(&self, _root: &Root) -> Result<()> {
        Ok(())
    }

    /// What people should know when the change is done.
    fn afterwards(&self, _job: &Job) -> Option<&'static str> {
        None
    }

    /// Running services that keep using the old state until they are restarted.
    fn holders(&self, _job: &Job) -> Vec<Holder> {
        Vec::new()
    }

    // --- Its own acts.

    /// Its own acts: those of the pivot, and those in the running system.
    fn acts(&self, _job: &Job) -> Vec<Act> {
        Vec::new()
    }

    /// The phase of an act of its own.
    ///
    /// # Errors
    /// An act that is not its own, or that does not match what the journal keeps of the change.
    fn phase(&self, act: &Act) -> Result<Phase>;

    /// An act in words for people.
    fn words(&self, act: &Act, direction: Direction) -> String;

    /// Carries out an act. It checks first whether the act is done already. Returns what was seen afterwards.
    fn take(
        &self,
        act: &Act,
        root: &Root,
        direction: Direction,
        told: &mut Told,
    ) -> Result<Option<String>>;

    /// The mount points that an act unmounts for a moment. A run closes its own files there first.
    fn unmounts(&self, _act: &Act) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Whether the machine has the new state. `None` if the change has no pivot, or this cannot be seen.
    fn is_made(&self) -> Option<bool> {
        None
    }

    /// Demands that the machine is in the state that the pivot leads to when a run has gone in this direction.
    fn demand(&self, _direction: Direction) -> Result<()> {
        Ok(())
    }

    /// A clause about something that a boot after the run has done, and that the bytes from before do not contain.
    /// Such a run is not undone by putting these bytes back.
    ///
    /// # Errors
    /// Something that cannot be seen.
    fn came(&self) -> Result<Option<String>> {
        Ok(None)
    }

    /// Checks, before a run is undone with the bytes from before, what would make that fail.
    ///
    /// # Errors
    /// Something that a person must end first.
    fn can_go_back(&self) -> Result<()> {
        Ok(())
    }

    /// What is true then, in a few words: `the group is NEW`. Empty if the acts have said it already.
    fn state(&self, _direction: Direction) -> String {
        String::new()
    }

    /// What the pivot changes: `the group's name`.
    fn thing(&self) -> &'static str;

    /// A sentence about what the running system gets only with the reboot.
    fn next(&self) -> Option<&'static str> {
        None
    }

    /// The change that undoes this one by a plan of its own, with everything that a plan needs to know.
    fn back(&self, root: &Root) -> Result<Box<dyn Change>>;
}

/// A service that keeps using the old state until it is restarted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// Its unit.
    pub unit: String,
    /// A clause that says why the service has the old state.
    pub why: String,
    /// Its files that were rewritten, inside the root.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// When the machine was told to pivot.
#[derive(Debug, Default)]
pub struct Told(pub Option<Instant>);
