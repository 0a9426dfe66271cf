//! What a clone needs to be a machine of its own: its name, and which of its parts change.

pub(crate) mod group;
pub(crate) mod left;
pub mod name;
