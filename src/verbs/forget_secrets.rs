//! `postclone forget-secrets`, called by a unit: removes old keys after the first good boot.

use anyhow::Result;

use crate::change::Changes;
use crate::changes;
use crate::engine::proof::facts;
use crate::exit::{Exit, refuse};
use crate::guest::root::Root;
use crate::live::{self, sshd};
use crate::logger;
use crate::own::STATE;
use crate::proof::{self, View};
use crate::transaction::journal::Journal;
use crate::transaction::lock::Lock;
use crate::transaction::record::{Direction, State};
use crate::transaction::secrets;
use crate::uuids::{at_boot, xfs};

/// Runs the verb. If anything is not as it should be, it keeps the secrets and says why.
pub fn run() -> Result<Exit> {
    logger::start(0, false);
    let root = Root::open("/".as_ref())?;
    if !root.exists(STATE) {
        return Ok(Exit::Done);
    }
    let _lock = Lock::take_over(&root).map_err(refuse)?;
    let boot = live::boot();
    for journal in Journal::with_secrets(&root).map_err(refuse)? {
        let of = journal.saved.secrets.as_ref().map(|secrets| secrets.boot.as_str());
        if boot.is_empty() || of.is_none_or(|of| of.is_empty() || of == boot) {
            log::info!("`{}`: no boot since: its secrets stay", journal.dir().display());
            continue;
        }
        if let Some(why) = is_bad(&root, &journal, &changes::of(&journal.saved)?)? {
            log::warn!("`{}`: its secrets stay: {why}", journal.dir().display());
            continue;
        }
        journal.drop_secrets()?;
        log::info!("`{}`: its secrets are dropped", journal.dir().display());
    }
    if at_boot::forget(&root)? {
        log::info!("the volume group and its disks have new UUIDs: `{}` is removed", at_boot::PLAN);
    }
    if xfs::forget(&root)? {
        log::info!("the XFS file systems have new UUIDs: `{}` is removed", xfs::PLAN);
    }
    secrets::unmark(&root)?;
    Ok(Exit::Done)
}

/// Why the boot was not good. `None` if it was.
fn is_bad(root: &Root, journal: &Journal, changes: &Changes) -> Result<Option<String>> {
    if sshd::is_installed() {
        if let Err(error) = sshd::check() {
            return Ok(Some(format!("{error:#}")));
        }
    }
    let direction = match journal.state() {
        State::Undone => Direction::Backward,
        State::Done | State::Open(_) => Direction::Forward,
    };
    let mut rows = proof::rows(&View::now(root), &facts(root, changes.known(direction))?);
    proof::compare(&mut rows, &journal.saved.proof);
    Ok(proof::failures(&rows).map(|failing| format!("the next boot would fail: {failing}")))
}
