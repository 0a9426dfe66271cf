//! Files that a change rewrites by rules of its own, beside the table of places.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};

use super::{FileChange, Warning};
use crate::exit::refuse;
use crate::guest::private::is_private;
use crate::guest::root::Root;
use crate::rewrite::edit::Edit;
use crate::rewrite::merge::merge;

/// The rules of one change.
pub trait Rewriter: fmt::Debug {
    /// Patterns of the files that it looks into, inside the root ([`crate::guest::root::Root::glob`]).
    fn patterns(&self) -> Vec<String>;

    /// What it changes in one of them; its text is what the changes before it leave. The path is the one
    /// that fits the pattern, whatever links lead from there.
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

/// Looks into a rewriter's files. Where a file is in the plan already, both changes become one.
pub(super) fn look_into(
    root: &Root,
    rewriter: &dyn Rewriter,
    changes: &mut Vec<FileChange>,
    warnings: &mut Vec<Warning>,
) -> Result<()> {
    let mut seen = BTreeSet::new();
    for pattern in rewriter.patterns() {
        let paths = root.glob(&pattern).unwrap_or_else(|error| {
            let path = Path::new("/").join(&pattern);
            warnings.push(Warning::about(&path, format!("{error:#}: not searched")));
            Vec::new()
        });
        for path in paths {
            let path = Path::new("/").join(path);
            let is_dir = |path: &Path| root.outer(path).is_dir();
            if root.resolve(&path).ok().flatten().is_some_and(|path| is_dir(&path)) {
                continue;
            }
            let source = match root.read(&path) {
                Ok(Some(source)) => source,
                Ok(None) => continue,
                Err(error) => {
                    warnings.push(Warning::about(&path, format!("{error:#}: not searched")));
                    continue;
                }
            };
            if !seen.insert(source.path.clone()) {
                continue;
            }
            let known = changes.iter_mut().find(|change| change.path == source.path);
            let text = known
                .as_ref()
                .map_or(Cow::Borrowed(&source.bytes), |change| Cow::Owned(change.after()));
            let rewriting = || format!("rewriting `{}`", source.path.display());
            let found = rewriter.rewrite(&path, &text).with_context(rewriting).map_err(refuse)?;
            warnings.extend(found.warnings);
            match known {
                _ if found.edits.is_empty() => {}
                Some(change) => {
                    change.edits = merge(std::mem::take(&mut change.edits), found.edits);
                    change.secret |= found.secret;
                }
                None => changes.push(FileChange {
                    private: is_private(root, &source.path, &source.metadata),
                    secret: found.secret,
                    path: source.path,
                    kind: found.kind,
                    before: source.bytes,
                    metadata: source.metadata,
                    edits: found.edits,
                    bridge: None,
                }),
            }
        }
    }
    Ok(())
}
