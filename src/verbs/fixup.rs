//! `postclone fixup`: a clone becomes a machine of its own, in one plan.

use std::cell::OnceCell;

use anyhow::Result;
use clap::ValueEnum;

use super::carry_out::{Found, carry_out};
use super::identity;
use crate::ask;
use crate::change::{Change, Changes};
use crate::checks;
use crate::cli::{FixupArgs, Part, RunArgs};
use crate::exit::{Exit, refuse};
use crate::fixup::name::{Becomes, Known, settle};
use crate::fixup::{group, left};
use crate::group::target::Asked;
use crate::guest::root::Root;
use crate::host;
use crate::identity::look::{self, Looked};
use crate::logger;
use crate::plan::Warning;
use crate::renew::{machine_id, seeds, ssh};
use crate::uuids::find;

/// What is found once: the plan is made twice, and both times the same is drawn and answered.
#[derive(Default)]
struct Once {
    looked: OnceCell<Option<Looked>>,
    becomes: OnceCell<Option<Becomes>>,
    id: OnceCell<String>,
    keys: ssh::Drawn,
    uuids: find::Drawn,
}

/// Runs the verb.
pub fn run(args: &FixupArgs) -> Result<Exit> {
    logger::start(args.run.verbose, args.run.quiet);
    let once = Once::default();
    if args.if_clone && is_template(&args.run)? {
        log::info!("this machine is the template itself: it stays as it is");
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
    let (mut changes, mut warnings): (Vec<Box<dyn Change>>, _) = (Vec::new(), Vec::new());
    let asked = Asked {
        lvm_report: args.run.lvm_report.clone(),
        files_only: args.run.files_only,
        dry_run: args.run.dry_run,
        asks: !args.run.yes,
        ..Asked::default()
    };
    let has_name = args.asks(Part::HostName) || args.asks(Part::GroupName);
    let inventory = if has_name { group::report(&asked)? } else { None };
    let looked = once.looked.get_or_init(|| {
        let can_be = root.is_live() && checks::is_root("").is_ok();
        can_be.then(|| identity::glance(root, inventory.as_ref())).flatten()
    });
    let mut host_name = None;
    if has_name {
        let group = group::of_root(root, inventory.as_ref(), &asked)?;
        let known = Known {
            given: args.name.clone(),
            is_own: looked.as_ref().is_some_and(|looked| looked.are_own(&["host-name"])),
            template: looked.as_ref().and_then(Looked::template).map(str::to_owned),
            group: group.as_ref().map(group::OfRoot::name),
            inventory: inventory.as_ref(),
            is_asked: !args.run.yes && ask::is_possible(),
            only_clone: args.if_clone,
        };
        let becomes = match once.becomes.get() {
            Some(becomes) => becomes.clone(),
            None => {
                let becomes = settle(root, &known, ask::host_name)?;
                once.becomes.get_or_init(|| becomes).clone()
            }
        };
        let Some(becomes) = becomes else {
            let text = "nothing shows that this machine is a clone: it stays as it is";
            return Ok((Changes::default(), vec![Warning::general(text)]));
        };
        host_name = Some(becomes.new.short().to_owned());
        let is_here = crate::guest::host::present(root)
            .is_some_and(|own| own.name.eq_ignore_ascii_case(becomes.new.short()));
        if args.asks(Part::HostName) && (becomes.old.is_some() || !is_here) {
            let rename = host::target::find(root, becomes.old.as_ref(), &becomes.new)?;
            changes.push(Box::new(rename));
        }
        if args.asks(Part::GroupName) {
            let name = becomes.new.short();
            let (rename, told) = group::find(root, asked, inventory, group.as_ref(), name)?;
            changes.extend(rename.map(|rename| Box::new(rename) as Box<dyn Change>));
            warnings.extend(told);
        }
    }
    let (file_systems, swaps) = (args.asks(Part::FsUuids), args.asks(Part::SwapUuids));
    if file_systems || swaps {
        let asked = find::Asked { file_systems, swaps };
        let so_far = Changes(changes);
        let renamed = |dm_uuid: &str, name: &str| so_far.dm_name(dm_uuid, name);
        let (found, told) = find::find(root, asked, &renamed, &once.uuids)?;
        changes = so_far.0;
        changes.extend(found.map(|found| Box::new(found) as Box<dyn Change>));
        warnings.extend(told);
    }
    // What a person names is made anew, whosever it is.
    let asks = |part: Part| {
        let is_own = || looked.as_ref().is_some_and(|looked| looked.are_own(part.kinds()));
        args.asks(part) && (args.only.contains(&part) || !is_own())
    };
    if asks(Part::MachineId) {
        let draw = || match once.id.get() {
            Some(id) => Ok(id.clone()),
            None => machine_id::draw().map(|id| once.id.get_or_init(|| id).clone()),
        };
        let (found, told) = machine_id::find(root, draw)?;
        changes.extend(found.map(|found| Box::new(found) as Box<dyn Change>));
        warnings.extend(told);
    }
    if asks(Part::SshHostKeys) {
        let (found, told) = ssh::find(root, &once.keys, host_name.as_deref())?;
        changes.extend(found.map(|found| Box::new(found) as Box<dyn Change>));
        warnings.extend(told);
    }
    // The last one: what fails after it is taken back, and the seeds are not.
    if asks(Part::RandomSeeds) {
        let found = seeds::find(root)?;
        changes.extend(found.map(|found| Box::new(found) as Box<dyn Change>));
    }
    let covered = Part::value_variants().iter().filter(|part| args.asks(**part));
    let covered: Vec<&str> = covered.flat_map(|part| part.kinds().iter().copied()).collect();
    let left = looked.as_ref().and_then(|looked| left::sentence(looked, &covered));
    warnings.extend(left.map(Warning::general));
    Ok((Changes(changes), warnings))
}
