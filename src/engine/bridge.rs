//! Decides whether the run has a bridge. With a bridge, the system can boot at every instant of the run.

use std::ffi::OsStr;
use std::path::Path;

use crate::change::Job;
use crate::plan::paths::PathChange;
use crate::plan::{FileChange, Warning, ZIPL_CONF};
use crate::rewrite::bridge::Uuids;
use crate::rewrite::uuid_bridge::StandIns;
use crate::rewrite::{bridge, image_bridge};

/// Gives every file that a boot reads its text on the bridge, or warns why there is no bridge. Returns true if images
/// must be built on the bridge, too.
///
/// It is all or nothing: one place that knows the group only by name would stop the boot.
pub(super) fn build(job: &mut Job) -> bool {
    let Some(devices) = &job.devices else { return false };
    let images = job
        .plan
        .files
        .iter()
        .any(|change| image_bridge::needs_images(change.kind, &change.before, &change.edits));
    let texts = can_be_built(job, images)
        .and_then(|()| no_requirement(&job.plan.paths.changes))
        .and_then(|()| {
            let devices = devices.as_ref().map_err(|error| format!("{error:#}"))?;
            let mut uuids = Uuids::new();
            job.changes.iter().for_each(|change| uuids.extend(change.uuids(devices)));
            let placed = job.placed.iter().map(|placed| placed.on_bridge(&uuids, images));
            let mut stand_ins = StandIns::new();
            job.changes.iter().for_each(|change| stand_ins.extend(change.stand_ins()));
            Ok((
                texts(&uuids, &stand_ins, &job.plan.files, images)?,
                placed.collect::<Result<Vec<_>, _>>()?,
            ))
        });
    match texts {
        Ok((texts, placed)) => {
            for (following, bridge) in job.placed.iter_mut().zip(placed) {
                following.bridge = bridge;
            }
            for (change, text) in job.plan.files.iter_mut().zip(texts) {
                change.bridge = text;
            }
            images
        }
        Err(why) => {
            job.plan.warnings.push(Warning::general(format!(
                "{why}: a power cut between the rename of the group and the new files leaves a system that does \
                 not boot by itself"
            )));
            false
        }
    }
}

/// A target or mount that requires a volume by its unit name fails if there is no such volume, and a boot needs
/// targets and mounts. If the volume is only wanted (`.wants/`), a boot ignores the failure (systemd.unit(5)).
fn no_requirement(paths: &[PathChange]) -> Result<(), String> {
    let requires = |path: &PathChange| {
        let dir = path.from.parent().and_then(Path::file_name).map(OsStr::as_encoded_bytes);
        dir.is_some_and(|dir| {
            dir.ends_with(b".target.requires") || dir.ends_with(b".mount.requires")
        })
    };
    match paths.iter().find(|path| path.renames() && requires(path)) {
        Some(path) => {
            Err(format!("`{}` requires a volume by its unit's name", path.from.display()))
        }
        None => Ok(()),
    }
}

fn can_be_built(job: &Job, images: bool) -> Result<(), String> {
    if job.root.exists(ZIPL_CONF) {
        return Err("zipl's boot map has the group's name until `zipl` runs again".to_owned());
    }
    if images && (job.images.images.is_empty() || job.generator.is_none()) {
        return Err("images have copies of /etc/crypttab or lvm.conf, and no image is built here"
            .to_owned());
    }
    Ok(())
}

fn texts(
    uuids: &Uuids,
    stand_ins: &StandIns,
    files: &[FileChange],
    images: bool,
) -> Result<Vec<Option<Vec<u8>>>, String> {
    files
        .iter()
        .map(|change| match change.kind {
            kind if image_bridge::concerns(kind) && !images => Ok(None),
            kind => bridge::text(kind, &change.before, &change.edits, uuids, stand_ins),
        })
        .collect()
}
