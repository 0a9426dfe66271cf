//! The proof of the next boot: compares every line of boot entries, fstab, crypttab and units with the
//! volumes that the group has.
//!
//! It only reads a root tree and a report about the group, so that fixtures test it as well as the running
//! system. A row fails only if it is about the group, or if a kernel or an image is missing. What the
//! proof cannot judge (an export of another machine, the UUID of a partition without blkid) is unknown.
//! [`compare`] distinguishes rows that failed before the run from rows that fail because of it.

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

/// The verdict on one line. Tables and JSON show it, and the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The file, absolute inside the root, with links resolved.
    pub path: Arc<Path>,
    /// The line, from 1. None if the row is about the whole file.
    pub line: Option<usize>,
    /// The title of the boot entry that contains the line. None in other files.
    pub entry: Option<Arc<str>>,
    /// What is judged: `kernel`, `root=`, a mount point, a mapping, a key of a unit.
    pub item: Cow<'static, str>,
    /// The text that is judged.
    pub value: String,
    /// The verdict.
    pub verdict: Judgement,
    /// The reason, unless the row simply holds.
    pub why: Option<String>,
}

/// The verdict of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// The device or file exists, or the default entry is the same as before.
    Holds,
    /// It fails, as it did before the run.
    AsBefore,
    /// It fails, and no boot waits for it: `noauto`, `nofail`, a unit that nothing enables.
    Tolerated,
    /// This cannot be decided from here.
    Unknown,
    /// The next boot would not find it.
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

/// The item of a row about a boot loader's default. Its value begins with the position of the entry.
const DEFAULT_ENTRY: &str = "default entry";
/// The item of a row about the entry for the next boot only.
const NEXT_ENTRY: &str = "next entry";

/// Every row of a system, with boot entries first.
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

/// The kernel arguments at the next boot, as far as they are known: those in /etc/kernel/cmdline
/// (kernel-install(8)), or else those of GRUB's default entry. Empty if there is neither.
pub fn default_arguments(root: &Root) -> String {
    let view = View::now(root);
    let written = root.read_text("/etc/kernel/cmdline").filter(|text| !text.trim().is_empty());
    let line = written.or_else(|| grub::default_arguments(&view)).unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    words.join(" ") + "\n"
}

/// Compares rows with those from before a run. A row that failed before is not a failure of the run. The
/// default entry must have the same position as before.
///
/// No edit adds or removes a line. So a row is identified by file, line and item. Several rows with the
/// same three are matched in order.
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

/// The rows of a proof that must be kept for a later [`compare`].
pub fn to_keep(rows: &[Row]) -> Vec<Row> {
    worth_keeping(rows).cloned().collect()
}

/// The rows that [`compare`] needs: those about a boot loader's choice, and all rows of each line with a
/// failing one, because rows of one line are matched in order.
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
        // `set default` may be set in two places, so its line may differ.
        let line = row.line.filter(|_| !is_of_loader(row));
        Self { path: &row.path, line, item: &row.item }
    }
}

/// Whether the row is about the entry that a boot loader chooses.
pub(crate) fn is_of_loader(row: &Row) -> bool {
    row.entry.is_none() && matches!(&*row.item, DEFAULT_ENTRY | NEXT_ENTRY)
}

fn position(value: &str) -> &str {
    value.split_once(' ').map_or(value, |(position, _)| position)
}

/// The failing rows as a sentence. None if no row fails.
pub fn failures(rows: &[Row]) -> Option<String> {
    let failing = rows.iter().filter(|row| row.verdict == Judgement::Fails);
    let told: Vec<String> = failing.map(sentence).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// For example: `/boot/grub/grub.cfg:12`: root= `/dev/x/y` of "Debian": there is no group x
fn sentence(row: &Row) -> String {
    let place = match row.line {
        Some(line) => format!("`{}:{line}`", row.path.display()),
        None => format!("`{}`", row.path.display()),
    };
    let entry = row.entry.as_ref().map_or(String::new(), |entry| format!(" of \"{entry}\""));
    let why = row.why.as_deref().unwrap_or("fails");
    format!("{place}: {} `{}`{entry}: {why}", row.item, row.value)
}

/// The number of rows per verdict: `12 rows hold, 1 unknown`, `1 row holds`.
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
        // Only the first number is followed by "rows".
        match (count, told.is_empty()) {
            (0, _) => {}
            (1, true) => told.push(format!("1 row {word}")),
            (_, true) => told.push(format!("{count} rows {word}")),
            (_, false) => told.push(format!("{count} {word}")),
        }
    }
    told.join(", ")
}

/// Makes the rows of one file, or of one boot entry in it.
pub(crate) struct Maker {
    path: Arc<Path>,
    entry: Option<Arc<str>>,
}

impl Maker {
    /// Makes rows of a file.
    pub(crate) fn of(path: &Path) -> Self {
        Self { path: path.into(), entry: None }
    }

    /// Makes rows of a boot entry in a file.
    pub(crate) fn of_entry(path: &Path, title: &str) -> Self {
        Self { path: path.into(), entry: Some(title.into()) }
    }

    /// One row with a finding.
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
