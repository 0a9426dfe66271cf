//! Initramfs images, built by the system's own tool, one kernel at a time.

pub mod inspect;
pub mod unified;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::guest::kernels::{Generator, Image};
use crate::run::{Cmd, Output, Program};

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
///
/// Hooks do what they are there for, but kernel-install does nothing: Debian's
/// /etc/initramfs/post-update.d/systemd-boot would have it write boot loader entries anew, of
/// /proc/cmdline, which has the old name until the reboot, and write over the images that they name.
/// What it has placed is the run's own to make anew.
pub fn rebuild(generator: Generator, image: &Image, outer: &Path, purpose: Purpose) -> Result<()> {
    let building = || format!("building `{}`", outer.display());
    // systemd src/kernel-install: it ends well at once.
    let command = command(generator, image, outer, purpose).env("KERNEL_INSTALL_BYPASS", "1");
    let output = command.checked().with_context(building)?;
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
