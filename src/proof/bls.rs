//! Boot entries of type #1 (uapi-group.org, Boot Loader Specification), for GRUB's `blscfg` and
//! systemd-boot.

use std::cmp::Ordering;
use std::path::Path;

use super::entry::Entry;
use super::grub_script::{Piece, Variables, parse};
use super::systemd_boot::{self, Choice};
use super::view::File;
use super::{Facts, Row, View};
use crate::rewrite::lines::lines;

/// Where GRUB looks for entries: on the file system of `/boot`, or in `/boot` itself.
const OF_GRUB: &str = "boot/loader/entries/*.conf";
/// systemd-boot's file systems: the EFI system partition or an extended boot partition.
const PARTITIONS: &[&str] = &["/boot/efi", "/efi", "/boot"];

/// Adds the rows of entries that no grub.cfg reads, and of systemd-boot's default choice.
pub(super) fn rows(view: &View, facts: &Facts, rows: &mut Vec<Row>) {
    let (mut loaders, mut choices, mut of_entries) = (Vec::new(), Vec::new(), Vec::new());
    for partition in PARTITIONS {
        let base = Path::new(partition);
        let pattern = format!("{}/loader/entries/*.conf", &partition[1..]);
        if pattern == OF_GRUB && grub_reads_them(view) {
            continue;
        }
        let files = view.each_once(view.glob(&pattern), rows);
        let mut entries: Vec<Entry> = files.iter().map(|file| entry(file, str::to_owned)).collect();
        entries.sort_by(|left, right| versions(&right.id, &left.id));
        loaders.extend(view.read(&base.join("loader/loader.conf"), rows));
        for entry in &entries {
            choices.push(Choice::of(&entry.path, Some(&entry.title)));
            entry.rows(view, facts, base, &mut of_entries);
        }
    }
    let unified = unified_images().flat_map(|pattern| view.glob(&pattern));
    choices.extend(unified.map(|path| Choice::of(&path, None)));
    systemd_boot::rows(view, &loaders, &choices, rows);
    rows.append(&mut of_entries);
}

/// Whether a grub.cfg has the command `blscfg`.
fn grub_reads_them(view: &View) -> bool {
    view.places(&["grub-cfg"], &mut Vec::new()).iter().any(|file| {
        let commands = parse(&String::from_utf8_lossy(&file.text));
        commands
            .iter()
            .any(|command| command.words.first() == Some(&vec![Piece::Text("blscfg".to_owned())]))
    })
}

/// The entries in GRUB's order, the newest first, with GRUB's variables expanded.
pub(super) fn for_grub(view: &View, variables: &Variables, rows: &mut Vec<Row>) -> Vec<Entry> {
    let expand = |value: &str| {
        let words = parse(value).into_iter().flat_map(|command| command.words);
        // A variable on its own stands for several words, or for none.
        let words: Vec<String> = words.map(|word| variables.expand(&word)).collect();
        words.join(" ")
    };
    let files = view.each_once(view.glob(OF_GRUB), rows);
    let mut entries: Vec<Entry> = files.iter().map(|file| entry(file, expand)).collect();
    entries.sort_by(|left, right| versions(&right.id, &left.id));
    entries
}

/// The entry of one file. `expand` expands the variables of the boot loader.
fn entry(file: &File, expand: impl Fn(&str) -> String) -> Entry {
    let stem = file.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut entry = Entry {
        path: file.path.clone(),
        line: 1,
        title: stem.clone(),
        id: stem,
        ..Entry::default()
    };
    for (number, line) in lines(&file.text).enumerate() {
        let line = String::from_utf8_lossy(&file.text[line]).into_owned();
        let Some((key, value)) = line.trim().split_once([' ', '\t']) else { continue };
        let (number, value) = (number + 1, value.trim());
        match key {
            "title" => value.clone_into(&mut entry.title),
            "linux" | "efi" | "uki" => {
                entry.files.push((number, "kernel", expand(value)));
            }
            "initrd" => {
                let images = expand(value);
                let images = images.split_whitespace().map(str::to_owned);
                entry.files.extend(images.map(|image| (number, "initrd", image)));
            }
            "options" => entry.arguments.push((number, expand(value))),
            _ => {}
        }
    }
    entry
}

/// Compares versions by their runs of digits and letters. GRUB's blscfg and systemd-boot order file names
/// in this way (grub-core/commands/blscfg.c, vercmp).
fn versions(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (runs(left).into_iter(), runs(right).into_iter());
    loop {
        let ordering = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(left), Some(right)) => {
                let digits = |run: &str| run.starts_with(|first: char| first.is_ascii_digit());
                match (digits(left), digits(right)) {
                    (true, true) => {
                        let plain = |run: &'_ str| run.trim_start_matches('0').to_owned();
                        let (left, right) = (plain(left), plain(right));
                        left.len().cmp(&right.len()).then(left.cmp(&right))
                    }
                    (left_digits, right_digits) => {
                        left_digits.cmp(&right_digits).then(left.cmp(right))
                    }
                }
            }
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
}

fn runs(text: &str) -> Vec<&str> {
    let kind = |character: char| (character.is_ascii_alphabetic(), character.is_ascii_digit());
    let mut runs = Vec::new();
    let mut start = 0;
    let mut before = None;
    for (at, character) in text.char_indices() {
        if before.is_some_and(|before| before != kind(character)) {
            runs.push(&text[start..at]);
            start = at;
        }
        before = Some(kind(character));
    }
    runs.push(&text[start..]);
    runs.retain(|run| run.starts_with(|first: char| first.is_ascii_alphanumeric()));
    runs
}

/// Where unified kernel images are, as patterns for [`View::glob`].
pub(super) fn unified_images() -> impl Iterator<Item = String> {
    PARTITIONS.iter().map(|partition| format!("{}/EFI/Linux/*.efi", &partition[1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_runs() {
        for (older, newer) in [
            ("a-4.18.0-513.5.1.el8_9", "a-4.18.0-553.el8_10"),
            ("a-0-rescue", "a-5.14.0-427.13.1"),
            ("5.9", "5.14"),
            ("5.9", "5.09.1"),
            ("a", "1"),
        ] {
            assert_eq!(versions(older, newer), Ordering::Less, "{older} {newer}");
            assert_eq!(versions(newer, older), Ordering::Greater);
        }
        assert_eq!(versions("5.09", "5.9"), Ordering::Equal);
    }
}
