//! What the running system needs until the next boot: device links under both names, and systemd's
//! knowledge of the new fstab.
//!
//! A live rename of dm nodes makes udev drop the old links; systemd then unmounts what was mounted
//! from them and stops what needs it. So the nodes keep their old names (see
//! [`crate::lvm::rename_group`]) and a volatile udev rule adds the new ones. LVM commands that rename
//! a node before the reboot then take no name away.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::guest::inventory::Group;
use crate::names::{LvName, VgName, dm, path};
use crate::run::{Cmd, Program};
use crate::transaction::runtime;

/// Above 11-dm-lvm.rules and 13-dm-disk.rules; `DM_UUID` is set in 10-dm.rules.
const RULES: &str = "/run/udev/rules.d/99-postclone.rules";

/// Whether systemd runs this system (sd_booted(3)).
pub fn has_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Whether udev's daemon manages /dev.
pub fn has_udev() -> bool {
    Path::new("/run/udev/control").exists()
}

/// The volumes that people and fstab name: those with links in /dev.
pub fn linked_volumes(group: &Group) -> usize {
    group.volumes.iter().filter(|volume| !volume.hidden).count()
}

/// One rule a volume, keyed on its dm UUID, which no rename changes.
fn rules(group: &Group, old: &VgName, new: &VgName) -> String {
    let mut text = format!(
        "# Made by postclone: {old} was renamed to {new}. Both names are linked until the next boot.\n"
    );
    for volume in group.volumes.iter().filter(|volume| !volume.hidden) {
        let links: Vec<String> = [old, new]
            .into_iter()
            .flat_map(|vg| links(vg, &volume.name))
            .map(|link| link.trim_start_matches("/dev/").to_owned())
            .collect();
        let _ = writeln!(
            text,
            "SUBSYSTEM==\"block\", ENV{{DM_UUID}}==\"{}\", SYMLINK+=\"{}\"",
            group.dm_uuid(volume),
            links.join(" ")
        );
    }
    text
}

fn links(vg: &VgName, lv: &LvName) -> [String; 3] {
    [path::mapper_path(vg, lv), path::device_path(vg, lv), path::by_id_path(vg, lv)]
}

/// Links every active volume under both names and looks at each link.
///
/// Only after the group's rename: vgrename refuses a name for which /dev has an entry.
pub fn link_names(group: &Group, old: &VgName, new: &VgName) -> Result<()> {
    runtime::write(Path::new(RULES), &rules(group, old, new))?;
    trigger().context("linking the volumes under both names")?;
    for volume in group.volumes.iter().filter(|volume| !volume.hidden) {
        let node = PathBuf::from(format!("/dev/mapper/{}", dm::dm_name(old, &volume.name)));
        let Ok(device) = fs::metadata(&node).map(|metadata| metadata.rdev()) else {
            log::debug!("`{}` is not there: the volume is not active", node.display());
            continue;
        };
        for link in links(new, &volume.name) {
            let linked = fs::metadata(&link)
                .with_context(|| format!("looking for the new link `{link}`"))?;
            if linked.rdev() != device {
                bail!("`{link}` is another device than `{}`", node.display());
            }
        }
    }
    Ok(())
}

/// Takes the links under the new names away again.
pub fn unlink_names() -> Result<()> {
    runtime::remove(Path::new(RULES))?;
    if has_udev() { trigger().context("removing the links under the new names") } else { Ok(()) }
}

fn trigger() -> Result<()> {
    Cmd::new(Program::Udevadm).args(["control", "--reload"]).checked()?;
    let match_dm =
        ["trigger", "--action=change", "--subsystem-match=block", "--sysname-match=dm-*"];
    Cmd::new(Program::Udevadm).args(match_dm).checked()?;
    Cmd::new(Program::Udevadm).args(["settle", "--timeout=60"]).checked()?;
    Ok(())
}

/// Lets systemd read fstab and its units again, or does nothing where systemd does not run.
pub fn reload_systemd() -> Result<()> {
    if has_systemd() {
        Cmd::new(Program::Systemctl).arg("daemon-reload").checked()?;
    }
    Ok(())
}

/// Frees `/dev/NAME` for as long as `act` takes.
pub fn with_name_free<T>(name: &VgName, act: impl FnOnce() -> Result<T>) -> Result<T> {
    runtime::with_hidden(&Path::new("/dev").join(name.as_str()), act)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::inventory::Inventory;

    #[test]
    fn a_rule_is_keyed_on_the_volumes_uuid_and_leaves_hidden_volumes_out() {
        let report = br#"{"report":[{"vg":[{"vg_name":"a-b","vg_uuid":"AAA-B"}],
            "lv":[{"lv_name":"root","lv_uuid":"CC-D"},{"lv_name":"[x_tmeta]","lv_uuid":"EE-F"}]}]}"#;
        let group = Inventory::parse(report).unwrap().groups.remove(0);
        let text = rules(&group, &VgName::new("a-b").unwrap(), &VgName::new("c").unwrap());
        let rule = text.lines().nth(1).unwrap();
        assert_eq!(
            rule,
            "SUBSYSTEM==\"block\", ENV{DM_UUID}==\"LVM-AAABCCD\", SYMLINK+=\"mapper/a--b-root a-b/root \
             disk/by-id/dm-name-a--b-root mapper/c-root c/root disk/by-id/dm-name-c-root\""
        );
        assert_eq!(text.lines().count(), 2);
    }
}
