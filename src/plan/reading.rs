//! Reads the places of the table, each file once, and the names that the tree gives to devices other than
//! volumes.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::Warning;
use super::{also, device_names, included};
use crate::guest::root::{Root, Source, identity};
use crate::own::GRUB_LINK;
use crate::rewrite::{PLACES, Place};

/// The files in the places of the table, for any group.
#[derive(Debug, Default)]
pub struct Sources {
    /// Every file, once even if several paths lead to it.
    pub(super) files: Vec<(&'static Place, Source)>,
    /// Names below /dev/mapper that any of the files declares for devices other than volumes.
    pub mappings: BTreeSet<String>,
    /// What could not be read.
    pub(super) warnings: Vec<Warning>,
}

impl Sources {
    /// Reads every place, and the files `also` that the user names, as far as they exist.
    ///
    /// # Errors
    /// If a place that a boot reads exists but cannot be read.
    pub fn read(root: &Root, also: &[PathBuf]) -> Result<Self> {
        let mut warnings = Vec::new();
        let mut seen = HashSet::new();
        let mut files = places(root, &mut seen, &mut warnings)?;
        included::add(root, &mut files, &mut seen);
        also::add(root, also, &mut files, &mut seen);
        Ok(Self { mappings: device_names::all(root, &files), files, warnings })
    }
}

/// The files that were read, by device and inode.
pub(super) type Seen = HashSet<(u64, u64)>;

fn places(
    root: &Root,
    seen: &mut Seen,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<(&'static Place, Source)>> {
    let mut sources = Vec::new();
    for place in PLACES {
        let paths = root.glob(place.pattern);
        let Some(paths) = tolerate(place, Path::new(place.pattern), paths, warnings)? else {
            continue;
        };
        for path in paths {
            // postclone's own link, which exists until the reboot.
            if path == Path::new(GRUB_LINK) {
                continue;
            }
            let source = read_place(root, place, &path, warnings);
            let source = tolerate(place, &path, source, warnings)?.flatten();
            sources.extend(
                source
                    .filter(|source| seen.insert(identity(&source.metadata)))
                    .map(|source| (place, source)),
            );
        }
    }
    Ok(sources)
}

/// Turns an error into a warning if the machine boots without the place.
fn tolerate<T>(
    place: &Place,
    path: &Path,
    read: Result<T>,
    warnings: &mut Vec<Warning>,
) -> Result<Option<T>> {
    match read {
        Err(error) if !place.is_vital() => {
            let path = Path::new("/").join(path);
            warnings.push(Warning::about(&path, format!("{error:#}: not searched")));
            Ok(None)
        }
        read => read.map(Some),
    }
}

/// One file of the table. `None` if there is nothing to read.
fn read_place(
    root: &Root,
    place: &Place,
    path: &Path,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Source>> {
    let single = !place.pattern.contains('*');
    let Some(resolved) = root.resolve(path)? else {
        if root.is_link(path) {
            dangling(root, path, single, warnings)?;
        }
        return Ok(None);
    };
    if resolved.to_str().is_none() {
        let text = "the file name is not UTF-8: it stays as it is and is not searched";
        warnings.push(Warning::about(Path::new(&*path.to_string_lossy()), text));
        return Ok(None);
    }
    if place.passes_over(&resolved) {
        return Ok(None);
    }
    // systemd and the administrator mask a file by a link to /dev/null. Subdirectories of a directory are
    // not configuration files.
    if resolved == Path::new("/dev/null") || (!single && root.outer(&resolved).is_dir()) {
        return Ok(None);
    }
    root.read(path)
}

/// A link whose target does not exist. If the directory of the target exists, the file is simply missing,
/// like `/etc/sysconfig/grub` after GRUB was removed. Otherwise, a file system may have to be mounted.
fn dangling(root: &Root, path: &Path, single: bool, warnings: &mut Vec<Warning>) -> Result<()> {
    let end = end_of_links(root, path);
    if end == Path::new("/dev/null") {
        return Ok(());
    }
    let target = std::fs::read_link(root.outer(path)).unwrap_or_default();
    let text = format!(
        "`{}` is a symbolic link to `{}`, which does not exist inside the root",
        path.display(),
        target.display()
    );
    if single && !end.parent().is_some_and(|dir| root.exists(dir)) {
        bail!("{text}: mount what it points into, or remove the link");
    }
    warnings.push(Warning::about(path, format!("{text}: it stays as it is")));
    Ok(())
}

/// Where the chain of links from a path ends, whether or not anything is there.
fn end_of_links(root: &Root, path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..40 {
        let Ok(target) = std::fs::read_link(root.outer(&path)) else { break };
        let dir = path.parent().unwrap_or(Path::new("/")).join(&target);
        let (Some(dir), Some(name)) = (dir.parent(), target.file_name()) else { break };
        let dir = root.resolve(dir).ok().flatten().unwrap_or_else(|| dir.to_owned());
        path = dir.join(name);
    }
    path
}
