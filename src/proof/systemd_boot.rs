//! Which entry systemd-boot takes: loader.conf(5), and what bootctl(1) keeps in the firmware's variables.

use std::path::Path;

use super::view::File;
use super::{DEFAULT_ENTRY, Finding, Maker, NEXT_ENTRY, Row, View};
use crate::glob::is_loose;
use crate::guest::placed::without_tries;

/// systemd-boot's variables (systemd.io, Boot Loader Interface), and what each chooses.
const VARIABLES: &[(&str, &str)] =
    &[("LoaderEntryOneShot", NEXT_ENTRY), ("LoaderEntryDefault", DEFAULT_ENTRY)];

/// Where the kernel shows the variables, the vendor's UUID in their names.
const EFIVARS: &str = "/sys/firmware/efi/efivars";
const VENDOR: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

/// The attributes before a variable's content (Linux Documentation/filesystems/efivarfs.rst).
const ATTRIBUTES: usize = 4;

/// An entry of the menu, by which it may be chosen.
#[derive(Debug)]
pub(super) struct Choice {
    /// Its file's name without a count of tries, in lower case.
    pub(super) id: String,
    /// What is shown of it.
    pub(super) title: String,
}

impl Choice {
    /// The entry of a file, with its title where it has one.
    pub(super) fn of(path: &Path, title: Option<&str>) -> Self {
        let text = |part: Option<&std::ffi::OsStr>| {
            part.unwrap_or_default().to_string_lossy().into_owned()
        };
        let stem = text(path.file_stem());
        let id = format!("{}.{}", without_tries(&stem), text(path.extension())).to_lowercase();
        Self { id, title: title.map_or(stem, str::to_owned) }
    }

    /// Whether a pattern takes it; `.conf` may be left out.
    fn fits(&self, pattern: &str) -> bool {
        is_loose(&self.id, pattern)
            || self.id.strip_suffix(".conf").is_some_and(|id| is_loose(id, pattern))
    }
}

/// Adds a row for each place that chooses among the menu's entries.
pub(super) fn rows(view: &View, loaders: &[File], choices: &[Choice], rows: &mut Vec<Row>) {
    for (name, item) in VARIABLES.iter().filter(|_| view.is_live()) {
        let path = Path::new(EFIVARS).join(format!("{name}-{VENDOR}"));
        let Some(file) = view.peek(&path) else { continue };
        let units: Vec<u16> = file
            .text
            .get(ATTRIBUTES..)
            .unwrap_or_default()
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .take_while(|unit| *unit != 0)
            .collect();
        let pattern = String::from_utf16_lossy(&units);
        rows.push(row(&file.path, None, item, &pattern, choices));
    }
    for loader in loaders {
        let text = String::from_utf8_lossy(&loader.text).into_owned();
        let set = text.lines().enumerate().find_map(|(number, line)| {
            let value = line.trim().strip_prefix("default")?.strip_prefix([' ', '\t'])?;
            Some((number + 1, value.trim()))
        });
        rows.extend(
            set.map(|(line, pattern)| {
                row(&loader.path, Some(line), DEFAULT_ENTRY, pattern, choices)
            }),
        );
    }
}

fn row(
    path: &Path,
    line: Option<usize>,
    item: &'static str,
    pattern: &str,
    choices: &[Choice],
) -> Row {
    let maker = Maker::of(path);
    let (value, finding) = choices.iter().position(|choice| choice.fits(pattern)).map_or_else(
        || (pattern.to_owned(), Finding::unknown("no entry of this kind bears the name")),
        |at| (format!("{at} {}", choices[at].title), Finding::holds()),
    );
    maker.row(line, item, value, finding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_take_entries_of_both_kinds() {
        let choice = |name: &str| Choice::of(Path::new(name), None);
        for (name, pattern, wanted) in [
            ("Token-6.1+3-1.conf", "token-6.1", true),
            ("Token-6.1+3-1.conf", "token-6.1.conf", true),
            ("token-6.1.efi", "token-*.efi", true),
            ("token-6.1.efi", "token-6.1", false),
            ("token-6.1.conf", "*-6.?*", true),
            ("token-6.1.conf", "other-*", false),
            ("token-6.1.conf", "", false),
        ] {
            assert_eq!(choice(name).fits(pattern), wanted, "{name} {pattern}");
        }
    }
}
