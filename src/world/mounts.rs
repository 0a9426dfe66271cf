//! Mounts in a private namespace, with error messages.

use std::path::Path;

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};

use super::labels;

/// Makes all mounts private: later mounts in this namespace and outside it do not affect each other.
pub(super) fn private() -> Result<()> {
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .context(
            "separating its mounts from the system's: `/` is not a mount point, as in a chroot",
        )
}

/// Mounts a tmpfs. Its root directory gets the label of the directory that it covers.
pub(super) fn memory(at: &Path) -> Result<()> {
    let label = labels::of(at)?;
    tmpfs(at, "mode=755")?;
    label.map_or(Ok(()), |label| labels::give(at, &label))
}

/// Mounts a tmpfs in which everything has one label, also the file system itself. Only a kernel with
/// SELinux knows the option.
pub(super) fn memory_labelled(at: &Path, label: &str) -> Result<()> {
    tmpfs(at, &format!("mode=755,context=\"{label}\""))
}

fn tmpfs(at: &Path, options: &str) -> Result<()> {
    mount(Some("postclone"), at, Some("tmpfs"), MsFlags::MS_NOSUID, Some(options))
        .with_context(|| format!("mounting a file system in memory at `{}`", at.display()))
}

/// Excludes a mount, and the mounts below it, from copies of the tree that contains it.
pub(super) fn leave_out(at: &Path) -> Result<()> {
    mount(None::<&str>, at, None::<&str>, MsFlags::MS_UNBINDABLE, None::<&str>)
        .with_context(|| format!("making `{}` private", at.display()))
}

/// Shows a file, or a directory without the mounts below it, at another place as well.
pub(super) fn bind(from: &Path, to: &Path) -> Result<()> {
    binding(from, to, MsFlags::MS_BIND)
}

/// Shows a directory with all mounts below it at another place as well.
pub(super) fn bind_all(from: &Path, to: &Path) -> Result<()> {
    binding(from, to, MsFlags::MS_BIND | MsFlags::MS_REC)
}

fn binding(from: &Path, to: &Path, flags: MsFlags) -> Result<()> {
    mount(Some(from), to, None::<&str>, flags, None::<&str>)
        .with_context(|| format!("binding `{}` to `{}`", from.display(), to.display()))
}

/// Moves a mount to another place.
pub(super) fn shift(from: &Path, to: &Path) -> Result<()> {
    mount(Some(from), to, None::<&str>, MsFlags::MS_MOVE, None::<&str>)
        .with_context(|| format!("moving the mount `{}` to `{}`", from.display(), to.display()))
}

/// Mounts a file system that is already mounted once more, under another name of its device. The options
/// of the mount point (`options`) and of the file system (`of_system`) stay the same.
///
/// The kernel stores the device's name in the mount (`mnt_devname`), and everything else in the file
/// system, which is the same one (fs/super.c, get_tree_bdev).
pub(super) fn again(
    device: &str,
    to: &Path,
    kind: &str,
    options: &str,
    of_system: &str,
) -> Result<()> {
    let point = flags(options);
    let read_only = MsFlags::MS_RDONLY;
    let first = (point - read_only) | (flags(of_system) & read_only);
    let mounting = || format!("mounting `{device}` at `{}`", to.display());
    mount(Some(device), to, Some(kind), first, None::<&str>).with_context(mounting)?;
    if point.contains(read_only) && !first.contains(read_only) {
        let flags = point | MsFlags::MS_BIND | MsFlags::MS_REMOUNT;
        mount(None::<&str>, to, None::<&str>, flags, None::<&str>).with_context(mounting)?;
    }
    Ok(())
}

/// The options of a mount point as flags for mount(2).
fn flags(options: &str) -> MsFlags {
    let flag = |option: &str| match option {
        "ro" => MsFlags::MS_RDONLY,
        "nosuid" => MsFlags::MS_NOSUID,
        "nodev" => MsFlags::MS_NODEV,
        "noexec" => MsFlags::MS_NOEXEC,
        "noatime" => MsFlags::MS_NOATIME,
        "nodiratime" => MsFlags::MS_NODIRATIME,
        "relatime" => MsFlags::MS_RELATIME,
        _ => MsFlags::empty(),
    };
    options.split(',').map(flag).collect()
}
