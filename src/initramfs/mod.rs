//! Initramfs images, built by the system's own tool, one kernel at a time.

pub mod inspect;
mod mkinitcpio;
pub mod unified;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::guest::kernels::{Generator, Image};
use crate::guest::root::Root;
use crate::run::{Cmd, Output, Program};

/// An image takes seconds on hardware and minutes in an emulated guest. Tests cannot wait so long.
const LIMIT: Duration = Duration::from_secs(if cfg!(feature = "failpoints") { 8 } else { 3600 });

/// Phrases with which the generators say that an image will not do, at exit status 0
/// (cryptsetup debian/initramfs/hooks/cryptroot; initramfs-tools hooks/fsck; mkinitcpio, `build_image`;
/// depmod(8), whose status mkinitfs passes over).
const COMPLAINTS: &[&str] = &[
    "couldn't resolve",
    "couldn't identify type of root file system",
    "errors were encountered during the build",
    "depmod: error",
];

/// The program that builds a system's images.
pub fn program(generator: Generator) -> Program {
    match generator {
        Generator::InitramfsTools => Program::UpdateInitramfs,
        Generator::Dracut => Program::Dracut,
        Generator::Mkinitcpio => Program::Mkinitcpio,
        Generator::Booster => Program::Booster,
        Generator::Mkinitfs => Program::Mkinitfs,
    }
}

/// What an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To boot under either name of the group.
    Bridge,
    /// To stay.
    Last,
}

/// Builds an image anew. The caller sees whether another one stands there.
///
/// Hooks do what they are there for, but kernel-install does nothing: Debian's
/// /etc/initramfs/post-update.d/systemd-boot would have it write boot loader entries anew, of
/// /proc/cmdline, which has the old name until the reboot, and write over the images that they name.
/// What it has placed is the run's own to make anew.
pub fn rebuild(
    root: &Root,
    generator: Generator,
    image: &Image,
    outer: &Path,
    purpose: Purpose,
) -> Result<()> {
    let building = || format!("building `{}`", outer.display());
    let command = command(root, generator, image, outer, purpose).with_context(building)?;
    // systemd src/kernel-install: it ends well at once.
    let output = command.env("KERNEL_INSTALL_BYPASS", "1").checked().with_context(building)?;
    no_complaint(&output, generator.name()).with_context(building)
}

/// Demands that a program's words have none of [`COMPLAINTS`].
fn no_complaint(output: &Output, name: &str) -> Result<()> {
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    for line in String::from_utf8_lossy(&said).lines() {
        let lower = line.to_lowercase();
        if COMPLAINTS.iter().any(|complaint| lower.contains(complaint)) {
            bail!("{name} says: {}", line.trim());
        }
    }
    Ok(())
}

/// Host-only images of dracut hold the names that the live devices bear; on the bridge they are built
/// for any host (dracut(8)). The others put no names of live devices in.
fn command(
    root: &Root,
    generator: Generator,
    image: &Image,
    outer: &Path,
    purpose: Purpose,
) -> Result<Cmd> {
    let command = Cmd::new(program(generator)).limit(LIMIT).interruptible();
    Ok(match (generator, purpose) {
        (Generator::InitramfsTools, _) => command.args(["-u", "-k", &image.version]),
        (Generator::Dracut, Purpose::Last) => command.arg("--force").arg(outer).arg(&image.version),
        (Generator::Dracut, Purpose::Bridge) => command
            .args(["--force", "--no-hostonly", "--no-hostonly-cmdline"])
            .arg(outer)
            .arg(&image.version),
        (Generator::Mkinitcpio, _) => mkinitcpio::arguments(command, root, image, outer)?,
        (Generator::Booster, _) => {
            command.args(["build", "--force", "--kernel-version", &image.version]).arg(outer)
        }
        (Generator::Mkinitfs, _) => command.arg("-o").arg(outer).arg(&image.version),
    })
}
