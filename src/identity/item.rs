//! A kind of identity, and an identity that was found.

use serde::Serialize;

use super::View;

/// One kind of identity: a row of [`super::table`].
#[derive(Debug)]
pub struct Kind {
    /// Its word, for the command line, JSON and the record: lower case with hyphens. It never changes, because
    /// records keep it.
    pub id: &'static str,
    /// What happens while two machines share it: one sentence in plain words, without a full stop.
    pub hurts: &'static str,
    /// What gives the machine an identity of its own: a command in backticks, or what a person must do, without a
    /// full stop.
    pub change: &'static str,
    /// Finds every identity of this kind. It asks [`View`] even for what cannot be read, and [`View`] notes that.
    pub find: fn(&View<'_>) -> Vec<Found>,
}

/// When a shared identity does harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Harm {
    /// While both machines are in use, wherever they are.
    Always,
    /// Only while disks of both machines are in one machine. Clones that nobody attaches to each other can share it
    /// forever.
    BothDisks,
}

/// The kinds with [`Harm::BothDisks`].
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
    /// When it does harm that two machines share this kind.
    pub fn harm(&self) -> Harm {
        if BOTH_DISKS.contains(&self.id) { Harm::BothDisks } else { Harm::Always }
    }
}

/// One identity in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is, for people: a path inside the root, a device or a volume group.
    pub place: String,
    /// The identity itself, without what may vary around it (white space, upper and lower case, comments). There are
    /// several values if the place contains several, each of which identifies the template. Only keyed hashes of them
    /// are ever kept or printed.
    pub values: Vec<Vec<u8>>,
    /// Why it is probably another machine's, as far as the tree itself shows. This is a clause without a full stop:
    /// `its comment names the host tmpl`. `None` if nothing hints at another machine.
    pub hint: Option<String>,
}

impl Found {
    /// One value in one place.
    pub fn one(place: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self { place: place.into(), values: vec![value.into()], hint: None }
    }

    /// Several values in one place.
    pub fn many(place: impl Into<String>, values: Vec<Vec<u8>>) -> Self {
        Self { place: place.into(), values, hint: None }
    }

    /// Adds a hint at another machine, if there is one.
    #[must_use]
    pub fn hinted(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}
