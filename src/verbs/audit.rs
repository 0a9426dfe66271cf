//! `postclone audit`: what still names a group or volume, by severity.

use std::io::IsTerminal;
use std::time::Instant;

use anyhow::Result;

use super::subject;
use crate::audit::everything;
use crate::cli::{AuditArgs, Format};
use crate::exit::{Exit, fail};
use crate::guest::root::Root;
use crate::logger;
use crate::report::audit as report;

/// Runs the verb.
pub fn run(args: &AuditArgs) -> Result<Exit> {
    logger::start(args.verbose, args.quiet);
    let unable = |error| fail(Exit::Usage, error);
    let root = Root::open(&args.root).map_err(|error| unable(error.context("nothing searched")))?;
    let wanted = subject::wanted(args, &root).map_err(unable)?;
    let started = Instant::now();
    let mut found = everything(&root, &wanted)?;
    let to_people = args.format == Format::Text && std::io::stdout().is_terminal();
    if !to_people && !args.show_private {
        found.withhold();
    }
    report::print(args, &root, &wanted, &found, started.elapsed())?;
    let any = found.counts.at_least(args.severity) > 0;
    Ok(if any { Exit::FOUND } else { Exit::Done })
}
