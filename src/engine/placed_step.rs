//! A step about a file that kernel-install has placed for a kernel, forward or back.
//!
//! A copy is put there atomically. A unified kernel image is built elsewhere, checked, and then put there. So at
//! every instant, a complete image has the name that a boot reads.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use super::image_step;
use super::take::Run;
use crate::audit;
use crate::failpoint;
use crate::guest::kernel_install::uki_conf;
use crate::guest::placed::{Made, Placed, same_bytes};
use crate::image::Unified;
use crate::initramfs::unified::{self, Parts};
use crate::initramfs::{Purpose, inspect};
use crate::plan;
use crate::transaction::image::Kept;
use crate::transaction::record::Direction;

/// Going forward, creates a file that boots under either name. Going back, puts the same file there again, until the
/// group has its old name.
pub(super) fn bridge(run: &Run<'_>, placed: &Placed, direction: Direction) -> Result<()> {
    let Run { root, journal, .. } = *run;
    let outer = image_step::outer(root, &placed.path, direction)?;
    if direction == Direction::Backward {
        return journal.restore_image(&outer, Kept::Bridge).map(drop);
    }
    make(run, placed, &outer, Purpose::Bridge)?;
    journal.keep_image(&outer, Kept::Bridge)
}

/// Puts a file back that boots under the new name. That is the file of the bridge, if there is one. Otherwise, a copy
/// of an image becomes the old copy, like the image itself. A unified kernel image without a bridge has only one
/// name, and stays as it is.
pub(super) fn hold(run: &Run<'_>, placed: &Placed) -> Result<()> {
    let Run { root, journal, .. } = *run;
    let outer = image_step::outer(root, &placed.path, Direction::Backward)?;
    if !journal.restore_image(&outer, Kept::Bridge)? && matches!(placed.made, Made::Copy { .. }) {
        journal.restore_image(&outer, Kept::Before)?;
    }
    Ok(())
}

pub(super) fn last(run: &Run<'_>, placed: &Placed, direction: Direction) -> Result<String> {
    let Run { root, journal, .. } = *run;
    let outer = image_step::outer(root, &placed.path, direction)?;
    if direction == Direction::Backward {
        journal.clear_workshop()?;
        journal.restore_image(&outer, Kept::Before)?;
        return Ok(format!("{} as before", placed.path.display()));
    }
    let told = make(run, placed, &outer, Purpose::Last)?;
    journal.note_image(&outer)?;
    Ok(format!("{} made again{told}", placed.path.display()))
}

/// Creates the file again. Returns what should be reported about it.
fn make(run: &Run<'_>, placed: &Placed, outer: &Path, purpose: Purpose) -> Result<String> {
    let Run { root, journal, .. } = *run;
    journal.keep_image(outer, Kept::Before)?;
    let source = |path: &Path| {
        let inner = root.resolve(path)?.ok_or_else(|| anyhow!("`{}` is gone", path.display()))?;
        Ok::<_, anyhow::Error>(root.outer(&inner))
    };
    match &placed.made {
        Made::Copy { of } => {
            // The image was checked when it was built.
            let source = source(of)?;
            journal.put_image(&source, outer)?;
            failpoint::hit("image")?;
            if !same_bytes(&source, outer) {
                bail!("`{}` is not what was written there", outer.display());
            }
            Ok(String::new())
        }
        Made::Unified { token, linux, initrd, cmdline } => {
            let building = || format!("building `{}`", outer.display());
            let initrd = initrd.as_deref().map(source).transpose()?;
            let (linux, uki_conf) = (source(linux)?, uki_conf(root));
            let parts = Parts {
                kernel: &placed.kernel,
                linux: &linux,
                initrd: initrd.as_deref(),
                token,
                cmdline,
                uki_conf: uki_conf.as_deref(),
            };
            let settings = unified::settings(&parts);
            let files: Vec<(&str, &[u8])> =
                settings.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
            let world = image_step::world(run, purpose)?;
            let workshop = journal.workshop(&files)?;
            let image = unified::build(&parts, &workshop, root, &world).with_context(building)?;
            failpoint::hit("image")?;
            let told = judge(run, outer, &image, purpose)?;
            let old = Unified::read(&journal.kept_image(outer, Kept::Before)?)?;
            let lacks = Unified::read(&image)?.lacks(&old);
            if !lacks.is_empty() {
                bail!(
                    "the new image for `{}` lacks {}, which the old one had",
                    outer.display(),
                    lacks.join(" and ")
                );
            }
            journal.put_image(&image, outer)?;
            journal.clear_workshop()?;
            Ok(told)
        }
    }
}

fn judge(run: &Run<'_>, outer: &Path, image: &Path, purpose: Purpose) -> Result<String> {
    let wanted = run.changes.wanted(&plan::mappings(run.root)?);
    let old = run.journal.kept_image(outer, Kept::Before)?;
    let told = inspect::judge(audit::inside(&old, &wanted), image, &wanted, purpose)?;
    Ok(told.map(|told| format!(", but {told}")).unwrap_or_default())
}
