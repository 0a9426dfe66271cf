//! Whether a group's UUIDs can change at the next boot, and why not.

use std::path::Path;

use anyhow::Result;

use super::Renewal;
use crate::exit::refuse;
use crate::guest::devices_file;
use crate::guest::inventory::{Group, Inventory};
use crate::guest::kernels::{Generator, generator};
use crate::guest::root::Root;
use crate::names::VgName;
use crate::plan::Warning;
use crate::rewrite::PLACES;

/// The package's part of initramfs-tools (initramfs-tools(7)).
const HOOK: &str = "/usr/share/initramfs-tools/hooks/postclone";
const SCRIPT: &str = "/usr/share/initramfs-tools/scripts/local-premount/postclone";

/// The renewal of a group's UUIDs, or why they stay. `name` is the group's present name, and `renamed` its name after
/// the run.
///
/// # Errors
/// A place that cannot be read.
pub fn find(
    root: &Root,
    inventory: Option<&Inventory>,
    name: Option<&VgName>,
    renamed: Option<&VgName>,
) -> Result<(Option<Renewal>, Vec<Warning>)> {
    let stay = |why: String| Ok((None, vec![Warning::general(why)]));
    if !root.is_live() {
        return stay(
            "LVM's UUIDs can change only at the next boot of a running system: they stay"
                .to_owned(),
        );
    }
    let (Some(inventory), Some(name)) = (inventory, name) else {
        return stay("no volume group can be seen that holds `/`: LVM's UUIDs stay".to_owned());
    };
    let groups: Vec<&Group> = inventory.named(name).collect();
    let [group] = groups[..] else {
        return stay(format!("{} volume groups are named {name}: their UUIDs stay", groups.len()));
    };
    if let Some(why) = why_not(root, group).map_err(refuse)? {
        return stay(format!("the UUIDs of {name} and its disks stay: {why}"));
    }
    let renewal = Renewal {
        group: renamed.unwrap_or(name).clone(),
        uuid: group.uuid.clone(),
        disks: group.disks.iter().map(|disk| disk.uuid.clone()).collect(),
        stays: false,
    };
    Ok((Some(renewal), Vec::new()))
}

/// The first of the package's files for initramfs-tools that a root lacks.
pub(in crate::uuids) fn missing_part(root: &Root) -> Option<&'static str> {
    [HOOK, SCRIPT].into_iter().find(|path| !root.exists(path))
}

/// Why a group's UUIDs stay. `None` if they can change.
fn why_not(root: &Root, group: &Group) -> Result<Option<String>> {
    if generator(root) != Some(Generator::InitramfsTools) {
        return Ok(Some(
            "only images of initramfs-tools can change them at the next boot".to_owned(),
        ));
    }
    if let Some(missing) = missing_part(root) {
        return Ok(Some(format!("`{missing}` does not exist: install the package")));
    }
    if root.exists(devices_file::PATH) {
        let path = devices_file::PATH;
        return Ok(Some(format!("`{path}` names the disks by their UUIDs")));
    }
    let uuids = group.disks.iter().map(|disk| disk.uuid.as_str()).chain([group.uuid.as_str()]);
    for uuid in uuids {
        let plain = uuid.replace('-', "");
        for place in PLACES {
            for path in root.glob(place.pattern)? {
                let Ok(Some(source)) = root.read(Path::new(&path)) else { continue };
                let has = |text: &str| {
                    source.bytes.windows(text.len()).any(|window| window == text.as_bytes())
                };
                if has(uuid) || has(&plain) {
                    return Ok(Some(format!("`{}` has {uuid}", source.path.display())));
                }
            }
        }
    }
    Ok(None)
}
