//! What kernel-install has named after a machine ID, and whether it goes on under that name.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::exit::refuse;
use crate::guest::root::Root;

/// Where kernel-install(8) reads the name of new entries, before it asks for the machine ID.
pub(super) const TOKEN: &str = "/etc/kernel/entry-token";

/// What it names after the machine ID, on each of its partitions (systemd docs/BUILDING_IMAGES.md).
const PATTERNS: &[&str] = &["loader/entries/ID-*.conf", "ID", "EFI/Linux/ID-*.efi"];

/// Its partitions (systemd src/shared/find-esp.c).
const PARTITIONS: &[&str] = &["efi", "boot", "boot/efi"];

/// The program and its plug-ins.
const PROGRAMS: &[&str] = &["/usr/bin/kernel-install", "/bin/kernel-install"];
const PLUGINS: &[&str] = &["usr/lib/kernel/install.d/*.install", "etc/kernel/install.d/*.install"];

/// The first path that bears the ID.
pub(super) fn named_after(root: &Root, id: &str) -> Result<Option<PathBuf>> {
    for partition in PARTITIONS {
        for pattern in PATTERNS {
            let found = root.glob(&format!("{partition}/{}", pattern.replace("ID", id)))?;
            if let Some(path) = found.into_iter().find(|path| root.exists(path)) {
                return Ok(Some(path));
            }
        }
    }
    Ok(None)
}

/// Demands that kernel-install obeys the token: before systemd 250 it knew none, and a plug-in may write
/// the entries by itself (grub2's 20-grub.install).
///
/// # Errors
/// The program that knows none, and what to do.
pub(super) fn are_kept_by_token(root: &Root, entry: &Path) -> Result<()> {
    let mut programs: Vec<PathBuf> = PROGRAMS.iter().map(PathBuf::from).collect();
    for pattern in PLUGINS {
        programs.extend(root.glob(pattern)?);
    }
    let is_deaf = |path: &PathBuf| {
        let text = root.read_text(path).unwrap_or_default();
        let writes = PROGRAMS.iter().any(|program| Path::new(program) == path)
            || text.contains("loader/entries");
        let listens = text.contains("entry-token") || text.contains("ENTRY_TOKEN");
        // A plug-in is told the entries' directory, too, of which the token is a part.
        !text.is_empty() && writes && text.contains("MACHINE_ID") && !listens
    };
    let Some(deaf) = programs.iter().find(|path| is_deaf(path)) else { return Ok(()) };
    let refused = anyhow::anyhow!(
        "`{}` is named after the machine ID, and `{}` does not read {TOKEN}: under another ID the next kernel gets \
         an entry of another name, and the menu may go on with the old one; update systemd to 250 or later, or \
         leave the machine ID out, as in `postclone renew ssh-host-keys`",
        entry.display(),
        deaf.display()
    );
    Err(refuse(refused))
}

/// What the token holds; none where there is none.
///
/// # Errors
/// Something else than a file at its place.
pub(super) fn token(root: &Root) -> Result<Option<String>> {
    match root.read(Path::new(TOKEN))? {
        Some(source) => Ok(Some(String::from_utf8_lossy(&source.bytes).trim().to_owned())),
        None if root.is_link(Path::new(TOKEN)) => {
            bail!("`{TOKEN}` is a link to nothing: remove it, or make what it leads to")
        }
        None => Ok(None),
    }
}
