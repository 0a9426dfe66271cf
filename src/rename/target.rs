//! Which group gets which name.

use std::path::Path;

use anyhow::{Context, Result, anyhow};

use crate::checks;
use crate::cli::RenameArgs;
use crate::exit::{refuse, usage};
use crate::guest::host;
use crate::guest::inventory::{Group, Inventory};
use crate::guest::root::Root;
use crate::guest::root_device;
use crate::lvm;
use crate::names::{VgName, dm, path};
use crate::plan::Warning;
use crate::rewrite::fields::fields;
use crate::rewrite::lines::lines;
use crate::rewrite::matcher::Volumes;

/// The renaming that a run is about.
pub(crate) struct Target {
    pub(crate) old: VgName,
    pub(crate) new: VgName,
    /// The group as LVM reports it; none without a report.
    pub(crate) group: Option<Group>,
    /// Whether LVM still knows it by its old name and this run renames it.
    pub(crate) renames_group: bool,
    pub(crate) warnings: Vec<Warning>,
}

impl Target {
    pub(crate) fn volumes(&self) -> Volumes {
        match &self.group {
            Some(group) => {
                Volumes::Known(group.volumes.iter().map(|volume| volume.name.clone()).collect())
            }
            None => Volumes::ByForm,
        }
    }
}

/// Settles OLD, NEW and the group, or says what is wrong with them.
pub(crate) fn find(args: &RenameArgs, root: &Root) -> Result<Target> {
    let inventory = inventory(args).map_err(refuse)?;
    let old = match &args.old {
        Some(old) => old.clone(),
        None => default_old(args, root, inventory.as_ref()).map_err(refuse)?,
    };
    let new = match &args.new {
        Some(new) => new.clone(),
        None => default_new(&old, root).map_err(refuse)?,
    };
    if old == new {
        return Err(usage(format!(
            "OLD and NEW are both `{old}`: nothing would change; give another name"
        )));
    }
    let mut target = Target { old, new, group: None, renames_group: false, warnings: Vec::new() };
    match inventory {
        Some(inventory) => choose(&mut target, &inventory, args).map_err(refuse)?,
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

fn choose(target: &mut Target, inventory: &Inventory, args: &RenameArgs) -> Result<()> {
    let (old, new) = (target.old.clone(), target.new.clone());
    let named_old: Vec<&Group> = inventory.named(&old).collect();
    let named_new: Vec<&Group> = inventory.named(&new).collect();
    match (named_old.as_slice(), named_new.as_slice()) {
        ([group], []) => {
            target.group = Some((*group).clone());
            target.renames_group = !args.files_only;
            Ok(())
        }
        ([], [group]) => {
            target.group = Some((*group).clone());
            Ok(())
        }
        ([_], [other, ..]) => Err(anyhow!(
            "the name `{new}` is taken by the volume group {}: choose another",
            other.uuid
        )),
        ([], []) => {
            Err(anyhow!("there is no volume group `{old}`: LVM reports {}", known(inventory)))
        }
        _ => {
            let doubled = if named_old.len() > 1 { (&old, &named_old) } else { (&new, &named_new) };
            let uuids: Vec<&str> = doubled.1.iter().map(|group| group.uuid.as_str()).collect();
            Err(anyhow!(
                "{} volume groups are named `{}` ({}): detach the disks of all but one, or rename the others with `vgrename UUID NAME`",
                uuids.len(),
                doubled.0,
                uuids.join(", ")
            ))
        }
    }
}

fn known(inventory: &Inventory) -> String {
    let names: Vec<String> =
        inventory.groups.iter().map(|group| format!("`{}`", group.name)).collect();
    if names.is_empty() { "no groups at all".to_owned() } else { names.join(", ") }
}

/// The group under `/`: by the mounted device on a running system, else as fstab says.
fn default_old(args: &RenameArgs, root: &Root, inventory: Option<&Inventory>) -> Result<VgName> {
    if root.is_live()
        && args.lvm_report.is_none()
        && let Some(group) = inventory.and_then(root_device::root_group)
    {
        return Ok(group.name.clone());
    }
    if let Some(name) = fstab_group(root)? {
        return Ok(name);
    }
    Err(anyhow!("no volume group holds `/`, as far as can be seen: give OLD and NEW"))
}

fn fstab_group(root: &Root) -> Result<Option<VgName>> {
    let Some(fstab) = root.read(Path::new("/etc/fstab"))? else { return Ok(None) };
    let text = &fstab.bytes;
    for line in lines(text) {
        let fields = fields(text, line);
        if fields.len() < 2 || text[fields[0].start] == b'#' || text[fields[1].clone()] != *b"/" {
            continue;
        }
        let Ok(source) = std::str::from_utf8(&text[fields[0].clone()]) else { continue };
        let name =
            match source.strip_prefix(path::MAPPER).or_else(|| source.strip_prefix(path::BY_ID)) {
                Some(name) => dm::split(name).map(|parts| parts.vg),
                None => source
                    .strip_prefix("/dev/")
                    .and_then(|rest| rest.split_once('/'))
                    .filter(|(vg, _)| *vg != "disk")
                    .map(|(vg, _)| vg.to_owned()),
            };
        return Ok(name.and_then(|name| VgName::new(&name).ok()));
    }
    Ok(None)
}

/// The name that the old one's pattern gives on this host.
fn default_new(old: &VgName, root: &Root) -> Result<VgName> {
    let host =
        host::host_name(root).ok_or_else(|| anyhow!("the system has no host name: give NEW"))?;
    host::suggest(old, &host).ok_or_else(|| {
        anyhow!(
            "`{old}` shows no pattern from which to make a name for the host `{host}`: give NEW"
        )
    })
}
