//! `postclone audit`: finds what still names a group, by severity.
//!
//! The search has two parts: a fast search of every file for the spellings of the name (`spelling`), and
//! an exact check of the few files that contain one (`text`). The check compares whole tokens, like the
//! rewriters. The audit only reads. It leaves access times unchanged where it may.

mod around;
mod blocks;
mod closed;
mod escaped;
mod extent;
mod file;
pub mod finding;
mod folder;
mod inside;
mod not_rewritten;
mod queue;
mod rules;
mod spelling;
mod stop;
mod text;
pub mod told;
mod walk;
mod word;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::guest::mounts;
use crate::guest::private::{is_private, is_reached_by_few};
use crate::guest::root::{Root, open_regular};
use crate::image::Summary;
use crate::names::VgName;
use crate::own::GRUB_LINK;
use crate::printable::count;
use crate::progress::Ticker;
use crate::rewrite::PLACES;
use crate::rewrite::matcher::{Matcher, Volumes};
use crate::severity::Severity;
use extent::Extent;
use file::Looker;
use finding::{Finding, SearchResult, obstacle};
use folder::Folder;
pub use not_rewritten::NotRewritten;
use stop::Stop;
pub use text::Wanted;
use walk::{Errand, Walk};

/// Time limit of the search at the end of a rename.
const AFTER_RENAME: Duration = Duration::from_secs(300);

/// Time limit of the search for a plan.
const BEFORE_RENAME: Duration = Duration::from_secs(20);

/// Searches a whole tree.
pub fn everything(root: &Root, wanted: &Wanted) -> Result<SearchResult> {
    search(root, wanted, &Stop::after(None), None)
}

/// The search at the end of a rename: finds remains of the old name by which something may fail.
///
/// Reports on stderr what could not be checked. Ends after five minutes, or when a signal arrives.
pub fn after_rename(root: &Root, wanted: &Wanted) -> Result<SearchResult> {
    let mut found = search(root, wanted, &Stop::after(Some(AFTER_RENAME)), None)?;
    found.list.retain(|finding| finding.severity <= Severity::Error);
    found.withhold();
    told::say_unreadable(&found);
    if found.incomplete {
        log::warn!(
            "the search for what still names {} ended early: run `postclone audit`",
            wanted.said()
        );
    }
    Ok(found)
}

/// The search for a plan: finds names of the group in files that a boot, a service or a person runs. It
/// leaves out the files in `without`, which are paths inside the root. It opens no images.
///
/// Ends after twenty seconds, or when a signal arrives. The result is then marked as incomplete.
pub fn before_rename(root: &Root, wanted: &Wanted, without: &[PathBuf]) -> Result<SearchResult> {
    let without = without.iter().map(|path| below_root(path)).collect();
    let mut found = search(root, wanted, &Stop::after(Some(BEFORE_RENAME)), Some(without))?;
    found.list.retain(|finding| finding.severity <= Severity::Error);
    found.withhold();
    Ok(found)
}

/// The contents of one image.
#[derive(Debug)]
pub struct Inside {
    /// What the image can do for a boot.
    pub summary: Summary,
    /// The names of the group in it that the next boot may read.
    pub names: Vec<Finding>,
}

/// Searches one image at any path for each wanted name. `wanted` may be empty.
///
/// # Errors
/// Those of [`crate::image::read`].
pub fn inside(path: &Path, wanted: &[Wanted]) -> Result<Inside> {
    let stop = Stop::after(None);
    let mut inside: Option<Inside> = None;
    for wanted in wanted {
        let mut looker = Looker::new(wanted, &stop);
        let summary = looker.summarize(path)?;
        let mut names = looker.found.list;
        names.retain(|finding| finding.severity == Severity::Boot);
        match &mut inside {
            Some(inside) => inside.names.append(&mut names),
            none => *none = Some(Inside { summary, names }),
        }
    }
    match inside {
        Some(inside) => Ok(inside),
        None => Ok(Inside { summary: inside::summary(path)?, names: Vec::new() }),
    }
}

/// A group's name to look for. `volumes` and `mappings` (dm-crypt names in the tree) tell its tokens from
/// others.
pub fn wanted_beside(name: VgName, volumes: Volumes, mappings: BTreeSet<String>) -> Wanted {
    let by_volume = matches!(volumes, Volumes::Known(_));
    // The matcher needs a new name, although nothing is rewritten here.
    let matcher = Matcher::new(name.clone(), name.clone(), volumes, mappings);
    Wanted::new(name, matcher, by_volume)
}

/// Searches the tree with one thread per processor: everything, or what runs without the given files.
fn search(
    root: &Root,
    wanted: &Wanted,
    stop: &Stop,
    what_runs_without: Option<HashSet<Vec<u8>>>,
) -> Result<SearchResult> {
    let mut found = SearchResult::default();
    let mounts = mounts_below(root);
    let Starts { directories, files, known } = starts(root, &mounts, &mut found)?;
    let extent = match what_runs_without {
        None => Extent::Everything,
        Some(without) => Extent::WhatRuns { known, without },
    };
    let files =
        files.into_iter().filter(|(path, _)| extent.reads(path, false, 0)).map(|(_, job)| job);
    let jobs = directories.into_iter().chain(files).collect();
    let walk = Walk::new(wanted, stop, &extent, jobs, mounts);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let work = || {
            let mut looker = Looker::new(wanted, stop).opening_images(extent.reads_all());
            walk.queue.work(|job| walk.take(job, &mut looker));
            looker.found
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let counter = stop.counter();
        let files = move || usize::try_from(counter.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        let ticker = Ticker::with(move || format!("searching: {}", count(files(), "file")));
        while !walk.queue.wait_for_end(Duration::from_millis(200)) {
            if workers.iter().any(thread::ScopedJoinHandle::is_finished) {
                break;
            }
        }
        drop(ticker);
        for worker in workers {
            // A panic means that findings are lost, so the audit panics, too.
            found.merge(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
    });
    found.sort();
    Ok(found)
}

/// Types of file systems by mount point. The paths are relative to the root, without a leading slash.
fn mounts_below(root: &Root) -> HashMap<Vec<u8>, String> {
    let mounts = mounts::mounted().into_iter();
    mounts
        .filter_map(|mount| {
            let below = mount.target.strip_prefix(root.base()).ok()?;
            Some((below.as_os_str().as_bytes().to_vec(), mount.kind))
        })
        .collect()
}

/// Where a search starts.
struct Starts {
    /// The directories in the table.
    directories: Vec<Errand>,
    /// Known places outside those directories, with their paths relative to the root, links resolved.
    files: Vec<(Vec<u8>, Errand)>,
    /// All known places, by their paths relative to the root, links resolved.
    known: HashSet<Vec<u8>>,
}

fn starts(
    root: &Root,
    mounts: &HashMap<Vec<u8>, String>,
    found: &mut SearchResult,
) -> Result<Starts> {
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut jobs = Vec::new();
    let firmware = root.is_live().then_some(rules::EFI_VARIABLES);
    for start in rules::STARTS.iter().copied().chain(firmware) {
        let start = Path::new("/").join(start);
        let resolved = root.resolve(&start).unwrap_or_else(|error| {
            found.could_not(obstacle(&below_root(&start), format!("{error:#}")));
            None
        });
        let Some(path) = resolved.filter(|path| root.outer(path).is_dir()) else { continue };
        let below = below_root(&path);
        if let Some(why) = mounts.get(&below).and_then(|kind| walk::why_closed(kind)) {
            found.passed_over.push(obstacle(&below, why));
            continue;
        }
        let hidden = is_reached_by_few(root, &path);
        match Folder::open(&root.outer(&path), below.clone(), hidden) {
            Ok(folder) => jobs.push(Errand::Open(folder)),
            Err(error) => found.could_not(obstacle(&below, error)),
        }
        paths.push(path);
    }
    let (mut outside, mut known) = (Vec::new(), HashSet::new());
    for place in PLACES {
        for path in root.glob(place.pattern)? {
            // postclone's own link, which exists until the reboot.
            if path == Path::new(GRUB_LINK) {
                continue;
            }
            let Ok(Some(resolved)) = root.resolve(&path) else { continue };
            known.insert(below_root(&resolved));
            let is_walked = paths.iter().any(|start| resolved.starts_with(start))
                && !closed::CLOSED
                    .iter()
                    .any(|(dir, _)| resolved.starts_with(Path::new("/").join(dir)));
            if is_walked {
                continue;
            }
            if let Ok(file) = open_regular(&root.outer(&resolved)) {
                let hidden = file.metadata().is_ok_and(|found| is_private(root, &resolved, &found));
                let job = Errand::Known(file, below_root(&path), hidden);
                outside.push((below_root(&resolved), job));
            }
        }
    }
    Ok(Starts { directories: jobs, files: outside, known })
}

fn below_root(path: &Path) -> Vec<u8> {
    path.strip_prefix("/").unwrap_or(path).as_os_str().as_bytes().to_vec()
}
