//! The host's name: which bytes of a file name the host. Bytes in, spans out; no files, no processes.
//!
//! A host's name may be a word (`mail`). So it is looked for in typed places alone, where a format says
//! that a host's name stands there, and a token is compared whole. A new format is one file in [`forms`]
//! and one line in [`places`].

pub mod forms;
mod found;
pub mod names;
pub mod place;
pub mod places;
#[cfg(test)]
mod tests;

pub use names::{HostNames, Spelling};
