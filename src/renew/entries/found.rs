//! Finds what is named after a machine ID.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::names::{PARTITIONS, is_entry, renamed, split};
use super::text::Names;
use crate::guest::private::is_private;
use crate::guest::root::Root;
use crate::plan::FileChange;
use crate::plan::paths::{Moved, Shifted};
use crate::rewrite::edit::apply;
use crate::transaction::staged::PREFIX;
use crate::transaction::twins::Twin;

/// Every file and directory named after the ID. A directory comes before what is in it, and entries come last. Paths
/// begin with their partition's mount point as it is spelled, which may be a link.
///
/// # Errors
/// Something that is neither a file nor a directory, or that is reached through a link. It is not known what a boot
/// loader would read there.
pub(in crate::renew) fn found(root: &Root, id: &str) -> Result<Vec<PathBuf>> {
    let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
    for partition in PARTITIONS.iter().map(Path::new) {
        let Some(base) = root.resolve(partition)? else { continue };
        if !seen.insert(base) {
            continue;
        }
        for dir in ["", "loader/entries", "EFI/Linux"] {
            let dir = if dir.is_empty() { partition.to_owned() } else { partition.join(dir) };
            if !root.exists(&dir) {
                continue;
            }
            straight(root, &dir)?;
            for name in root.list(&dir)? {
                let path = dir.join(&name);
                if renamed(&path, id, id).is_some() {
                    add(root, &path, &mut all)?;
                }
            }
        }
    }
    // The sort is stable, so a directory stays before what is in it.
    all.sort_by_key(|path| is_entry(path));
    Ok(all)
}

fn add(root: &Root, path: &Path, all: &mut Vec<PathBuf>) -> Result<()> {
    // An interrupted run left this behind.
    if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(PREFIX.as_bytes())) {
        return Ok(());
    }
    let at = root.outer(&straight(root, path)?);
    let looking = || format!("looking at `{}`", at.display());
    let kind = fs::symlink_metadata(&at).with_context(looking)?.file_type();
    if !kind.is_dir() && !kind.is_file() || path.to_str().is_none() {
        bail!("`{}` is not a plain file: check what it is for, and move it away", at.display());
    }
    all.push(path.to_owned());
    if kind.is_dir() {
        for name in root.list(path)? {
            add(root, &path.join(name), all)?;
        }
    }
    Ok(())
}

/// Where a path is inside the root. Only its partition's mount point is resolved.
fn straight(root: &Root, path: &Path) -> Result<PathBuf> {
    let partition = PARTITIONS.iter().find(|partition| path.starts_with(partition));
    let partition = Path::new(*partition.context("no partition that boot loaders read")?);
    let base = root.resolve(partition)?;
    let base = base.with_context(|| format!("`{}` is not there: mount it", partition.display()))?;
    let below = path.strip_prefix(partition).unwrap_or(path);
    let at = if below.as_os_str().is_empty() { base } else { base.join(below) };
    if root.resolve(&at)?.is_some_and(|resolved| resolved != at) || root.is_link(&at) {
        bail!("`{}` is a symbolic link: replace it with its target", path.display());
    }
    Ok(at)
}

/// Pairs each path with its name under another ID, both on this machine, with the new text of entries.
///
/// # Errors
/// A path that does not contain the ID, or an entry that cannot be read.
pub(in crate::renew) fn twins(
    root: &Root,
    paths: &[PathBuf],
    from: &str,
    to: &str,
) -> Result<Vec<Twin>> {
    let names = Names::of(paths, from, to);
    let twin = |path: &PathBuf| {
        let other = renamed(path, from, to);
        let other =
            other.with_context(|| format!("`{}` does not contain {from}", path.display()))?;
        let at = |path: &Path| Ok::<_, anyhow::Error>(root.outer(&straight(root, path)?));
        let text = if has_text(path) { read(root, path)? } else { None };
        let text = text.and_then(|text| {
            let edits = names.edits(&text);
            (!edits.is_empty()).then(|| apply(&text, &edits))
        });
        Ok(Twin { from: at(path)?, to: at(&other)?, text, is_last: is_entry(path) })
    };
    paths.iter().map(twin).collect()
}

fn read(root: &Root, path: &Path) -> Result<Option<Vec<u8>>> {
    let at = straight(root, path)?;
    Ok(root.read(&at)?.map(|source| source.bytes))
}

/// Whether a file names the kernel's file. Entries do, and so do the checksums of kernels that FIPS requires
/// (fipscheck(8)).
pub(super) fn has_text(path: &Path) -> bool {
    path.extension().is_some_and(|suffix| suffix == "conf" || suffix == "hmac")
}

/// The same for a patch: each file with the edits to its text.
///
/// # Errors
/// An entry that cannot be read.
pub(in crate::renew) fn shifted(
    root: &Root,
    paths: &[PathBuf],
    from: &str,
    to: &str,
) -> Result<Vec<Shifted>> {
    let names = Names::of(paths, from, to);
    let mut all = Vec::new();
    for path in paths {
        let (Some(to), at) = (renamed(path, from, to), straight(root, path)?) else { continue };
        if root.outer(&at).is_dir() {
            continue;
        }
        let source = if has_text(path) { root.read(&at)? } else { None };
        let edits = source.as_ref().map_or_else(Vec::new, |source| names.edits(&source.bytes));
        let change = source.filter(|_| !edits.is_empty()).map(|source| FileChange {
            private: is_private(root, &source.path, &source.metadata),
            secret: false,
            path: path.clone(),
            kind: "bls-entry",
            before: source.bytes,
            metadata: source.metadata,
            edits,
            bridge: None,
        });
        all.push(Shifted { moved: Moved { from: path.clone(), to, targets: None }, change });
    }
    Ok(all)
}

/// The partition that a path is on.
pub(super) fn partition(path: &Path, id: &str) -> Option<&'static Path> {
    split(path, id).map(|(partition, _)| partition)
}
