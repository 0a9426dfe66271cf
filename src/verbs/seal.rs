//! `postclone seal`: records what a template has, so that its clones can be told apart from it.

use anyhow::{Result, anyhow};

use super::identity;
use crate::cli::SealArgs;
use crate::exit::{Exit, refuse};
use crate::guest::root::Root;
use crate::identity::judge::State;
use crate::identity::look::look;
use crate::identity::place;
use crate::identity::record::{By, PATH};
use crate::identity::told::Told;
use crate::printable::count;
use crate::report::to_stdout;
use crate::transaction::origin;
use crate::{checks, logger};

/// Runs the verb. It writes only the record.
pub fn run(args: &SealArgs) -> Result<Exit> {
    logger::start(args.verbose, args.quiet);
    checks::is_root("postclone seal")
        .map_err(|_| refuse(anyhow!("postclone seal needs root: run it with sudo")))?;
    let root = Root::open("/".as_ref())?;
    if args.installation {
        log::set_max_level(log::LevelFilter::Error);
        if place::why_not().is_some() {
            return Ok(Exit::Done);
        }
        if let Some(looked) = identity::glance(&root, None) {
            identity::note(&root, &looked, By::Installation);
        }
        return Ok(Exit::Done);
    }
    if let Some(why) = place::why_not() {
        return Err(refuse(anyhow!("{why}: run postclone seal in the running template")));
    }
    let looked = look(&root, Some(&Told::ask(&root, None)), None).map_err(refuse)?;
    if looked.marks.is_empty() {
        return Err(refuse(anyhow!(
            "nothing tells this machine apart from its clones: it has no firmware UUID, network card or disk \
             that Linux shows"
        )));
    }
    if let Some(record) = looked.recorded(By::Seal) {
        origin::keep(&root, &record.to_bytes()).map_err(refuse)?;
    }
    let others = looked.kinds_in(State::Template);
    if !others.is_empty() {
        log::warn!(
            "this machine is itself a clone, and still has from an earlier machine: {}; see `postclone identity`",
            others.join(", ")
        );
    }
    if !args.quiet {
        let rows = looked.rows.iter().filter(|row| !row.hashes.is_empty()).count();
        to_stdout(|out| {
            writeln!(
                out,
                "Sealed: {} on record in {PATH}. Clones of this machine's disk can now be told apart from it.",
                count(rows, "identity").replace("identitys", "identities")
            )
        })?;
    }
    Ok(Exit::Done)
}
