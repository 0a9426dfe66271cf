//! A file system that is unmounted for a moment while its UUID changes.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::guest::mounts::{Mount, mounted};
use crate::run::{Cmd, Program};
use crate::transaction::flush;

/// Why the file system at a mount point cannot be unmounted. `None` if nothing was found that prevents it.
pub(super) fn why_not(target: &str) -> Option<String> {
    hindrance(target, &mounted()).or_else(|| {
        user(target, Path::new("/proc"))
            .map(|(process, name)| format!("process {process} (`{name}`) uses it"))
    })
}

/// What is mounted in the way.
fn hindrance(target: &str, mounts: &[Mount]) -> Option<String> {
    let at = Path::new(target);
    let Some(own) = mounts.iter().find(|mount| mount.target == at && mount.kind != "autofs") else {
        return Some("it is not mounted".to_owned());
    };
    for other in mounts.iter().filter(|other| *other != own) {
        if other.target == at {
            return Some("it is mounted on demand, or something else is mounted there".to_owned());
        }
        if other.target.starts_with(at) {
            return Some(format!("`{}` is mounted below it", other.target.display()));
        }
        if other.device == own.device {
            return Some(format!("it is also mounted at `{}`", other.target.display()));
        }
    }
    None
}

/// A process with a file or directory below a mount point open: its number and its name. Only the links of
/// proc_pid_fd(5) are read, because looking at their files could wait for a file server.
fn user(target: &str, proc: &Path) -> Option<(String, String)> {
    let is_below = |link: &Path| fs::read_link(link).is_ok_and(|path| path.starts_with(target));
    for process in fs::read_dir(proc).ok()?.flatten() {
        let number = process.file_name().to_string_lossy().into_owned();
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let dir = process.path();
        let open = fs::read_dir(dir.join("fd")).into_iter().flatten().flatten();
        let mut links = ["cwd", "root", "exe"]
            .map(|link| dir.join(link))
            .into_iter()
            .chain(open.map(|entry| entry.path()));
        if links.any(|link| is_below(&link)) {
            let name = fs::read_to_string(dir.join("comm")).unwrap_or_default();
            return Some((number, name.trim_end().to_owned()));
        }
    }
    None
}

/// Does the work while the file system is not mounted. Then mounts it as fstab says, also if the work failed, or if
/// an earlier run was killed before it could mount it. What was written to the device is durable then.
///
/// # Errors
/// The file system is in use, the work fails, or the file system cannot be mounted again.
pub(super) fn meanwhile(target: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let before = mount_at(target);
    if before.is_some() {
        let command = Cmd::new(Program::Umount).arg(target);
        command.checked().with_context(|| format!("unmounting `{target}`"))?;
    }
    let worked = work();
    mount(target, before.as_ref()).with_context(|| format!("mounting `{target}` again"))?;
    worked?;
    flush(Path::new(target))
}

/// Mounts it as fstab says. If that fails, mounts what was there before, because udev may have looked at the device,
/// or fstab may have no line of it any more.
fn mount(target: &str, before: Option<&Mount>) -> Result<()> {
    let as_told = || Cmd::new(Program::Mount).arg(target).checked();
    as_told().or_else(|error| {
        sleep(Duration::from_secs(1));
        let Some(mount) = before else { return as_told() };
        let options = options(mount);
        let words = ["-t", &mount.kind, "-o", &options, &mount.source, target];
        Cmd::new(Program::Mount).args(words).checked().map_err(|_| error)
    })?;
    if !is_mounted(target) {
        bail!("`{target}` is not mounted: run `mount {target}`");
    }
    Ok(())
}

/// Its options, as mount(2) takes them. `seclabel` only says that SELinux labels the files (Linux
/// security/selinux/hooks.c).
fn options(mount: &Mount) -> String {
    let options = mount.options.split(',').chain(mount.system_options.split(','));
    options.filter(|option| *option != "seclabel").collect::<Vec<_>>().join(",")
}

/// What is mounted there, other than an automount point.
fn mount_at(target: &str) -> Option<Mount> {
    let is_there = |mount: &Mount| mount.target == Path::new(target) && mount.kind != "autofs";
    mounted().into_iter().find(is_there)
}

/// Whether something other than an automount point is mounted there.
pub(super) fn is_mounted(target: &str) -> bool {
    mount_at(target).is_some()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn made(device: &str, target: &str, kind: &str) -> Mount {
        Mount {
            id: 1,
            parent: 0,
            device: device.to_owned(),
            shows: "/".into(),
            options: "rw".to_owned(),
            system_options: "rw".to_owned(),
            target: target.into(),
            read_only: false,
            source: String::new(),
            kind: kind.to_owned(),
        }
    }

    #[test]
    fn what_is_mounted_in_the_way_is_named() {
        let esp = made("8:2", "/boot/efi", "vfat");
        let why =
            |more: &[Mount]| hindrance("/boot/efi", &[std::slice::from_ref(&esp), more].concat());
        assert_eq!(why(&[made("8:1", "/boot", "ext2")]), None);
        assert_eq!(
            why(&[made("8:3", "/boot/efi/x", "ext4")]).as_deref(),
            Some("`/boot/efi/x` is mounted below it")
        );
        assert_eq!(
            why(&[made("8:2", "/srv", "vfat")]).as_deref(),
            Some("it is also mounted at `/srv`")
        );
        assert_eq!(
            why(&[made("0:30", "/boot/efi", "autofs")]).as_deref(),
            Some("it is mounted on demand, or something else is mounted there")
        );
        assert_eq!(hindrance("/boot/efi", &[]).as_deref(), Some("it is not mounted"));
    }

    #[test]
    fn the_options_are_those_of_the_mount_and_of_the_file_system() {
        let mut esp = made("8:2", "/boot/efi", "vfat");
        esp.options = "rw,relatime".to_owned();
        esp.system_options = "rw,seclabel,fmask=0077".to_owned();
        assert_eq!(options(&esp), "rw,relatime,rw,fmask=0077");
    }

    #[test]
    fn a_process_that_uses_it_is_named() {
        let proc = tempfile::tempdir().unwrap();
        let dir = proc.path().join("42");
        fs::create_dir_all(dir.join("fd")).unwrap();
        fs::create_dir(proc.path().join("self")).unwrap();
        fs::write(dir.join("comm"), "vi\n").unwrap();
        symlink("/boot/efi-more", dir.join("fd/0")).unwrap();
        assert_eq!(user("/boot/efi", proc.path()), None);
        symlink("/boot/efi/EFI", dir.join("fd/1")).unwrap();
        let found = user("/boot/efi", proc.path());
        assert_eq!(found, Some(("42".to_owned(), "vi".to_owned())));
    }
}
