//! A boot entry of any loader: its files must exist, its arguments must resolve.

use std::path::{Path, PathBuf};

use super::{Facts, Finding, Maker, Row, View, arguments};

/// What a loader would do for one entry of its menu.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    /// The file that has it, inside the root.
    pub(crate) path: PathBuf,
    /// The line where it starts.
    pub(crate) line: usize,
    /// Its title.
    pub(crate) title: String,
    /// What a default may name it by, beside its title.
    pub(crate) id: String,
    /// Files, each with its line and what it is: `kernel`, `initrd`.
    pub(crate) files: Vec<(usize, &'static str, String)>,
    /// Pieces of the kernel command line.
    pub(crate) arguments: Vec<(usize, String)>,
    /// Disks that GRUB reads from: `lvm/VG-LV` without its prefix.
    pub(crate) disks: Vec<(usize, String)>,
    /// Whether it starts another system, whose files are on a file system of its own.
    pub(crate) foreign: bool,
    /// Whether it stands between `if` and `fi`, so that it may not be in the menu at all.
    pub(crate) conditional: bool,
    /// The entries of a submenu.
    pub(crate) inside: Vec<Entry>,
}

impl Entry {
    /// Adds the rows of this entry and of those inside. `base` is the loader's own file system, as
    /// a directory of the root.
    pub(crate) fn rows(&self, view: &View, facts: &Facts, base: &Path, rows: &mut Vec<Row>) {
        let maker = Maker::of_entry(&self.path, &self.title);
        for (line, item, file) in &self.files {
            let finding = self.file(view, base, file);
            rows.push(maker.row(Some(*line), *item, file, finding));
        }
        for (line, disk) in &self.disks {
            let finding = facts.grub_disk(disk);
            rows.push(maker.row(Some(*line), "disk", format!("lvm/{disk}"), finding));
        }
        for (line, text) in &self.arguments {
            arguments::rows(facts, &maker, Some(*line), text, rows);
        }
        for entry in &self.inside {
            entry.rows(view, facts, base, rows);
        }
    }

    /// A file as a loader names it: below the root of its file system, which may be that of `/`, of
    /// `/boot` or of the EFI system partition, or beside the loader's own file.
    fn file(&self, view: &View, base: &Path, file: &str) -> Finding {
        if file.contains('$') {
            return Finding::unknown("it contains a variable");
        }
        if self.foreign {
            return Finding::unknown("a file of another system");
        }
        let relative = file.trim_start_matches('/');
        let beside = self.path.parent().unwrap_or(base);
        let mut dirs = vec![base, Path::new("/"), Path::new("/boot")];
        if relative == file {
            dirs.push(beside);
        }
        if dirs.iter().any(|dir| view.exists(dir.join(relative))) {
            return Finding::holds();
        }
        // A subvolume's name stands before the path on btrfs (openSUSE's `/@/boot/…`).
        if file.starts_with("/@") {
            return Finding::unknown("a file inside a btrfs subvolume");
        }
        Finding::fails("there is no such file")
    }
}
