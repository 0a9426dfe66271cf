//! The changes of one plan.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Result, anyhow};

use super::Change;
use crate::audit::Wanted;
use crate::exit::refuse;
use crate::guest::root::Root;
use crate::plan::paths::Shifted;
use crate::plan::{self, Act, Phase, Rewriter, Step, Subject};
use crate::proof::Known;
use crate::rewrite::matcher::Matcher;
use crate::transaction::record::{Direction, SavedChange};

/// The changes of one plan, in their order.
#[derive(Debug, Default)]
pub struct Changes(pub Vec<Box<dyn Change>>);

impl Changes {
    /// All changes.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &dyn Change> {
        self.0.iter().map(|change| &**change)
    }

    /// Whether any change has a pivot.
    pub fn pivot(&self) -> bool {
        self.iter().any(Change::pivots)
    }

    /// Whether a boot needs what any change changes.
    pub fn concern_boot(&self) -> bool {
        self.iter().any(Change::concerns_boot)
    }

    /// Whether images may contain what any change changes.
    pub fn need_images(&self) -> bool {
        self.iter().any(Change::needs_images)
    }

    /// What is changed.
    pub fn subjects(&self) -> Vec<Subject> {
        self.iter().map(Change::subject).collect()
    }

    /// The names that exist when a run has gone in this direction, as part of a sentence.
    pub fn names(&self, direction: Direction) -> String {
        plan::names(&self.subjects(), direction)
    }

    /// Each name with the name that it becomes in that direction.
    pub fn way(&self, direction: Direction) -> String {
        plan::way(&self.subjects(), direction)
    }

    /// What is true when a run has gone in this direction, in a few words.
    pub fn state(&self, direction: Direction) -> String {
        let states = self.iter().map(|change| change.state(direction));
        states.filter(|state| !state.is_empty()).collect::<Vec<_>>().join(", ")
    }

    /// What the pivot changes.
    pub fn things(&self) -> String {
        self.iter().map(Change::thing).collect::<Vec<_>>().join(", ")
    }

    /// What root is needed for. `None` if anybody may carry out the run.
    pub fn needs_root(&self) -> Option<&'static str> {
        self.iter().find_map(Change::needs_root)
    }

    /// What the journal keeps of the changes.
    pub fn kept(&self) -> Vec<SavedChange> {
        let keep = |change: &dyn Change| SavedChange {
            kind: change.kind().to_owned(),
            of: change.kept().as_object().cloned().unwrap_or_default(),
        };
        self.iter().map(keep).collect()
    }

    /// The matchers that find and replace the changes' names, in the order in which they are applied. Each works on
    /// the result of those before it. Going back, the order is reversed.
    pub fn matchers(&self, direction: Direction, mappings: &BTreeSet<String>) -> Vec<Matcher> {
        let matchers = self.iter().filter_map(|change| change.matcher(direction, mappings));
        let mut matchers: Vec<Matcher> = matchers.collect();
        if direction == Direction::Backward {
            matchers.reverse();
        }
        matchers
    }

    /// The changes' rules for their own files, in the same order.
    pub fn rewriters(&self, direction: Direction) -> Vec<Box<dyn Rewriter>> {
        let rewriters = self.iter().filter_map(|change| change.rewriter(direction));
        let mut rewriters: Vec<_> = rewriters.collect();
        if direction == Direction::Backward {
            rewriters.reverse();
        }
        rewriters
    }

    /// Files that get another name by the changes' own acts.
    pub fn shifted(&self, root: &Root) -> Result<Vec<Shifted>> {
        let mut all = Vec::new();
        for change in self.iter() {
            all.extend(change.shifted(root).map_err(refuse)?);
        }
        Ok(all)
    }

    /// What no image may contain.
    pub fn wanted(&self, mappings: &BTreeSet<String>) -> Vec<Wanted> {
        self.iter().filter_map(|change| change.wanted(mappings)).collect()
    }

    /// What is true of names when a run has gone in this direction.
    pub fn known(&self, direction: Direction) -> Known {
        let mut known = Known::default();
        self.iter().for_each(|change| change.know(&mut known, direction));
        known
    }

    /// What is true of names now.
    pub fn known_now(&self) -> Known {
        let mut known = Known::default();
        self.iter().for_each(|change| change.know(&mut known, change.stands()));
        known
    }

    /// The name that a live dm device will have after the reboot. `None` if it keeps its name.
    pub fn dm_name(&self, dm_uuid: &str, name: &str) -> Option<String> {
        let new = self
            .iter()
            .fold(name.to_owned(), |name, change| change.dm_name(dm_uuid, &name).unwrap_or(name));
        (new != name).then_some(new)
    }

    /// The change that an act belongs to.
    ///
    /// # Errors
    /// An act that belongs to no change.
    pub fn of(&self, act: &Act) -> Result<&dyn Change> {
        let change = self.0.get(act.change).map(|change| &**change);
        change.ok_or_else(|| {
            anyhow!(
                "the step `{}` belongs to a change that is not in the plan",
                act.step.escape_debug()
            )
        })
    }

    /// The phase of a step.
    ///
    /// # Errors
    /// An act that its change does not know.
    pub fn phase(&self, step: &Step) -> Result<Phase> {
        match step {
            Step::Own(act) => self.of(act)?.phase(act),
            step => Ok(step.phase()),
        }
    }

    /// The phases of steps.
    ///
    /// # Errors
    /// The same as [`Changes::phase`].
    pub fn phases(&self, steps: &[Step]) -> Result<Vec<Phase>> {
        steps.iter().map(|step| self.phase(step)).collect()
    }

    /// The mount points that a step unmounts for a moment.
    ///
    /// # Errors
    /// An act that belongs to no change.
    pub fn unmounts(&self, step: &Step) -> Result<Vec<PathBuf>> {
        match step {
            Step::Own(act) => Ok(self.of(act)?.unmounts(act)),
            _ => Ok(Vec::new()),
        }
    }

    /// A step in words for people.
    pub fn words(&self, step: &Step, direction: Direction) -> String {
        match step {
            Step::Own(act) => match self.of(act) {
                Ok(change) => change.words(act, direction),
                Err(error) => format!("{error:#}"),
            },
            Step::Verify if direction == Direction::Backward => {
                format!("{} and at {}", step.words(direction), self.things())
            }
            Step::Verify if !self.concern_boot() => {
                "plan again: nothing may be left to change".to_owned()
            }
            _ => step.words(direction),
        }
    }
}
