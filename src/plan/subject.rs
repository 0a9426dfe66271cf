//! What one change of a plan is about, and the names of several changes in a sentence.

use super::Direction;
use crate::guest::host::HostName;

/// What one change of a plan is about.
#[derive(Debug, Clone)]
pub struct Subject {
    /// What is renamed: `volume group`.
    pub what: &'static str,
    /// Its present name.
    pub old: String,
    /// Its name afterwards.
    pub new: String,
    /// The host name from which the new name was made, if the user gave no name.
    pub named_after: Option<HostName>,
    /// Where its name may be found.
    pub role: Role,
}

/// Where the name of a subject may be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A name that any file may contain. All files are searched for it.
    Searched,
    /// A name that is only looked for in known places.
    Typed,
    /// An ID or key, which is not a name for people.
    Value,
}

/// The old names that are searched for in all files, for a sentence. All old names if there are none.
pub fn searched_names(subjects: &[Subject]) -> String {
    let is_searched = |subject: &&Subject| subject.role == Role::Searched;
    let searched: Vec<Subject> = subjects.iter().filter(is_searched).cloned().collect();
    names(if searched.is_empty() { subjects } else { &searched }, Direction::Backward)
}

/// The names after a run in that direction, for a sentence. IDs and keys are left out if something with a
/// name changes as well.
pub fn names(subjects: &[Subject], direction: Direction) -> String {
    let names = said(subjects).map(|subject| match direction {
        Direction::Forward => subject.new.as_str(),
        Direction::Backward => subject.old.as_str(),
    });
    names.collect::<Vec<_>>().join(" and ")
}

/// Each name with the name that it becomes in that direction: `a to b, c to d`.
pub fn way(subjects: &[Subject], direction: Direction) -> String {
    let way = said(subjects).map(|subject| match direction {
        Direction::Forward => format!("{} to {}", subject.old, subject.new),
        Direction::Backward => format!("{} to {}", subject.new, subject.old),
    });
    way.collect::<Vec<_>>().join(", ")
}

/// The subjects that a sentence names.
fn said(subjects: &[Subject]) -> impl Iterator<Item = &Subject> {
    let any = subjects.iter().any(|subject| subject.role != Role::Value);
    subjects.iter().filter(move |subject| !any || subject.role != Role::Value)
}
