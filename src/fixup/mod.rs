//! What makes a clone a machine of its own: its new name, and the parts of it that change.

pub(crate) mod group;
pub(crate) mod left;
pub mod name;
