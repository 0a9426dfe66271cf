//! `postclone rename`: a volume group's name.

use anyhow::Result;

use super::carry_out::{Found, carry_out};
use super::resume;
use crate::change::Changes;
use crate::cli::RenameArgs;
use crate::exit::Exit;
use crate::group::target::{self, Asked};
use crate::guest::root::Root;
use crate::logger;

/// Runs the verb.
pub fn run(args: &RenameArgs) -> Result<Exit> {
    logger::start(args.run.verbose, args.run.quiet);
    if args.resume {
        return resume::run(&args.run);
    }
    carry_out(&args.run, None, |root| find(args, root))
}

fn find(args: &RenameArgs, root: &Root) -> Result<Found> {
    let asked = Asked {
        old: args.old.clone(),
        new: args.new.clone(),
        to_hostname: args.to_hostname.clone(),
        vg_uuid: args.vg_uuid.clone(),
        lvm_report: args.run.lvm_report.clone(),
        files_only: args.run.files_only,
        dry_run: args.run.dry_run,
        asks: !args.run.yes,
    };
    let target = target::find(&asked, root)?;
    Ok((Changes(vec![Box::new(target.rename)]), target.warnings))
}
