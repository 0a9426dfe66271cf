//! Initramfs images, built by the system's own tool, one kernel at a time.

pub mod inspect;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::guest::kernels::{Generator, Image};
use crate::run::{Cmd, Program};

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
}

/// Builds an image anew. The caller sees whether another one stands there.
pub fn rebuild(generator: Generator, image: &Image, outer: &Path, purpose: Purpose) -> Result<()> {
    let building = || format!("building `{}`", outer.display());
    let output = command(generator, image, outer, purpose).checked().with_context(building)?;
    let said = [output.stdout, output.stderr].concat();
    for line in String::from_utf8_lossy(&said).lines() {
        let lower = line.to_lowercase();
        if COMPLAINTS.iter().any(|complaint| lower.contains(complaint)) {
            bail!("building `{}`: {} says: {}", outer.display(), generator.name(), line.trim());
        }
    }
    Ok(())
}

/// Host-only images of dracut hold the names that the live devices bear; on the bridge they are built
/// for any host (dracut(8)).
fn command(generator: Generator, image: &Image, outer: &Path, purpose: Purpose) -> Cmd {
    let command = Cmd::new(program(generator)).limit(LIMIT).interruptible();
    match (generator, purpose) {
        (Generator::InitramfsTools, _) => command.args(["-u", "-k", &image.version]),
        (Generator::Dracut, Purpose::Last) => command.arg("--force").arg(outer).arg(&image.version),
        (Generator::Dracut, Purpose::Bridge) => command
            .args(["--force", "--no-hostonly", "--no-hostonly-cmdline"])
            .arg(outer)
            .arg(&image.version),
    }
}
