//! Images that boot entries load and that nothing here rebuilds. Their content decides whether the run is refused.

use std::path::{Path, PathBuf};

use crate::audit::{self, told};
use crate::change::Job;
use crate::guest::kernels::{KNOWN, Left};

/// Where a boot loader's path may start: the file systems of boot loaders, and the root.
const BASES: &[&str] = &["/boot", "/", "/boot/efi", "/efi"];

/// Adds to the images that are left those that no known tool builds, each with the entry that loads it. If one of
/// them names the group, the run is refused, because the entry would not boot.
pub(super) fn judge(job: &mut Job) {
    let mut wanted = None;
    for (place, path) in loaded(job) {
        let known = |at: &PathBuf| job.root.resolve(at).ok().flatten().as_ref() == Some(&path);
        let is_known = job.images.images.iter().map(|image| &image.path).any(known)
            || job.placed.iter().map(|placed| &placed.last.path).any(known)
            || job.images.left.iter().map(|left| &left.path).any(known);
        if is_known || is_microcode(&path) {
            continue;
        }
        let wanted = match &mut wanted {
            Some(wanted) => wanted,
            none => none.insert(job.wanted()),
        };
        let (old, tool) = (job.plan.searched_names(), "build it with the tool that made it");
        let unknown = format!("{place} loads it, and none of {KNOWN} can build it here");
        let (why, refuses) = match audit::inside(&job.root.outer(&path), wanted) {
            Ok(inside) => match inside.names.first() {
                Some(name) => (
                    format!(
                        "{unknown}; it names {old} ({}: {}): use --no-initramfs, and {tool} before the reboot",
                        told::place(name),
                        name.token
                    ),
                    true,
                ),
                None => (format!("{unknown}; it does not name {old} and stays as it is"), false),
            },
            // If there is no tool here at all, this image may be all that the next boot has.
            Err(error) => (
                format!("{unknown}, and it cannot be read ({error:#}): {tool} before the reboot"),
                job.generator.is_none(),
            ),
        };
        job.images.left.push(Left { path, why, refuses });
    }
}

/// Every image that a boot entry of this system loads, with the line that loads it. Links are resolved.
fn loaded(job: &Job) -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for row in job.proof_before() {
        if row.item != "initrd" || row.value.contains('$') {
            continue;
        }
        let relative = row.value.trim_start_matches('/');
        let beside = row.path.parent().filter(|_| relative == row.value);
        let mut dirs = beside.into_iter().chain(BASES.iter().map(Path::new));
        let path = dirs.find_map(|dir| job.root.resolve(&dir.join(relative)).ok()?);
        let Some(path) = path.filter(|path| found.iter().all(|(_, other)| other != path)) else {
            continue;
        };
        let line = row.line.map_or_else(String::new, |line| format!(":{line}"));
        found.push((format!("`{}{line}`", row.path.display()), path));
    }
    found
}

/// Whether this is an early archive that contains only the processor's microcode (`intel-ucode.img`).
fn is_microcode(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    ["ucode", "microcode"].iter().any(|word| name.contains(word))
}
