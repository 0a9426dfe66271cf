//! Which group gets which name.

use anyhow::{Context, Result, anyhow};

use super::new_name;
use crate::checks::{self, out_of_sight};
use crate::cli::RenameArgs;
use crate::exit::{refuse, usage};
use crate::guest::host::HostName;
use crate::guest::inventory::{Group, Inventory};
use crate::guest::named::{fstab_group, left_behind};
use crate::guest::root::Root;
use crate::guest::root_device;
use crate::lvm;
use crate::names::{VgName, dm};
use crate::plan::Warning;
use crate::rewrite::matcher::Volumes;
use crate::world::Renaming;

/// The renaming that a run is about.
pub(crate) struct Target {
    pub(crate) old: VgName,
    pub(crate) new: VgName,
    /// The group as LVM reports it; none without a report.
    pub(crate) group: Option<Group>,
    /// Its volumes as an earlier run knew them, where there is no report; none where they are told by
    /// their form.
    pub(crate) volumes: Option<Volumes>,
    /// Whether LVM still knows it by its old name and this run renames it.
    pub(crate) renames_group: bool,
    pub(crate) warnings: Vec<Warning>,
    /// The host name of which NEW was made, where nobody gave it.
    pub(crate) named_after: Option<HostName>,
}

impl Target {
    /// Whether no NEW was given and OLD fits the host already: there is nothing to plan.
    pub(crate) fn is_named_already(&self) -> bool {
        self.old == self.new
    }

    pub(crate) fn volumes(&self) -> Volumes {
        match &self.group {
            Some(group) => {
                Volumes::Known(group.volumes.iter().map(|volume| volume.name.clone()).collect())
            }
            None => self.volumes.clone().unwrap_or(Volumes::ByForm),
        }
    }

    /// The same for a [`crate::world::World`] in which it is over.
    pub(crate) fn renaming(&self) -> Renaming<'_> {
        Renaming {
            old: &self.old,
            new: &self.new,
            uuid: self.group.as_ref().map(|group| group.uuid.as_str()),
            volumes: self.volumes(),
        }
    }
}

/// Settles OLD, NEW and the group, or says what is wrong with them.
pub(crate) fn find(args: &RenameArgs, root: &Root) -> Result<Target> {
    let inventory = inventory(args).map_err(refuse)?;
    let chosen = chosen(args, root, inventory.as_ref()).map_err(refuse)?;
    let old = match (&args.old, &chosen) {
        (Some(old), _) => old.clone(),
        (None, Some(group)) => group.name.clone(),
        (None, None) => fstab_group(root)
            .transpose()
            .unwrap_or_else(|| {
                Err(hidden(args, root_group_of).unwrap_or_else(|| {
                    anyhow!("no volume group holds `/`, as far as can be seen: give OLD and NEW")
                }))
            })
            .map_err(refuse)?,
    };
    let to = args.to_hostname.as_deref();
    let before = new_name::given_before(&old, root, inventory.as_ref(), to)
        .filter(|_| args.old.is_none() && args.new.is_none());
    let (old, new, named_after) = match (before, &args.new) {
        (Some((old, new)), _) => (old, new, None),
        (None, Some(new)) => (old, new.clone(), None),
        (None, None) => {
            let made = new_name::settle(&old, root, inventory.as_ref(), to, !args.yes)?;
            (old, made.new, Some(made.host))
        }
    };
    if old == new && args.new.is_some() {
        return Err(usage(format!(
            "OLD and NEW are both `{old}`: nothing would change; give another name"
        )));
    }
    let mut target = Target {
        old,
        new,
        group: None,
        volumes: None,
        renames_group: false,
        warnings: Vec::new(),
        named_after,
    };
    match inventory {
        _ if target.is_named_already() => {}
        Some(inventory) => choose(&mut target, &inventory, chosen, args).map_err(refuse)?,
        None => target.warnings.push(Warning::general(
            "there is no LVM report, so volumes are told by the form of their names alone",
        )),
    }
    if let Some(group) = &target.group
        && let Some(why) =
            dm::too_long(&target.new, group.volumes.iter().map(|volume| &volume.name))
    {
        return Err(refuse(anyhow!("{why}: choose a shorter name")));
    }
    Ok(target)
}

/// The report that the arguments ask for; none where LVM is not to be called.
fn inventory(args: &RenameArgs) -> Result<Option<Inventory>> {
    if let Some(file) = &args.lvm_report {
        if !args.files_only && !args.dry_run {
            return Err(anyhow!(
                "--lvm-report tells of disks that may be elsewhere: add --files-only or --dry-run"
            ));
        }
        let bytes = std::fs::read(file).with_context(|| format!("reading `{}`", file.display()))?;
        let inventory =
            Inventory::parse(&bytes).with_context(|| format!("reading `{}`", file.display()))?;
        return Ok(Some(inventory));
    }
    if args.files_only {
        return Ok(None);
    }
    checks::is_root("asking LVM for its groups")?;
    lvm::inventory().map(Some)
}

/// The group that the arguments point at by more than its name: by UUID, or as the one that holds
/// the running system's `/`.
fn chosen(args: &RenameArgs, root: &Root, inventory: Option<&Inventory>) -> Result<Option<Group>> {
    let Some(inventory) = inventory else {
        return match &args.vg_uuid {
            Some(_) => Err(anyhow!("--vg-uuid needs a report of LVM's: add --lvm-report FILE")),
            None => Ok(None),
        };
    };
    if let Some(uuid) = &args.vg_uuid {
        let group = inventory.by_uuid(uuid).ok_or_else(|| {
            hidden(args, |all| all.by_uuid(uuid).cloned()).unwrap_or_else(|| {
                anyhow!("there is no volume group with the UUID `{uuid}`: see `vgs -o +vg_uuid`")
            })
        })?;
        return match &args.old {
            Some(old) if *old != group.name && args.new.as_ref() != Some(&group.name) => {
                Err(anyhow!(
                    "the volume group {uuid} is named `{}`, not `{old}`: give that name, or no OLD",
                    group.name
                ))
            }
            _ => Ok(Some(group.clone())),
        };
    }
    if args.old.is_some() || !root.is_live() || args.lvm_report.is_some() {
        return Ok(None);
    }
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
    target: &mut Target,
    inventory: &Inventory,
    chosen: Option<Group>,
    args: &RenameArgs,
) -> Result<()> {
    let (old, new) = (target.old.clone(), target.new.clone());
    let named_old: Vec<&Group> = inventory.named(&old).collect();
    let named_new: Vec<&Group> = inventory.named(&new).collect();
    if let Some(group) = chosen {
        let is_renamed = group.name == new;
        let namesakes = if is_renamed { &named_new } else { &named_old };
        if namesakes.len() > 1 {
            target.warnings.push(Warning::general(format!(
                "{} volume groups are named `{}`; every file that names it is taken to mean {}",
                namesakes.len(),
                group.name,
                group.uuid
            )));
        }
        if let Some(other) = named_new.iter().find(|other| other.uuid != group.uuid) {
            return Err(taken(&new, other));
        }
        target.renames_group = !args.files_only && !is_renamed;
        target.group = Some(group);
        return is_no_uuid(target, inventory);
    }
    match (named_old.as_slice(), named_new.as_slice()) {
        ([group], []) => {
            target.group = Some((*group).clone());
            target.renames_group = !args.files_only;
            is_no_uuid(target, inventory)
        }
        ([], [group]) => {
            target.group = Some((*group).clone());
            Ok(())
        }
        ([_], [other, ..]) => Err(taken(&new, other)),
        ([], []) => Err(absent(&old, &new, inventory, args)),
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

/// Why a group is not to be found: no disk has it, or LVM does not look at its disk.
fn absent(old: &VgName, new: &VgName, inventory: &Inventory, args: &RenameArgs) -> anyhow::Error {
    let named = |all: &Inventory| all.named(old).chain(all.named(new)).next().cloned();
    // What LVM itself says of the group is nearer than what can be tried.
    let said = inventory.said_of(old).map(|line| format!("; it says: {line}"));
    let tried = if said.is_some() { None } else { hidden(args, named) };
    tried.unwrap_or_else(|| {
        anyhow!(
            "there is no volume group `{old}`: LVM reports {}{}",
            known(inventory),
            said.unwrap_or_default()
        )
    })
}

/// What hides the group that `wanted` finds, where LVM was asked.
fn hidden(
    args: &RenameArgs,
    wanted: impl Fn(&Inventory) -> Option<Group>,
) -> Option<anyhow::Error> {
    let asked = args.lvm_report.is_none() && !args.files_only;
    if asked { out_of_sight::why(&[], wanted).map(|why| anyhow!(why)) } else { None }
}

fn root_group_of(all: &Inventory) -> Option<Group> {
    root_device::root_group(all).cloned()
}

fn taken(new: &VgName, other: &Group) -> anyhow::Error {
    anyhow!("the name `{new}` is taken by the volume group {}: choose another", other.uuid)
}

/// vgrename refuses a name that reads as another group's UUID.
fn is_no_uuid(target: &Target, inventory: &Inventory) -> Result<()> {
    match inventory.by_uuid(target.new.as_str()) {
        Some(group) if target.renames_group => Err(anyhow!(
            "`{}` is the UUID of the volume group `{}`: choose another name",
            target.new,
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
