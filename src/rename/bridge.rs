//! Whether the run has a bridge: then no instant of it leaves a system that cannot boot.

use super::Job;
use crate::blkid;
use crate::guest::inventory::Group;
use crate::plan::{FileChange, Warning};
use crate::rewrite::{bridge, image_bridge};

/// Gives every file that a boot reads its text on the bridge, or warns why there is none. True where
/// images have to be built on the bridge as well.
///
/// All or nothing: one place that knows the group by name alone would stop the boot by itself.
pub(super) fn build(job: &mut Job) -> bool {
    let Some(group) = job.target.group.clone() else { return false };
    let images = job
        .plan
        .files
        .iter()
        .any(|change| image_bridge::needs_images(change.kind, &change.before, &change.edits));
    let texts = can_be_built(job, images).and_then(|()| texts(&group, &job.plan.files, images));
    match texts {
        Ok(texts) => {
            for (change, text) in job.plan.files.iter_mut().zip(texts) {
                change.bridge = text;
            }
            images
        }
        Err(why) => {
            job.plan.warnings.push(Warning::general(format!(
                "{why}: for the moment between the group's rename and the new files, a power cut leaves a system \
                 that does not boot by itself"
            )));
            false
        }
    }
}

fn can_be_built(job: &Job, images: bool) -> Result<(), String> {
    if images && (job.images.images.is_empty() || job.generator.is_none()) {
        return Err(
            "images have copies of /etc/crypttab or lvm.conf, and none is built here".to_owned()
        );
    }
    Ok(())
}

fn texts(
    group: &Group,
    files: &[FileChange],
    images: bool,
) -> Result<Vec<Option<Vec<u8>>>, String> {
    let uuids = blkid::uuids(group).map_err(|error| format!("{error:#}"))?;
    files
        .iter()
        .map(|change| match change.kind {
            kind if image_bridge::concerns(kind) && !images => Ok(None),
            kind => bridge::text(kind, &change.before, &change.edits, &uuids),
        })
        .collect()
}
