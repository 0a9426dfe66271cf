//! A kind of identity, and what is found of it.

use serde::Serialize;

use super::View;

/// One kind of identity: a row of [`super::table`].
#[derive(Debug)]
pub struct Kind {
    /// Its word, for the command line, JSON and the record: lower case with hyphens. It never changes, for
    /// records keep it.
    pub id: &'static str,
    /// What happens while two machines share it: one sentence without a full stop, in plain words.
    pub hurts: &'static str,
    /// What gives the machine its own: a command in backticks, or what a person has to do, without a
    /// full stop.
    pub change: &'static str,
    /// Finds all there is of it. What cannot be read it asks [`View`] for all the same, which notes it.
    pub find: fn(&View<'_>) -> Vec<Found>,
}

/// When a shared identity does harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Harm {
    /// While both machines are in use, wherever they are.
    Always,
    /// Only while disks of both machines are in one machine. Clones that nobody attaches to each other share
    /// it for good.
    BothDisks,
}

/// Kinds of [`Harm::BothDisks`].
const BOTH_DISKS: &[&str] = &[
    "fs-uuid",
    "swap-uuid",
    "pv-uuid",
    "vg-uuid",
    "partition-table",
    "partition-uuid",
    "md-array-uuid",
];

impl Kind {
    /// When it does harm that two machines share it.
    pub fn harm(&self) -> Harm {
        if BOTH_DISKS.contains(&self.id) { Harm::BothDisks } else { Harm::Always }
    }
}

/// One identity, at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where: a path inside the root, a device, a volume group. For people.
    pub place: String,
    /// The identity itself, without what may change around it (white space, letters' case, comments). Several
    /// where the place holds several, each of which gives the template away. Only keyed hashes
    /// of it are ever kept or printed.
    pub values: Vec<Vec<u8>>,
    /// Why it is probably another machine's, as the tree itself shows it; a clause without a full stop:
    /// `its comment names the host tmpl`. None where nothing hints at that.
    pub hint: Option<String>,
}

impl Found {
    /// One value at a place.
    pub fn one(place: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self { place: place.into(), values: vec![value.into()], hint: None }
    }

    /// Several values at a place.
    pub fn many(place: impl Into<String>, values: Vec<Vec<u8>>) -> Self {
        Self { place: place.into(), values, hint: None }
    }

    /// With what hints at another machine, where something does.
    #[must_use]
    pub fn hinted(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}
