//! Which entry systemd-boot chooses: loader.conf(5), and the firmware variables that bootctl(1) sets.

use std::path::Path;

use super::view::File;
use super::{DEFAULT_ENTRY, Finding, Maker, NEXT_ENTRY, Row, View};
use crate::glob::is_loose;
use crate::guest::loader_variables;
use crate::guest::placed::without_tries;

/// systemd-boot's variables, and which choice each one makes.
const VARIABLES: &[(&str, &str)] =
    &[(loader_variables::ONE_SHOT, NEXT_ENTRY), (loader_variables::DEFAULT, DEFAULT_ENTRY)];

/// An entry of the menu.
#[derive(Debug)]
pub(super) struct Choice {
    /// The name of its file without the count of tries, in lower case.
    pub(super) id: String,
    /// The text that the menu shows.
    pub(super) title: String,
}

impl Choice {
    /// The entry of a file, with its title if it has one.
    pub(super) fn of(path: &Path, title: Option<&str>) -> Self {
        let text = |part: Option<&std::ffi::OsStr>| {
            part.unwrap_or_default().to_string_lossy().into_owned()
        };
        let stem = text(path.file_stem());
        let id = format!("{}.{}", without_tries(&stem), text(path.extension())).to_lowercase();
        Self { id, title: title.map_or(stem, str::to_owned) }
    }

    /// Whether a pattern fits the entry. The pattern may omit `.conf`.
    fn fits(&self, pattern: &str) -> bool {
        is_loose(&self.id, pattern)
            || self.id.strip_suffix(".conf").is_some_and(|id| is_loose(id, pattern))
    }
}

/// Adds a row for each place that chooses one of the menu's entries.
pub(super) fn rows(view: &View, loaders: &[File], choices: &[Choice], rows: &mut Vec<Row>) {
    for (name, item) in VARIABLES.iter().filter(|_| view.is_live()) {
        let Some(file) = view.peek(loader_variables::path(name)) else { continue };
        let pattern = loader_variables::text(&file.text);
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
        || (pattern.to_owned(), Finding::unknown("no entry of this kind has the name")),
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
