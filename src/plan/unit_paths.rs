//! Files, directories and links whose own name contains the group, and links to them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Warning;
use super::paths::{Link, Moved, PathChange, PathKind, Paths};
use crate::guest::root::Root;
use crate::rewrite::matcher::{Matcher, Verdict};
use crate::rewrite::unit_path::{Named, is_of_a_unit, judge};

/// Where systemd looks for units that persist over a boot (systemd.unit(5), unit file load path).
const UNIT_DIRS: &[&str] = &[
    "/etc/systemd/system.control",
    "/etc/systemd/system",
    "/etc/systemd/user",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// Units that generators make from fstab at each boot, with the present names of the volumes.
const GENERATED: &str = "/run/systemd";

/// An entry in a directory of units.
struct Entry {
    path: PathBuf,
    metadata: Metadata,
    /// Its new name, if it is renamed.
    new: Option<String>,
    /// The target of a link, if it is UTF-8 and a single line.
    target: Option<String>,
}

/// Searches the directories of units, and the directories of single units in them.
pub(super) fn find(
    root: &Root,
    matchers: &[Matcher],
    warnings: &mut Vec<Warning>,
) -> Result<Paths> {
    let mut entries = Vec::new();
    let mut dirs = BTreeSet::new();
    for dir in UNIT_DIRS {
        let Some(dir) = root.resolve(Path::new(dir))?.filter(|dir| root.outer(dir).is_dir()) else {
            continue;
        };
        if !dirs.insert(dir.clone()) {
            continue;
        }
        let from = entries.len();
        list(root, &dir, matchers, &mut entries, warnings)?;
        let below: Vec<PathBuf> = entries[from..]
            .iter()
            .filter(|entry| entry.metadata.is_dir())
            .filter(|entry| name_of(&entry.path).is_some_and(is_of_a_unit))
            .map(|entry| entry.path.clone())
            .collect();
        for dir in below {
            list(root, &dir, matchers, &mut entries, warnings)?;
            dirs.insert(dir);
        }
    }
    let names = entries.iter().filter_map(|entry| Some((&entry.path, entry.new.as_ref()?)));
    let names: BTreeMap<PathBuf, String> =
        names.map(|(path, new)| (path.clone(), new.clone())).collect();
    let links = Links { root, matchers, names: &names, dirs: &dirs };
    let mut changes = Vec::new();
    for entry in &entries {
        let before = entry.target.as_ref();
        let after = before.map(|target| links.target(&entry.path, target));
        if entry.new.is_none() && before == after.as_ref() {
            continue;
        }
        changes.push(PathChange {
            from: entry.path.clone(),
            to: renamed(&entry.path, &names),
            kind: PathKind::of(&entry.metadata),
            link: before.zip(after).map(|(before, after)| Link {
                before: before.into(),
                after: after.into(),
                modified: (entry.metadata.mtime(), entry.metadata.mtime_nsec()),
            }),
        });
    }
    let moved = moved(root, &changes, &names)?;
    changes.sort_by_key(|change| (std::cmp::Reverse(depth(&change.from)), change.from.clone()));
    Ok(Paths { changes, moved })
}

/// Adds the entries of a directory with their new names.
fn list(
    root: &Root,
    dir: &Path,
    matchers: &[Matcher],
    entries: &mut Vec<Entry>,
    warnings: &mut Vec<Warning>,
) -> Result<()> {
    for name in root.list(dir)? {
        let path = dir.join(&name);
        let Some(name) = name.to_str() else {
            let text = "the file name is not UTF-8: it stays as it is";
            warnings.push(Warning::about(Path::new(&*path.to_string_lossy()), text));
            continue;
        };
        let outer = root.outer(&path);
        let looking = || format!("looking at `{}`", outer.display());
        let metadata = fs::symlink_metadata(&outer).with_context(looking)?;
        let mut target = None;
        if metadata.is_symlink() {
            let there = fs::read_link(&outer).with_context(looking)?;
            target = there.to_str().filter(|target| !target.contains('\n')).map(str::to_owned);
            if target.is_none() {
                let text = "the link's target is not a line of UTF-8: it stays as it is";
                warnings.push(Warning::about(&path, text));
                continue;
            }
        }
        let new = match judge_by_all(matchers, name) {
            Named::Foreign => None,
            Named::Renamed(new) => Some(new),
            Named::UnknownVolume => {
                let text = format!(
                    "the name `{name}` fits the group, but the group has no such volume, so it is not renamed"
                );
                warnings.push(Warning::about(&path, text));
                None
            }
        };
        entries.push(Entry { path, metadata, new, target });
    }
    Ok(())
}

/// The verdict of all matchers on a name. Each matcher gets the name that the matchers before it give.
fn judge_by_all(matchers: &[Matcher], name: &str) -> Named {
    matchers.iter().fold(Named::Foreign, |named, matcher| {
        let judged = match &named {
            Named::Renamed(new) => judge(matcher, new),
            _ => judge(matcher, name),
        };
        if judged == Named::Foreign { named } else { judged }
    })
}

/// What is needed to find the new targets of links.
struct Links<'a> {
    root: &'a Root,
    matchers: &'a [Matcher],
    /// New names, by path.
    names: &'a BTreeMap<PathBuf, String>,
    /// All directories that were searched.
    dirs: &'a BTreeSet<PathBuf>,
}

impl Links<'_> {
    /// The target of a link after the run, with the new name of each renamed component.
    fn target(&self, link: &Path, target: &str) -> String {
        let device = self.matchers.iter().fold(target.to_owned(), |target, matcher| match matcher
            .path(target.as_bytes())
        {
            Verdict::Ours(hit) => {
                let (head, tail) = (&target[..hit.name.start], &target[hit.name.end..]);
                format!("{head}{}{tail}", hit.new)
            }
            _ => target,
        });
        if device != target {
            return device;
        }
        let is_renamed = |piece| matches!(judge_by_all(self.matchers, piece), Named::Renamed(_));
        if !target.split('/').any(is_renamed) {
            return target.to_owned();
        }
        let start = if target.starts_with('/') { None } else { link.parent() };
        let mut at = start.unwrap_or(Path::new("/")).to_owned();
        let mut pieces = Vec::new();
        for piece in target.split('/') {
            pieces.push(piece.to_owned());
            match piece {
                "" | "." => continue,
                ".." => {
                    at.pop();
                    continue;
                }
                _ => {}
            }
            let path = at.join(piece);
            if let Some(new) = self.new_name(&path, piece) {
                pieces.pop();
                pieces.push(new);
            }
            // A loop, or a path out of the root, leads to no renamed file.
            at = self.root.resolve(&path).ok().flatten().unwrap_or(path);
        }
        pieces.join("/")
    }

    fn new_name(&self, path: &Path, name: &str) -> Option<String> {
        if let Some(new) = self.names.get(path) {
            return Some(new.clone());
        }
        // systemd takes a link in `.wants/` by the link's own name. Such a link often leads to a unit
        // without a file: a device's, or one that a generator makes at the next boot.
        let dir = path.parent()?;
        let missing =
            self.dirs.contains(dir) && fs::symlink_metadata(self.root.outer(path)).is_err();
        match judge_by_all(self.matchers, name) {
            Named::Renamed(new) if missing || dir.starts_with(GENERATED) => Some(new),
            _ => None,
        }
    }
}

/// The path with the new names of its renamed components.
fn renamed(path: &Path, names: &BTreeMap<PathBuf, String>) -> PathBuf {
    let mut before = PathBuf::new();
    let mut after = PathBuf::new();
    for component in path.components() {
        before.push(component);
        match names.get(&before) {
            Some(new) => after.push(new),
            None => after.push(component),
        }
    }
    after
}

/// Every file and link that a patch must show.
fn moved(
    root: &Root,
    changes: &[PathChange],
    names: &BTreeMap<PathBuf, String>,
) -> Result<Vec<Moved>> {
    let mut moved = BTreeMap::new();
    let mut inside: Vec<PathBuf> = Vec::new();
    for change in changes {
        match change.kind {
            PathKind::Directory => inside.push(change.from.clone()),
            PathKind::File | PathKind::Link => {
                let link = change.link.as_ref();
                let targets = link.map(|link| (link.before.clone(), link.after.clone()));
                let (from, to) = (change.from.clone(), change.to.clone());
                moved.insert(from.clone(), Moved { from, to, targets });
            }
        }
    }
    while let Some(dir) = inside.pop() {
        for name in root.list(&dir)? {
            let from = dir.join(name);
            let outer = root.outer(&from);
            let looking = || format!("looking at `{}`", outer.display());
            let metadata = fs::symlink_metadata(&outer).with_context(looking)?;
            if metadata.is_dir() {
                inside.push(from);
                continue;
            }
            let mut targets = None;
            if metadata.is_symlink() {
                let target = fs::read_link(&outer).with_context(looking)?;
                targets = Some((target.clone(), target));
            }
            let to = renamed(&from, names);
            moved.entry(from.clone()).or_insert(Moved { from, to, targets });
        }
    }
    Ok(moved.into_values().collect())
}

fn name_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

fn depth(path: &Path) -> usize {
    path.components().count()
}
