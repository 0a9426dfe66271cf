//! The plan and its outcome for programs. postclone(8), JSON OUTPUT, describes the schema.

use std::path::Path;

use serde::Serialize;

use crate::audit::NotRewritten;
use crate::audit::finding::Finding;
use crate::change::Holder;
use crate::plan::paths::{PathChange, PathKind};
use crate::plan::{FileChange, Plan, Step, Warning};
use crate::proof::Row;
use crate::rewrite::edit::Form;
use crate::rewrite::lines::LineIndex;

/// Increased if a field changes its meaning or is removed. New fields do not increase it.
const SCHEMA: u32 = 1;

/// What is renamed if a report has no `kind`.
const GROUP: &str = "volume group";

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    /// What is renamed, unless it is a volume group.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    old: &'a str,
    new: &'a str,
    /// All changes, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changes: Vec<Changed<'a>>,
    root: &'a Path,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    named_after: Option<NamedAfter<'a>>,
    files: Vec<File<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paths: Vec<Renamed<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_rewritten: Option<&'a NotRewritten>,
    steps: &'a [Step],
    warnings: &'a [Warning],
    #[serde(skip_serializing_if = "Option::is_none")]
    journal: Option<&'a Path>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    seen: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    proof: &'a [Row],
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<&'a [Finding]>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    services: &'a [Holder],
}

#[derive(Serialize)]
struct Changed<'a> {
    kind: &'static str,
    old: &'a str,
    new: &'a str,
}

#[derive(Serialize)]
struct NamedAfter<'a> {
    host: &'a str,
    source: &'static str,
}

/// What is known about a finished run.
#[derive(Debug, Clone, Copy)]
pub struct Done<'a> {
    /// Its journal.
    pub journal: &'a Path,
    /// What the run checked at its end.
    pub seen: &'a [String],
    /// The proof of the next boot.
    pub proof: &'a [Row],
    /// Running services that keep the old state.
    pub services: &'a [Holder],
    /// What still names the group. None if the search failed.
    pub left: Option<&'a [Finding]>,
}

/// The outcome of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was only shown.
    Planned,
    /// Every step was done and verified.
    Done,
    /// The plan was empty.
    NothingToDo,
}

#[derive(Serialize)]
struct File<'a> {
    path: &'a Path,
    kind: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    private: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    secret: bool,
    edits: Vec<Change>,
}

#[derive(Serialize)]
struct Renamed<'a> {
    from: &'a Path,
    to: &'a Path,
    kind: PathKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_before: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_after: Option<&'a Path>,
}

#[derive(Serialize)]
struct Change {
    line: usize,
    column: usize,
    old: String,
    new: String,
    form: Form,
}

/// One JSON document with a final newline. `not_rewritten` is what a plan leaves. It is only for plans
/// without a run.
pub fn document(
    plan: &Plan,
    outcome: Outcome,
    not_rewritten: Option<&NotRewritten>,
    done: Option<Done<'_>>,
) -> String {
    let changes = plan.subjects.iter().map(|subject| Changed {
        kind: subject.what,
        old: &subject.old,
        new: &subject.new,
    });
    let report = Report {
        schema: SCHEMA,
        kind: plan.subjects.first().map(|subject| subject.what).filter(|what| *what != GROUP),
        old: plan.subjects.first().map_or("", |subject| &subject.old),
        new: plan.subjects.first().map_or("", |subject| &subject.new),
        changes: if plan.subjects.len() > 1 { changes.collect() } else { Vec::new() },
        root: &plan.root,
        outcome,
        named_after: plan
            .subjects
            .first()
            .and_then(|subject| subject.named_after.as_ref())
            .map(|host| NamedAfter { host: &host.name, source: host.source.word() }),
        files: plan.files.iter().map(file).collect(),
        paths: plan.paths.changes.iter().map(renamed).collect(),
        not_rewritten,
        steps: &plan.steps,
        warnings: &plan.warnings,
        journal: done.map(|done| done.journal),
        seen: done.map_or(&[], |done| done.seen),
        proof: done.map_or(&[], |done| done.proof),
        left: done.and_then(|done| done.left),
        services: done.map_or(&[], |done| done.services),
    };
    let mut text = serde_json::to_string_pretty(&report)
        .unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"));
    text.push('\n');
    text
}

fn renamed(change: &PathChange) -> Renamed<'_> {
    Renamed {
        from: &change.from,
        to: &change.to,
        kind: change.kind,
        target_before: change.link.as_ref().map(|link| link.before.as_path()),
        target_after: change.link.as_ref().map(|link| link.after.as_path()),
    }
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
            old: if change.secret { String::new() } else { lossy(&text[edit.token.clone()]) },
            new: if change.secret { String::new() } else { lossy(&new) },
            form: edit.form,
        }
    });
    let (private, secret) = (change.private, change.secret);
    File { path: &change.path, kind: change.kind, private, secret, edits: edits.collect() }
}
