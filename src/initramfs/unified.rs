//! Builds unified kernel images with kernel-install(8) and ukify(1), away from the place where they boot.
//!
//! kernel-install would put the command line of /etc/kernel/cmdline into them, or that of /proc/cmdline,
//! which has the old name until the reboot. It would also overwrite the present image. An interruption
//! would leave that image truncated, or missing if tries are counted. So kernel-install gets its own
//! settings and its own $BOOT (kernel-install(8), Environment; tested with systemd 257), and the command
//! line of the old image.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::{LIMIT, no_complaint};
use crate::guest::root::Root;
use crate::image::Unified;
use crate::run::{Cmd, Program};
use crate::transaction::lock;
use crate::world::World;

/// The directory of the settings in the workshop.
const SETTINGS: &str = "settings";
/// The directory $BOOT in the workshop.
const BOOT: &str = "boot";

/// What an image is built from. The paths are those of this machine.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The kernel's version.
    pub kernel: &'a str,
    /// The kernel.
    pub linux: &'a Path,
    /// The initramfs image, unless a plugin builds one.
    pub initrd: Option<&'a Path>,
    /// The entry token.
    pub token: &'a str,
    /// The kernel command line.
    pub cmdline: &'a str,
    /// ukify's settings.
    pub uki_conf: Option<&'a [u8]>,
}

/// The files that the workshop needs. It also needs the directory `boot`.
///
/// Without a file `tries`, the image's name has no count. The image later gets the name of the present
/// one.
pub fn settings(parts: &Parts<'_>) -> Vec<(String, Vec<u8>)> {
    let conf = "layout=uki\nuki_generator=ukify\n";
    let mut files = vec![
        (format!("{SETTINGS}/install.conf"), conf.into()),
        (format!("{SETTINGS}/entry-token"), format!("{}\n", parts.token).into_bytes()),
        (format!("{SETTINGS}/cmdline"), format!("{}\n", parts.cmdline).into_bytes()),
        (format!("{BOOT}/EFI/Linux/.keep"), Vec::new()),
    ];
    if let Some(conf) = parts.uki_conf {
        files.push((format!("{SETTINGS}/uki.conf"), conf.to_owned()));
    }
    files
}

/// Builds the image in a workshop with the files from [`settings`]. The workshop and the files in `parts`
/// must be inside the root of the world. Returns the image's path on this machine.
///
/// # Errors
/// If a program fails, or if there is no image, or one with another command line.
pub fn build(parts: &Parts<'_>, workshop: &Path, root: &Root, world: &World) -> Result<PathBuf> {
    let inside = root.inner(workshop);
    let mut command = Cmd::new(Program::KernelInstall)
        .limit(LIMIT)
        .interruptible()
        .sharing(lock::shared)
        .env("KERNEL_INSTALL_CONF_ROOT", inside.join(SETTINGS))
        .env("BOOT_ROOT", inside.join(BOOT))
        .args(["add", parts.kernel])
        .arg(root.inner(parts.linux));
    if let Some(initrd) = parts.initrd {
        command = command.arg(root.inner(initrd));
    }
    let command = command.within(world);
    let output = command.checked()?;
    no_complaint(&output, "kernel-install")?;
    let image = workshop.join(BOOT).join(format!("EFI/Linux/{}-{}.efi", parts.token, parts.kernel));
    let content = Unified::read(&image).with_context(|| anyhow!("after {command}"))?;
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    if !content.cmdlines.iter().any(|cmdline| words(cmdline) == words(parts.cmdline)) {
        bail!(
            "{command} gave the image the command line `{}`, but it should be `{}`",
            content.cmdlines.join("`, `"),
            parts.cmdline
        );
    }
    Ok(image)
}
