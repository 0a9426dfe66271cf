//! Which name is searched for, and what is known about its group.

use std::collections::BTreeSet;

use anyhow::{Context, Result, anyhow};

use crate::audit::{Wanted, wanted_beside};
use crate::change::Changes;
use crate::changes;
use crate::cli::AuditArgs;
use crate::group::{self, Kept};
use crate::guest::inventory::Inventory;
use crate::guest::root::Root;
use crate::names::{LvName, VgName};
use crate::rewrite::matcher::Volumes;
use crate::transaction::journal::Journal;
use crate::transaction::record::State;
use crate::{lvm, plan};

/// The name that the arguments ask for.
pub(super) fn wanted(args: &AuditArgs, root: &Root) -> Result<Wanted> {
    let run = changes::latest(root).unwrap_or_else(|error| {
        log::warn!("{error:#}");
        None
    });
    let mappings = plan::mappings(root).unwrap_or_else(|error| {
        log::warn!("{error:#}: names of dm-crypt mappings cannot be told apart from volumes");
        BTreeSet::new()
    });
    let kept = run.as_ref().and_then(|(journal, _)| group::among(&journal.saved.changes));
    if args.name.is_none() && kept.is_none() {
        if let Some(wanted) = run.as_ref().and_then(|run| of_another_kind(run, &mappings)) {
            return Ok(wanted);
        }
    }
    let name = args.name.clone().or_else(|| Some(taken_away(&run.as_ref()?.0, kept.as_ref()?)));
    let name = name.ok_or_else(|| {
        anyhow!("there is no run of postclone with an old name to search for: give NAME")
    })?;
    let kept = kept.filter(|kept| [&kept.old, &kept.new].contains(&&name));
    let volumes = match inventory(args, root)? {
        Some(inventory) => reported(&inventory, &name, kept.as_ref()),
        None => None,
    };
    let volumes = volumes.or_else(|| {
        let volumes = kept?.volumes?;
        Some(volumes.into_iter().map(|volume| volume.name).collect())
    });
    if volumes.is_none() {
        log::info!(
            "LVM reports no group that has or had the name {name}: volumes are recognized by their form"
        );
    }
    Ok(wanted_beside(name, volumes.map_or(Volumes::ByForm, Volumes::Known), mappings))
}

/// The old name of the last run, if that run was not about a group.
fn of_another_kind(run: &(Journal, Changes), mappings: &BTreeSet<String>) -> Option<Wanted> {
    let (journal, changes) = run;
    let is_done = !matches!(journal.state(), State::Undone);
    is_done.then(|| changes.wanted(mappings).into_iter().next()).flatten()
}

/// The name that the last run replaced, forward or back.
fn taken_away(journal: &Journal, kept: &Kept) -> VgName {
    match journal.state() {
        State::Undone => kept.new.clone(),
        State::Done | State::Open(_) => kept.old.clone(),
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

/// The volumes of the group that has this name, or that a run gave another name.
fn reported(inventory: &Inventory, name: &VgName, kept: Option<&Kept>) -> Option<BTreeSet<LvName>> {
    let mut groups: Vec<_> = inventory.named(name).collect();
    if let Some(kept) = kept.filter(|_| groups.is_empty()) {
        let by_uuid = kept.uuid.as_deref().and_then(|uuid| inventory.by_uuid(uuid));
        let by_name =
            [&kept.old, &kept.new].into_iter().find_map(|name| inventory.named(name).next());
        groups.extend(by_uuid.or(by_name));
    }
    (!groups.is_empty()).then(|| {
        groups.iter().flat_map(|group| group.volumes.iter().map(|v| v.name.clone())).collect()
    })
}
