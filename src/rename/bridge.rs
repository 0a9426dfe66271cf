//! Whether the run has a bridge: then no instant of it leaves a system that cannot boot.

use super::Job;
use crate::blkid;
use crate::guest::inventory::Group;
use crate::plan::{FileChange, Warning, ZIPL_CONF};
use crate::rewrite::bridge;

/// Gives every file that a boot reads its text on the bridge, or warns why there is none.
///
/// All or nothing: one place that knows the group by name alone would stop the boot by itself.
pub(super) fn build(job: &mut Job) {
    let Some(group) = job.target.group.clone() else { return };
    let has_boot_map = job.root.exists(ZIPL_CONF);
    let texts = if has_boot_map {
        Err("zipl's boot map has the group's name until `zipl` runs again".to_owned())
    } else {
        texts(&group, &job.plan.files)
    };
    match texts {
        Ok(texts) => {
            for (change, text) in job.plan.files.iter_mut().zip(texts) {
                change.bridge = text;
            }
        }
        Err(why) => job.plan.warnings.push(Warning::general(format!(
            "{why}: for the moment between the group's rename and the new files, a power cut leaves a system \
             that does not boot by itself"
        ))),
    }
}

fn texts(group: &Group, files: &[FileChange]) -> Result<Vec<Option<Vec<u8>>>, String> {
    let uuids = blkid::uuids(group).map_err(|error| format!("{error:#}"))?;
    files
        .iter()
        .map(|change| bridge::text(change.kind, &change.before, &change.edits, &uuids))
        .collect()
}
