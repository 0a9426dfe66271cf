//! The files that contain the machine ID, and files by which a boot loader chooses an entry that is named after it.

use std::path::Path;

use anyhow::Result;

use super::{COPY, FILE, KIND, arguments};
use crate::plan::{Rewriter, Rewritten, Warning};
use crate::renew::entries::Names;
use crate::rewrite::edit::{Edit, Form};

/// Files that choose an entry or name its kernel: GRUB's environment block, its menus, the files from which they are
/// made, and loader.conf(5). IDs are equally long, so they fit in the environment block (grub-core/lib/envblk.c).
const CHOOSERS: &[&str] = &[
    "boot/grub/grubenv",
    "boot/grub2/grubenv",
    "boot/efi/EFI/*/grubenv",
    "boot/grub/grub.cfg",
    "boot/grub2/grub.cfg",
    "boot/efi/EFI/*/grub.cfg",
    "boot/grub/custom.cfg",
    "boot/grub2/custom.cfg",
    "etc/default/grub",
    "etc/default/grub.d/*.cfg",
    "efi/loader/loader.conf",
    "boot/loader/loader.conf",
    "boot/efi/loader/loader.conf",
];

/// Replaces one ID with the other.
#[derive(Debug)]
pub(super) struct Ids {
    pub(super) from: String,
    pub(super) to: String,
    /// The names that contain the ID, if entries get other names.
    pub(super) names: Option<Names>,
}

impl Rewriter for Ids {
    fn patterns(&self) -> Vec<String> {
        let choosers = self.names.iter().flat_map(|_| CHOOSERS).copied();
        let places = arguments::PLACES.iter().map(|(place, _)| *place);
        let files = [FILE, COPY].iter().map(|path| &path[1..]);
        files.chain(places).chain(choosers).map(str::to_owned).collect()
    }

    fn rewrite(&self, path: &Path, text: &[u8]) -> Result<Rewritten> {
        if path != Path::new(FILE) && path != Path::new(COPY) {
            let mut found = Rewritten::nothing(arguments::kind(path).unwrap_or_else(|| kind(path)));
            // A file that gets another name is copied with its new text, and the old one is removed.
            if self.names.is_none() || !self.is_named_after(path) {
                found.edits = arguments::edits(text, &self.from, &self.to);
                found.edits.extend(self.names.iter().flat_map(|names| names.edits(text)));
                found.edits.sort_by_key(|edit| edit.range.start);
                found.edits.dedup_by_key(|edit| edit.range.start);
            }
            return Ok(found);
        }
        let mut found = Rewritten::nothing(KIND);
        let held = text.trim_ascii();
        if held == self.from.as_bytes() {
            let at = text.len() - text.trim_ascii_start().len();
            let range = at..at + held.len();
            let new = self.to.clone().into_bytes();
            let token = range.clone();
            found.edits.push(Edit { range, new, token, form: Form::MachineId, volume: None });
        } else if held != self.to.as_bytes() && path == Path::new(COPY) {
            let told = "it contains another ID than /etc/machine-id and stays as it is: make it a link, \
                        `ln -sf /etc/machine-id /var/lib/dbus/machine-id`";
            found.warnings.push(Warning::about(path, told));
        }
        Ok(found)
    }
}

impl Ids {
    /// Whether the name of the file itself begins with the ID.
    fn is_named_after(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(self.from.as_str())
    }
}

/// The format of a file that chooses an entry.
fn kind(path: &Path) -> &'static str {
    match path.file_name().and_then(|name| name.to_str()) {
        Some("grubenv") => "grubenv",
        Some("loader.conf") => "loader-conf",
        _ if path.starts_with("/etc") => "grub-default",
        _ => "grub-cfg",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_alone_are_replaced() {
        let ids = Ids { from: "a".repeat(32), to: "b".repeat(32), names: None };
        let text = format!("{}\n", ids.from);
        let found = ids.rewrite(Path::new(FILE), text.as_bytes()).unwrap();
        assert_eq!(found.edits.len(), 1);
        assert_eq!(found.edits[0].range, 0..32);
        let other = "c".repeat(32);
        assert!(ids.rewrite(Path::new(FILE), other.as_bytes()).unwrap().edits.is_empty());
        let found = ids.rewrite(Path::new(COPY), other.as_bytes()).unwrap();
        assert_eq!((found.edits.len(), found.warnings.len()), (0, 1));
    }
}
