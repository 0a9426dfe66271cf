//! Makes a job from what was read. Changes nothing.

use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Result;

use super::{boot_log, bridge, following, loaded, steps};
use crate::blkid::Devices;
use crate::change::{Change, Changes, Job};
use crate::checks;
use crate::exit::refuse;
use crate::guest::kernels;
use crate::guest::root::Root;
use crate::plan::{self, Plan, Sources, Warning};
use crate::threads::joined;
use crate::transaction::record::Direction;

/// What a job leaves alone, and which run it undoes.
pub struct Scope {
    /// Whether LVM, the images and the running system are left alone.
    pub files_only: bool,
    /// Whether images are built.
    pub images: bool,
    /// See [`Job::undoes`].
    pub undoes: Option<String>,
}

/// What a plan is made from.
pub struct Gathered {
    /// The changes.
    pub changes: Changes,
    /// Warnings about the changes.
    pub warnings: Vec<Warning>,
    /// Every place, as it was read.
    pub sources: Sources,
    /// What blkid reports. `None` if it was not asked.
    pub devices: Option<Result<Devices>>,
}

/// Reads the places and asks blkid in threads, while `find` settles the changes. `find` may ask LVM, which takes
/// longer than both. With `files_only`, blkid is not asked.
pub fn gather(
    root: &Root,
    also: &[PathBuf],
    files_only: bool,
    find: impl FnOnce() -> Result<(Changes, Vec<Warning>)>,
) -> Result<Gathered> {
    if files_only {
        let (changes, warnings) = find()?;
        let sources = Sources::read(root, also).map_err(refuse)?;
        return Ok(Gathered { changes, warnings, sources, devices: None });
    }
    thread::scope(|scope| {
        let sources = scope.spawn(|| Sources::read(root, also));
        let devices = scope.spawn(Devices::look);
        let (changes, warnings) = find()?;
        let sources = joined(sources.join()).map_err(refuse)?;
        Ok(Gathered { changes, warnings, sources, devices: Some(joined(devices.join())) })
    })
}

/// Makes the job from what was read. `given` is the root as the user gave it.
pub fn job(root: Root, given: &Path, gathered: Gathered, scope: Scope) -> Result<Job> {
    let Gathered { changes, mut warnings, sources, devices } = gathered;
    let Scope { files_only, images, undoes } = scope;
    let mappings = sources.mappings.clone();
    let files = if changes.iter().all(Change::is_empty) {
        plan::Files::default()
    } else {
        let matchers = changes.matchers(Direction::Forward, &mappings);
        plan::files(&root, sources, &matchers, &changes.rewriters(Direction::Forward))?
    };
    warnings.extend(files.warnings);
    let plan = Plan {
        subjects: changes.subjects(),
        root: given.to_owned(),
        files: files.changes,
        paths: files.paths,
        shifted: changes.shifted(&root)?,
        steps: Vec::new(),
        warnings,
    };
    let mut job = Job::new(root, changes, plan, mappings);
    (job.devices, job.files_only, job.undoes) = (devices, files_only, undoes);
    // If somebody renamed a group by hand, images with the old files may remain.
    let changes = job.changes.pivot()
        || job.changes.iter().any(Change::is_in_images)
        || !job.plan.files.is_empty()
        || !job.plan.paths.changes.is_empty();
    if !files_only && images && changes && job.changes.need_images() {
        job.generator = kernels::generator(&job.root);
        job.images = kernels::images(&job.root, job.generator).map_err(refuse)?;
        following::add(&mut job)?;
        loaded::judge(&mut job);
        warn_of_images(&mut job);
    }
    if job.changes.pivot() {
        job.bridges_images = bridge::build(&mut job);
    }
    if !job.files_only && job.changes.concern_boot() {
        boot_log::warn(&mut job);
    }
    job.plan.steps = steps::of(&job);
    let told = steps::left_out(&job).into_iter().map(Warning::general);
    job.plan.warnings.extend(told);
    let first = checks::warnings(&job);
    job.plan.warnings.splice(0..0, first);
    Ok(job)
}

fn warn_of_images(job: &mut Job) {
    let left = job.images.left.iter();
    job.plan.warnings.extend(left.map(|left| Warning::about(&left.path, &left.why)));
}
