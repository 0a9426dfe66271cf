//! `postclone renew`: IDs and keys that a clone shares with its template.

use std::cell::OnceCell;

use anyhow::Result;

use super::carry_out::carry_out;
use crate::change::{Change, Changes};
use crate::cli::{Item, RenewArgs};
use crate::exit::Exit;
use crate::logger;
use crate::plan::Warning;
use crate::renew::{self, dhcp, machine_id, macs, seeds, snakeoil, ssh, storage};

/// Runs the verb.
pub fn run(args: &RenewArgs) -> Result<Exit> {
    logger::start(args.run.verbose, args.run.quiet);
    let all = args.items.is_empty();
    let asks = |item: Item| if all { item.is_default() } else { args.items.contains(&item) };
    // The plan is made twice, and has the same keys and IDs both times.
    let (id, keys) = (OnceCell::new(), ssh::Drawn::default());
    let (names, certificate) = (storage::Drawn::default(), snakeoil::Drawn::default());
    let draw = || match id.get() {
        Some(id) => Ok(String::clone(id)),
        None => machine_id::draw().map(|drawn| id.get_or_init(|| drawn).clone()),
    };
    carry_out(&args.run, Some(renew::WHERE_IMAGE_BASED), |root| {
        let mut found = Found::default();
        if asks(Item::MachineId) {
            found.add(machine_id::find(root, draw)?);
        }
        if asks(Item::SshHostKeys) {
            let (found, told) = ssh::find(root, &keys, None)?;
            changes.extend(found.map(|found| Box::new(found) as Box<dyn Change>));
            warnings.extend(told);
            found.add(ssh::find(root, &keys)?);
        }
        if asks(Item::Dhcp) {
            found.add(dhcp::find(root)?);
        }
        if asks(Item::IscsiInitiator) {
            found.add(storage::iscsi(root, &names)?);
        }
        if asks(Item::NvmeHost) {
            found.add(storage::nvme(root, &names)?);
        }
        if asks(Item::NetworkMacs) {
            found.add(macs::find(root)?);
        }
        if asks(Item::SnakeoilCertificate) {
            found.add(snakeoil::find(root, &certificate)?);
        }
        if all {
            found.warnings.extend(storage::left(root));
        }
        // The last one: what fails after it is taken back, and the seeds are not.
        if asks(Item::RandomSeeds) {
            found.add((seeds::find(root)?, Vec::new()));
        }
        let Found { changes, mut warnings } = found;
        if args.run.dry_run && !changes.is_empty() {
            let text = "a run draws other IDs and keys than this dry run";
            warnings.push(Warning::general(text));
        }
        Ok((Changes(changes), warnings))
    })
}

/// What is renewed, and what is to be said.
#[derive(Default)]
struct Found {
    changes: Vec<Box<dyn Change>>,
    warnings: Vec<Warning>,
}

impl Found {
    fn add(&mut self, (change, told): (Option<impl Change + 'static>, Vec<Warning>)) {
        self.changes.extend(change.map(|change| Box::new(change) as Box<dyn Change>));
        self.warnings.extend(told);
    }
}
