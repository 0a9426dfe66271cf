//! Whether files that are named after a machine ID can be renamed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::TOKEN;
use super::found::{partition, twins};
use super::names::renamed;
use crate::change::Job;
use crate::checks::can_be_renamed;
use crate::exit::refuse;
use crate::guest::loader_variables;
use crate::guest::root::Root;
use crate::plan::ZIPL_CONF;
use crate::plan::paths::{PathChange, PathKind};
use crate::transaction::twins::there_is_room;

/// The alternative that error messages offer.
const INSTEAD: &str = "or leave out the machine ID, as in `postclone renew ssh-host-keys`";

/// Files in which a variable tells kernel-install which ID to use (systemd 249 src/kernel-install/kernel-install).
const PINS: &[(&str, &str)] = &[
    ("/etc/machine-info", "KERNEL_INSTALL_MACHINE_ID="),
    ("/etc/kernel/install.conf", "MACHINE_ID="),
];

/// Demands that only the machine ID determines the name that kernel-install uses, and that no boot loader keeps a
/// copy of the entries.
///
/// # Errors
/// What else determines the name or has a copy, and what to do.
pub(super) fn names_can_change(root: &Root, deaf: &Path) -> Result<()> {
    if root.exists(ZIPL_CONF) {
        return Err(refuse(anyhow!(
            "boot entries are named after the machine ID, and zipl has a copy of them in its boot map: update systemd \
             to 250 or later, where /etc/kernel/entry-token keeps their name, {INSTEAD}"
        )));
    }
    for (path, key) in PINS {
        let text = root.read_text(path).unwrap_or_default();
        if text.lines().any(|line| line.trim_start().starts_with(key)) {
            return Err(refuse(anyhow!(
                "boot entries are named after the machine ID, `{path}` sets {key}, and `{}` may not read that: \
                 it is not known which name the next kernel gets; remove the line, {INSTEAD}",
                deaf.display()
            )));
        }
    }
    Ok(())
}

/// What people should know before the names change.
pub(in crate::renew) fn warnings(paths: &[PathBuf]) -> Option<String> {
    (!paths.is_empty()).then(|| {
        format!(
            "boot entries are named after the machine ID, and the program that makes them does not read {TOKEN}: \
             they and their kernels are copied to the new name, and the old ones are removed when nothing refers \
             to them any more"
        )
    })
}

/// Checks everything that could cause a refusal later.
pub(in crate::renew) fn checks(
    job: &Job,
    paths: &[PathBuf],
    from: &str,
    to: &str,
) -> Vec<Result<()>> {
    if paths.is_empty() {
        return Vec::new();
    }
    vec![
        is_touched_by_nothing_else(job, paths),
        no_variable_chooses(&job.root, from),
        can_all_be_renamed(&job.root, paths, from, to),
        twins(&job.root, paths, from, to).and_then(|twins| there_is_room(&twins)).with_context(
            || format!("boot entries get another name because of the machine ID ({INSTEAD})"),
        ),
    ]
}

/// One run can give a file another name or other bytes, but not both.
fn is_touched_by_nothing_else(job: &Job, paths: &[PathBuf]) -> Result<()> {
    let root = &job.root;
    let resolved = |path: &PathBuf| root.resolve(path).ok().flatten();
    let touched: BTreeSet<&PathBuf> = job.plan.files.iter().map(|change| &change.path).collect();
    let images = job.images.images.iter().map(|image| &image.path);
    let placed = job.placed.iter().map(|placed| &placed.last.path);
    let images: BTreeSet<PathBuf> = images.chain(placed).filter_map(resolved).collect();
    for path in paths {
        let Some(at) = resolved(path) else { continue };
        if touched.contains(&at) {
            bail!(
                "`{}` gets another name because of the machine ID, and other bytes because of another part of this \
                 run: use `--except machine-id`, and `postclone renew machine-id` after the reboot",
                at.display()
            );
        }
        if images.contains(&at) {
            bail!(
                "`{}` gets another name because of the machine ID, and may contain the old ID: use \
                 --no-initramfs, and rebuild the image after the reboot",
                at.display()
            );
        }
    }
    Ok(())
}

fn can_all_be_renamed(root: &Root, paths: &[PathBuf], from: &str, to: &str) -> Result<()> {
    for path in paths {
        let is_top = |path: &Path| path.parent().is_none_or(|dir| partition(dir, from).is_none());
        let (Some(new), Some(at)) = (renamed(path, from, to), root.resolve(path)?) else {
            continue;
        };
        if !is_top(path) {
            continue;
        }
        let kind = if root.outer(&at).is_dir() { PathKind::Directory } else { PathKind::File };
        let to = at.with_file_name(new.file_name().unwrap_or_default());
        can_be_renamed(root, &PathChange { from: at, to, kind, link: None })?;
    }
    Ok(())
}

/// A run cannot put the firmware's variables back after an interruption. So whoever set one must set it again.
fn no_variable_chooses(root: &Root, from: &str) -> Result<()> {
    for (name, verb) in
        [(loader_variables::DEFAULT, "set-default"), (loader_variables::ONE_SHOT, "set-oneshot")]
    {
        let source = root.read(&loader_variables::path(name)).ok().flatten();
        let Some(source) = source.filter(|_| root.is_live()) else { continue };
        let entry = loader_variables::text(&source.bytes);
        if entry.to_lowercase().starts_with(from) {
            bail!(
                "the firmware's variable {name} chooses the entry {entry}, which gets another name: cancel the \
                 choice with `bootctl {verb} \"\"`, and make it again afterwards"
            );
        }
    }
    Ok(())
}
