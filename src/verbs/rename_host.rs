//! `postclone rename-host`: the host's name.

use anyhow::Result;

use super::carry_out::carry_out;
use crate::change::Changes;
use crate::cli::RenameHostArgs;
use crate::exit::{Exit, usage};
use crate::host::{self, target};
use crate::logger;

/// Runs the verb. LVM is not asked.
pub fn run(args: &RenameHostArgs) -> Result<Exit> {
    logger::start(args.run.verbose, args.run.quiet);
    if !args.run.also.is_empty() {
        return Err(usage(
            "--also is for names of groups and volumes: a host name, which may be an ordinary word, is found \
             only in known places",
        ));
    }
    carry_out(&args.run, Some(host::WHERE_IMAGE_BASED), |root| {
        let rename = target::find(root, args.old.as_ref(), &args.new)?;
        Ok((Changes(vec![Box::new(rename)]), Vec::new()))
    })
}
