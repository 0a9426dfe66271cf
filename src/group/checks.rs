//! What could keep LVM from renaming the group. vgrename finds many of these problems too late: it ends with status 0
//! and the old name, or with new metadata and a suspended volume (lvm2 tools/vgrename.c).

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Result, bail};
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::{AccessFlags, access};

use super::{Kept, out_of_sight};
use crate::blkid::Devices;
use crate::change::Job;
use crate::guest::inventory::{Group, Inventory};
use crate::live;
use crate::lvm::{self, LOCK_PAUSE, LOCK_TRIES};
use crate::names::{VgName, dm};

/// Room that the new metadata needs in addition to the old: the longer name, and the line that says which command
/// wrote it.
const METADATA_ROOM: u64 = 1024;

/// The defaults of `backup/archive_dir` and `backup/backup_dir` in lvm.conf(5).
const KEPT_METADATA: &[&str] = &["/etc/lvm/archive", "/etc/lvm/backup"];

/// lvm.conf(5) `global/locking_dir`.
const LOCKS: &str = "/run/lock/lvm";

/// Checks everything about the group. Each answer is separate.
pub(super) fn ask(job: &Job, group: &Group, kept: &Kept) -> Vec<Result<()>> {
    let mut answers = of_group(group);
    answers.push(nodes_are_free(&kept.new, group));
    answers.push(no_lock_is_held(&[&kept.old, &kept.new]));
    answers.push(name_is_free(job, group, &kept.new));
    answers
}

/// Checks for what could keep LVM from writing new names into a group's metadata.
pub(crate) fn of_group(group: &Group) -> Vec<Result<()>> {
    vec![
        group_can_be_renamed(group),
        this_host_owns_it(group),
        nothing_moves(group),
        no_hibernation_image(group),
        disks_can_be_written(group),
        no_disk_is_there_twice(group),
        metadata_has_room(group),
        metadata_can_be_kept(),
    ]
}

/// `vg_attr` (vgs(8)): permissions, resizeable, exported, partial, allocation policy, clustered or shared.
fn group_can_be_renamed(group: &Group) -> Result<()> {
    let name = &group.name;
    let attribute = |at: usize| group.attributes.as_bytes().get(at).copied().unwrap_or(b'-');
    if group.uuid.is_empty() {
        bail!("LVM's report has no UUID of `{name}`: see `vgs -o +vg_uuid {name}`");
    }
    if attribute(0) == b'r' {
        bail!(
            "the volume group `{name}` is read-only, and vgrename would refuse to rename it: see `vgs -o \
             +vg_permissions {name}`"
        );
    }
    if attribute(2) == b'x' {
        bail!("the volume group `{name}` is exported: import it with `vgimport {name}` first");
    }
    if attribute(3) == b'p' {
        let whole = |all: &Inventory| {
            let group = all.by_uuid(&group.uuid)?;
            (group.attributes.as_bytes().get(3) != Some(&b'p')).then(|| group.clone())
        };
        if let Some(why) = out_of_sight::why(&group.disks, whole) {
            bail!("{why}");
        }
        bail!(
            "physical volumes of `{name}` are missing: see `pvs`, and attach the disks or use `vgreduce \
             --removemissing`"
        );
    }
    if matches!(attribute(5), b'c' | b's') {
        bail!(
            "the volume group `{name}` is shared between hosts: rename it where its lock manager runs, see lvmlockd(8)"
        );
    }
    Ok(())
}

/// `lv_attr` (lvs(8)): the first letter is the volume's type.
fn nothing_moves(group: &Group) -> Result<()> {
    for volume in &group.volumes {
        let what = match volume.attributes.chars().next() {
            Some('p') => {
                "is being moved by pvmove: wait until it has ended, or use `pvmove --abort`"
            }
            Some('O' | 'S') => {
                "has a snapshot that is being merged: wait until `lvs` shows no merge"
            }
            _ => continue,
        };
        bail!("the volume `{}` {what}", volume.name);
    }
    Ok(())
}

/// After the rename, the devices and mounts in the image would meet other names.
fn no_hibernation_image(group: &Group) -> Result<()> {
    match Devices::look()?.hibernated(group) {
        Some(volume) => bail!(
            "the volume `{volume}` holds a hibernation image: boot the system that it belongs to, and shut it \
             down completely"
        ),
        None => Ok(()),
    }
}

/// vgrename commits the metadata before it notices a dm device that has the new name already.
fn nodes_are_free(new: &VgName, group: &Group) -> Result<()> {
    // Between a rename and its reboot, the group's own nodes still have the name that an undo puts back.
    let (_, nodes) = live::links::nodes_by_group(&group.uuid);
    for volume in &group.volumes {
        let name = dm::dm_name(new, &volume.name);
        if nodes.contains(&name) {
            bail!(
                "a dm device is already named `{name}`: see `dmsetup info {name}`, or choose another name"
            );
        }
    }
    Ok(())
}

/// vgrename checks /dev of the machine on which it runs. A rescue system's /dev is not the guest's.
fn name_is_free(job: &Job, group: &Group, new: &VgName) -> Result<()> {
    if new.clashes_with_dev() {
        bail!("`/dev/{new}` is a device of Linux itself: choose another name");
    }
    let (own, _) = live::links::nodes_by_group(&group.uuid);
    let is_own = group.volumes.iter().any(|volume| own.contains(&dm::dm_name(new, &volume.name)));
    if !is_own
        && job.root.is_live()
        && Path::new("/dev").join(new.as_str()).symlink_metadata().is_ok()
    {
        bail!("`/dev/{new}` already exists: choose another name, or check what it is");
    }
    Ok(())
}

/// This host must not write a group that belongs to another host (lvmsystemid(7)).
fn this_host_owns_it(group: &Group) -> Result<()> {
    if group.system_id.is_empty() {
        return Ok(());
    }
    let own = lvm::system_id()?;
    if own.as_deref() == Some(group.system_id.as_str()) {
        return Ok(());
    }
    bail!(
        "the volume group `{}` belongs to the host `{}`, and this one {}: take it over first, see lvmsystemid(7)",
        group.name,
        group.system_id,
        own.map_or_else(|| "has no system ID".to_owned(), |own| format!("is `{own}`"))
    )
}

/// `ro` of a block device's directory in sysfs (Documentation/ABI/stable/sysfs-block).
fn disks_can_be_written(group: &Group) -> Result<()> {
    for disk in &group.disks {
        let Ok(metadata) = fs::metadata(&disk.path) else { continue };
        let device = metadata.rdev();
        let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
        let flag = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/ro"));
        if flag.is_ok_and(|flag| flag.trim() == "1") {
            bail!(
                "the physical volume `{0}` of `{1}` is read-only, and vgrename would report success without \
                 renaming the group: see `blockdev --getro {0}`, `blockdev --setrw {0}`",
                disk.path.display(),
                group.name
            );
        }
    }
    Ok(())
}

/// If a raw copy of the disk is beside its source, LVM cannot tell which of the two is meant.
fn no_disk_is_there_twice(group: &Group) -> Result<()> {
    for (uuid, paths) in lvm::duplicates()? {
        if group.disks.iter().any(|disk| disk.uuid == uuid) {
            let paths: Vec<String> =
                paths.iter().map(|path| format!("`{}`", path.display())).collect();
            bail!(
                "the physical volume {uuid} of `{}` is on several disks, {}: detach the copy, or give it its own \
                 name and UUIDs with vgimportclone(8)",
                group.name,
                paths.join(" and ")
            );
        }
    }
    Ok(())
}

fn metadata_has_room(group: &Group) -> Result<()> {
    match group.metadata_free {
        Some(free) if free < METADATA_ROOM => bail!(
            "the metadata area of `{0}` has {free} bytes free, and the new name needs up to {METADATA_ROOM}: \
             see `vgs -o +vg_mda_size,vg_mda_free {0}`; remove a snapshot, or add a disk with `vgextend --metadatasize`",
            group.name
        ),
        _ => Ok(()),
    }
}

/// vgrename archives the old metadata first. If it cannot, it ends with status 0 and the old name.
fn metadata_can_be_kept() -> Result<()> {
    for dir in KEPT_METADATA {
        let dir = Path::new(dir);
        if !dir.is_dir() {
            continue;
        }
        if let Err(error) = access(dir, AccessFlags::W_OK) {
            bail!(
                "LVM cannot keep the old metadata in `{}` ({}): mount it read-write, or see `lsattr -d`",
                dir.display(),
                error.desc()
            );
        }
    }
    Ok(())
}

/// vgrename locks both names, and the list of all groups (lvm2 lib/locking).
pub(crate) fn no_lock_is_held(groups: &[&VgName]) -> Result<()> {
    let names: Vec<String> = groups.iter().map(|name| format!("V_{name}")).collect();
    for name in names.iter().map(String::as_str).chain(["P_global"]) {
        let path = Path::new(LOCKS).join(name);
        if !is_free_in_time(&path) {
            bail!(
                "another LVM command has held `{}` for {} s: see `lslocks`, and wait until it has ended",
                path.display(),
                (LOCK_PAUSE * LOCK_TRIES).as_secs()
            );
        }
    }
    Ok(())
}

/// Whether nobody holds the lock, now or soon. The lock is held only for a moment, and released.
fn is_free_in_time(path: &PathBuf) -> bool {
    for attempt in 0..LOCK_TRIES {
        if attempt > 0 {
            thread::sleep(LOCK_PAUSE);
        }
        let Ok(file) = File::open(path) else { return true };
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => {}
            _ => return true,
        }
    }
    false
}
