//! Checks whether postclone can have written a journal's plan: its paths are plain, and its steps refer only to what
//! the plan lists.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::inside::plain;
use super::record::Saved;
use crate::guest::placed::{Made, Placed};
use crate::plan::Step;
use crate::plan::paths::PathChange;

/// Checks the plan.
pub(super) fn check(saved: &Saved) -> Result<()> {
    for path in saved.files.iter().chain(&saved.also) {
        plain(path)?;
    }
    for path in saved.secrets.iter().flat_map(|secrets| &secrets.files) {
        if !saved.files.contains(path) {
            bail!("`{}` is a secret that belongs to no file of the run", path.display());
        }
    }
    paths(&saved.paths)?;
    if let Some(run) = &saved.undoes {
        name(run)?;
    }
    for (number, step) in saved.steps.iter().enumerate() {
        of_step(saved, step).with_context(|| format!("step {}", number + 1))?;
    }
    Ok(())
}

/// Each path stays in its directory. The list may rename that directory, too.
fn paths(changes: &[PathChange]) -> Result<()> {
    let mut names: HashMap<&Path, &OsStr> = HashMap::new();
    let mut taken = HashSet::new();
    for change in changes {
        plain(&change.from)?;
        plain(&change.to)?;
        let (from, to) = (change.from.display(), change.to.display());
        let Some(name) = change.to.file_name() else { bail!("`{to}` has no name") };
        if names.insert(&change.from, name).is_some() || !taken.insert(&change.to) {
            bail!("`{from}` or `{to}` is there twice");
        }
    }
    for change in changes {
        let (mut from, mut to) = (change.from.as_path(), change.to.as_path());
        while let (Some(dir), Some(name)) = (from.parent(), from.file_name()) {
            if names.get(from).copied().unwrap_or(name) != to.file_name().unwrap_or_default() {
                bail!(
                    "`{}` would be moved to `{}`, which is in another directory",
                    change.from.display(),
                    change.to.display()
                );
            }
            (from, to) = (dir, to.parent().unwrap_or(Path::new("")));
        }
        if to != Path::new("/") {
            bail!("`{}` would be moved to `{}`", change.from.display(), change.to.display());
        }
    }
    Ok(())
}

fn of_step(saved: &Saved, step: &Step) -> Result<()> {
    match step {
        Step::Backup { files } | Step::BridgeFiles { files } | Step::ReplaceFiles { files } => {
            at_most("files", *files, saved.files.len())
        }
        Step::RenamePaths { paths } => at_most("paths", *paths, saved.paths.len()),
        Step::BridgeImage { kernel, path, .. } | Step::RebuildImage { kernel, path, .. } => {
            name(kernel)?;
            plain(path)
        }
        Step::BridgePlaced(wanted) | Step::Place(wanted) => placed(wanted),
        // The change's kind checks it when it reads what the journal keeps of the change.
        Step::ReloadSystemd | Step::Verify | Step::Own(_) => Ok(()),
    }
}

fn placed(placed: &Placed) -> Result<()> {
    name(&placed.kernel)?;
    plain(&placed.path)?;
    match &placed.made {
        Made::Copy { of } => plain(of),
        Made::Unified { token, linux, initrd, .. } => {
            name(token)?;
            plain(linux)?;
            initrd.as_deref().map_or(Ok(()), plain)
        }
    }
}

fn at_most(what: &str, told: usize, listed: usize) -> Result<()> {
    if told > listed {
        bail!("it concerns {told} {what}, but the plan lists {listed}");
    }
    Ok(())
}

/// A kernel's version or an entry token. It becomes part of a file's name and an argument of a program.
fn name(name: &str) -> Result<()> {
    let is_name = !name.is_empty()
        && !name.starts_with(['-', '.'])
        && !name.contains(|c: char| c == '/' || c.is_control());
    if !is_name {
        bail!("`{}` is neither a kernel version nor an entry token", name.escape_debug());
    }
    Ok(())
}
