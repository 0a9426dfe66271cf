//! Decides which group gets which name.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};

use super::{Kept, KeptVolume, Rename, new_name, out_of_sight};
use crate::checks;
use crate::exit::{refuse, usage};
use crate::guest::inventory::{Group, Inventory};
use crate::guest::named::{fstab_group, left_behind};
use crate::guest::root::Root;
use crate::guest::root_device;
use crate::lvm;
use crate::names::{VgName, dm};
use crate::plan::Warning;

/// What the user asks for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) old: Option<VgName>,
    pub(crate) new: Option<VgName>,
    /// The host name from which NEW should be made.
    pub(crate) to_hostname: Option<String>,
    pub(crate) vg_uuid: Option<String>,
    /// A report from LVM, to be used instead of asking LVM.
    pub(crate) lvm_report: Option<PathBuf>,
    /// Whether LVM, the images and the running system are left alone.
    pub(crate) files_only: bool,
    /// Whether nothing will be changed.
    pub(crate) dry_run: bool,
    /// Whether the user is asked before the first change.
    pub(crate) asks: bool,
}

/// Which group gets which name, and warnings about that.
pub(crate) struct Target {
    pub(crate) rename: Rename,
    pub(crate) warnings: Vec<Warning>,
}

/// Settles OLD, NEW and the group, or says what is wrong with them.
pub(crate) fn find(asked: &Asked, root: &Root) -> Result<Target> {
    find_in(asked, root, inventory(asked).map_err(refuse)?)
}

/// The same, with a report that LVM gave already.
pub(crate) fn find_in(asked: &Asked, root: &Root, inventory: Option<Inventory>) -> Result<Target> {
    let chosen = chosen(asked, root, inventory.as_ref()).map_err(refuse)?;
    let old = match (&asked.old, &chosen) {
        (Some(old), _) => old.clone(),
        (None, Some(group)) => group.name.clone(),
        (None, None) => fstab_group(root)
            .transpose()
            .unwrap_or_else(|| {
                Err(hidden(asked, root_group_of).unwrap_or_else(|| {
                    anyhow!("no volume group can be seen that holds `/`: give OLD and NEW")
                }))
            })
            .map_err(refuse)?,
    };
    let to = asked.to_hostname.as_deref();
    let before = new_name::given_before(&old, root, inventory.as_ref(), to)
        .filter(|_| asked.old.is_none() && asked.new.is_none());
    let (old, new, named_after) = match (before, &asked.new) {
        (Some((old, new)), _) => (old, new, None),
        (None, Some(new)) => (old, new.clone(), None),
        (None, None) => {
            let made = new_name::settle(&old, root, inventory.as_ref(), to, asked.asks)?;
            (old, made.new, Some(made.host))
        }
    };
    if old == new && asked.new.is_some() {
        return Err(usage(format!(
            "OLD and NEW are both `{old}`: nothing would change; give another name"
        )));
    }
    let mut found = Found { old, new, group: None, renames_group: false, warnings: Vec::new() };
    match inventory {
        _ if found.old == found.new => {}
        Some(inventory) => choose(&mut found, &inventory, chosen, asked).map_err(refuse)?,
        None => found.warnings.push(Warning::general(
            "there is no LVM report, so volumes are recognized only by the form of their names",
        )),
    }
    let Found { old, new, group, renames_group, warnings } = found;
    let long = |group: &Group| dm::too_long(&new, group.volumes.iter().map(|volume| &volume.name));
    if let Some(why) = group.as_ref().and_then(long) {
        return Err(refuse(anyhow!("{why}: choose a shorter name")));
    }
    let seen = group.as_ref();
    let kept = Kept {
        old,
        new,
        uuid: seen.filter(|_| renames_group).map(|group| group.uuid.clone()),
        volumes: seen.map(KeptVolume::all_of),
    };
    Ok(Target { rename: Rename { kept, group, named_after, journaled: None }, warnings })
}

/// What is settled so far.
struct Found {
    old: VgName,
    new: VgName,
    group: Option<Group>,
    /// Whether this run renames the group in LVM, which still knows it by its old name.
    renames_group: bool,
    warnings: Vec<Warning>,
}

/// The report that the arguments ask for. `None` if LVM must not be called.
pub(crate) fn inventory(asked: &Asked) -> Result<Option<Inventory>> {
    if let Some(file) = &asked.lvm_report {
        if !asked.files_only && !asked.dry_run {
            return Err(anyhow!(
                "--lvm-report describes disks that may be elsewhere: add --files-only or --dry-run"
            ));
        }
        let bytes = std::fs::read(file).with_context(|| format!("reading `{}`", file.display()))?;
        let inventory =
            Inventory::parse(&bytes).with_context(|| format!("reading `{}`", file.display()))?;
        return Ok(Some(inventory));
    }
    if asked.files_only {
        return Ok(None);
    }
    checks::is_root("asking LVM for its groups")?;
    lvm::inventory().map(Some)
}

/// The group that the arguments identify by more than its name: by its UUID, or as the one that holds the running
/// system's `/`.
fn chosen(asked: &Asked, root: &Root, inventory: Option<&Inventory>) -> Result<Option<Group>> {
    let Some(inventory) = inventory else {
        return match &asked.vg_uuid {
            Some(_) => Err(anyhow!("--vg-uuid needs a report of LVM: add --lvm-report FILE")),
            None => Ok(None),
        };
    };
    if let Some(uuid) = &asked.vg_uuid {
        let group = inventory.by_uuid(uuid).ok_or_else(|| {
            hidden(asked, |all| all.by_uuid(uuid).cloned()).unwrap_or_else(|| {
                anyhow!("there is no volume group with the UUID `{uuid}`: see `vgs -o +vg_uuid`")
            })
        })?;
        return match &asked.old {
            Some(old) if *old != group.name && asked.new.as_ref() != Some(&group.name) => {
                Err(anyhow!(
                    "the volume group {uuid} is named `{}`, not `{old}`: give that name, or leave out OLD",
                    group.name
                ))
            }
            _ => Ok(Some(group.clone())),
        };
    }
    if asked.old.is_some() || !root.is_live() || asked.lvm_report.is_some() {
        return Ok(None);
    }
    root_group(root, inventory)
}

/// The group that holds the running system's `/`.
///
/// # Errors
/// The group was renamed by hand, and boot files still have its old name.
pub(crate) fn root_group(root: &Root, inventory: &Inventory) -> Result<Option<Group>> {
    let group = root_device::root_group(inventory);
    if let Some((group, old)) =
        group.and_then(|group| Some((group, left_behind(root, inventory, group)?)))
    {
        return Err(anyhow!(
            "`/` is on the volume group `{0}`, and boot files name `{old}`, which LVM does not have: \
             finish that first with `postclone rename {old} {0}`, or give OLD and NEW",
            group.name
        ));
    }
    Ok(group.cloned())
}

fn choose(
    found: &mut Found,
    inventory: &Inventory,
    chosen: Option<Group>,
    asked: &Asked,
) -> Result<()> {
    let (old, new) = (found.old.clone(), found.new.clone());
    let named_old: Vec<&Group> = inventory.named(&old).collect();
    let named_new: Vec<&Group> = inventory.named(&new).collect();
    if let Some(group) = chosen {
        let is_renamed = group.name == new;
        let namesakes = if is_renamed { &named_new } else { &named_old };
        if namesakes.len() > 1 {
            found.warnings.push(Warning::general(format!(
                "{} volume groups are named `{}`; every file with that name is taken to mean {}",
                namesakes.len(),
                group.name,
                group.uuid
            )));
        }
        if let Some(other) = named_new.iter().find(|other| other.uuid != group.uuid) {
            return Err(taken(&new, other));
        }
        found.renames_group = !asked.files_only && !is_renamed;
        found.group = Some(group);
        return is_no_uuid(found, inventory);
    }
    match (named_old.as_slice(), named_new.as_slice()) {
        ([group], []) => {
            found.group = Some((*group).clone());
            found.renames_group = !asked.files_only;
            is_no_uuid(found, inventory)
        }
        ([], [group]) => {
            found.group = Some((*group).clone());
            Ok(())
        }
        ([_], [other, ..]) => Err(taken(&new, other)),
        ([], []) => Err(absent(&old, &new, inventory, asked)),
        _ => {
            let (name, groups) =
                if named_old.len() > 1 { (&old, &named_old) } else { (&new, &named_new) };
            let root = root_device::root_group(inventory).map(|group| group.uuid.as_str());
            let uuids: Vec<String> = groups
                .iter()
                .map(|group| match root {
                    Some(root) if root == group.uuid => format!("{root}, which holds `/`"),
                    _ => group.uuid.clone(),
                })
                .collect();
            Err(anyhow!(
                "{} volume groups are named `{name}` ({}): choose one with --vg-uuid, or detach the disks of the other",
                uuids.len(),
                uuids.join("; ")
            ))
        }
    }
}

/// Why a group cannot be found: no disk has it, or LVM ignores its disk.
fn absent(old: &VgName, new: &VgName, inventory: &Inventory, asked: &Asked) -> anyhow::Error {
    let named = |all: &Inventory| all.named(old).chain(all.named(new)).next().cloned();
    // What LVM itself says about the group is better than what can be tried.
    let said = inventory.said_of(old).map(|line| format!("; it says: {line}"));
    let tried = if said.is_some() { None } else { hidden(asked, named) };
    tried.unwrap_or_else(|| {
        anyhow!(
            "there is no volume group `{old}`: LVM reports {}{}",
            known(inventory),
            said.unwrap_or_default()
        )
    })
}

/// What hides the group that `wanted` finds, if LVM was asked.
fn hidden(asked: &Asked, wanted: impl Fn(&Inventory) -> Option<Group>) -> Option<anyhow::Error> {
    let was_asked = asked.lvm_report.is_none() && !asked.files_only;
    if was_asked { out_of_sight::why(&[], wanted).map(|why| anyhow!(why)) } else { None }
}

fn root_group_of(all: &Inventory) -> Option<Group> {
    root_device::root_group(all).cloned()
}

fn taken(new: &VgName, other: &Group) -> anyhow::Error {
    anyhow!("the volume group {} already has the name `{new}`: choose another name", other.uuid)
}

/// vgrename refuses a name that is another group's UUID.
fn is_no_uuid(found: &Found, inventory: &Inventory) -> Result<()> {
    match inventory.by_uuid(found.new.as_str()) {
        Some(group) if found.renames_group => Err(anyhow!(
            "`{}` is the UUID of the volume group `{}`: choose another name",
            found.new,
            group.name
        )),
        _ => Ok(()),
    }
}

fn known(inventory: &Inventory) -> String {
    let names: Vec<String> =
        inventory.groups.iter().map(|group| format!("`{}`", group.name)).collect();
    if names.is_empty() { "no groups at all".to_owned() } else { names.join(", ") }
}
