//! The proof of a run, from what its journal contains.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::take::Run;
use crate::change::Changes;
use crate::guest::root::Root;
use crate::plan;
use crate::proof::{
    Facts, Judgement, Known, Row, View, compare, failures, is_of_loader, rows, summary,
};
use crate::transaction::record::{Direction, Saved};

/// What is known, with the names of mappings that the tree declares.
pub fn facts(root: &Root, known: Known) -> Result<Facts> {
    Ok(Facts::of(known, plan::mappings(root)?))
}

/// Every row after a run, compared with the rows from before it. Empty if no boot needs what the run changed.
pub(super) fn after(run: &Run<'_>, tags: Option<BTreeSet<String>>) -> Result<Vec<Row>> {
    if !run.changes.concern_boot() {
        return Ok(Vec::new());
    }
    let known = facts(run.root, run.changes.known(Direction::Forward))?.with_tags(tags);
    let mut rows = rows(&View::now(run.root), &known);
    compare(&mut rows, &run.journal.saved.proof);
    Ok(rows)
}

/// Every row after a run was undone, compared with the rows from before the run. The default entry is not compared,
/// because the machine may have changed it for its own reasons.
///
/// If the run had no pivot, the machine may have had either name before.
pub fn before(view: &View, root: &Root, saved: &Saved, changes: &Changes) -> Result<Vec<Row>> {
    if !changes.concern_boot() {
        return Ok(Vec::new());
    }
    let earlier: Vec<Row> = saved.proof.iter().filter(|row| !is_of_loader(row)).cloned().collect();
    let by = |direction| {
        let known = facts(root, changes.known(direction))?;
        let mut rows = rows(view, &known);
        compare(&mut rows, &earlier);
        Ok::<_, anyhow::Error>(rows)
    };
    let rows = by(Direction::Backward)?;
    let fails = rows.iter().any(|row| row.verdict == Judgement::Fails);
    if fails && !changes.pivot() { by(Direction::Forward) } else { Ok(rows) }
}

/// After a run was undone, demands that no row fails that did not fail before the run. Returns the counts in a
/// sentence.
///
/// # Errors
/// Every row that fails.
pub(super) fn demand_before(run: &Run<'_>) -> Result<String> {
    let rows = before(&View::now(run.root), run.root, &run.journal.saved, run.changes)?;
    match failures(&rows) {
        None if rows.is_empty() => Ok("there is nothing that could prove the next boot".to_owned()),
        None => Ok(format!("proof of the next boot: {}", summary(&rows))),
        Some(failing) => bail!("the next boot would fail: {failing}"),
    }
}

/// Demands that no row fails that did not fail before.
///
/// # Errors
/// Every row that fails.
pub(super) fn demand(run: &Run<'_>) -> Result<()> {
    match failures(&after(run, None)?) {
        None => Ok(()),
        Some(failing) => bail!("the next boot would fail: {failing}"),
    }
}
