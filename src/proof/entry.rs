//! A boot entry of any boot loader: its files must exist, and its arguments must resolve.

use std::path::{Path, PathBuf};

use super::{Facts, Finding, Maker, Row, View, arguments};

/// What a boot loader would do for one entry of its menu.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    /// The file that contains it, inside the root.
    pub(crate) path: PathBuf,
    /// The line where it starts.
    pub(crate) line: usize,
    /// Its title.
    pub(crate) title: String,
    /// Its id. The default may name it by id or by title.
    pub(crate) id: String,
    /// Its files, each with its line and kind: `kernel`, `initrd`.
    pub(crate) files: Vec<(usize, &'static str, String)>,
    /// The parts of its kernel command line.
    pub(crate) arguments: Vec<(usize, String)>,
    /// Disks from which GRUB reads: `lvm/VG-LV` without the prefix.
    pub(crate) disks: Vec<(usize, String)>,
    /// Whether it starts another system, whose files are on another file system.
    pub(crate) foreign: bool,
    /// Whether it is between `if` and `fi`, so that the menu may not contain it.
    pub(crate) conditional: bool,
    /// The entries of a submenu.
    pub(crate) inside: Vec<Entry>,
}

impl Entry {
    /// Adds the rows of this entry and of the entries inside. `base` is the boot loader's own file system,
    /// as a directory of the root.
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

    /// The finding about a file of the entry. Its path is relative to the root of a file system, which may
    /// be that of `/`, of `/boot` or of the EFI system partition, or to the directory of the boot loader's
    /// file.
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
        // On btrfs, the path begins with the name of a subvolume (openSUSE's `/@/boot/…`).
        if file.starts_with("/@") {
            return Finding::unknown("a file inside a btrfs subvolume");
        }
        Finding::fails("there is no such file")
    }
}
