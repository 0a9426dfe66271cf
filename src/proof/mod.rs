//! The proof of the next boot: every boot entry, fstab, crypttab and unit line as it would be read,
//! against the volumes that the group has.
//!
//! It is pure over a root tree and a report of the group, so that a fixture tests it as well as the
//! running system. A row fails only where it is about the group, or where a kernel or an image is
//! missing; what a proof cannot judge (another machine's export, a partition's UUID without blkid)
//! is said to be unknown. [`compare`] tells a row that failed before the run from one that the run
//! would have to answer for.

mod arguments;
mod bls;
mod entry;
mod facts;
mod grub;
mod grub_script;
mod known;
mod labels;
mod settings;
mod systemd_boot;
mod tables;
mod uki;
mod units;
mod view;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::guest::root::Root;

pub use facts::{Facts, Finding};
pub use known::{Group, Known};
pub use view::View;

/// What is said of one line: shown in tables, in JSON, and kept in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The file, absolute inside the root, links resolved.
    pub path: Arc<Path>,
    /// The line, from 1; none if it is about the file as a whole.
    pub line: Option<usize>,
    /// The title of the boot entry that the line belongs to; none in other files.
    pub entry: Option<Arc<str>>,
    /// What is judged: `kernel`, `root=`, a mount point, a mapping, a unit's key.
    pub item: Cow<'static, str>,
    /// The text that is judged.
    pub value: String,
    /// What is true of it.
    pub verdict: Judgement,
    /// Why, where it does not simply hold.
    pub why: Option<String>,
}

/// What is true of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// The device is there, the file exists, the entry is the one that it was.
    Holds,
    /// It fails, as it did before the run.
    AsBefore,
    /// It fails, and no boot waits for it: `noauto`, `nofail`, a unit that nothing enables.
    Tolerated,
    /// Nothing that can be seen from here tells.
    Unknown,
    /// The next boot would miss it.
    Fails,
}

impl Judgement {
    /// The word in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::AsBefore => "as before",
            Self::Tolerated => "tolerated",
            Self::Unknown => "unknown",
            Self::Fails => "FAILS",
        }
    }
}

/// The item of a row about a loader's default; its value starts with the entry's position.
const DEFAULT_ENTRY: &str = "default entry";
/// The same for the next boot alone.
const NEXT_ENTRY: &str = "next entry";

/// Every row of a system, boot entries first.
pub fn rows(view: &View, facts: &Facts) -> Vec<Row> {
    let mut rows = Vec::new();
    grub::rows(view, facts, &mut rows);
    bls::rows(view, facts, &mut rows);
    uki::rows(view, facts, &mut rows);
    labels::rows(view, facts, &mut rows);
    tables::rows(view, facts, &mut rows);
    units::rows(view, facts, &mut rows);
    settings::rows(view, facts, &mut rows);
    rows
}

/// The kernel's arguments at the next boot, as far as they can be seen from here: what the next kernel
/// is to be started with (kernel-install(8)), else GRUB's default entry; empty where there is neither.
pub fn default_arguments(root: &Root) -> String {
    let view = View::now(root);
    let written = root.read_text("/etc/kernel/cmdline").filter(|text| !text.trim().is_empty());
    let line = written.or_else(|| grub::default_arguments(&view)).unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    words.join(" ") + "\n"
}

/// Holds rows against those from before a run: what failed then is no failure of the run, and the
/// default entry must stand at the position at which it stood.
///
/// No edit adds or removes a line, so a row is known again by file, line and item; of several such
/// on one line, by their order.
pub fn compare(rows: &mut [Row], before: &[Row]) {
    let mut earlier: HashMap<Key, VecDeque<&Row>> = HashMap::new();
    for row in worth_keeping(before) {
        earlier.entry(Key::of(row)).or_default().push_back(row);
    }
    let then: Vec<Option<&Row>> = rows
        .iter()
        .map(|row| earlier.get_mut(&Key::of(row)).and_then(VecDeque::pop_front))
        .collect();
    for (row, then) in rows.iter_mut().zip(then) {
        let Some(then) = then else { continue };
        if row.verdict == Judgement::Fails && then.verdict == Judgement::Fails {
            row.verdict = Judgement::AsBefore;
        } else if is_of_loader(row) && position(&row.value) != position(&then.value) {
            row.verdict = Judgement::Fails;
            row.why = Some(format!("it was `{}`", then.value));
        }
    }
}

/// What must be kept of a proof for [`compare`] to be told by.
pub fn to_keep(rows: &[Row]) -> Vec<Row> {
    worth_keeping(rows).cloned().collect()
}

/// The rows that [`compare`] asks for: those about a loader's choice, and all of a line with a failing
/// one, for they are told apart by their order.
fn worth_keeping(rows: &[Row]) -> impl Iterator<Item = &Row> {
    let failing: HashSet<Key> =
        rows.iter().filter(|row| row.verdict == Judgement::Fails).map(Key::of).collect();
    rows.iter().filter(move |row| is_of_loader(row) || failing.contains(&Key::of(row)))
}

#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    path: &'a Path,
    line: Option<usize>,
    item: &'a str,
}

impl<'a> Key<'a> {
    fn of(row: &'a Row) -> Self {
        // The line of `set default` may be another, where it is set in two places.
        let line = row.line.filter(|_| !is_of_loader(row));
        Self { path: &row.path, line, item: &row.item }
    }
}

/// Whether the row is about which entry a loader takes.
pub(crate) fn is_of_loader(row: &Row) -> bool {
    row.entry.is_none() && matches!(&*row.item, DEFAULT_ENTRY | NEXT_ENTRY)
}

fn position(value: &str) -> &str {
    value.split_once(' ').map_or(value, |(position, _)| position)
}

/// Failing rows in a sentence; none if there is none.
pub fn failures(rows: &[Row]) -> Option<String> {
    let failing = rows.iter().filter(|row| row.verdict == Judgement::Fails);
    let told: Vec<String> = failing.map(sentence).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// `/boot/grub/grub.cfg:12: root= /dev/x/y of "Debian" names x, a group that is not there`.
fn sentence(row: &Row) -> String {
    let place = match row.line {
        Some(line) => format!("`{}:{line}`", row.path.display()),
        None => format!("`{}`", row.path.display()),
    };
    let entry = row.entry.as_ref().map_or(String::new(), |entry| format!(" of \"{entry}\""));
    let why = row.why.as_deref().unwrap_or("fails");
    format!("{place}: {} `{}`{entry}: {why}", row.item, row.value)
}

/// How many rows have which verdict: `12 rows hold, 1 unknown`, `1 row holds`.
pub fn summary(rows: &[Row]) -> String {
    let verdicts = [
        (Judgement::Holds, "holds", "hold"),
        (Judgement::Fails, "FAILS", "FAIL"),
        (Judgement::AsBefore, Judgement::AsBefore.word(), Judgement::AsBefore.word()),
        (Judgement::Tolerated, Judgement::Tolerated.word(), Judgement::Tolerated.word()),
        (Judgement::Unknown, Judgement::Unknown.word(), Judgement::Unknown.word()),
    ];
    let mut told: Vec<String> = Vec::new();
    for (verdict, one, several) in verdicts {
        let count = rows.iter().filter(|row| row.verdict == verdict).count();
        let word = if count == 1 { one } else { several };
        // The first number says what is counted.
        match (count, told.is_empty()) {
            (0, _) => {}
            (1, true) => told.push(format!("1 row {word}")),
            (_, true) => told.push(format!("{count} rows {word}")),
            (_, false) => told.push(format!("{count} {word}")),
        }
    }
    told.join(", ")
}

/// Makes the rows of one file, or of one entry of it.
pub(crate) struct Maker {
    path: Arc<Path>,
    entry: Option<Arc<str>>,
}

impl Maker {
    /// The rows of a file.
    pub(crate) fn of(path: &Path) -> Self {
        Self { path: path.into(), entry: None }
    }

    /// The rows of a boot entry of a file.
    pub(crate) fn of_entry(path: &Path, title: &str) -> Self {
        Self { path: path.into(), entry: Some(title.into()) }
    }

    /// One row; the finding says what is true of it.
    pub(crate) fn row(
        &self,
        line: Option<usize>,
        item: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
        finding: Finding,
    ) -> Row {
        Row {
            path: Arc::clone(&self.path),
            line,
            entry: self.entry.clone(),
            item: item.into(),
            value: value.into(),
            verdict: finding.verdict,
            why: finding.why,
        }
    }
}
