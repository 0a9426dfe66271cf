//! Menus of labelled lines: extlinux and syslinux (wiki.syslinux.org, SYSLINUX), and the menu of GRUB
//! legacy, which has `title` instead of `label`.

use std::path::Path;

use super::entry::Entry;
use super::view::File;
use super::{DEFAULT_ENTRY, Facts, Finding, Maker, Row, View};
use crate::rewrite::lines::lines;

/// Adds the rows of all these menus.
pub(super) fn rows(view: &View, facts: &Facts, rows: &mut Vec<Row>) {
    for file in view.places(&["extlinux", "syslinux", "grub-legacy"], rows) {
        let menu = read(&file);
        rows.extend(default_row(&file, &menu));
        let partitions = ["/boot/efi", "/boot/firmware", "/efi"].map(Path::new);
        let own = partitions.into_iter().find(|dir| file.path.starts_with(dir));
        for entry in &menu.entries {
            entry.rows(view, facts, own.unwrap_or(Path::new("/boot")), rows);
        }
    }
}

#[derive(Default)]
struct Menu {
    entries: Vec<Entry>,
    default: Option<(usize, String)>,
}

fn read(file: &File) -> Menu {
    let mut menu = Menu::default();
    for (number, line) in lines(&file.text).enumerate() {
        let line = String::from_utf8_lossy(&file.text[line]).into_owned();
        let line = line.trim();
        let (key, value) = line.split_once([' ', '\t', '=']).unwrap_or((line, ""));
        let (number, value) = (number + 1, value.trim());
        let key = key.to_ascii_lowercase();
        if matches!(key.as_str(), "label" | "title") {
            menu.entries.push(Entry {
                path: file.path.clone(),
                line: number,
                title: value.to_owned(),
                id: value.to_owned(),
                ..Entry::default()
            });
            continue;
        }
        let Some(entry) = menu.entries.last_mut() else {
            if key == "default" {
                menu.default = Some((number, value.to_owned()));
            }
            continue;
        };
        match key.as_str() {
            "linux" | "kernel" => {
                let (kernel, arguments) = value.split_once([' ', '\t']).unwrap_or((value, ""));
                // A .c32 file is a program of the boot loader, often a menu.
                if !kernel.ends_with(".c32") {
                    entry.files.push((number, "kernel", plain(kernel)));
                }
                entry.arguments.push((number, arguments.to_owned()));
            }
            "append" => {
                let images =
                    value.split_whitespace().filter_map(|word| word.strip_prefix("initrd="));
                let images = images.flat_map(|images| images.split(','));
                entry.files.extend(images.map(|image| (number, "initrd", plain(image))));
                entry.arguments.push((number, value.to_owned()));
            }
            "initrd" => {
                let images = value.split([',', ' ']).filter(|image| !image.is_empty());
                entry.files.extend(images.map(|image| (number, "initrd", plain(image))));
            }
            "menu" => {
                let (key, title) = value.split_once([' ', '\t']).unwrap_or((value, ""));
                if key.eq_ignore_ascii_case("label") {
                    // `^` marks the hot key.
                    entry.title = title.trim().replace('^', "");
                } else if key.eq_ignore_ascii_case("default") {
                    // `menu default` is for menus in which `default` names the menu program (SYSLINUX,
                    // Menu).
                    menu.default = Some((number, entry.id.clone()));
                }
            }
            _ => {}
        }
    }
    menu
}

/// The file's path, without GRUB legacy's disk in brackets.
fn plain(file: &str) -> String {
    match file.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((_, path)) => path.to_owned(),
        None => file.to_owned(),
    }
}

/// The entry that `default` names, by label or by number. The first entry if nothing is set.
fn default_row(file: &File, menu: &Menu) -> Option<Row> {
    let maker = Maker::of(&file.path);
    let (line, wanted) = match &menu.default {
        Some((line, wanted)) => (Some(*line), wanted.as_str()),
        None => (None, "0"),
    };
    let named = menu.entries.iter().position(|entry| entry.id == wanted);
    let at = named.or_else(|| wanted.parse().ok()).filter(|at| *at < menu.entries.len());
    match at {
        Some(at) => {
            let value = format!("{at} {}", menu.entries[at].title);
            Some(maker.row(line, DEFAULT_ENTRY, value, Finding::holds()))
        }
        None if menu.entries.is_empty() => None,
        None => {
            let why = Finding::unknown("no label has the name");
            Some(maker.row(line, DEFAULT_ENTRY, wanted, why))
        }
    }
}
