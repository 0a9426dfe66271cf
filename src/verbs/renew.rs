//! `postclone renew`: IDs and keys that a clone shares with its template.

use anyhow::Result;

use super::carry_out::carry_out;
use super::parts::Parts;
use super::renewals;
use crate::cli::{Item, RenewArgs};
use crate::exit::Exit;
use crate::logger;
use crate::plan::Warning;
use crate::renew::{self, storage};

/// Runs the verb.
pub fn run(args: &RenewArgs) -> Result<Exit> {
    logger::start(args.run.verbose, args.run.quiet);
    let all = args.items.is_empty();
    let asks = |item: Item| if all { item.is_default() } else { args.items.contains(&item) };
    let drawn = renewals::Drawn::default();
    carry_out(&args.run, Some(renew::WHERE_IMAGE_BASED), |root| {
        let mut parts = Parts::default();
        renewals::add(&mut parts, root, &drawn, (None, None), (asks, &args.items, args.run.force))?;
        if all {
            parts.warnings.extend(storage::left(root));
        }
        if args.run.dry_run && !parts.changes.0.is_empty() {
            let text = "a run generates other IDs and keys than this dry run";
            parts.warnings.push(Warning::general(text));
        }
        Ok((parts.changes, parts.warnings))
    })
}
