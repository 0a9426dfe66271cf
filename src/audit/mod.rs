//! `postclone audit`: what still names a group, by severity.
//!
//! Two halves: a fast search of every file for the spellings of the name ([`spelling`]), and an
//! exact look at the few files that have one ([`text`]), which compares whole tokens as the
//! rewriters do. Reads only, and leaves the files' times of access alone where it may.

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

/// How long the search at the end of a rename may take.
const AFTER_RENAME: Duration = Duration::from_secs(300);

/// How long the search for a plan may take.
const BEFORE_RENAME: Duration = Duration::from_secs(20);

/// The search of a whole tree.
pub fn everything(root: &Root, wanted: &Wanted) -> Result<SearchResult> {
    search(root, wanted, &Stop::after(None), None)
}

/// The search with which a rename ends: what is left of the old name and costs something.
///
/// What cannot be checked is said on stderr. Ends after five minutes, or when a signal comes.
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

/// The search with which a plan is made: what names the group in files that a boot, a service or a
/// person runs, `without` some, by their paths inside the root. Images are not opened.
///
/// Ends after twenty seconds, or when a signal comes; then it is marked as incomplete.
pub fn before_rename(root: &Root, wanted: &Wanted, without: &[PathBuf]) -> Result<SearchResult> {
    let without = without.iter().map(|path| below_root(path)).collect();
    let mut found = search(root, wanted, &Stop::after(Some(BEFORE_RENAME)), Some(without))?;
    found.list.retain(|finding| finding.severity <= Severity::Error);
    found.withhold();
    Ok(found)
}

/// What one image holds.
#[derive(Debug)]
pub struct Inside {
    /// What it can do for a boot.
    pub summary: Summary,
    /// What in it names the group and costs a boot.
    pub names: Vec<Finding>,
}

/// Looks into one image, wherever it lies, for every name that is wanted; there may be none.
///
/// # Errors
/// As [`crate::image::read`].
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

/// A name with what is known of its group, beside the names of dm-crypt mappings that the tree declares.
pub fn wanted_beside(name: VgName, volumes: Volumes, mappings: BTreeSet<String>) -> Wanted {
    let by_volume = matches!(volumes, Volumes::Known(_));
    // Nothing is rewritten here; the matcher wants a new name all the same.
    let matcher = Matcher::new(name.clone(), name.clone(), volumes, mappings);
    Wanted::new(name, matcher, by_volume)
}

/// Searches the tree, with as many threads as there are processors: all of it, or what runs, without
/// some files.
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
            // A thread that panicked has said so; what it found is lost, and so is the audit.
            found.merge(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
    });
    found.sort();
    Ok(found)
}

/// File systems by mount point, below the root and without a leading slash.
fn mounts_below(root: &Root) -> HashMap<Vec<u8>, String> {
    let mounts = mounts::mounted().into_iter();
    mounts
        .filter_map(|mount| {
            let below = mount.target.strip_prefix(root.base()).ok()?;
            Some((below.as_os_str().as_bytes().to_vec(), mount.kind))
        })
        .collect()
}

/// Where a search begins.
struct Starts {
    /// The directories of the table.
    directories: Vec<Errand>,
    /// Known places that are in none of them, with their paths below the root, links resolved.
    files: Vec<(Vec<u8>, Errand)>,
    /// All known places, by their paths below the root, links resolved.
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
            // Our own, for the time until the reboot.
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
