//! The changes of one plan.

use std::collections::BTreeSet;

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
    /// All of them.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &dyn Change> {
        self.0.iter().map(|change| &**change)
    }

    /// Whether any of them pivots.
    pub fn pivot(&self) -> bool {
        self.iter().any(Change::pivots)
    }

    /// Whether a boot needs what any of them changes.
    pub fn concern_boot(&self) -> bool {
        self.iter().any(Change::concerns_boot)
    }

    /// Whether images may hold what any of them changes.
    pub fn need_images(&self) -> bool {
        self.iter().any(Change::needs_images)
    }

    /// What is changed.
    pub fn subjects(&self) -> Vec<Subject> {
        self.iter().map(Change::subject).collect()
    }

    /// The names that there are when a run has gone that way, in a sentence.
    pub fn names(&self, direction: Direction) -> String {
        plan::names(&self.subjects(), direction)
    }

    /// Each name with the name that it becomes in that direction.
    pub fn way(&self, direction: Direction) -> String {
        plan::way(&self.subjects(), direction)
    }

    /// What is true then, in a few words.
    pub fn state(&self, direction: Direction) -> String {
        let states = self.iter().map(|change| change.state(direction));
        states.filter(|state| !state.is_empty()).collect::<Vec<_>>().join(", ")
    }

    /// What the pivot changes.
    pub fn things(&self) -> String {
        self.iter().map(Change::thing).collect::<Vec<_>>().join(", ")
    }

    /// What root is needed for; none if anybody may take the run.
    pub fn needs_root(&self) -> Option<&'static str> {
        self.iter().find_map(Change::needs_root)
    }

    /// What the journal keeps of them.
    pub fn kept(&self) -> Vec<SavedChange> {
        let keep = |change: &dyn Change| SavedChange {
            kind: change.kind().to_owned(),
            of: change.kept().as_object().cloned().unwrap_or_default(),
        };
        self.iter().map(keep).collect()
    }

    /// How their names are found in files and replaced, in the order in which that is done: each in what
    /// those before it leave, and the way back from the last to the first.
    pub fn matchers(&self, direction: Direction, mappings: &BTreeSet<String>) -> Vec<Matcher> {
        let matchers = self.iter().filter_map(|change| change.matcher(direction, mappings));
        let mut matchers: Vec<Matcher> = matchers.collect();
        if direction == Direction::Backward {
            matchers.reverse();
        }
        matchers
    }

    /// Their own rules for files of their own, in the same order.
    pub fn rewriters(&self, direction: Direction) -> Vec<Box<dyn Rewriter>> {
        let rewriters = self.iter().filter_map(|change| change.rewriter(direction));
        let mut rewriters: Vec<_> = rewriters.collect();
        if direction == Direction::Backward {
            rewriters.reverse();
        }
        rewriters
    }

    /// Files to which their own acts give another name.
    pub fn shifted(&self, root: &Root) -> Result<Vec<Shifted>> {
        let mut all = Vec::new();
        for change in self.iter() {
            all.extend(change.shifted(root).map_err(refuse)?);
        }
        Ok(all)
    }

    /// What no image may hold.
    pub fn wanted(&self, mappings: &BTreeSet<String>) -> Vec<Wanted> {
        self.iter().filter_map(|change| change.wanted(mappings)).collect()
    }

    /// What is true of names when a run has gone that way.
    pub fn known(&self, direction: Direction) -> Known {
        let mut known = Known::default();
        self.iter().for_each(|change| change.know(&mut known, direction));
        known
    }

    /// What is true of them now.
    pub fn known_now(&self) -> Known {
        let mut known = Known::default();
        self.iter().for_each(|change| change.know(&mut known, change.stands()));
        known
    }

    /// The name that a live dm device has after the reboot; none if it keeps its own.
    pub fn dm_name(&self, dm_uuid: &str, name: &str) -> Option<String> {
        let new = self
            .iter()
            .fold(name.to_owned(), |name, change| change.dm_name(dm_uuid, &name).unwrap_or(name));
        (new != name).then_some(new)
    }

    /// Whose act it is.
    ///
    /// # Errors
    /// Nobody's.
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
    /// An act that no change knows.
    pub fn phase(&self, step: &Step) -> Result<Phase> {
        match step {
            Step::Own(act) => self.of(act)?.phase(act),
            step => Ok(step.phase()),
        }
    }

    /// The phases of steps.
    ///
    /// # Errors
    /// As [`Changes::phase`].
    pub fn phases(&self, steps: &[Step]) -> Result<Vec<Phase>> {
        steps.iter().map(|step| self.phase(step)).collect()
    }

    /// A step in a person's words.
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
