//! The host name: which bytes of a file name the host, and how it is renamed.
//!
//! A host name may be an ordinary word (`mail`). So postclone looks for it only in typed places, where a format says
//! that a host name belongs there, and compares a token as a whole. A new format is one file in [`forms`] and one
//! line in [`places`].

mod bound;
pub(crate) mod change;
mod checks;
pub mod forms;
mod found;
mod md;
pub mod names;
pub mod place;
pub mod places;
mod rewriter;
mod services;
pub(crate) mod target;
#[cfg(test)]
mod tests;

/// The word under which journals keep the rename of a host.
pub const KIND: &str = "host";

/// What a system that creates its `/etc` from something else does with the name.
pub(crate) const WHERE_IMAGE_BASED: &str =
    "which may bring the old name back: set the host name there";

pub(crate) use change::{given, of};
pub use names::{HostNames, Spelling};
