//! The directories of a root's runs, each with its journal, in order.
//!
//! A run's directory is named by a number that only grows. Journals of formats 1 to 3 were named by the clock. They
//! are older than any journal with a number.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::STATE;
use super::inside;
use super::journal::Journal;
use super::record::State;
use crate::guest::root::Root;

/// A run's directory, by its name. The older of two is the smaller one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    /// Seconds and microseconds since 1970.
    Clock(u64, u32),
    Number(u64),
}

/// The number of digits. A larger number has more.
const WIDTH: usize = 6;

impl Name {
    /// Accepts only the exact form. A copy is called `000001.bak`, `000001~` or `000001 (copy)`, for example.
    fn parse(name: &str) -> Option<Self> {
        let digits = |text: &str, width| {
            text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if let Some((seconds, micros)) = name.split_once('.') {
            let fits = digits(seconds, 12) && digits(micros, 6);
            return fits.then(|| Some(Self::Clock(seconds.parse().ok()?, micros.parse().ok()?)))?;
        }
        let is_long = name.len() > WIDTH && !name.starts_with('0');
        (digits(name, name.len()) && (name.len() == WIDTH || is_long))
            .then(|| name.parse().ok().map(Self::Number))?
    }
}

impl Journal {
    /// The open run of a root, if there is one, and otherwise its latest run. Writes nothing.
    ///
    /// # Errors
    /// A journal that somebody else may have made, that is damaged, or that postclone cannot have written. Two open
    /// runs.
    pub fn latest(root: &Root) -> Result<Option<Self>> {
        let Some(state) = root.resolve(Path::new(STATE))? else { return Ok(None) };
        let state = root.outer(&state);
        let metadata = fs::symlink_metadata(&state)
            .with_context(|| format!("looking at `{}`", state.display()))?;
        if !metadata.is_dir() {
            return Ok(None);
        }
        let runs = list(&state)?;
        if !runs.is_empty() {
            inside::is_own(&state, &metadata)?;
        }
        let (mut latest, mut open) = (None, None::<Self>);
        for (_, dir) in runs {
            let journal = Self::open(root, &dir)?;
            let Some(journal) = journal.filter(|journal| !journal.came_to_nothing()) else {
                continue;
            };
            if !matches!(journal.state(), State::Open(_)) {
                latest = Some(journal);
            } else if let Some(other) = open.replace(journal) {
                bail!(
                    "two runs are open, in `{}` and `{}`, but only one can be: find out which of them matches \
                     this system, and move the other directory away",
                    other.dir().display(),
                    dir.display()
                );
            }
        }
        Ok(open.or(latest))
    }
}

/// The runs' directories, the oldest first.
pub(super) fn dirs(state: &Path) -> Result<Vec<PathBuf>> {
    Ok(list(state)?.into_iter().map(|(_, dir)| dir).collect())
}

fn list(state: &Path) -> Result<Vec<(Name, PathBuf)>> {
    let listing = || format!("listing `{}`", state.display());
    let mut runs = Vec::new();
    for entry in fs::read_dir(state).with_context(listing)? {
        let entry = entry.with_context(listing)?;
        if let Some(name) = entry.file_name().to_str().and_then(Name::parse) {
            runs.push((name, entry.path()));
        }
    }
    runs.sort();
    Ok(runs)
}

/// Creates a directory for the next run.
pub(super) fn next(state: &Path) -> Result<PathBuf> {
    let last = list(state)?.into_iter().rev().find_map(|(name, _)| match name {
        Name::Number(number) => Some(number),
        Name::Clock(..) => None,
    });
    let dir = state.join(format!("{:0WIDTH$}", last.unwrap_or(0) + 1));
    super::journal::make_dir(&dir)?;
    Ok(dir)
}

/// Removes what is left of runs that were interrupted before their plan was written.
pub(super) fn remove_unbegun(state: &Path) {
    for (_, dir) in list(state).unwrap_or_default() {
        let is_dir = dir.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
        if is_dir && dir.join("journal").symlink_metadata().is_err() {
            let _ = fs::remove_dir_all(dir);
        }
    }
}

/// Creates [`STATE`] if it does not exist, and returns its place on this machine.
///
/// # Errors
/// A directory that others may write to. A link, device or the like where postclone has its files.
pub(super) fn state_dir(root: &Root) -> Result<PathBuf> {
    let state = inside::make_dir(root, Path::new(STATE))?;
    let metadata = fs::symlink_metadata(&state)
        .with_context(|| format!("looking at `{}`", state.display()))?;
    if metadata.is_dir() {
        inside::is_own(&state, &metadata)?;
    }
    for file in ["lock", "open", "secrets"] {
        inside::is_file(&state.join(file))?;
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_in_order_and_copies_are_none() {
        let order =
            ["001700000000.000000", "001795350771.281018", "000001", "000002", "999999", "1000000"];
        let names: Vec<_> = order.iter().map(|name| Name::parse(name).unwrap()).collect();
        assert!(names.is_sorted(), "{names:?}");
        for name in [
            "000001.bak",
            "000001~",
            "000001.orig",
            "000001 (copy)",
            "000001.",
            "1",
            "00001",
            "0000001",
            "+00001",
            "001700000000.000000.bak",
            "001700000000.000000~",
            "001700000000.00000",
            "lock",
            "",
            "99999999999999999999999",
        ] {
            assert_eq!(Name::parse(name), None, "{name}");
        }
    }
}
