//! Decides which host gets which name.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use super::change::Rename;
use super::forms::hosts::domain_of;
use super::places::PLACES;
use super::{HostNames, Spelling};
use crate::exit::{refuse, usage};
use crate::guest::root::Root;
use crate::live::host_name;

/// Settles the names, or says what is wrong with them. Without `old`, the old name is the system's present name.
pub(crate) fn find(root: &Root, old: Option<&Spelling>, new: &Spelling) -> Result<Rename> {
    if old == Some(new) {
        let name = new.full().unwrap_or_else(|| new.short().to_owned());
        return Err(usage(format!(
            "OLD and NEW are both `{name}`: nothing would change; give another name"
        )));
    }
    let present = present(root);
    let is_present = |name: &Spelling| {
        present.as_ref().is_none_or(|present| present.short().eq_ignore_ascii_case(name.short()))
    };
    let other = present.as_ref().zip(old).filter(|(_, old)| !is_present(old) && !is_present(new));
    if let Some((present, old)) = other {
        return Err(refuse(anyhow!(
            "the host is called `{}`, neither `{}` nor `{}`: give its present name as OLD, or leave out OLD",
            present.short(),
            old.short(),
            new.short()
        )));
    }
    let Some(old) = old.or(present.as_ref()) else {
        return Err(refuse(anyhow!(
            "the system has no host name: give the name in its files as OLD"
        )));
    };
    let names = HostNames::new(with_domain(root, old, new, present.as_ref()), new.clone());
    let had_new = files_that_have(root, &names.reversed(), &names);
    Ok(Rename::new(names, had_new))
}

/// The first line of hostname(5), or the name of the running system.
fn present(root: &Root) -> Option<Spelling> {
    let text = root.read_text("/etc/hostname").unwrap_or_default();
    let mut lines = text.lines().map(str::trim);
    let line = lines.find(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned);
    let name = line.or_else(|| root.is_live().then(|| host_name::now().ok()).flatten())?;
    Spelling::new(&name).map_err(|error| log::debug!("{error:#}")).ok()
}

/// The old name with the host's domain: its own, or that of the present name, or that in the hosts file. In the hosts
/// file, the new name comes first if the host has it already, because the line of the old name may be another host's
/// by now.
fn with_domain(
    root: &Root,
    old: &Spelling,
    new: &Spelling,
    present: Option<&Spelling>,
) -> Spelling {
    let hosts = root.read_text("/etc/hosts").unwrap_or_default();
    let by_file = |name: &Spelling| domain_of(name.short(), hosts.as_bytes());
    let is_new = present.is_some_and(|present| present.short().eq_ignore_ascii_case(new.short()));
    let by_new = is_new.then(|| by_file(new)).flatten();
    old.clone()
        .or_domain(present.and_then(Spelling::domain))
        .or_domain(by_new.as_deref())
        .or_domain(by_file(old).as_deref())
}

/// Files in the table that have one name and not the other.
fn files_that_have(root: &Root, one: &HostNames, other: &HostNames) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for place in PLACES {
        for path in root.glob(place.pattern).unwrap_or_default() {
            let path = Path::new("/").join(path);
            let Ok(Some(source)) = root.read(&path) else { continue };
            let has = |names| !(place.rewrite)(names, &source.bytes).edits.is_empty();
            if !found.contains(&path) && has(one) && !has(other) {
                found.push(path);
            }
        }
    }
    found
}
