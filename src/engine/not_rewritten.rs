//! Finds what a plan leaves, while the plan is made. If a boot may read such a place, the run needs a separate yes.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use crate::audit::finding::SearchResult;
use crate::audit::{self, NotRewritten};
use crate::change::{Change, Job};
use crate::exit::refuse;
use crate::guest::kernels;

/// Searches the tree for what will still name the group. If the search fails, that is a warning, and the search
/// counts as incomplete.
pub fn find(job: &Job) -> NotRewritten {
    if job.changes.iter().all(Change::is_empty) {
        return NotRewritten { complete: true, ..NotRewritten::default() };
    }
    let changed: HashSet<&Path> =
        job.plan.paths.changes.iter().map(|change| change.from.as_path()).collect();
    match searched(job) {
        Ok(found) => NotRewritten::of(found, |path| changed.contains(path)),
        Err(error) => {
            log::warn!("searching for what else names {}: {error:#}", job.plan.searched_names());
            NotRewritten::default()
        }
    }
}

/// Everything that names one of the old names.
fn searched(job: &Job) -> Result<SearchResult> {
    let (known, mut found) = (known(job), SearchResult::default());
    for wanted in job.wanted() {
        found.merge(audit::before_rename(&job.root, &wanted, &known)?);
    }
    Ok(found)
}

/// Refuses if the next boot may read the old name and `--accept-stale` is not given.
///
/// # Errors
/// The places, and the option.
pub fn demand_yes(accept_stale: bool, job: &Job) -> Result<()> {
    let places = job.not_rewritten.boot_places().filter(|_| !accept_stale);
    let Some(places) = places else { return Ok(()) };
    Err(refuse(anyhow!(
        "the next boot may read the name {} in places that are not rewritten: {places}; fix them first, or \
         accept them with --accept-stale",
        job.plan.searched_names()
    )))
}

/// Files for which the plan itself says what happens to them.
fn known(job: &Job) -> Vec<PathBuf> {
    // With --no-initramfs, the user takes care of the images.
    let spared = match job.generator {
        None if !job.files_only => kernels::images(&job.root, kernels::generator(&job.root)).ok(),
        _ => None,
    };
    let spared = spared.iter().flat_map(|found| &found.images).map(|image| &image.path);
    let files = job.plan.files.iter().map(|change| &change.path);
    let images = job.images.images.iter().map(|image| &image.path);
    let left = job.images.left.iter().map(|left| &left.path);
    let placed = job.placed.iter().map(|placed| &placed.last.path);
    files.chain(spared).chain(images).chain(left).chain(placed).cloned().collect()
}
