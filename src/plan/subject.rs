//! What one change of a plan is about, and the names of several in a sentence.

use super::Direction;
use crate::guest::host::HostName;

/// What one change of a plan is about.
#[derive(Debug, Clone)]
pub struct Subject {
    /// What gets another name: `volume group`.
    pub what: &'static str,
    /// Its name now.
    pub old: String,
    /// Its name afterwards.
    pub new: String,
    /// The host name that the new name was made of, where nobody gave it.
    pub named_after: Option<HostName>,
    /// What its name is to other places.
    pub role: Role,
}

/// What a subject's name is to other places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A name that any file may hold, and that is searched for.
    Searched,
    /// A name that is found in typed places alone.
    Typed,
    /// An ID or a key: no name that a person would call the thing by.
    Value,
}

/// The old names that are searched for in all files, in a sentence; all of them where none is.
pub fn searched_names(subjects: &[Subject]) -> String {
    let is_searched = |subject: &&Subject| subject.role == Role::Searched;
    let searched: Vec<Subject> = subjects.iter().filter(is_searched).cloned().collect();
    names(if searched.is_empty() { subjects } else { &searched }, Direction::Backward)
}

/// The names that there are when a run has gone that way, in a sentence. IDs and keys are left out where
/// something with a name changes as well.
pub fn names(subjects: &[Subject], direction: Direction) -> String {
    let any = subjects.iter().any(|subject| subject.role != Role::Value);
    let said = subjects.iter().filter(|subject| !any || subject.role != Role::Value);
    let names = said.map(|subject| match direction {
        Direction::Forward => subject.new.as_str(),
        Direction::Backward => subject.old.as_str(),
    });
    names.collect::<Vec<_>>().join(" and ")
}

/// Each name with the name that it becomes in that direction: `a to b, c to d`.
pub fn way(subjects: &[Subject], direction: Direction) -> String {
    let any = subjects.iter().any(|subject| subject.role != Role::Value);
    let said = subjects.iter().filter(|subject| !any || subject.role != Role::Value);
    let way = said.map(|subject| match direction {
        Direction::Forward => format!("{} to {}", subject.old, subject.new),
        Direction::Backward => format!("{} to {}", subject.new, subject.old),
    });
    way.collect::<Vec<_>>().join(", ")
}
