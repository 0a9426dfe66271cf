//! `postclone rename-lv`: a logical volume's name.

use anyhow::Result;

use super::carry_out::carry_out;
use crate::change::Changes;
use crate::cli::RenameLvArgs;
use crate::exit::Exit;
use crate::logger;
use crate::volume::target::{self, Asked};

/// Runs the verb.
pub fn run(args: &RenameLvArgs) -> Result<Exit> {
    logger::start(args.run.verbose, args.run.quiet);
    let (group, old) = &args.volume;
    let asked = Asked {
        group: group.clone(),
        group_uuid: None,
        old: old.clone(),
        new: args.new.clone(),
        lvm_report: args.run.lvm_report.clone(),
        files_only: args.run.files_only,
        dry_run: args.run.dry_run,
    };
    carry_out(&args.run, None, |_| {
        let target = target::find(&asked)?;
        Ok((Changes(vec![Box::new(target.rename)]), target.warnings))
    })
}
