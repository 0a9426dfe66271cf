//! Initramfs images, built by the system's own tool, one kernel at a time.

pub mod inspect;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::guest::kernels::{Generator, Image};
use crate::run::{Cmd, Program};
use crate::world::World;

/// An image takes seconds on hardware and minutes in an emulated guest. Tests cannot wait so long.
const LIMIT: Duration = Duration::from_secs(if cfg!(feature = "failpoints") { 8 } else { 3600 });

/// Phrases with which the generators say that an image will not do, at exit status 0
/// (cryptsetup debian/initramfs/hooks/cryptroot; initramfs-tools hooks/fsck).
const COMPLAINTS: &[&str] = &["couldn't resolve", "couldn't identify type of root file system"];

/// The program that builds a system's images.
pub fn program(generator: Generator) -> Program {
    match generator {
        Generator::InitramfsTools => Program::UpdateInitramfs,
        Generator::Dracut => Program::Dracut,
    }
}

/// What an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To boot under either name of the group.
    Bridge,
    /// To stay.
    Last,
    /// To stay, and to boot on whatever machine: it is built on what may be another one.
    Anywhere,
}

/// Builds an image anew, `place` inside the world's root. The caller sees whether another one stands
/// there.
pub fn rebuild(
    generator: Generator,
    image: &Image,
    place: &Path,
    purpose: Purpose,
    world: &World,
) -> Result<()> {
    let building = || format!("building `{}`", place.display());
    let command = command(generator, image, place, purpose).within(world);
    let output = command.checked().with_context(building)?;
    let said = [output.stdout, output.stderr].concat();
    for line in String::from_utf8_lossy(&said).lines() {
        let lower = line.to_lowercase();
        if COMPLAINTS.iter().any(|complaint| lower.contains(complaint)) {
            bail!("building `{}`: {} says: {}", place.display(), generator.name(), line.trim());
        }
    }
    Ok(())
}

/// Host-only images of dracut hold what is true of this machine now, names on the bridge included; where
/// that will not do they are built for any host (dracut(8)).
fn command(generator: Generator, image: &Image, place: &Path, purpose: Purpose) -> Cmd {
    let command = Cmd::new(program(generator)).limit(LIMIT).interruptible();
    match (generator, purpose) {
        (Generator::InitramfsTools, _) => command.args(["-u", "-k", &image.version]),
        (Generator::Dracut, Purpose::Last) => command.arg("--force").arg(place).arg(&image.version),
        (Generator::Dracut, Purpose::Bridge | Purpose::Anywhere) => command
            .args(["--force", "--no-hostonly", "--no-hostonly-cmdline"])
            .arg(place)
            .arg(&image.version),
    }
}
