//! The volume group of a clone: the one under `/`, and a name for it that is made from the host name.

use anyhow::Result;

use crate::exit::refuse;
use crate::group::target::{self, Asked};
use crate::group::{Rename, new_name};
use crate::guest::inventory::Inventory;
use crate::guest::named::fstab_group;
use crate::guest::root::Root;
use crate::names::VgName;
use crate::plan::Warning;
use crate::run::Program;

/// The group under `/`.
#[derive(Debug)]
pub(crate) struct OfRoot {
    name: VgName,
    uuid: Option<String>,
}

impl OfRoot {
    pub(crate) fn name(&self) -> &VgName {
        &self.name
    }
}

/// LVM's report, if this machine has LVM.
///
/// # Errors
/// The same as [`target::inventory`].
pub(crate) fn report(asked: &Asked) -> Result<Option<Inventory>> {
    let is_here = asked.lvm_report.is_some() || Program::Lvm.find().is_some();
    if is_here { target::inventory(asked).map_err(refuse) } else { Ok(None) }
}

/// The group that holds `/`. `None` if none can be seen.
///
/// # Errors
/// A group that somebody renamed by hand, and only in part.
pub(crate) fn of_root(
    root: &Root,
    inventory: Option<&Inventory>,
    asked: &Asked,
) -> Result<Option<OfRoot>> {
    let is_running = root.is_live() && asked.lvm_report.is_none();
    if let Some(inventory) = inventory.filter(|_| is_running) {
        let group = target::root_group(root, inventory).map_err(refuse)?;
        if let Some(group) = group {
            return Ok(Some(OfRoot { name: group.name, uuid: Some(group.uuid) }));
        }
    }
    let name = fstab_group(root).map_err(refuse)?;
    Ok(name.map(|name| OfRoot { name, uuid: None }))
}

/// The rename of the group after the host, if it is due, and warnings about it.
///
/// # Errors
/// The same as [`target::find_in`].
pub(crate) fn find(
    root: &Root,
    asked: Asked,
    inventory: Option<Inventory>,
    group: Option<&OfRoot>,
    host: &str,
) -> Result<(Option<Rename>, Vec<Warning>)> {
    let told = |text: String| Ok((None, vec![Warning::general(text)]));
    let Some(group) = group else {
        return told("no volume group can be seen that holds `/`: none is renamed".to_owned());
    };
    let old = &group.name;
    match new_name::of_host(old, root, inventory.as_ref(), host) {
        None => told(format!(
            "the volume group {old} has no pattern from which a name for the host {host} could be made, and \
             keeps its name: `postclone rename {old} NEW` renames it"
        )),
        Some(Err(error)) => told(format!(
            "the volume group {old} keeps its name, because the name that its pattern gives for the host {host} \
             cannot be used: {error}; `postclone rename {old} NEW` renames it"
        )),
        Some(Ok(new)) if new == *old => Ok((None, Vec::new())),
        Some(Ok(new)) => {
            let asked = Asked {
                old: Some(old.clone()),
                new: Some(new),
                vg_uuid: group.uuid.clone().filter(|_| !asked.files_only),
                ..asked
            };
            let found = target::find_in(&asked, root, inventory)?;
            Ok((Some(found.rename), found.warnings))
        }
    }
}
