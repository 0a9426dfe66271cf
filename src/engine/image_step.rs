//! A step about one kernel's image, forward or back.

use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Result, anyhow, bail};

use super::take::Run;
use crate::failpoint;
use crate::guest::kernels::Image;
use crate::guest::root::Root;
use crate::plan::{self, Step};
use crate::threads::joined;
use crate::transaction::image::{Kept, Stamp};
use crate::transaction::record::Direction;
use crate::transaction::staged;
use crate::world::World;
use crate::{audit, initramfs};

/// The image that a step builds with the image tool.
pub(super) fn of(step: &Step) -> Option<Image> {
    match step {
        Step::BridgeImage { kernel, path, .. } | Step::RebuildImage { kernel, path, .. } => {
            Some(Image { version: kernel.clone(), path: path.clone() })
        }
        _ => None,
    }
}

/// Takes a step about an image. `cut` says that the step was begun before and interrupted.
pub(super) fn take(
    run: &Run<'_>,
    step: &Step,
    direction: Direction,
    cut: bool,
) -> Result<Option<String>> {
    let Some(image) = of(step) else { return Ok(None) };
    if step.is_bridge_image() {
        return bridge(run, &image, direction).map(|()| None);
    }
    last(run, &image, direction, cut).map(Some)
}

/// Going forward, builds an image that boots under either name. Going back, puts the same image there again, until
/// the group has its old name.
fn bridge(run: &Run<'_>, image: &Image, direction: Direction) -> Result<()> {
    let Run { root, journal, .. } = *run;
    let outer = outer(root, &image.path, direction)?;
    if direction == Direction::Backward {
        return journal.restore_image(&outer, Kept::Bridge).map(drop);
    }
    build(run, image, &outer, initramfs::Purpose::Bridge)?;
    journal.keep_image(&outer, Kept::Bridge)
}

/// Puts an image back that boots under the new name. That is the image that was built on the bridge, if there is one.
/// Otherwise it is the old image, which in this case names no volume that a boot needs.
pub(super) fn hold(run: &Run<'_>, image: &Path) -> Result<()> {
    let Run { root, journal, .. } = *run;
    let outer = outer(root, image, Direction::Backward)?;
    if !journal.restore_image(&outer, Kept::Bridge)? {
        journal.restore_image(&outer, Kept::Before)?;
    }
    Ok(())
}

fn last(run: &Run<'_>, image: &Image, direction: Direction, cut: bool) -> Result<String> {
    let Run { root, journal, .. } = *run;
    let outer = outer(root, &image.path, direction)?;
    if direction == Direction::Backward {
        journal.restore_image(&outer, Kept::Before)?;
        if cut {
            journal.remove_unfinished(&outer)?;
        }
        return Ok(format!("{} as before", image.path.display()));
    }
    // A rescue system may run on another machine. But a crypttab goes only into images for this host (dracut
    // modules.d/70crypt).
    let purpose = if root.is_live() || root.exists("/etc/crypttab") {
        initramfs::Purpose::Last
    } else {
        initramfs::Purpose::Anywhere
    };
    let told = build(run, image, &outer, purpose)?;
    journal.note_image(&outer)?;
    Ok(format!("{} rebuilt{told}", image.path.display()))
}

/// An image's path on this machine. Going back, the image may be gone, for example after a file system check, because
/// what is put there does not need it.
pub(super) fn outer(root: &Root, path: &Path, direction: Direction) -> Result<PathBuf> {
    let gone = || anyhow!("`{}` is gone: put it or another image there", path.display());
    if let Some(resolved) = root.resolve(path)? {
        return Ok(root.outer(&resolved));
    }
    if direction == Direction::Forward {
        return Err(gone());
    }
    let dir = root.resolve(path.parent().unwrap_or(path))?.ok_or_else(gone)?;
    Ok(root.outer(&dir.join(path.file_name().unwrap_or_default())))
}

fn build(
    run: &Run<'_>,
    image: &Image,
    outer: &Path,
    purpose: initramfs::Purpose,
) -> Result<String> {
    let Run { root, journal, .. } = *run;
    let generator = journal
        .saved
        .generator
        .ok_or_else(|| anyhow!("the tool that builds the images is not known"))?;
    journal.keep_image(outer, Kept::Before)?;
    let stood = Stamp::of(outer)?;
    let world = world(run, purpose)?;
    let place = root.inner(outer);
    let wanted = run.changes.wanted(&plan::mappings(root)?);
    let old = journal.kept_image(outer, Kept::Before)?;
    // The tool leaves a processor idle most of the time, so the old image is examined meanwhile.
    let (built, before) = thread::scope(|scope| {
        let before = scope.spawn(|| audit::inside(&old, &wanted));
        let built = initramfs::rebuild(root, generator, image, &place, purpose, &world);
        (built, joined(before.join()))
    });
    built?;
    failpoint::hit("image")?;
    // The tools write a new file. A tool that did nothing (update_initramfs=no) leaves the old one.
    if Stamp::of(outer)? == stood {
        bail!(
            "{} succeeded but left the old `{}` in place: check its configuration ({}), or use --no-initramfs",
            generator.name(),
            outer.display(),
            generator.configuration()
        );
    }
    // On the bridge, lvm.conf has both names, so only the last image is checked for them.
    let told = initramfs::inspect::judge(before, outer, &wanted, purpose)?;
    staged::sync(&[outer.to_owned()])?;
    Ok(told.map(|told| format!(", but {told}")).unwrap_or_default())
}

/// The world in which the image tools run.
pub(super) fn world(run: &Run<'_>, purpose: initramfs::Purpose) -> Result<World> {
    match purpose {
        initramfs::Purpose::Bridge => World::of(run.root),
        _ => World::after(run.root, run.changes),
    }
}
