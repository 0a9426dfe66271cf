//! Builds initramfs images with the system's own tool, one image per call.

pub mod inspect;
mod mkinitcpio;
pub mod unified;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::guest::kernels::{Generator, Image};
use crate::guest::root::Root;
use crate::run::{Cmd, Output, Program};
use crate::transaction::lock;
use crate::world::World;

/// Building an image takes seconds on hardware, and minutes in an emulated guest. Tests cannot wait so
/// long.
const LIMIT: Duration = Duration::from_secs(if cfg!(feature = "failpoints") { 8 } else { 3600 });

/// Phrases with which image tools say that an image is bad, although they exit with status 0 (cryptsetup
/// debian/initramfs/hooks/cryptroot; initramfs-tools hooks/fsck; mkinitcpio, `build_image`; depmod(8),
/// whose status mkinitfs ignores).
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
    /// To boot under either name.
    Bridge,
    /// To stay.
    Last,
    /// To stay, and to boot on any machine. It may be built on another machine.
    Anywhere,
}

/// Rebuilds an image. `place` is inside the root of the world. The caller checks whether the image there
/// is a new one.
///
/// Hooks run as usual, but kernel-install does nothing. Otherwise, Debian's
/// /etc/initramfs/post-update.d/systemd-boot would make it write the boot entries again, and overwrite the
/// images that they name. The run itself makes again what kernel-install has placed.
pub fn rebuild(
    root: &Root,
    generator: Generator,
    image: &Image,
    place: &Path,
    purpose: Purpose,
    world: &World,
) -> Result<()> {
    let outer = root.outer(place);
    let building = || format!("building `{}`", outer.display());
    let command = command(root, generator, image, place, purpose).with_context(building)?;
    // systemd src/kernel-install: with this variable, it ends at once with status 0.
    let command = command.env("KERNEL_INSTALL_BYPASS", "1").within(world);
    let output = command.checked().with_context(building)?;
    no_complaint(&output, generator.name()).with_context(building)
}

/// Fails if the output of a program contains one of the [`COMPLAINTS`].
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

/// Host-only images of dracut contain this machine's present state, also the names on the bridge. Where
/// that is wrong, they are built for any host (dracut(8)). The other tools put no names of live devices
/// into images.
fn command(
    root: &Root,
    generator: Generator,
    image: &Image,
    place: &Path,
    purpose: Purpose,
) -> Result<Cmd> {
    let command = Cmd::new(program(generator)).limit(LIMIT).interruptible().sharing(lock::shared);
    Ok(match (generator, purpose) {
        (Generator::InitramfsTools, _) => command.args(["-u", "-k", &image.version]),
        (Generator::Dracut, Purpose::Last) => command.arg("--force").arg(place).arg(&image.version),
        (Generator::Dracut, Purpose::Bridge | Purpose::Anywhere) => command
            .args(["--force", "--no-hostonly", "--no-hostonly-cmdline"])
            .arg(place)
            .arg(&image.version),
        (Generator::Mkinitcpio, Purpose::Anywhere) => {
            mkinitcpio::arguments(command, root, image, place)?.args(["-S", "autodetect"])
        }
        (Generator::Mkinitcpio, _) => mkinitcpio::arguments(command, root, image, place)?,
        (Generator::Booster, Purpose::Anywhere) => command
            .args(["build", "--force", "--universal", "--kernel-version", &image.version])
            .arg(place),
        (Generator::Booster, _) => {
            command.args(["build", "--force", "--kernel-version", &image.version]).arg(place)
        }
        (Generator::Mkinitfs, _) => command.arg("-o").arg(place).arg(&image.version),
    })
}
