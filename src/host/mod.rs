//! The host name: which bytes of a file name the host, and how it is renamed.
//!
//! A host name may be an ordinary word (`mail`). So it is looked for only in typed places, where a format says
//! that a host name belongs there, and a token is compared as a whole. A new format is one file in [`forms`]
//! and one line in [`places`].

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

/// The word under which journals keep a host's renaming.
pub const KIND: &str = "host";

/// What becomes of the name where `/etc` is made of something else.
pub(crate) const WHERE_IMAGE_BASED: &str =
    "which may bring the old name back: set the host name there";

pub(crate) use change::{given, of};
pub use names::{HostNames, Spelling};
