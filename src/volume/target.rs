//! Decides which volume gets which name.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};

use super::{Kept, Rename};
use crate::checks;
use crate::exit::{refuse, usage};
use crate::group::KeptVolume;
use crate::guest::inventory::{Group, Inventory};
use crate::lvm;
use crate::names::{LvName, VgName, dm};
use crate::plan::Warning;

/// What the user asks for.
pub(crate) struct Asked {
    pub(crate) group: VgName,
    /// The group's UUID, if a run is undone.
    pub(crate) group_uuid: Option<String>,
    pub(crate) old: LvName,
    pub(crate) new: LvName,
    /// A report from LVM, to be used instead of asking LVM.
    pub(crate) lvm_report: Option<PathBuf>,
    /// Whether LVM, the images and the running system are left alone.
    pub(crate) files_only: bool,
    /// Whether nothing will be changed.
    pub(crate) dry_run: bool,
}

/// Which volume gets which name, and warnings about that.
pub(crate) struct Target {
    pub(crate) rename: Rename,
    pub(crate) warnings: Vec<Warning>,
}

/// Settles the volume, or says what is wrong with it.
pub(crate) fn find(asked: &Asked) -> Result<Target> {
    let Asked { group, old, new, .. } = asked;
    if old == new {
        return Err(usage(format!(
            "OLD and NEW are both `{old}`: nothing would change; give another name"
        )));
    }
    let mut kept = Kept {
        group: group.clone(),
        group_uuid: None,
        old: old.clone(),
        new: new.clone(),
        uuid: None,
        volumes: None,
    };
    let Some(inventory) = inventory(asked).map_err(refuse)? else {
        let warnings = vec![Warning::general(
            "there is no LVM report, so volumes are recognized only by the form of their names",
        )];
        return Ok(Target { rename: Rename { kept, seen: None }, warnings });
    };
    let seen = seen(asked, &inventory).map_err(refuse)?;
    let has = |name: &LvName| seen.volumes.iter().find(|volume| volume.name == *name);
    let mut volumes = KeptVolume::all_of(seen);
    match (has(old), has(new)) {
        (Some(_), Some(_)) => {
            return Err(refuse(anyhow!(
                "another volume of `{group}` already has the name `{new}`: choose another name"
            )));
        }
        (None, None) => return Err(refuse(absent(asked, seen))),
        (Some(volume), None) if is_part(&volume.name) => {
            return Err(refuse(anyhow!(
                "`{group}/{old}` is a hidden part of another volume, and LVM renames it with that volume: see \
                 `lvs -a {group}`"
            )));
        }
        (Some(volume), None) => {
            kept.uuid = (!asked.files_only && !volume.uuid.is_empty()).then(|| volume.uuid.clone());
        }
        // The volume was renamed by hand. The volumes before that are those under the old name.
        (None, Some(_)) => {
            for volume in &mut volumes {
                if let Some(name) = volume.name.part_of(new, old) {
                    volume.name = name;
                }
            }
        }
    }
    kept.group_uuid = (!seen.uuid.is_empty()).then(|| seen.uuid.clone());
    if kept.group_uuid.is_none() {
        kept.uuid = None;
    }
    let after = volumes.iter().filter_map(|volume| volume.name.part_of(old, new));
    if let Some(why) = dm::too_long(group, after.collect::<Vec<_>>().iter()) {
        return Err(refuse(anyhow!("{why}: choose a shorter name")));
    }
    kept.volumes = Some(volumes);
    Ok(Target { rename: Rename { kept, seen: Some(seen.clone()) }, warnings: Vec::new() })
}

/// The report that the arguments ask for. `None` if LVM must not be called.
fn inventory(asked: &Asked) -> Result<Option<Inventory>> {
    if let Some(file) = &asked.lvm_report {
        if !asked.files_only && !asked.dry_run {
            bail!(
                "--lvm-report describes disks that may be elsewhere: add --files-only or --dry-run"
            );
        }
        let reading = || format!("reading `{}`", file.display());
        let bytes = std::fs::read(file).with_context(reading)?;
        return Inventory::parse(&bytes).with_context(reading).map(Some);
    }
    if asked.files_only {
        return Ok(None);
    }
    checks::is_root("asking LVM for its groups")?;
    lvm::inventory().map(Some)
}

/// The group with this name, or with this UUID.
fn seen<'a>(asked: &Asked, inventory: &'a Inventory) -> Result<&'a Group> {
    let name = &asked.group;
    if let Some(uuid) = &asked.group_uuid {
        return inventory.by_uuid(uuid).filter(|group| group.name == *name).ok_or_else(|| {
            anyhow!(
                "LVM does not show the group `{name}` with the UUID {uuid}: see `vgs -o +vg_uuid`"
            )
        });
    }
    let groups: Vec<&Group> = inventory.groups.iter().filter(|group| group.name == *name).collect();
    match groups.as_slice() {
        [group] => Ok(group),
        [] => bail!("there is no volume group `{name}`: see `vgs`"),
        _ => bail!(
            "{} volume groups are named `{name}`, and LVM would rename a volume in none of them: detach the \
             disks of the others",
            groups.len()
        ),
    }
}

fn absent(asked: &Asked, group: &Group) -> anyhow::Error {
    let names = group.volumes.iter().filter(|volume| !is_part(&volume.name));
    let names: Vec<String> = names.map(|volume| format!("`{}`", volume.name)).collect();
    anyhow!(
        "the group `{}` has no volume `{}`: it has {}",
        group.name,
        asked.old,
        if names.is_empty() { "none at all".to_owned() } else { names.join(", ") }
    )
}

/// Whether a volume is a hidden part of another (`pool_tmeta` of `pool`). Only LVM gives such names.
fn is_part(name: &LvName) -> bool {
    LvName::user_given(name.as_str()).is_err()
}
