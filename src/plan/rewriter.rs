//! Files that a change rewrites by rules of its own, beside the table of places.

use std::fmt;
use std::path::Path;

use anyhow::Result;

use super::Warning;
use crate::rewrite::edit::Edit;

/// The rules of one change.
pub trait Rewriter: fmt::Debug {
    /// Patterns of the files that it looks into, inside the root ([`crate::guest::root::Root::glob`]).
    fn patterns(&self) -> Vec<String>;

    /// What it changes in one of them; its text is what the changes before it leave.
    ///
    /// # Errors
    /// A file without which the change makes no sense, and that is not as it should be.
    fn rewrite(&self, path: &Path, text: &[u8]) -> Result<Rewritten>;
}

/// What is changed in a file.
#[derive(Debug)]
pub struct Rewritten {
    /// The format's name.
    pub kind: &'static str,
    /// Edits of the text, in its order.
    pub edits: Vec<Edit>,
    /// What a person should know of what is left.
    pub warnings: Vec<Warning>,
    /// Whether the file's text is a secret, which nobody is shown.
    pub secret: bool,
}

impl Rewritten {
    /// Nothing to do in a file of that format.
    pub fn nothing(kind: &'static str) -> Self {
        Self { kind, edits: Vec::new(), warnings: Vec::new(), secret: false }
    }
}
