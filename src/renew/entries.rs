//! What kernel-install has named after a machine ID, and whether it goes on under that name or gets another.

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

/// Where kernel-install(8) reads the name of new entries, before it asks for the machine ID.
pub(super) const TOKEN: &str = "/etc/kernel/entry-token";

/// What it names after the machine ID, on each of its partitions (systemd docs/BUILDING_IMAGES.md).
const PATTERNS: &[&str] = &["loader/entries/ID-*.conf", "ID", "EFI/Linux/ID-*.efi"];

/// The program and its plug-ins.
const PROGRAMS: &[&str] = &["/usr/bin/kernel-install", "/bin/kernel-install"];
const PLUGINS: &[&str] = &["usr/lib/kernel/install.d/*.install", "etc/kernel/install.d/*.install"];

/// The first path that has the ID.
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

/// How boot entries go on that have a machine ID.
pub(super) enum Way {
    /// Under the ID as it is, by the token.
    Token,
    /// Under the next ID; these are renamed.
    Renamed(Vec<PathBuf>),
}

/// Which way they go.
///
/// # Errors
/// Why they cannot be renamed where no token keeps their name, and what to do.
pub(super) fn way(root: &Root, id: &str) -> Result<Way> {
    let Some(deaf) = deaf(root)? else { return Ok(Way::Token) };
    checks::names_can_change(root, &deaf)?;
    found(root, id).map(Way::Renamed).map_err(refuse)
}

/// The program that gives entries their names and does not obey the token: before systemd 250 kernel-install
/// knew none, and a plug-in may write the entries by itself (grub2's 20-grub.install).
fn deaf(root: &Root) -> Result<Option<PathBuf>> {
    let mut programs: Vec<PathBuf> = PROGRAMS.iter().map(PathBuf::from).collect();
    for pattern in PLUGINS {
        programs.extend(root.glob(pattern).map_err(refuse)?);
    }
    let is_deaf = |path: &PathBuf| {
        let text = root.read_text(path).unwrap_or_default();
        let writes = PROGRAMS.iter().any(|program| Path::new(program) == path)
            || text.contains("loader/entries");
        let listens = text.contains("entry-token") || text.contains("ENTRY_TOKEN");
        // A plug-in is told the entries' directory, too, of which the token is a part.
        !text.is_empty() && writes && text.contains("MACHINE_ID") && !listens
    };
    Ok(programs.into_iter().find(is_deaf))
}

/// What the token holds; none if there is none.
///
/// # Errors
/// Something else than a file at its place.
pub(super) fn token(root: &Root) -> Result<Option<String>> {
    match root.read(Path::new(TOKEN))? {
        Some(source) => Ok(Some(String::from_utf8_lossy(&source.bytes).trim().to_owned())),
        None if root.is_link(Path::new(TOKEN)) => {
            bail!("`{TOKEN}` is a link to nothing: remove it, or create its target")
        }
        None => Ok(None),
    }
}
