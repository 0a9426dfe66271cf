//! Everything that could cause a refusal later, checked before the first change.

mod fat;
pub(crate) mod image_based;
mod image_room;
mod paths;
mod sealed;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::statvfs::statvfs;

use crate::change::{Change, Job};
use crate::exit::{refuse, refuse_for};
use crate::guest::kernels::{Generator, KNOWN};
use crate::guest::mounts::{fstab_mounts, mounted};
use crate::guest::root::Root;
use crate::initramfs;
use crate::plan::Warning;
use crate::plan::paths::PathChange;
use crate::transaction::package_locks::PackageManagers;
use crate::transaction::{STATE, journal};
use crate::world::World;

/// File systems with the files of boot loaders and kernels. If fstab has one, it must be mounted.
/// Otherwise, the files below its mount point are not the ones that boot.
const BOOT_TARGETS: &[&str] = &["/boot", "/boot/efi", "/efi", "/boot/firmware"];

/// A running system always has these mounted. The image tools and the journal need them.
const SYSTEM_TARGETS: &[&str] = &["/usr", "/var"];

/// Additional space, for directories, for journals, and for an image that grows.
const SPARE: u64 = 4 << 20;

/// Demands root. `doing` says what needs it.
pub fn is_root(doing: &str) -> Result<()> {
    if nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    bail!("{doing} needs root: use sudo, or work on files only with --files-only")
}

/// Whether a path can get its new name. See [`paths::can_be_renamed`].
///
/// # Errors
/// Why rename(2) would fail.
pub(crate) fn can_be_renamed(root: &Root, change: &PathChange) -> Result<()> {
    paths::can_be_renamed(root, change, &paths::by_name(std::slice::from_ref(change)))
}

/// What the user should know before they confirm, the most serious first. None of these is a refusal.
pub(crate) fn warnings(job: &Job) -> Vec<Warning> {
    if job.plan.steps.is_empty() {
        return Vec::new();
    }
    let concerns_boot = job.changes.concern_boot();
    let there = job.changes.iter().find_map(Change::where_image_based);
    let mut told: Vec<String> = image_based::why(&job.root, there).into_iter().collect();
    told.extend(job.changes.iter().flat_map(|change| change.warnings(job)));
    if concerns_boot {
        told.extend(sealed::warnings(job));
        told.extend(fat::warning(job));
    }
    told.into_iter().map(Warning::general).collect()
}

/// Runs all checks, and reports all problems at once.
pub(crate) fn run(job: &Job) -> Result<()> {
    let mut problems = Vec::new();
    let mut ask = |result: Result<()>| {
        if let Err(error) = result {
            problems.push(format!("{error:#}"));
        }
    };
    for change in job.changes.iter() {
        if let Some(doing) = change.needs_root() {
            ask(is_root(doing));
        }
        change.checks(job).into_iter().for_each(&mut ask);
    }
    if job.changes.pivot() {
        ask(all_is_mounted(&job.root));
    }
    if !job.files_only {
        ask(images_can_be_built(job));
        ask(PackageManagers::look(&job.root));
    }
    for change in &job.plan.files {
        ask(can_be_replaced(&job.root.outer(&change.path)));
    }
    for placed in &job.placed {
        ask(can_be_replaced(&job.root.outer(&placed.last.path)));
    }
    let by_name = paths::by_name(&job.plan.paths.changes);
    for change in &job.plan.paths.changes {
        ask(paths::can_be_renamed(&job.root, change, &by_name));
    }
    ask(there_is_room(job));
    ask(job.nothing_fails_by_plan());
    match problems.as_slice() {
        [] => Ok(()),
        [problem] => Err(refuse(anyhow!("{problem}"))),
        _ => {
            let head = format!("{} problems prevent the run:", problems.len());
            Err(refuse_for(head, problems))
        }
    }
}

/// Demands that the file systems for the boot and for the tools are mounted and writable.
///
/// # Errors
/// The first mount point in fstab that is not, and how to mount it.
pub fn all_is_mounted(root: &Root) -> Result<()> {
    let mounts = mounted();
    for (source, inner) in fstab_mounts(root) {
        let is = |paths: &[&str]| paths.iter().any(|path| inner == Path::new(path));
        if !is(BOOT_TARGETS) && (root.is_live() || !is(SYSTEM_TARGETS)) {
            continue;
        }
        let target = root.outer(&inner);
        let Some(mount) = mounts.iter().rev().find(|mount| mount.target == target) else {
            let source = if root.is_live() { String::new() } else { format!("{source} ") };
            bail!(
                "`{0}` is in {1} and not mounted: run `mount {source}{0}`",
                target.display(),
                root.outer(Path::new("/etc/fstab")).display(),
            );
        };
        if mount.read_only {
            bail!("`{0}` is mounted read-only: run `mount -o remount,rw {0}`", target.display());
        }
    }
    Ok(())
}

fn images_can_be_built(job: &Job) -> Result<()> {
    if let Some(left) = job.images.left.iter().find(|left| left.refuses) {
        bail!("`{}`: {}", left.path.display(), left.why);
    }
    if job.images.images.is_empty() {
        return Ok(());
    }
    if job.generator == Some(Generator::InitramfsTools) && updates_are_off(job) {
        bail!(
            "update_initramfs=no in /etc/initramfs-tools/update-initramfs.conf prevents update-initramfs from \
             building: set it to yes during the rename, or use --no-initramfs"
        );
    }
    match job.generator {
        Some(generator) if initramfs::program(generator).is_in(&job.root) => {
            let world = World::after(&job.root, &job.changes)?;
            let advice = "fix that, or use --no-initramfs and build the images by other means";
            world.rehearse().map_err(|error| anyhow!("{error:#}: {advice}"))
        }
        _ => bail!(
            "`{}` is an initramfs image, and none of {KNOWN} is installed to build it: use --no-initramfs, and \
             build it with the tool that made it",
            job.images.images[0].path.display()
        ),
    }
}

/// With `update_initramfs=no`, `update-initramfs -u` does nothing and exits with status 0
/// (update-initramfs.conf(5)).
fn updates_are_off(job: &Job) -> bool {
    let conf = job.root.read_text("/etc/initramfs-tools/update-initramfs.conf").unwrap_or_default();
    let last =
        conf.lines().filter_map(|line| line.trim().strip_prefix("update_initramfs=")).next_back();
    last.is_some_and(|value| value.trim_matches(['"', '\'']) == "no")
}

/// Opens the file for writing. That changes nothing, but fails for immutable files and read-only file
/// systems.
fn can_be_replaced(path: &Path) -> Result<()> {
    let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
    let opened = OpenOptions::new().write(true).custom_flags(flags.bits()).open(path);
    if let Err(error) = opened {
        let why = match error.raw_os_error().map(nix::errno::Errno::from_raw) {
            Some(nix::errno::Errno::EROFS) => {
                "its file system is read-only: mount it read-write".to_owned()
            }
            Some(nix::errno::Errno::EPERM) => {
                "it is immutable or append-only: see `lsattr`, `chattr -i -a`".to_owned()
            }
            Some(nix::errno::Errno::EACCES) => "permission denied: run as root".to_owned(),
            _ => error.to_string(),
        };
        bail!("`{}` cannot be replaced: {why}", path.display());
    }
    let links = fs::symlink_metadata(path)
        .with_context(|| format!("looking at `{}`", path.display()))?
        .nlink();
    if links > 1 {
        bail!(
            "`{}` has {links} hard links: a new file would separate it from the others; remove the others, or \
             make them symbolic links",
            path.display()
        );
    }
    Ok(())
}

/// New files, the journal with old files and images, and an image while it is built must fit.
fn there_is_room(job: &Job) -> Result<()> {
    let mut needs: BTreeMap<u64, (PathBuf, u64)> = BTreeMap::new();
    let mut need = |path: &Path, bytes: u64| {
        let dir = existing(path);
        if let Ok(metadata) = fs::metadata(&dir) {
            needs.entry(metadata.dev()).or_insert((dir, 0)).1 += bytes;
        }
    };
    for change in &job.plan.files {
        // Staged beside the file: the bridge and the new bytes, and for an undo the bridge and the old
        // bytes.
        let bridge = change.bridge.as_ref().map_or(0, Vec::len);
        let bytes = 2 * bridge + change.after().len() + change.before.len();
        need(&job.root.outer(&change.path), bytes as u64 + 4 * 4096);
    }
    // A directory may grow for a new name, and a link with a new target is created again.
    for change in &job.plan.paths.changes {
        need(&job.root.outer(&change.from), 4096);
    }
    let images = image_room::room(job);
    let state = job.root.outer(Path::new(STATE));
    need(&state, journal::room(&job.plan.files) + images.kept + images.workshop);
    // kernel-install has a staging area of its own, before the workshop gets the image.
    need(Path::new("/tmp"), images.workshop);
    for (dir, bytes) in images.beside {
        need(&dir, bytes);
    }
    for (dir, bytes) in needs.into_values() {
        let stat = statvfs(&dir)
            .with_context(|| format!("asking for the free space at `{}`", dir.display()))?;
        let free = stat.blocks_available() as u64 * stat.fragment_size() as u64;
        if free < bytes + SPARE {
            bail!(
                "the file system of `{}` has {} MiB free, and {} MiB are needed: make room",
                dir.display(),
                free >> 20,
                (bytes + SPARE).div_ceil(1 << 20)
            );
        }
    }
    Ok(())
}

/// The nearest existing directory above a path.
fn existing(path: &Path) -> PathBuf {
    path.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/")).to_owned()
}
