//! Whether the run has a bridge: then no instant of it leaves a system that cannot boot.

use std::ffi::OsStr;
use std::path::Path;

use super::Job;
use crate::blkid;
use crate::guest::inventory::Group;
use crate::plan::paths::PathChange;
use crate::plan::{FileChange, Warning};
use crate::rewrite::bridge;

/// Gives every file that a boot reads its text on the bridge, or warns why there is none.
///
/// All or nothing: one place that knows the group by name alone would stop the boot by itself.
pub(super) fn build(job: &mut Job) {
    let Some(group) = job.target.group.clone() else { return };
    match no_requirement(&job.plan.paths.changes).and_then(|()| texts(&group, &job.plan.files)) {
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

/// A target or mount that requires a volume by its unit's name fails when there is no such volume, and
/// a boot needs targets and mounts. A wish (`.wants/`) is passed over (systemd.unit(5)).
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

fn texts(group: &Group, files: &[FileChange]) -> Result<Vec<Option<Vec<u8>>>, String> {
    let uuids = blkid::uuids(group).map_err(|error| format!("{error:#}"))?;
    files
        .iter()
        .map(|change| bridge::text(change.kind, &change.before, &change.edits, &uuids))
        .collect()
}
