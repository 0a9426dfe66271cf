//! `postclone renew`: IDs and keys that a clone shares with its template.

use std::cell::OnceCell;

use anyhow::Result;

use super::carry_out::carry_out;
use crate::change::{Change, Changes};
use crate::cli::{Item, RenewArgs};
use crate::exit::Exit;
use crate::logger;
use crate::plan::Warning;
use crate::renew::{self, dhcp, machine_id, seeds, ssh};

/// Runs the verb.
pub fn run(args: &RenewArgs) -> Result<Exit> {
    logger::start(args.run.verbose, args.run.quiet);
    let asks = |item| args.items.is_empty() || args.items.contains(&item);
    // The plan is made twice, and has the same keys and IDs both times.
    let (id, keys) = (OnceCell::new(), ssh::Drawn::default());
    let draw = || match id.get() {
        Some(id) => Ok(String::clone(id)),
        None => machine_id::draw().map(|drawn| id.get_or_init(|| drawn).clone()),
    };
    carry_out(&args.run, Some(renew::WHERE_IMAGE_BASED), |root| {
        let (mut changes, mut warnings): (Vec<Box<dyn Change>>, _) = (Vec::new(), Vec::new());
        if asks(Item::MachineId) {
            let (found, told) = machine_id::find(root, draw)?;
            changes.extend(found.map(|found| Box::new(found) as Box<dyn Change>));
            warnings.extend(told);
        }
        if asks(Item::SshHostKeys) {
            let (found, told) = ssh::find(root, &keys, None)?;
            changes.extend(found.map(|found| Box::new(found) as Box<dyn Change>));
            warnings.extend(told);
        }
        if asks(Item::Dhcp) {
            let (found, told) = dhcp::find(root)?;
            changes.extend(found.map(|found| Box::new(found) as Box<dyn Change>));
            warnings.extend(told);
        }
        // The last one: what fails after it is taken back, and the seeds are not.
        if asks(Item::RandomSeeds) {
            let found = seeds::find(root)?;
            changes.extend(found.map(|found| Box::new(found) as Box<dyn Change>));
        }
        if args.run.dry_run && !changes.is_empty() {
            let text = "a run draws other IDs and keys than this dry run";
            warnings.push(Warning::general(text));
        }
        Ok((Changes(changes), warnings))
    })
}
