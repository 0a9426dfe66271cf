//! The list of all kinds of change.

use anyhow::{Context, Result, bail};

use crate::change::{Change, Changes};
use crate::group;
use crate::guest::root::Root;
use crate::host;
use crate::renew::{dhcp, machine_id, macs, seeds, snakeoil, ssh, storage};
use crate::transaction::journal::Journal;
use crate::transaction::record::{Saved, SavedChange};
use crate::uuids::{self, at_boot, xfs};
use crate::volume;

/// Reads what a journal keeps of a change.
type Read = fn(&SavedChange) -> Result<Box<dyn Change>>;

/// Every kind, by the word under which journals keep it.
const KINDS: &[(&str, Read)] = &[
    (group::KIND, group::of),
    (volume::KIND, volume::of),
    (host::KIND, host::of),
    (machine_id::KIND, machine_id::of),
    (ssh::KIND, ssh::of),
    (dhcp::KIND, dhcp::of),
    (storage::ISCSI, storage::of),
    (storage::NVME, storage::of),
    (macs::KIND, macs::of),
    (snakeoil::KIND, snakeoil::of),
    (seeds::KIND, seeds::of),
    (uuids::KIND, uuids::of),
    (at_boot::KIND, at_boot::of),
    (xfs::KIND, xfs::of),
];

/// The changes of a run.
///
/// # Errors
/// An unknown kind, or something that no postclone has written.
pub fn of(saved: &Saved) -> Result<Changes> {
    let read = |change: &SavedChange| match KINDS.iter().find(|(kind, _)| *kind == change.kind) {
        Some((_, read)) => read(change),
        None => bail!("it concerns a change of the kind `{}`", change.kind.escape_debug()),
    };
    let changes = Changes(saved.changes.iter().map(read).collect::<Result<_>>()?);
    for (number, step) in saved.steps.iter().enumerate() {
        changes.phase(step).with_context(|| format!("step {}", number + 1))?;
    }
    Ok(changes)
}

/// The open run of a root, if there is one, and otherwise its latest run. Writes nothing.
///
/// # Errors
/// The same as [`Journal::latest`] and [`of`].
pub fn latest(root: &Root) -> Result<Option<(Journal, Changes)>> {
    let Some(journal) = Journal::latest(root)? else { return Ok(None) };
    let changes = of(&journal.saved).with_context(|| journal.is_none_of_ours())?;
    Ok(Some((journal, changes)))
}
