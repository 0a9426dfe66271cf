//! `postclone fixup`: makes a clone a machine of its own, in one plan.

use std::cell::OnceCell;

use anyhow::Result;
use clap::ValueEnum;

use super::carry_out::{Found, carry_out};
use super::identity;
use super::parts::Parts;
use super::renewals;
use crate::ask;
use crate::change::Changes;
use crate::checks;
use crate::cli::{FixupArgs, Item, Part, RunArgs};
use crate::exit::{Exit, refuse};
use crate::fixup::name::{Becomes, Known, settle, was_given};
use crate::fixup::{group, left};
use crate::group::target::Asked;
use crate::guest::root::Root;
use crate::host;
use crate::identity::look::{self, Looked};
use crate::logger;
use crate::plan::Warning;
use crate::uuids::{at_boot, find, xfs};

/// What is found only once. The plan is made twice, and both times it has the same random values and answers.
#[derive(Default)]
struct Once {
    looked: OnceCell<Option<Looked>>,
    becomes: OnceCell<Option<Becomes>>,
    drawn: renewals::Drawn,
    uuids: find::Drawn,
}

/// Runs the verb.
pub fn run(args: &FixupArgs) -> Result<Exit> {
    logger::start(args.run.verbose, args.run.quiet);
    let once = Once::default();
    if args.if_clone && is_template(&args.run)? {
        log::info!("this machine is the template itself: nothing changes");
        return Ok(Exit::Done);
    }
    carry_out(&args.run, Some(host::WHERE_IMAGE_BASED), |root| find(args, root, &once))
}

/// Whether the running machine was sealed as a template.
fn is_template(args: &RunArgs) -> Result<bool> {
    let root = Root::open(&args.root)?;
    Ok(!args.force && look::sealed_here(&root).map_err(refuse)?.is_some())
}

fn find(args: &FixupArgs, root: &Root, once: &Once) -> Result<Found> {
    let mut parts = Parts::default();
    let asked = Asked {
        lvm_report: args.run.lvm_report.clone(),
        files_only: args.run.files_only,
        dry_run: args.run.dry_run,
        asks: !args.run.yes,
        ..Asked::default()
    };
    let asks_any = |some: &[Part]| some.iter().any(|part| args.asks(*part));
    let needs_name = asks_any(&[Part::HostName, Part::GroupName]);
    let needs_lvm = needs_name || args.asks(Part::LvmUuids);
    let inventory = if needs_lvm { group::report(&asked)? } else { None };
    let looked = once.looked.get_or_init(|| {
        let can_be = root.is_live() && checks::is_root("").is_ok();
        can_be.then(|| identity::glance(root, inventory.as_ref())).flatten()
    });
    let own = |kinds: &[&str]| looked.as_ref().is_some_and(|looked| looked.are_own(kinds));
    let group = if needs_lvm { group::of_root(root, inventory.as_ref(), &asked)? } else { None };
    let mut host_name = None;
    if needs_name {
        let known = Known {
            given: args.name.clone(),
            is_own: own(&["host-name"]) || was_given(root, group.as_ref().map(group::OfRoot::name)),
            template: looked.as_ref().and_then(Looked::template).map(str::to_owned),
            group: group.as_ref().map(group::OfRoot::name),
            inventory: inventory.as_ref(),
            is_asked: !args.run.yes && ask::is_possible(),
            only_clone: args.if_clone,
        };
        if once.becomes.get().is_none() {
            let becomes = settle(root, &known, ask::host_name)?;
            once.becomes.get_or_init(|| becomes);
        }
        let Some(becomes) = once.becomes.get().and_then(Option::as_ref) else {
            let text = "nothing shows that this machine is a clone: nothing changes";
            return Ok((Changes::default(), vec![Warning::general(text)]));
        };
        if args.asks(Part::HostName) && !becomes.is_everywhere(root) {
            let rename = host::target::find(root, becomes.old.as_ref(), &becomes.new)?;
            parts.changes.0.push(Box::new(rename));
        }
        host_name = Some(becomes.new.short().to_owned());
    }
    let mut renamed = None;
    if let Some(name) = host_name.as_ref().filter(|_| args.asks(Part::GroupName)) {
        let (rename, told) = group::find(root, asked, inventory.clone(), group.as_ref(), name)?;
        renamed = rename.as_ref().map(|rename| rename.new_name().clone());
        parts.add((rename, told));
    }
    let (file_systems, swaps) = (args.asks(Part::FsUuids), args.asks(Part::SwapUuids));
    if file_systems || swaps {
        let asked = find::Asked { file_systems, swaps };
        let name = |dm_uuid: &str, name: &str| parts.changes.dm_name(dm_uuid, name);
        let found = find::find(root, asked, &name, &once.uuids)?;
        let at_boot = if file_systems {
            xfs::find::find(root, &name, &once.uuids)?
        } else {
            Default::default()
        };
        parts.add(found);
        parts.add(at_boot);
    }
    if args.asks(Part::LvmUuids) {
        let name = group.as_ref().map(group::OfRoot::name);
        parts.add(at_boot::find::find(root, inventory.as_ref(), name, renamed.as_ref())?);
    }
    let items = |some: &[Part]| -> Vec<Item> {
        let all = Item::value_variants().iter().copied();
        all.filter(|item| some.contains(&Part::of(*item))).collect()
    };
    let named = [items(&args.only), items(&args.with)].concat();
    let asked = (|item: Item| args.asks(Part::of(item)), named.as_slice(), args.run.force);
    renewals::add(&mut parts, root, &once.drawn, (host_name.as_deref(), looked.as_ref()), asked)?;
    let covered = Part::value_variants().iter().filter(|part| args.asks(**part));
    let covered: Vec<&str> = covered.flat_map(|part| part.kinds().iter().copied()).collect();
    let left = looked.as_ref().map(|looked| left::sentences(looked, &covered)).unwrap_or_default();
    parts.warnings.extend(left.into_iter().map(Warning::general));
    if args.run.dry_run && !parts.changes.0.is_empty() {
        let text = "a run generates other IDs and keys than this dry run";
        parts.warnings.push(Warning::general(text));
    }
    Ok((parts.changes, parts.warnings))
}
