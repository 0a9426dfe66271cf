//! Builds images of several kernels in parallel.
//!
//! initramfs-tools and dracut work in a directory of their own that mktemp(1) creates, and write an image beside its
//! place before they rename it (mkinitramfs, `DESTDIR`; update-initramfs, `generate_initramfs`). dracut itself offers
//! `--regenerate-all --parallel`. Nothing is known about the other tools, so their images are built one after the
//! other.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Result, bail};
use nix::sys::statvfs::statvfs;

use super::image_step;
use super::take::Run;
use crate::change::Changes;
use crate::failpoint;
use crate::guest::kernels::Generator;
use crate::guest::root::Root;
use crate::interrupt;
use crate::plan::Step;
use crate::progress::Ticker;
use crate::transaction::journal::Journal;
use crate::transaction::record::Direction;

/// Bytes of memory for one build. The tools' shells and copies of files take little. Their compressor takes up to
/// half of it: for 24 MiB, zstd -9 took 62 MiB, xz 95, zstd -19 116.
const MEMORY: u64 = 256 << 20;

/// An image's unpacked tree and its uncompressed archive take up to this many times its size.
const UNPACKED: u64 = 8;

/// Directories of hooks. After each image, initramfs-tools runs whatever others put there, with the image's name
/// (update-initramfs, `run_bootloader`).
const HOOKS: &[&str] = &["/etc/initramfs/post-update.d", "/etc/initramfs-tools/hooks"];

/// systemd-boot's hook, which does nothing because of kernel-install's bypass.
const BYPASSED: &str = "systemd-boot";

/// Steps about images that can be taken at the same time.
pub(super) struct Crew {
    /// Their numbers in the plan.
    pub(super) range: Range<usize>,
    /// How many of them run at a time: at least two.
    width: usize,
}

/// The steps from `first` on that can be taken at the same time. The step `first` is about an image. `None` if it is
/// the only such step, or if there is no room for two builds.
pub(super) fn gather(
    root: &Root,
    journal: &Journal,
    first: usize,
    is_due: impl Fn(usize) -> bool,
) -> Option<Crew> {
    let steps = &journal.saved.steps;
    let kind = std::mem::discriminant(&steps[first]);
    let alike = steps[first..].iter().enumerate().take_while(|(offset, step)| {
        image_step::of(step).is_some()
            && std::mem::discriminant(*step) == kind
            && is_due(first + offset)
    });
    let range = first..first + alike.count();
    let width = width(root, journal.saved.generator, &steps[range.clone()]);
    (width > 1).then_some(Crew { range, width })
}

/// Takes these steps forward, and returns what was seen, in their order.
///
/// After a failure, no other image is begun.
pub(super) fn work(
    root: &Root,
    journal: &mut Journal,
    changes: &Changes,
    crew: Crew,
) -> Result<Vec<String>> {
    let Crew { range, width } = crew;
    for number in range.clone() {
        journal.intend(Direction::Forward, number)?;
    }
    let run = Run { root, journal, changes };
    let steps = &run.journal.saved.steps[range.clone()];
    let done = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&done);
    let all = steps.len();
    let _ticker = Ticker::with(move || {
        format!("build {all} images, {width} at a time, {} done", counted.load(Ordering::SeqCst))
    });
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let results = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..width {
            scope.spawn(|| {
                while !failed.load(Ordering::SeqCst) {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let Some(step) = steps.get(number) else { return };
                    let result = build(&run, step);
                    failed.fetch_or(result.is_err(), Ordering::SeqCst);
                    done.fetch_add(1, Ordering::SeqCst);
                    results.lock().unwrap_or_else(PoisonError::into_inner).insert(number, result);
                }
            });
        }
    });
    let mut seen = Vec::new();
    for (offset, result) in results.into_inner().unwrap_or_else(PoisonError::into_inner) {
        seen.extend(result?);
        journal.did(Direction::Forward, range.start + offset)?;
    }
    Ok(seen)
}

fn build(run: &Run<'_>, step: &Step) -> Result<Option<String>> {
    if let Some(signal) = interrupt::caught() {
        bail!("stopped by signal {signal}");
    }
    log::info!("{}", run.changes.words(step, Direction::Forward));
    failpoint::hit("step")?;
    image_step::take(run, step, Direction::Forward, false)
}

/// How many times as long as one image all images of these steps take.
pub(super) fn rounds(root: &Root, generator: Option<Generator>, steps: &[Step]) -> usize {
    let builds = steps.iter().filter(|step| image_step::of(step).is_some());
    let (bridge, last): (Vec<Step>, Vec<Step>) = builds.cloned().partition(Step::is_bridge_image);
    let rounds = |steps: &[Step]| steps.len().div_ceil(width(root, generator, steps));
    rounds(&bridge) + rounds(&last)
}

/// How many images are built at a time: at most one for each processor, and only as many as memory and disks have
/// room for.
fn width(root: &Root, generator: Option<Generator>, steps: &[Step]) -> usize {
    let images: Vec<PathBuf> =
        steps.iter().filter_map(image_step::of).map(|image| root.outer(&image.path)).collect();
    if !matches!(generator, Some(Generator::InitramfsTools | Generator::Dracut))
        || HOOKS.iter().any(|dir| has_hook(root, Path::new(dir)))
    {
        return 1;
    }
    let processors = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let memory = usize::try_from(available_memory() / MEMORY).unwrap_or(usize::MAX);
    let most = images.len().min(processors).min(memory);
    (2..=most).rev().find(|width| fits(root, &images, *width)).unwrap_or(1)
}

/// Whether there is a hook that may expect to run alone. If the directory cannot be read, there may be one.
fn has_hook(root: &Root, dir: &Path) -> bool {
    root.list(dir).map_or(true, |names| names.iter().any(|name| name != BYPASSED))
}

/// `MemAvailable` of proc_meminfo(5), in bytes. 0 if it cannot be read.
fn available_memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) << 10
}

/// Whether the largest images have room beside their old versions, and their trees have room where the tools create
/// them.
fn fits(root: &Root, images: &[PathBuf], width: usize) -> bool {
    let mut sizes: Vec<(u64, &PathBuf)> = images
        .iter()
        .filter_map(|image| fs::metadata(image).ok().map(|metadata| (metadata.size(), image)))
        .collect();
    sizes.sort_unstable_by_key(|(size, _)| std::cmp::Reverse(*size));
    sizes.truncate(width);
    let total: u64 = sizes.iter().map(|(size, _)| size).sum();
    let beside = sizes.iter().all(|(_, image)| {
        image.parent().and_then(free).is_some_and(|free| free > total + total / 10)
    });
    let trees = free(&root.outer(Path::new("/var/tmp")));
    beside && trees.is_some_and(|free| free > total * UNPACKED)
}

/// Bytes that can still be written on the file system of a directory. The reserve for root does not count.
fn free(dir: &Path) -> Option<u64> {
    statvfs(dir).ok().map(|stat| stat.blocks_available() * stat.fragment_size())
}
