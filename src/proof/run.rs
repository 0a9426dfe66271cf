//! The proof of a run, by what its journal holds.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::{Facts, Row, View, compare, failures, rows, summary};
use crate::guest::root::Root;
use crate::names::VgName;
use crate::plan;
use crate::rewrite::matcher::Volumes;
use crate::transaction::record::Saved;

/// What is known of a group that is called `now`, with the names of mappings that the tree declares.
pub fn facts(root: &Root, now: &VgName, gone: Option<&VgName>, volumes: &Volumes) -> Result<Facts> {
    Ok(Facts::new(now.clone(), gone.cloned(), volumes, plan::mappings(root)?))
}

/// Every row as it is after a run, held against those from before it.
pub fn after(root: &Root, saved: &Saved, tags: Option<BTreeSet<String>>) -> Result<Vec<Row>> {
    let volumes = match &saved.volumes {
        Some(volumes) => Volumes::Known(volumes.iter().map(|volume| volume.name.clone()).collect()),
        None => Volumes::ByForm,
    };
    let dm_uuids = saved.volumes.iter().flatten().filter_map(|volume| volume.dm_uuid.clone());
    let known = facts(root, &saved.new, Some(&saved.old), &volumes)?
        .with_dm_uuids(dm_uuids.collect())
        .with_tags(tags);
    let mut rows = rows(&View::now(root), &known);
    compare(&mut rows, &saved.proof);
    Ok(rows)
}

/// Demands that no row fails that did not fail before. The sentence says how many hold.
pub fn demand(root: &Root, saved: &Saved) -> Result<String> {
    let rows = after(root, saved, None)?;
    match failures(&rows) {
        None => Ok(format!("proof of the next boot: {}", summary(&rows))),
        Some(failing) => bail!("the next boot would fail: {failing}"),
    }
}
