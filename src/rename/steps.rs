//! The steps of a run, of what was planned.

use std::path::Path;

use super::Job;
use crate::live;
use crate::plan::Step;

/// Steps that a running system would take and this one cannot.
pub(super) fn left_out(job: &Job) -> Vec<&'static str> {
    let mut told = Vec::new();
    if !job.target.renames_group {
        return told;
    }
    if !job.root.is_live() {
        told.push("another root than the running system's: nothing is linked or reloaded");
        return told;
    }
    if !live::has_udev() {
        told.push("udev does not run here: the volumes are not linked under the new name before the next boot");
    }
    if !live::has_systemd() {
        told.push("systemd does not run here: nothing is reloaded, and no unit is looked at");
    }
    told
}

/// The steps, in the order in which [`super::apply::run`] takes them.
pub(super) fn of(job: &Job) -> Vec<Step> {
    let mut steps = Vec::new();
    let files = job.plan.files.len();
    if files > 0 {
        steps.push(Step::Backup { files });
    }
    let bridged = job.plan.files.iter().filter(|change| change.bridge.is_some()).count();
    if bridged > 0 {
        steps.push(Step::BridgeFiles { files: bridged });
    }
    if let Some(generator) = job.generator.filter(|_| job.bridges_images) {
        steps.extend(job.images.images.iter().map(|image| Step::BridgeImage {
            generator: generator.name().to_owned(),
            kernel: image.version.clone(),
            path: image.path.clone(),
        }));
    }
    let bridged = job.placed.iter().filter_map(|placed| placed.bridge.clone());
    steps.extend(bridged.map(Step::BridgePlaced));
    let renamed = job.target.group.as_ref().filter(|_| job.target.renames_group);
    if let Some(group) = renamed {
        steps.push(Step::RenameGroup {
            uuid: group.uuid.clone(),
            old: job.plan.old.to_string(),
            new: job.plan.new.to_string(),
        });
    }
    if files > 0 {
        steps.push(Step::ReplaceFiles { files });
    }
    let paths = job.plan.paths.changes.len();
    if paths > 0 {
        steps.push(Step::RenamePaths { paths });
    }
    let live = job.root.is_live() && !job.files_only;
    if let Some(group) = renamed.filter(|_| live && live::has_udev()) {
        let volumes = group.volumes.iter().filter(|volume| !volume.hidden).count();
        steps.push(Step::LinkNames { volumes });
    }
    if live && live::has_systemd() && (renamed.is_some() || files > 0 || paths > 0) {
        steps.push(Step::ReloadSystemd);
    }
    if renamed.is_some() && live && Path::new("/run").is_dir() {
        steps.push(Step::AwaitReboot);
    }
    if let Some(generator) = job.generator {
        steps.extend(job.images.images.iter().map(|image| Step::RebuildImage {
            generator: generator.name().to_owned(),
            kernel: image.version.clone(),
            path: image.path.clone(),
        }));
    }
    steps.extend(job.placed.iter().map(|placed| Step::Place(placed.last.clone())));
    if !steps.is_empty() {
        steps.push(Step::Verify);
    }
    steps
}
