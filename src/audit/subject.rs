//! Which name is searched for, and what is known of its group.

use std::collections::BTreeSet;

use anyhow::{Context, Result, anyhow};

use super::text::Wanted;
use crate::cli::AuditArgs;
use crate::guest::inventory::Inventory;
use crate::guest::root::Root;
use crate::names::{LvName, VgName};
use crate::rewrite::matcher::{Matcher, Volumes};
use crate::transaction::journal::Journal;
use crate::transaction::record::{Saved, State};
use crate::{lvm, plan};

/// What the arguments ask for.
pub(super) fn wanted(args: &AuditArgs, root: &Root) -> Result<Wanted> {
    let journal = Journal::latest(root).unwrap_or_else(|error| {
        log::warn!("{error:#}");
        None
    });
    let name = args.name.clone().or_else(|| journal.as_ref().map(taken_away));
    let name = name.ok_or_else(|| {
        anyhow!("there is no run of postclone whose old name could be searched for: give NAME")
    })?;
    let saved = journal.map(|journal| journal.saved);
    let saved = saved.filter(|saved| [&saved.old, &saved.new].contains(&&name));
    let volumes = match inventory(args, root)? {
        Some(inventory) => reported(&inventory, &name, saved.as_ref()),
        None => None,
    };
    let volumes = volumes.or_else(|| {
        let volumes = saved?.volumes?;
        Some(volumes.into_iter().map(|volume| volume.name).collect())
    });
    if volumes.is_none() {
        log::info!(
            "LVM reports no group that has or had the name {name}: volumes are told by form"
        );
    }
    let mappings = plan::mappings(root).unwrap_or_else(|error| {
        log::warn!("{error:#}: names of dm-crypt mappings cannot be told from volumes");
        BTreeSet::new()
    });
    Ok(of(name, volumes.map_or(Volumes::ByForm, Volumes::Known), mappings))
}

/// A name with what is known of its group, beside the names of dm-crypt mappings that the tree declares.
pub fn of(name: VgName, volumes: Volumes, mappings: BTreeSet<String>) -> Wanted {
    let by_volume = matches!(volumes, Volumes::Known(_));
    // Nothing is rewritten here; the matcher wants a new name all the same.
    let matcher = Matcher::new(name.clone(), name.clone(), volumes, mappings);
    Wanted::new(name, matcher, by_volume)
}

/// The name that the last run took away, forward or back.
fn taken_away(journal: &Journal) -> VgName {
    match journal.state() {
        State::Undone => journal.saved.new.clone(),
        State::Done | State::Open(_) => journal.saved.old.clone(),
    }
}

fn inventory(args: &AuditArgs, root: &Root) -> Result<Option<Inventory>> {
    if let Some(file) = &args.lvm_report {
        let reading = || format!("reading `{}`", file.display());
        let bytes = std::fs::read(file).with_context(reading)?;
        return Inventory::parse(&bytes).with_context(reading).map(Some);
    }
    if !root.is_live() || !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    Ok(lvm::inventory().map_err(|error| log::warn!("{error:#}")).ok())
}

/// The volumes of the group that has the name, or that a run gave another.
fn reported(
    inventory: &Inventory,
    name: &VgName,
    saved: Option<&Saved>,
) -> Option<BTreeSet<LvName>> {
    let mut groups: Vec<_> = inventory.named(name).collect();
    if let Some(saved) = saved.filter(|_| groups.is_empty()) {
        let by_uuid = saved.uuid.as_deref().and_then(|uuid| inventory.by_uuid(uuid));
        let by_name =
            [&saved.old, &saved.new].into_iter().find_map(|name| inventory.named(name).next());
        groups.extend(by_uuid.or(by_name));
    }
    (!groups.is_empty()).then(|| {
        groups.iter().flat_map(|group| group.volumes.iter().map(|v| v.name.clone())).collect()
    })
}
