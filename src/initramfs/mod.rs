//! Initramfs images, built by the system's own tool, one kernel at a time.

pub mod inspect;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::guest::kernels::{Generator, Image};
use crate::run::{Cmd, Program};

/// An image takes seconds on hardware and minutes in an emulated guest.
const LIMIT: Duration = Duration::from_secs(3600);

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

/// Builds an image anew. The caller sees whether another one stands there.
pub fn rebuild(generator: Generator, image: &Image, outer: &Path) -> Result<()> {
    let building = || format!("building `{}`", outer.display());
    let output = command(generator, image, outer).checked().with_context(building)?;
    let said = [output.stdout, output.stderr].concat();
    for line in String::from_utf8_lossy(&said).lines() {
        let lower = line.to_lowercase();
        if COMPLAINTS.iter().any(|complaint| lower.contains(complaint)) {
            bail!("building `{}`: {} says: {}", outer.display(), generator.name(), line.trim());
        }
    }
    Ok(())
}

fn command(generator: Generator, image: &Image, outer: &Path) -> Cmd {
    let command = Cmd::new(program(generator)).limit(LIMIT).interruptible();
    match generator {
        Generator::InitramfsTools => command.args(["-u", "-k", &image.version]),
        Generator::Dracut => command.arg("--force").arg(outer).arg(&image.version),
    }
}
