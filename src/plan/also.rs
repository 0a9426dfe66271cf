//! Files that a user names with `rename --also`.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};

use super::Warning;
use super::reading::Seen;
use crate::guest::root::{Root, Source, identity};
use crate::own::STATE;
use crate::rewrite::Place;
use crate::rewrite::edit::Findings;
use crate::rewrite::matcher::Matcher;
use crate::rewrite::place::ALSO;

/// Checks that each file can be used: it must be an existing text file inside the root, and not part of a
/// journal.
///
/// # Errors
/// About the first file that cannot be used.
pub fn demand(root: &Root, also: &[PathBuf]) -> Result<()> {
    for path in also {
        let shown = path.display();
        if !path.is_absolute() || path.components().any(|part| part.as_os_str() == "..") {
            bail!("--also `{shown}`: give an absolute path inside the root, without `..`");
        }
        let source = root.read(path)?;
        let source = source.ok_or_else(|| anyhow!("--also `{shown}`: there is no such file"))?;
        if is_record(&source.path) {
            bail!("--also `{shown}` is one of postclone's own files: leave it out");
        }
        if source.bytes.contains(&0) {
            bail!("--also `{shown}` is not a text file, because it has NUL bytes: leave it out");
        }
    }
    Ok(())
}

/// Adds the files that exist and that no row of the table of places covers.
pub(super) fn add(
    root: &Root,
    also: &[PathBuf],
    files: &mut Vec<(&'static Place, Source)>,
    seen: &mut Seen,
) {
    for path in also {
        let Ok(Some(source)) = root.read(path) else { continue };
        if seen.insert(identity(&source.metadata)) && !is_record(&source.path) {
            files.push((&ALSO, source));
        }
    }
}

/// The warning about a file in which nothing names the group.
pub(super) fn unused(
    place: &Place,
    path: &Path,
    found: &Findings,
    matcher: &Matcher,
) -> Option<Warning> {
    let is_unused = place.kind == ALSO.kind && found.edits.is_empty() && found.left.is_empty();
    let old = matcher.said();
    is_unused.then(|| Warning::about(path, format!("does not name {old} (--also)")))
}

fn is_record(path: &Path) -> bool {
    path.starts_with(STATE)
}
