//! Which XFS file systems can get another UUID at the next boot, and why others cannot.

use std::path::Path;

use anyhow::Result;

use super::{FileSystem, Renewal};
use crate::blkid::Devices;
use crate::exit::refuse;
use crate::guest::kernels::{Generator, generator};
use crate::guest::mounts::Mount;
use crate::guest::root::Root;
use crate::lvm::tags;
use crate::plan::Warning;
use crate::uuids::at_boot::find::missing_part;
use crate::uuids::device::Place;
use crate::uuids::find::{Drawn, identified};
use crate::uuids::mounts::own_mounts;
use crate::uuids::references::is_told_of;

/// The new UUIDs, and a warning for each UUID that stays. `renamed` returns the name that a dm device has after
/// the run. Its arguments are the dm UUID and the present name.
///
/// # Errors
/// blkid fails, or the kernel gives no random numbers.
pub fn find(
    root: &Root,
    renamed: &dyn Fn(&str, &str) -> Option<String>,
    drawn: &Drawn,
) -> Result<(Option<Renewal>, Vec<Warning>)> {
    // `uuids::find` warns of both.
    if !root.is_live() || generator(root) != Some(Generator::InitramfsTools) {
        return Ok((None, Vec::new()));
    }
    let mounts = own_mounts(root).into_iter().filter(|(mount, _)| mount.kind == "xfs");
    let (mut file_systems, mut warnings) = (Vec::new(), Vec::new());
    let mut devices = None;
    for (mount, has_grub) in mounts {
        let devices = match &devices {
            Some(devices) => devices,
            None => devices.insert(Devices::look().map_err(refuse)?),
        };
        match one(root, &mount, has_grub, devices, renamed, drawn).map_err(refuse)? {
            Ok(one) => file_systems.push(one),
            Err(why) => warnings.push(Warning::general(format!(
                "{} (xfs) keeps its UUID: {why}",
                mount.target.display()
            ))),
        }
    }
    Ok(((!file_systems.is_empty()).then_some(Renewal { file_systems, stays: false }), warnings))
}

/// The new UUID of a file system, or why its UUID stays.
fn one(
    root: &Root,
    mount: &Mount,
    has_grub: bool,
    devices: &Devices,
    renamed: &dyn Fn(&str, &str) -> Option<String>,
    drawn: &Drawn,
) -> Result<Result<FileSystem, String>> {
    let no = |why: &str| Ok(Err(why.to_owned()));
    let (path, uuid) = match identified(&mount.device, devices) {
        Ok(found) => found,
        Err(why) => return Ok(Err(why)),
    };
    let Some(Place::Mapped { dm_uuid, .. }) = Place::of(&mount.device, &path, devices) else {
        return no(
            "the UUID of such a file system can change only while it is not mounted, and no path names a \
                   partition that way",
        );
    };
    if tags::volume_uuid(&dm_uuid).is_none() {
        return no(
            "it is not on a logical volume, and only LVM can note that the next boot changes the UUID",
        );
    }
    if has_grub {
        return no("GRUB finds its files by that UUID");
    }
    let has = |option: &str| mount.system_options.split(',').any(|own| own.starts_with(option));
    if has("logdev=") || has("rtdev=") {
        return no("its log or its real-time data is on a device of its own");
    }
    if let Some(missing) = missing_part(root) {
        return Ok(Err(format!("`{missing}` does not exist: install the package")));
    }
    if let Some(place) = is_told_of(root, uuid)? {
        return Ok(Err(format!("`{}` contains it and is not rewritten", place.display())));
    }
    let name = Path::new(&path).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = renamed(&dm_uuid, &name).unwrap_or(name);
    Ok(Ok(FileSystem {
        device: Place::Mapped { dm_uuid, path: format!("/dev/mapper/{name}") },
        called: mount.target.display().to_string(),
        old: uuid.to_owned(),
        new: drawn.after(uuid)?,
    }))
}
