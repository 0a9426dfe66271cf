//! Files that kernel-install has named after a machine ID, and whether they keep that name or get another.

mod checks;
mod found;
mod names;
mod text;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::exit::refuse;
use crate::guest::root::Root;
pub(super) use checks::{checks, warnings};
pub(super) use found::{found, shifted, twins};
pub(super) use names::renamed;
pub(super) use text::Names;

/// Where kernel-install(8) looks for the name of new entries before it uses the machine ID.
pub(super) const TOKEN: &str = "/etc/kernel/entry-token";

/// What kernel-install names after the machine ID on each of its partitions (systemd docs/BUILDING_IMAGES.md).
const PATTERNS: &[&str] = &["loader/entries/ID-*.conf", "ID", "EFI/Linux/ID-*.efi"];

/// kernel-install and its plug-ins.
const PROGRAMS: &[&str] = &["/usr/bin/kernel-install", "/bin/kernel-install"];
const PLUGINS: &[&str] = &["usr/lib/kernel/install.d/*.install", "etc/kernel/install.d/*.install"];

/// Where dracut's plug-in for rescue entries looks for `dracut_rescue_image` (dracut's install.d/51-dracut-rescue.install).
const RESCUE: &[&str] = &[
    "etc/dracut.conf.d/*.conf",
    "usr/lib/dracut/dracut.conf.d/*.conf",
    "run/initramfs/dracut.conf.d/*.conf",
];

/// The first path named after the ID.
pub(super) fn named_after(root: &Root, id: &str) -> Result<Option<PathBuf>> {
    for partition in names::PARTITIONS {
        for pattern in PATTERNS {
            let found = root.glob(&format!("{}/{}", &partition[1..], pattern.replace("ID", id)))?;
            if let Some(path) = found.into_iter().find(|path| root.exists(path)) {
                return Ok(Some(path));
            }
        }
    }
    Ok(None)
}

/// What happens to boot entries that are named after a machine ID.
pub(super) enum Way {
    /// They keep the old ID in their name, because of the token.
    Token,
    /// They get the new ID. These paths are renamed.
    Renamed(Vec<PathBuf>),
}

/// Which way the boot entries go.
///
/// # Errors
/// They cannot be renamed, and no token can keep their name. Says why, and what to do.
pub(super) fn way(root: &Root, id: &str) -> Result<Way> {
    let Some(deaf) = deaf(root)? else { return Ok(Way::Token) };
    checks::names_can_change(root, &deaf)?;
    found(root, id).map(Way::Renamed).map_err(refuse)
}

/// The program that names entries and ignores the token. kernel-install before systemd 250 does not know the token,
/// and a plug-in may write the entries itself (grub2's 20-grub.install).
fn deaf(root: &Root) -> Result<Option<PathBuf>> {
    let mut programs: Vec<PathBuf> = PROGRAMS.iter().map(PathBuf::from).collect();
    for pattern in PLUGINS {
        programs.extend(root.glob(pattern).map_err(refuse)?);
    }
    let makes_rescue = makes_rescue_entries(root)?;
    let is_deaf = |path: &PathBuf| {
        let text = root.read_text(path).unwrap_or_default();
        // It writes rescue entries and no others.
        if text.contains("dracut_rescue_image") && !makes_rescue {
            return false;
        }
        let writes = PROGRAMS.iter().any(|program| Path::new(program) == path)
            || text.contains("loader/entries");
        let listens = text.contains("entry-token") || text.contains("ENTRY_TOKEN");
        // A plug-in also gets the entries' directory as an argument, and the token is a part of it.
        !text.is_empty() && writes && text.contains("MACHINE_ID") && !listens
    };
    Ok(programs.into_iter().find(is_deaf))
}

/// Whether dracut is told to make rescue entries. It makes none by default.
fn makes_rescue_entries(root: &Root) -> Result<bool> {
    let mut files = Vec::new();
    for pattern in RESCUE {
        files.extend(root.glob(pattern).map_err(refuse)?);
    }
    let says_yes = |line: &str| {
        let value = line.trim_start().strip_prefix("dracut_rescue_image=");
        value.is_some_and(|value| value.trim_matches(['"', '\'', ' ']).starts_with("yes"))
    };
    Ok(files.iter().any(|path| root.read_text(path).is_some_and(|text| text.lines().any(says_yes))))
}

/// The content of the token. `None` if there is no token.
///
/// # Errors
/// Something other than a file in its place.
pub(super) fn token(root: &Root) -> Result<Option<String>> {
    match root.read(Path::new(TOKEN))? {
        Some(source) => Ok(Some(String::from_utf8_lossy(&source.bytes).trim().to_owned())),
        None if root.is_link(Path::new(TOKEN)) => {
            bail!("`{TOKEN}` is a link to nothing: remove it, or create its target")
        }
        None => Ok(None),
    }
}
