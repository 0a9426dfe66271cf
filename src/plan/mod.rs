//! The plan: a value that lists everything that a run changes. Making it changes nothing.

mod act;
pub mod also;
mod device_names;
mod difference;
mod direction;
mod included;
pub mod paths;
mod reading;
mod rewriter;
mod step;
mod subject;
mod unit_paths;
mod words;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::exit::refuse;
use crate::guest::private::is_private;
use crate::guest::root::Root;
use crate::rewrite::edit::{Edit, Findings, apply};
use crate::rewrite::lines::LineIndex;
use crate::rewrite::matcher::Matcher;
use crate::rewrite::merge::merge;
use crate::rewrite::{Place, Treatment, advice};
pub use act::Act;
pub use direction::Direction;
use paths::{Paths, Shifted};
pub use reading::Sources;
pub use rewriter::{Rewriter, Rewritten};
pub use step::{Phase, Step};
pub use subject::{Role, Subject, names, searched_names, way};

/// What a run does, in order. Applying the plan may do only what it lists.
#[derive(Debug)]
pub struct Plan {
    /// What changes, from which name to which.
    pub subjects: Vec<Subject>,
    /// The root tree, as a path on this machine.
    pub root: PathBuf,
    /// Files that change.
    pub files: Vec<FileChange>,
    /// Paths that are renamed, and links that get another target.
    pub paths: Paths,
    /// Files that an act of a change renames.
    pub shifted: Vec<Shifted>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
}

impl Plan {
    /// The old names of the plan, for a sentence.
    pub fn old_names(&self) -> String {
        names(&self.subjects, Direction::Backward)
    }

    /// The old names that are searched for in all files.
    pub fn searched_names(&self) -> String {
        searched_names(&self.subjects)
    }

    /// The new names of the plan, for a sentence.
    pub fn new_names(&self) -> String {
        names(&self.subjects, Direction::Forward)
    }
}

/// The change of one file.
#[derive(Debug)]
pub struct FileChange {
    /// Absolute inside the root, with links resolved.
    pub path: PathBuf,
    /// The format's name.
    pub kind: &'static str,
    /// The bytes of the file when it was read.
    pub before: Vec<u8>,
    /// Its metadata at that time.
    pub metadata: Metadata,
    /// Whether it is not readable for everybody. If so, its text is only shown on a terminal.
    pub private: bool,
    /// Whether its text is a secret, which is shown to nobody.
    pub secret: bool,
    /// What changes, in the order of the file.
    pub edits: Vec<Edit>,
    /// The bytes of the file on the bridge, if the run has a bridge and a boot reads the file.
    pub bridge: Option<Vec<u8>>,
}

impl FileChange {
    /// The file's new bytes.
    pub fn after(&self) -> Vec<u8> {
        apply(&self.before, &self.edits)
    }
}

/// Something that stays unchanged, or that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The file, inside the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Line of the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Byte of the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The text.
    pub text: String,
}

impl Warning {
    /// A warning about the whole run.
    pub fn general(text: impl Into<String>) -> Self {
        Self { path: None, line: None, column: None, text: text.into() }
    }

    /// A warning about a file.
    pub fn about(path: &Path, text: impl Into<String>) -> Self {
        Self { path: Some(path.to_owned()), ..Self::general(text) }
    }
}

/// The part of a plan about files.
#[derive(Debug, Default)]
pub struct Files {
    /// Files that change, in the order of `PLACES`.
    pub changes: Vec<FileChange>,
    /// Paths that change.
    pub paths: Paths,
    /// Tokens that were left.
    pub warnings: Vec<Warning>,
}

/// Finds what to change in the files that were read. Each matcher works on the text that the matchers
/// before it leave. Then each rewriter works on its own files.
pub fn files(
    root: &Root,
    sources: Sources,
    matchers: &[Matcher],
    rewriters: &[Box<dyn Rewriter>],
) -> Result<Files> {
    let Sources { files, mut warnings, .. } = sources;
    let mut changes = Vec::new();
    for (place, source) in files {
        let mut edits: Vec<Edit> = Vec::new();
        let mut text = Cow::Borrowed(source.bytes.as_slice());
        for (number, matcher) in matchers.iter().enumerate() {
            let found = (place.rewrite)(matcher, &text)
                .with_context(|| format!("rewriting `{}`", source.path.display()))
                .map_err(refuse)?;
            warnings.extend(also::unused(place, &source.path, &found, matcher));
            warnings.extend(left_as_it_is(place, &source.path, &text, &found, matcher));
            if found.edits.is_empty() {
                continue;
            }
            if number + 1 < matchers.len() {
                text = Cow::Owned(apply(&text, &found.edits));
            }
            edits = merge(edits, found.edits);
        }
        let (Treatment::Rewritten | Treatment::Then(_)) = place.treatment else { continue };
        if !edits.is_empty() {
            changes.push(FileChange {
                private: is_private(root, &source.path, &source.metadata),
                secret: false,
                path: source.path,
                kind: place.kind,
                before: source.bytes,
                metadata: source.metadata,
                edits,
                bridge: None,
            });
        }
    }
    let zipl = Path::new(ZIPL_CONF);
    let entries = changes.iter().any(|change| change.kind == "bls-entry");
    let told = warnings.iter().any(|warning| warning.path.as_deref() == Some(zipl));
    if entries && !told && root.exists(zipl) {
        warnings.push(Warning::about(zipl, advice::ZIPL));
    }
    for rewriter in rewriters {
        rewriter::look_into(root, &**rewriter, &mut changes, &mut warnings)?;
    }
    let paths = unit_paths::find(root, matchers, &mut warnings).map_err(refuse)?;
    Ok(Files { changes, paths, warnings })
}

/// If this file exists, zipl(8) has copied the boot entries into its boot map (s390-tools zipl).
pub const ZIPL_CONF: &str = "/etc/zipl.conf";

/// The names of the dm-crypt mappings that any place in the root declares.
pub fn mappings(root: &Root) -> Result<BTreeSet<String>> {
    Ok(Sources::read(root, &[])?.mappings)
}

/// The warnings about a file: what stays unchanged in it, and what else the user must do.
fn left_as_it_is(
    place: &Place,
    path: &Path,
    text: &[u8],
    found: &Findings,
    matcher: &Matcher,
) -> Vec<Warning> {
    let advice = |advice: &str| matcher.fill(advice);
    let mut told: Vec<(usize, String)> = Vec::new();
    for left in &found.left {
        let token = String::from_utf8_lossy(&text[left.token.clone()]);
        told.push((left.token.start, format!("`{token}` {} and stays as it is", left.why)));
    }
    match place.treatment {
        Treatment::Rewritten => {}
        Treatment::Then(what) if found.edits.is_empty() => log::debug!("not needed: {what}"),
        Treatment::Then(what) => return about(path, text, told, Some(advice(what))),
        Treatment::Reported(what) if text.contains(&0) => {
            let any = !found.edits.is_empty() || !found.left.is_empty();
            let what = format!("names the group and stays as it is: {}", advice(what));
            return about(path, text, Vec::new(), any.then_some(what));
        }
        Treatment::Reported(what) => {
            for edit in &found.edits {
                let token = String::from_utf8_lossy(&text[edit.token.clone()]);
                let what = format!("`{token}` stays as it is: {}", advice(what));
                told.push((edit.token.start, what));
            }
            told.sort_by_key(|(at, _)| *at);
        }
    }
    about(path, text, told, None)
}

/// Warnings about tokens in a file, and one about the whole file.
fn about(
    path: &Path,
    text: &[u8],
    told: Vec<(usize, String)>,
    whole: Option<String>,
) -> Vec<Warning> {
    let lines = LineIndex::new(if told.is_empty() { &[] } else { text });
    let mut warnings: Vec<Warning> = told
        .into_iter()
        .map(|(at, text)| {
            let (line, column) = lines.position(at);
            Warning { line: Some(line), column: Some(column), ..Warning::about(path, text) }
        })
        .collect();
    warnings.extend(whole.map(|text| Warning::about(path, text)));
    warnings
}
