//! Makes the steps of a run from what was planned.

use crate::change::Job;
use crate::live;
use crate::plan::{Phase, Step};

/// Steps that a running system would take and this one cannot.
pub(super) fn left_out(job: &Job) -> Vec<&'static str> {
    let mut told = Vec::new();
    if !job.changes.pivot() {
        return told;
    }
    if !job.root.is_live() {
        told.push("the root is not the running system's: nothing is linked or reloaded");
        return told;
    }
    if !live::has_udev() {
        told.push("udev does not run here: the volumes have no links under the new name before the next boot");
    }
    if !live::has_systemd() {
        told.push("systemd does not run here: nothing is reloaded, and no unit is checked");
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
    steps.extend(own(job, Phase::Keep));
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
    steps.extend(own(job, Phase::Pivot));
    steps.extend(own(job, Phase::Files));
    if files > 0 {
        steps.push(Step::ReplaceFiles { files });
    }
    let paths = job.plan.paths.changes.len();
    if paths > 0 {
        steps.push(Step::RenamePaths { paths });
    }
    steps.extend(own(job, Phase::Rest));
    // When systemd reads its files again, the links of both names exist.
    steps.extend(own(job, Phase::Links));
    let has_changes = job.changes.pivot() || job.changes.concern_boot() && (files > 0 || paths > 0);
    if job.is_live() && live::has_systemd() && has_changes {
        steps.push(Step::ReloadSystemd);
    }
    steps.extend(own(job, Phase::Live));
    steps.extend(own(job, Phase::Late));
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

/// The changes' own acts of one phase.
fn own(job: &Job, phase: Phase) -> Vec<Step> {
    let mut steps = Vec::new();
    for (number, change) in job.changes.iter().enumerate() {
        for mut act in change.acts(job) {
            act.change = number;
            if change.phase(&act).is_ok_and(|of| of == phase) {
                steps.push(Step::Own(act));
            }
        }
    }
    steps
}
