//! One step of a run, forward or back.

use std::time::Instant;

use anyhow::Result;

use super::{Staging, images, names, placed, verify};
use crate::guest::root::Root;
use crate::names::VgName;
use crate::plan::Step;
use crate::report::text::count;
use crate::transaction::files::Side;
use crate::transaction::journal::Journal;
use crate::transaction::record::Direction;
use crate::{due, live, lvm};

pub(super) fn take(
    root: &Root,
    journal: &Journal,
    step: &Step,
    direction: Direction,
    cut: bool,
    force: bool,
    waiting: &mut Staging,
) -> Result<Option<String>> {
    let (from, to) = names(journal, direction);
    match step {
        // Made before the journal's first record.
        Step::Backup { .. } => Ok(None),
        Step::RenameGroup { uuid, .. } => {
            rename_group(uuid, &to, direction, &mut waiting.told)?;
            Ok(Some(format!("LVM calls the group {uuid} {to}")))
        }
        Step::BridgeFiles { .. } => {
            if let Some(waiting) = waiting.bridge.take() {
                waiting.commit()?;
            }
            journal.files_are(root, Side::Bridge)?;
            Ok(None)
        }
        Step::ReplaceFiles { files } => {
            if let Some(waiting) = waiting.last.take() {
                waiting.commit()?;
            }
            journal.files_are(root, due::last_side(direction))?;
            Ok(Some(match direction {
                Direction::Forward => format!("{} replaced", count(*files, "file")),
                Direction::Backward => format!("{} as before", count(*files, "file")),
            }))
        }
        Step::RenamePaths { paths } => {
            journal.rename_paths(root, direction, force)?;
            journal.paths_are(root, direction)?;
            Ok(Some(match direction {
                Direction::Forward => format!("{} renamed", count(*paths, "path")),
                Direction::Backward => format!("{} as before", count(*paths, "path")),
            }))
        }
        Step::LinkNames { volumes } => {
            live::links::settle(journal.saved.volumes.as_deref().unwrap_or_default(), &from, &to)?;
            Ok(Some(format!("{} linked under the name {to}", count(*volumes, "volume"))))
        }
        Step::ReloadSystemd => live::reload_systemd().map(|()| None),
        Step::AwaitReboot => {
            if live::links::are_needed(journal.saved.volumes.as_deref().unwrap_or_default(), &from)
            {
                live::reboot::announce(&from, &to)?;
            } else {
                live::reboot::withdraw()?;
            }
            Ok(None)
        }
        Step::BridgeImage { .. } | Step::RebuildImage { .. } => {
            images::take(root, journal, step, direction, cut)
        }
        Step::BridgePlaced(wanted) => {
            placed::bridge(root, journal, wanted, direction).map(|()| None)
        }
        Step::Place(wanted) => placed::last(root, journal, wanted, direction).map(Some),
        Step::Verify => verify::verify(root, journal, direction).map(Some),
    }
}

/// Nothing to do where the group has the name already: a run that was cut is taken up.
fn rename_group(
    uuid: &str,
    to: &VgName,
    direction: Direction,
    told: &mut Option<Instant>,
) -> Result<()> {
    if lvm::name_of(uuid)? == *to {
        return Ok(());
    }
    *told = Some(Instant::now());
    live::with_name_free(to, || match lvm::rename_group(uuid, to, lvm::Archive::Kept) {
        // A full disk takes no more of LVM's archive, without which vgrename does nothing.
        Err(_) if direction == Direction::Backward => {
            lvm::rename_group(uuid, to, lvm::Archive::LeftOut)
        }
        result => result,
    })
}
