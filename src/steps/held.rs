//! A way back on which the group keeps its new name, because a file or LVM does not let it go back.

use anyhow::{Result, anyhow};

use super::{images, placed};
use crate::guest::root::Root;
use crate::lvm;
use crate::plan::Step;
use crate::proof;
use crate::transaction::files::Side;
use crate::transaction::journal::Journal;

/// An image's part of such a way: one that boots under the new name.
pub(super) fn image(root: &Root, journal: &Journal, step: &Step) -> Result<Option<String>> {
    match step {
        Step::RebuildImage { path, .. } => images::hold(root, journal, path).map(|()| None),
        Step::Place(wanted) => placed::hold(root, journal, wanted).map(|()| None),
        _ => Ok(None),
    }
}

/// Gives the files the new name as well, where none of them is on a bridge that boots under either, and
/// says what is true in the end.
pub(super) fn settle(root: &Root, journal: &mut Journal) -> anyhow::Error {
    let held = "so the group's name and the files were left as they are";
    let has_new_name = journal
        .saved
        .uuid
        .as_ref()
        .is_some_and(|uuid| lvm::name_of(uuid).is_ok_and(|name| name == journal.saved.new));
    let has_bridge =
        journal.saved.steps.iter().any(|step| matches!(step, Step::BridgeFiles { .. }));
    let mut told = held.to_owned();
    if has_new_name && !has_bridge {
        told = match give_new_name(root, journal) {
            Ok(()) => format!(
                "so the group is {}, and the files that nobody else wrote have that name",
                journal.saved.new
            ),
            Err(error) => format!("{held} ({error:#})"),
        };
    }
    match has_new_name.then(|| proof::after(root, &journal.saved, None)) {
        Some(Ok(rows)) => match proof::failures(&rows) {
            Some(failing) => {
                anyhow!(
                    "{told}; do not reboot before that is mended, the next boot would fail: {failing}"
                )
            }
            None => anyhow!("{told}; no row of the next boot's proof fails"),
        },
        _ => anyhow!("{told}; the next boot was not proved"),
    }
}

/// Puts every file of the run but those that somebody else wrote on the new side.
fn give_new_name(root: &Root, journal: &mut Journal) -> Result<()> {
    let foreign = journal.changed_since(root)?;
    let files = journal.saved.files.clone();
    journal.saved.files.retain(|path| !foreign.contains(path));
    let (waiting, failures) = journal.stage(root, Side::After, false, false);
    let committed = waiting.commit();
    journal.saved.files = files;
    failures.into_iter().next().map_or(committed, Err)
}
