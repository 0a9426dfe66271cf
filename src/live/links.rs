//! Links the devices of volumes under both names, with a volatile udev rule.
//!
//! With this rule, an LVM command that renames a dm node before the reboot removes neither name.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::names::{LvName, VgName, dm, path};
use crate::run::{Cmd, Program};
use crate::transaction::runtime;

/// Sorted after 11-dm-lvm.rules and 13-dm-disk.rules. `DM_UUID` is set in 10-dm.rules.
const RULES: &str = "/run/udev/rules.d/99-postclone.rules";

/// A volume that is linked under two names.
#[derive(Debug, Clone)]
pub struct Linked {
    /// Its dm UUID, which no rename changes. `None` if it has no links in /dev.
    pub dm_uuid: Option<String>,
    /// The old names of the group and the volume.
    pub from: (VgName, LvName),
    /// Their new names.
    pub to: (VgName, LvName),
}

/// Whether a live dm node has the names of a group and a volume.
fn is_live(nodes: &[String], (vg, lv): &(VgName, LvName)) -> bool {
    nodes.contains(&dm::dm_name(vg, lv))
}

/// One rule for each volume. `old` and `new` name what the run renamed, in words.
fn rules(volumes: &[Linked], old: &str, new: &str) -> String {
    let mut text = format!(
        "# Made by postclone: {old} was renamed to {new}. Both names are linked until the next boot.\n"
    );
    for volume in volumes {
        let Some(uuid) = &volume.dm_uuid else { continue };
        let links: Vec<String> = [&volume.from, &volume.to]
            .into_iter()
            .flat_map(|(vg, lv)| links(vg, lv))
            .map(|link| link.trim_start_matches("/dev/").to_owned())
            .collect();
        let _ = writeln!(
            text,
            "SUBSYSTEM==\"block\", ENV{{DM_UUID}}==\"{uuid}\", SYMLINK+=\"{}\"",
            links.join(" ")
        );
    }
    text
}

fn links(vg: &VgName, lv: &LvName) -> [String; 3] {
    [path::mapper_path(vg, lv), path::device_path(vg, lv), path::by_id_path(vg, lv)]
}

/// Corrects the links of volumes that had the names `from` and now have the names `to`. `old` and `new` name what was
/// renamed, in words.
///
/// If the live dm nodes have the names `to` already, they have their own links, and the rule is removed. Otherwise,
/// every active volume is linked under both names, and each link is checked. Call this only after LVM's rename:
/// vgrename refuses a name that is in /dev.
/// rename: vgrename refuses a name for which /dev has an entry.
pub fn settle(volumes: &[Linked], old: &str, new: &str) -> Result<()> {
    let nodes = live_nodes();
    let linked: Vec<&Linked> = volumes.iter().filter(|volume| volume.dm_uuid.is_some()).collect();
    if linked.iter().any(|volume| is_live(&nodes, &volume.from)) {
        runtime::write(Path::new(RULES), &rules(volumes, old, new))?;
    } else {
        runtime::remove(Path::new(RULES))?;
    }
    let uuids: Vec<&str> = linked.iter().filter_map(|volume| volume.dm_uuid.as_deref()).collect();
    trigger(&kernel_names(Path::new(SYSFS), &uuids))
        .context("linking the volumes under both names")?;
    for volume in linked {
        let ends = [&volume.from, &volume.to];
        let Some((vg, lv)) = ends.into_iter().find(|end| is_live(&nodes, end)) else {
            log::debug!("volume {} is not active", volume.to.1);
            continue;
        };
        let node = path::mapper_path(vg, lv);
        let device = rdev(&node)?;
        for link in links(&volume.to.0, &volume.to.1) {
            if rdev(&link)? != device {
                bail!("`{link}` is another device than `{node}`: see `udevadm info {link}`");
            }
        }
    }
    Ok(())
}

/// Whether live dm nodes still have the names `from`.
pub fn are_needed(volumes: &[Linked]) -> bool {
    let nodes = live_nodes();
    volumes.iter().any(|volume| is_live(&nodes, &volume.from))
}

/// Refuses if a volume's live dm node has neither of its names. In this case, an earlier rename waits for its reboot,
/// and the rule that keeps its names until then would be lost.
///
/// # Errors
/// The first such node.
pub fn bear_known_names(volumes: &[Linked]) -> Result<()> {
    let entries = fs::read_dir(SYSFS).into_iter().flatten().flatten();
    for entry in entries {
        let read = |file: &str| fs::read_to_string(entry.path().join(file)).ok();
        let (Some(name), Some(uuid)) = (read("dm/name"), read("dm/uuid")) else { continue };
        let own = volumes.iter().find(|own| own.dm_uuid.as_deref() == Some(uuid.trim_end()));
        let nodes = [name.trim_end().to_owned()];
        let is_known =
            |volume: &Linked| [&volume.from, &volume.to].iter().any(|end| is_live(&nodes, end));
        if let Some(volume) = own.filter(|volume| !is_known(volume)) {
            let [node] = nodes;
            bail!(
                "the live device of `{}/{}` is still named `{node}`, because an earlier rename waits for its \
                 reboot: reboot first, or undo that rename with `postclone undo`",
                volume.from.0,
                volume.from.1
            );
        }
    }
    Ok(())
}

/// Where the kernel lists block devices.
const SYSFS: &str = "/sys/block";

/// The names of the live dm devices.
pub fn live_nodes() -> Vec<String> {
    let Ok(entries) = fs::read_dir(SYSFS) else { return Vec::new() };
    let names =
        entries.flatten().filter_map(|entry| fs::read_to_string(entry.path().join("dm/name")).ok());
    names.map(|name| name.trim_end().to_owned()).collect()
}

/// The names of the live dm devices: those of the group with this UUID, and the others.
pub fn nodes_by_group(uuid: &str) -> (Vec<String>, Vec<String>) {
    named_by_group(Path::new(SYSFS), uuid)
}

fn named_by_group(sysfs: &Path, uuid: &str) -> (Vec<String>, Vec<String>) {
    // lvm2 lib/misc/lvm-string.c: `LVM-`, the group's UUID without hyphens, and the volume's UUID.
    let head = format!("LVM-{}", uuid.replace('-', ""));
    let entries = fs::read_dir(sysfs).into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| {
        let read = |file: &str| fs::read_to_string(entry.path().join(file)).ok();
        Some((read("dm/name")?.trim_end().to_owned(), read("dm/uuid").unwrap_or_default()))
    });
    let (own, others): (Vec<_>, Vec<_>) = named.partition(|(_, uuid)| uuid.starts_with(&head));
    let first = |list: Vec<(String, String)>| list.into_iter().map(|(name, _)| name).collect();
    (first(own), first(others))
}

/// The number of the device that a path leads to.
pub(super) fn rdev(path: &str) -> Result<u64> {
    Ok(fs::metadata(path).with_context(|| format!("looking for the link `{path}`"))?.rdev())
}

/// The kernel's names (`dm-3`) of the live devices with these dm UUIDs.
fn kernel_names(sysfs: &Path, uuids: &[&str]) -> Vec<String> {
    let Ok(entries) = fs::read_dir(sysfs) else { return Vec::new() };
    let is_ours = |entry: &fs::DirEntry| {
        let uuid = fs::read_to_string(entry.path().join("dm/uuid")).unwrap_or_default();
        uuids.contains(&uuid.trim_end())
    };
    let ours = entries.flatten().filter(is_ours);
    let mut names: Vec<String> =
        ours.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// Makes udev look again at the group's own volumes, and at nothing else. After a change event for a physical volume,
/// udev would activate its group again, with volumes that somebody deactivated, because LVM has not seen the group
/// online under its new name (lvm2 udev/69-dm-lvm.rules.in, `pvscan --vgonline`). A physical volume on dm-crypt is a
/// dm device, too.
pub(super) fn trigger(names: &[String]) -> Result<()> {
    Cmd::new(Program::Udevadm).args(["control", "--reload"]).checked()?;
    if names.is_empty() {
        return Ok(());
    }
    let mut change =
        Cmd::new(Program::Udevadm).args(["trigger", "--action=change", "--subsystem-match=block"]);
    for name in names {
        change = change.arg(format!("--sysname-match={name}"));
    }
    change.checked()?;
    Cmd::new(Program::Udevadm).args(["settle", "--timeout=60"]).checked()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_groups_own_volumes_are_looked_at_again() {
        let sysfs = tempfile::tempdir().unwrap();
        let device = |name: &str, uuid: Option<&str>| {
            let dm = sysfs.path().join(name).join("dm");
            std::fs::create_dir_all(&dm).unwrap();
            if let Some(uuid) = uuid {
                std::fs::write(dm.join("uuid"), format!("{uuid}\n")).unwrap();
            }
        };
        // A physical volume on dm-crypt, another group's volume, a disk.
        device("dm-0", Some("CRYPT-LUKS2-0123-vda5_crypt"));
        device("dm-2", Some("LVM-VGroot"));
        device("dm-1", Some("LVM-VGhome"));
        device("dm-3", Some("LVM-OTHERroot"));
        device("vda", None);
        assert_eq!(kernel_names(sysfs.path(), &["LVM-VGroot", "LVM-VGhome"]), ["dm-1", "dm-2"]);
        assert!(kernel_names(sysfs.path(), &["LVM-VGgone"]).is_empty());
    }

    #[test]
    fn a_groups_nodes_are_told_from_others_by_their_uuid() {
        let dir = tempfile::tempdir().unwrap();
        for (kernel, name, uuid) in [
            ("dm-0", "c-root", "LVM-AAABBBvol"),
            ("dm-1", "c-data", "LVM-OTHERvol"),
            ("dm-2", "x", ""),
        ] {
            let dm = dir.path().join(kernel).join("dm");
            fs::create_dir_all(&dm).unwrap();
            fs::write(dm.join("name"), format!("{name}\n")).unwrap();
            fs::write(dm.join("uuid"), format!("{uuid}\n")).unwrap();
        }
        fs::create_dir(dir.path().join("vda")).unwrap();
        let (own, mut others) = named_by_group(dir.path(), "AAA-BBB");
        others.sort();
        assert_eq!(
            (own, others),
            (vec!["c-root".to_owned()], vec!["c-data".to_owned(), "x".to_owned()])
        );
    }

    #[test]
    fn a_rule_is_keyed_on_the_volumes_uuid_and_leaves_hidden_volumes_out() {
        let end = |vg, lv| (VgName::new(vg).unwrap(), LvName::new(lv).unwrap());
        let volume = |name, dm_uuid: Option<&str>| Linked {
            dm_uuid: dm_uuid.map(str::to_owned),
            from: end("a-b", name),
            to: end("c", name),
        };
        let volumes = [volume("root", Some("LVM-AAABCCD")), volume("x_tmeta", None)];
        let text = rules(&volumes, "a-b", "c");
        let rule = text.lines().nth(1).unwrap();
        assert_eq!(
            rule,
            "SUBSYSTEM==\"block\", ENV{DM_UUID}==\"LVM-AAABCCD\", SYMLINK+=\"mapper/a--b-root a-b/root \
             disk/by-id/dm-name-a--b-root mapper/c-root c/root disk/by-id/dm-name-c-root\""
        );
        assert_eq!(text.lines().count(), 2);
    }
}
