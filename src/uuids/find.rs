//! Which UUIDs can change while their file systems and swap areas are in use, and why others cannot.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Result;
use nix::sys::stat::{major, minor, stat};

use super::device::Place;
use super::mounts::own_mounts;
use super::references::is_told_of;
use super::{Content, Renewal, Renewed, unmounted};
use crate::blkid::Devices;
use crate::encoding::{hyphenated, is_serial, is_uuid};
use crate::exit::refuse;
use crate::ext::{self, SEED};
use crate::guest::kernels::{Generator, generator};
use crate::guest::root::Root;
use crate::plan::Warning;
use crate::renew::machine_id;
use crate::run::Program;
use crate::swaps;

/// What the user asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// File systems.
    pub file_systems: bool,
    /// Swap areas.
    pub swaps: bool,
}

/// UUIDs that this process generated, by the old UUID.
#[derive(Debug, Default)]
pub struct Drawn(RefCell<BTreeMap<String, String>>);

impl Drawn {
    /// The new UUID for an old one. It stays the same in this process.
    ///
    /// # Errors
    /// The kernel gives no random numbers.
    pub(super) fn after(&self, old: &str) -> Result<String> {
        if let Some(new) = self.0.borrow().get(old) {
            return Ok(new.clone());
        }
        let drawn = machine_id::draw()?;
        let new = if is_serial(old) {
            format!("{}-{}", &drawn[..4], &drawn[4..8]).to_uppercase()
        } else {
            hyphenated(&drawn)
        };
        self.0.borrow_mut().insert(old.to_owned(), new.clone());
        Ok(new)
    }
}

/// A file system or swap area whose UUID may change.
struct Candidate {
    content: Content,
    called: String,
    /// `254:0`
    number: String,
    /// Whether GRUB reads its files from it.
    has_grub: bool,
}

/// The new UUIDs, and a warning for each UUID that stays. `renamed` returns the name that a dm device has after
/// the run. Its arguments are the dm UUID and the present name.
///
/// # Errors
/// blkid fails, or the kernel gives no random numbers.
pub fn find(
    root: &Root,
    asked: Asked,
    renamed: &dyn Fn(&str, &str) -> Option<String>,
    drawn: &Drawn,
) -> Result<(Option<Renewal>, Vec<Warning>)> {
    let none = |text: &str| Ok((None, vec![Warning::general(text)]));
    if !root.is_live() {
        return none("UUIDs of file systems can change only in the running system: they stay");
    }
    if generator(root) != Some(Generator::InitramfsTools) {
        return none(
            "UUIDs of file systems stay: only images of initramfs-tools are known not to wait for the old UUIDs",
        );
    }
    let devices = Devices::look().map_err(refuse)?;
    let (mut renewed, mut warnings) = (Vec::new(), Vec::new());
    let mut candidates = Vec::new();
    if asked.file_systems {
        candidates.extend(file_systems(root, &mut warnings));
    }
    if asked.swaps {
        candidates.extend(areas());
    }
    for candidate in candidates {
        let called = candidate.called.clone();
        match one(root, candidate, &devices, renamed, drawn).map_err(refuse)? {
            Ok(one) => renewed.push(one),
            Err(why) => warnings.push(Warning::general(format!("{called} keeps its UUID: {why}"))),
        }
    }
    Ok(((!renewed.is_empty()).then_some(Renewal { renewed }), warnings))
}

/// The file systems whose UUID can change while they are mounted, or while they are unmounted for a moment.
fn file_systems(root: &Root, warnings: &mut Vec<Warning>) -> Vec<Candidate> {
    let mut found = Vec::new();
    for (mount, has_grub) in own_mounts(root) {
        let called = mount.target.display().to_string();
        let kind = mount.kind.as_str();
        let why = match kind {
            "ext2" | "ext3" | "ext4" | "vfat" if mount.read_only => "it is mounted read-only",
            "ext2" | "ext3" | "ext4" | "vfat" => {
                let content = if kind == "vfat" { Content::Fat } else { Content::Ext };
                found.push(Candidate { content, called, number: mount.device, has_grub });
                continue;
            }
            // See `xfs`.
            "xfs" => continue,
            "btrfs" => "the UUID of such a file system can change only while it is not mounted",
            _ => "postclone does not know how to change the UUID of such a file system",
        };
        warnings.push(Warning::general(format!("{called} ({kind}) keeps its UUID: {why}")));
    }
    found
}

/// The swap areas in use.
fn areas() -> Vec<Candidate> {
    let number = |path: &str| {
        let device = stat(path).ok()?.st_rdev;
        Some(format!("{}:{}", major(device), minor(device)))
    };
    let used = swaps::in_use().into_iter().filter(|swap| !swap.path.starts_with("/dev/zram"));
    used.filter_map(|swap| {
        let number = number(&swap.path)?;
        Some(Candidate {
            content: Content::Swap,
            called: "swap".to_owned(),
            number,
            has_grub: false,
        })
    })
    .collect()
}

/// The new UUID of a candidate, or why its UUID stays.
fn one(
    root: &Root,
    candidate: Candidate,
    devices: &Devices,
    renamed: &dyn Fn(&str, &str) -> Option<String>,
    drawn: &Drawn,
) -> Result<Result<Renewed, String>> {
    let Candidate { content, called, number, has_grub } = candidate;
    let (path, uuid) = match identified(&number, devices) {
        Ok(found) => found,
        Err(why) => return Ok(Err(why)),
    };
    let Some(mut place) = Place::of(&number, &path, devices) else {
        return Ok(Err(format!("`{path}` is neither a volume nor a partition of a table")));
    };
    if let Place::Mapped { dm_uuid, path } = &mut place {
        let name = path.trim_start_matches("/dev/mapper/").to_owned();
        if let Some(new) = renamed(dm_uuid, &name) {
            *path = format!("/dev/mapper/{new}");
        }
    } else if let [_, _, ..] =
        devices.with_partition(devices.partition(&path).unwrap_or_default())[..]
    {
        return Ok(
            Err("two partitions have the same PARTUUID: detach one of the disks".to_owned()),
        );
    }
    if let Some(place) = is_told_of(root, uuid)? {
        return Ok(Err(format!("`{}` contains it and is not rewritten", place.display())));
    }
    if content == Content::Fat {
        if let Some(why) = fat_stays(&called, &place) {
            return Ok(Err(why));
        }
    }
    let mut seed = false;
    if content == Content::Ext {
        if has_grub && matches!(place, Place::Mapped { .. }) {
            return Ok(Err("GRUB finds its files by that UUID".to_owned()));
        }
        match needs_seed(&ext::features(&path)?) {
            Ok(needs) => seed = needs,
            Err(why) => return Ok(Err(why.to_owned())),
        }
        if seed && has_grub {
            return Ok(Err(format!(
                "a mounted ext4 file system needs the feature {SEED} for that, and GRUB before 2.12 cannot read \
                 a file system with it"
            )));
        }
    }
    let old = uuid.to_owned();
    let new = drawn.after(&old)?;
    Ok(Ok(Renewed { content, device: place, called, old, new, seed }))
}

/// Why the serial number of a FAT file system stays. `None` if it can change.
fn fat_stays(target: &str, place: &Place) -> Option<String> {
    if matches!(place, Place::Mapped { .. }) {
        return Some("it is not on a partition".to_owned());
    }
    if Program::Fatlabel.find().is_none() {
        return Some("`fatlabel` is not installed: install dosfstools".to_owned());
    }
    unmounted::why_not(target)
}

/// Whether a mounted file system with these features needs the feature [`SEED`] first, or why its UUID stays.
fn needs_seed(features: &[String]) -> Result<bool, &'static str> {
    let has = |feature: &str| features.iter().any(|own| own == feature);
    if has("stable_inodes") {
        return Err("its feature stable_inodes forbids another UUID (ext4(5))");
    }
    if has("mmp") {
        return Err("its feature mmp prevents tune2fs from changing it while it is mounted");
    }
    if has("journal_dev") {
        return Err("it is the journal of another file system");
    }
    Ok(has("metadata_csum") && !has(SEED))
}

/// The path and the UUID of the block device `number`. An error says why its UUID does not identify it.
pub(super) fn identified<'d>(
    number: &str,
    devices: &'d Devices,
) -> Result<(String, &'d str), String> {
    let path =
        path_of(number).ok_or_else(|| format!("the kernel's device {number} has no name"))?;
    let Some((uuid, _)) =
        devices.content(&path).filter(|(uuid, _)| is_uuid(uuid) || is_serial(uuid))
    else {
        return Err(format!("blkid finds no UUID on `{path}`"));
    };
    match has_twin(devices, uuid) {
        None => Ok((path, uuid)),
        Some(why) => Err(why),
    }
}

/// Why a UUID does not identify one device. `None` if it does.
fn has_twin(devices: &Devices, uuid: &str) -> Option<String> {
    let [one, other, ..] = devices.with(uuid)[..] else { return None };
    Some(format!(
        "`{one}` and `{other}` have the same UUID: detach the disk that does not belong to this machine"
    ))
}

/// A device's path in the form that blkid uses.
fn path_of(number: &str) -> Option<String> {
    let dir = Path::new("/sys/dev/block").join(number);
    let read = |file: &str| fs::read_to_string(dir.join(file)).ok();
    if let Some(name) = read("dm/name") {
        return Some(format!("/dev/mapper/{}", name.trim_end()));
    }
    let event = read("uevent")?;
    let name = event.lines().find_map(|line| line.strip_prefix("DEVNAME="))?;
    Some(format!("/dev/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_decide() {
        let needs =
            |words: &str| needs_seed(&words.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(needs("ext_attr dir_index filetype"), Ok(false));
        assert_eq!(needs("has_journal extent metadata_csum"), Ok(true));
        assert_eq!(needs("extent metadata_csum_seed metadata_csum"), Ok(false));
        assert!(needs("extent stable_inodes").is_err());
        assert!(needs("extent mmp").is_err());
    }
}
