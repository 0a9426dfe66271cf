//! The plan and the outcome for programs. The schema is in postclone(8), JSON OUTPUT.

use std::path::Path;

use serde::Serialize;

use crate::audit::finding::Finding;
use crate::plan::{FileChange, Plan, Step, Warning};
use crate::rewrite::edit::Form;
use crate::rewrite::lines::LineIndex;

/// Raised when a field changes its meaning or goes away; new fields do not raise it.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    old: &'a str,
    new: &'a str,
    root: &'a Path,
    outcome: Outcome,
    files: Vec<File<'a>>,
    steps: &'a [Step],
    warnings: &'a [Warning],
    #[serde(skip_serializing_if = "Option::is_none")]
    journal: Option<&'a Path>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    seen: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<&'a [Finding]>,
}

/// What is known of a run that is done.
#[derive(Debug, Clone, Copy)]
pub struct Done<'a> {
    /// Its journal.
    pub journal: &'a Path,
    /// What was seen after it.
    pub seen: &'a [String],
    /// What still names the group; none where that could not be searched.
    pub left: Option<&'a [Finding]>,
}

/// What became of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Shown only.
    Planned,
    /// Every step done and seen.
    Done,
    /// The plan was empty.
    NothingToDo,
}

#[derive(Serialize)]
struct File<'a> {
    path: &'a Path,
    kind: &'a str,
    edits: Vec<Change>,
}

#[derive(Serialize)]
struct Change {
    line: usize,
    column: usize,
    old: String,
    new: String,
    form: Form,
}

/// One JSON document with a final newline.
pub fn document(plan: &Plan, outcome: Outcome, done: Option<Done<'_>>) -> String {
    let report = Report {
        schema: SCHEMA,
        old: plan.old.as_str(),
        new: plan.new.as_str(),
        root: &plan.root,
        outcome,
        files: plan.files.iter().map(file).collect(),
        steps: &plan.steps,
        warnings: &plan.warnings,
        journal: done.map(|done| done.journal),
        seen: done.map_or(&[], |done| done.seen),
        left: done.and_then(|done| done.left),
    };
    let mut text = serde_json::to_string_pretty(&report)
        .unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"));
    text.push('\n');
    text
}

fn file(change: &FileChange) -> File<'_> {
    let text = &change.before;
    let lines = LineIndex::new(text);
    let edits = change.edits.iter().map(|edit| {
        let (line, column) = lines.position(edit.token.start);
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (head, tail) = (edit.token.start..edit.range.start, edit.range.end..edit.token.end);
        let new = [&text[head], &edit.new, &text[tail]].concat();
        Change {
            line,
            column,
            old: lossy(&text[edit.token.clone()]),
            new: lossy(&new),
            form: edit.form,
        }
    });
    File { path: &change.path, kind: change.kind, edits: edits.collect() }
}
