//! What the running system needs until the next boot.
//!
//! If dm nodes were renamed live, udev would remove the old links. systemd would then unmount what was mounted from
//! them and stop what needs it. So the nodes keep their old names (see [`crate::lvm::rename_group`]). [`links`] adds
//! the new names, and [`reboot`] keeps generators that read the mount table from writing the old name again.

mod cause;
pub mod host_name;
mod inhibit;
pub mod links;
pub mod picture;
pub mod reboot;
pub mod services;
pub mod sshd;
pub mod until_reboot;
pub mod uuid_links;

use std::path::Path;

use anyhow::Result;

use crate::guest::root::Root;
use crate::run::{Cmd, Program};
use crate::transaction::runtime;

/// Whether systemd runs this system (sd_booted(3)).
pub fn has_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Whether udev's daemon manages /dev.
pub fn has_udev() -> bool {
    Path::new("/run/udev/control").exists()
}

/// Whether there is a directory for files that are gone after the next boot.
pub fn has_run() -> bool {
    Path::new("/run").is_dir()
}

/// The kernel's ID for the present boot (random(4)). Empty if it cannot be read.
pub fn boot() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

/// Takes a picture of the running system before and after `act`. Whatever stopped meanwhile is started again, and
/// reported in the sentences. In another root, nothing runs.
pub fn watched(root: &Root, act: impl FnOnce() -> Result<Vec<String>>) -> Result<Vec<String>> {
    if !root.is_live() {
        return act();
    }
    let _awake = inhibit::shutdown();
    let before = picture::Picture::take()?;
    let mut seen = act()?;
    match before.mend() {
        Ok(comparison) => seen.extend(comparison.sentences()),
        // The work is done and proved. A failure of the second look is no reason to undo it.
        Err(error) => {
            seen.push(format!("the running system could not be checked again: {error:#}"));
        }
    }
    Ok(seen)
}

/// Makes systemd read fstab and its units again.
pub fn reload_systemd() -> Result<()> {
    Cmd::new(Program::Systemctl).arg("daemon-reload").checked()?;
    Ok(())
}

/// Frees `/dev/NAME` while `act` runs. vgrename refuses a name that is in /dev, and the links of the running system's
/// dm nodes are there until the next boot.
pub fn with_name_free<T>(name: &str, act: impl FnOnce() -> Result<T>) -> Result<T> {
    runtime::with_hidden(&Path::new("/dev").join(name), act)
}
