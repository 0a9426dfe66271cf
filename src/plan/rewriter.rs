//! Files that a change rewrites by its own rules, in addition to the table of places.

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
    /// Patterns of the files that it rewrites, inside the root ([`crate::guest::root::Root::glob`]).
    fn patterns(&self) -> Vec<String>;

    /// What it changes in a file. `text` is the file after the changes before this one. `path` is the path
    /// that fits the pattern, before links are followed.
    ///
    /// # Errors
    /// If the change needs the file, and the file is not as it should be.
    fn rewrite(&self, path: &Path, text: &[u8]) -> Result<Rewritten>;
}

/// What changes in a file.
#[derive(Debug)]
pub struct Rewritten {
    /// The format's name.
    pub kind: &'static str,
    /// Edits of the text, in order.
    pub edits: Vec<Edit>,
    /// What the user should know about the rest of the file.
    pub warnings: Vec<Warning>,
    /// Whether the text of the file is a secret, which is shown to nobody.
    pub secret: bool,
}

impl Rewritten {
    /// No change in a file of that format.
    pub fn nothing(kind: &'static str) -> Self {
        Self { kind, edits: Vec::new(), warnings: Vec::new(), secret: false }
    }
}

/// Rewrites the files of a rewriter. If a file is already in the plan, its changes are merged.
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
