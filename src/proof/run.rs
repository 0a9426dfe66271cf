//! The proof of a run, by what its journal holds.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::{Facts, Row, Verdict, View, compare, failures, is_of_loader, rows, summary};
use crate::guest::inventory::Group;
use crate::guest::root::Root;
use crate::names::VgName;
use crate::plan;
use crate::rewrite::matcher::Volumes;
use crate::transaction::journal::Journal;
use crate::transaction::record::{Saved, State};

/// What is known of a group that is called `now`, with the names of mappings that the tree declares.
pub fn facts(root: &Root, now: &VgName, gone: Option<&VgName>, volumes: &Volumes) -> Result<Facts> {
    Ok(Facts::new(now.clone(), gone.cloned(), volumes, plan::mappings(root)?))
}

/// Every row as it is after a run, held against those from before it.
pub fn after(root: &Root, saved: &Saved, tags: Option<BTreeSet<String>>) -> Result<Vec<Row>> {
    let known = facts(root, &saved.new, Some(&saved.old), &volumes(saved))?
        .with_dm_uuids(dm_uuids(saved))
        .with_tags(tags);
    let mut rows = rows(&View::now(root), &known);
    compare(&mut rows, &saved.proof);
    Ok(rows)
}

/// Every row as it is when a run was taken back, held against those from before it. Which entry is the
/// default is the machine's own affair by then, and not compared.
///
/// Where the run did not rename the group in LVM, it may have had either name before.
pub fn before(view: &View, root: &Root, saved: &Saved) -> Result<Vec<Row>> {
    let earlier: Vec<Row> = saved.proof.iter().filter(|row| !is_of_loader(row)).cloned().collect();
    let by = |now: &VgName, gone: &VgName| {
        let known = facts(root, now, Some(gone), &volumes(saved))?.with_dm_uuids(dm_uuids(saved));
        let mut rows = rows(view, &known);
        compare(&mut rows, &earlier);
        Ok::<_, anyhow::Error>(rows)
    };
    let rows = by(&saved.old, &saved.new)?;
    let fails = rows.iter().any(|row| row.verdict == Verdict::Fails);
    if fails && saved.uuid.is_none() { by(&saved.new, &saved.old) } else { Ok(rows) }
}

/// Demands that no row fails, after a run was taken back, that did not fail before it; gives the
/// numbers in a sentence.
///
/// # Errors
/// Every row that fails.
pub fn demand_before(root: &Root, saved: &Saved) -> Result<String> {
    let rows = before(&View::now(root), root, saved)?;
    match failures(&rows) {
        None if rows.is_empty() => Ok("nothing is there to prove the next boot by".to_owned()),
        None => Ok(format!("proof of the next boot: {}", summary(&rows))),
        Some(failing) => bail!("the next boot would fail: {failing}"),
    }
}

/// Every row of a system as it is, by the group that LVM reports, or else by the last run; none where
/// there is neither, or where the last run was cut in the middle.
pub fn of_system(
    root: &Root,
    group: Option<&Group>,
    last: Option<&Journal>,
    tags: Option<BTreeSet<String>>,
) -> Result<Option<Vec<Row>>> {
    let last = match last.map(|journal| (&journal.saved, journal.state())) {
        None => None,
        Some((saved, State::Done)) => Some((saved, &saved.new, &saved.old)),
        Some((saved, State::Undone)) => Some((saved, &saved.old, &saved.new)),
        Some((_, State::Open(_))) => return Ok(None),
    };
    let known = match (group, last) {
        (None, None) => return Ok(None),
        (Some(group), last) => {
            let names = last.filter(|(_, now, _)| **now == group.name);
            let visible = group.volumes.iter().filter(|volume| !volume.uuid.is_empty());
            let dm_uuids = visible.map(|volume| group.dm_uuid(volume)).collect();
            let volumes = group.volumes.iter().map(|volume| volume.name.clone()).collect();
            let gone = names.map(|(_, _, gone)| gone);
            facts(root, &group.name, gone, &Volumes::Known(volumes))?.with_dm_uuids(dm_uuids)
        }
        (None, Some((saved, now, gone))) => {
            facts(root, now, Some(gone), &volumes(saved))?.with_dm_uuids(dm_uuids(saved))
        }
    };
    Ok(Some(rows(&View::now(root), &known.with_tags(tags))))
}

fn volumes(saved: &Saved) -> Volumes {
    match &saved.volumes {
        Some(volumes) => Volumes::Known(volumes.iter().map(|volume| volume.name.clone()).collect()),
        None => Volumes::ByForm,
    }
}

fn dm_uuids(saved: &Saved) -> BTreeSet<String> {
    saved.volumes.iter().flatten().filter_map(|volume| volume.dm_uuid.clone()).collect()
}

/// Demands that no row fails that did not fail before.
///
/// # Errors
/// Every row that fails.
pub fn demand(root: &Root, saved: &Saved) -> Result<()> {
    match failures(&after(root, saved, None)?) {
        None => Ok(()),
        Some(failing) => bail!("the next boot would fail: {failing}"),
    }
}
