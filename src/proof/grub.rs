//! GRUB's menu: grub.cfg and custom.cfg with the environment block, the entries that `blscfg` adds, and
//! which of the entries is the default (GRUB manual; grub-core/normal/menu.c).

use std::path::Path;

use super::entry::Entry;
use super::grub_script::{Command, Piece, Variables, parse};
use super::view::File;
use super::{DEFAULT_ENTRY, Facts, Finding, Maker, NEXT_ENTRY, Row, View, bls};

/// Commands that load a kernel with its arguments.
const KERNEL: &[&str] = &["linux", "linux16", "linuxefi", "kernel"];
/// Commands that load one or several images.
const IMAGES: &[&str] = &["initrd", "initrd16", "initrdefi"];
/// Xen loads the hypervisor first, then kernel and image as modules (util/grub.d/20_linux_xen.in).
const HYPERVISOR: &[&str] = &["multiboot", "multiboot2", "xen_hypervisor"];
const MODULES: &[&str] = &["module", "module2", "xen_module"];

/// The menu from one grub.cfg.
struct Menu {
    entries: Vec<Entry>,
    defaults: Vec<Default>,
}

/// A value of `default`.
struct Default {
    item: &'static str,
    line: Option<usize>,
    wanted: String,
}

/// Adds the rows of every grub.cfg.
pub(super) fn rows(view: &View, facts: &Facts, rows: &mut Vec<Row>) {
    for file in view.places(&["grub-cfg"], rows) {
        let name = file.path.file_name().unwrap_or_default();
        // grub.cfg sources custom.cfg, so it is read with it. The menu of GRUB legacy has another grammar.
        if name == "custom.cfg" || name == "menu.lst" {
            continue;
        }
        let menu = read(view, &file, rows);
        let defaults = menu.defaults.iter();
        rows.extend(defaults.filter_map(|default| default_row(&file, &menu.entries, default)));
        for entry in &menu.entries {
            entry.rows(view, facts, Path::new("/boot"), rows);
        }
    }
}

fn read(view: &View, file: &File, rows: &mut Vec<Row>) -> Menu {
    let commands = parse(&String::from_utf8_lossy(&file.text));
    let dir = file.path.parent().unwrap_or(Path::new("/"));
    let mut variables = environment(view, &dir.join("grubenv"));
    variables.learn(&commands);
    let mut entries = Vec::new();
    collect(view, &file.path, &commands, &variables, &mut entries, rows);
    if let Some(custom) = view.read(&dir.join("custom.cfg"), rows) {
        let commands = parse(&String::from_utf8_lossy(&custom.text));
        variables.learn(&commands);
        collect(view, &custom.path, &commands, &variables, &mut entries, rows);
    }
    Menu { entries, defaults: defaults(&commands, &variables) }
}

/// The variables of an environment block: the `name=value` lines between signature and padding
/// (grub-core/lib/envblk.c).
fn environment(view: &View, path: &Path) -> Variables {
    let mut variables = Variables::default();
    let Some(block) = view.peek(path) else { return variables };
    for line in String::from_utf8_lossy(&block.text).lines().filter(|line| !line.starts_with('#')) {
        if let Some((name, value)) = line.split_once('=') {
            variables.set(name, &value.replace("\\\\", "\\"));
        }
    }
    variables
}

/// Collects entries and submenus in order. A kernel that is loaded outside all entries becomes an entry.
fn collect(
    view: &View,
    path: &Path,
    commands: &[Command],
    variables: &Variables,
    entries: &mut Vec<Entry>,
    rows: &mut Vec<Row>,
) {
    let mut bare =
        Entry { path: path.to_owned(), title: "no entry".to_owned(), ..Entry::default() };
    let mut conditions = 0_usize;
    for command in commands {
        let words: Vec<String> = command.words.iter().map(|word| variables.expand(word)).collect();
        match words.first().map(String::as_str) {
            Some("if") => conditions += 1,
            Some("fi") => conditions = conditions.saturating_sub(1),
            Some(kind @ ("menuentry" | "submenu")) => {
                let mut entry = titled(path, command, &words);
                entry.conditional = conditions > 0;
                let inside = variables.inside(&command.block);
                if kind == "submenu" {
                    collect(view, path, &command.block, &inside, &mut entry.inside, rows);
                } else {
                    command.block.iter().for_each(|command| load(command, &inside, &mut entry));
                }
                entries.push(entry);
            }
            Some("blscfg") => entries.extend(bls::for_grub(view, variables, rows)),
            Some("function") | None => {}
            _ => load(command, variables, &mut bare),
        }
    }
    if !bare.files.is_empty() {
        bare.line = bare.files[0].0;
        entries.push(bare);
    }
}

fn titled(path: &Path, command: &Command, words: &[String]) -> Entry {
    let names_id = |at: &usize| {
        words[*at] == "--id"
            || command.words[*at] == [Piece::Variable("menuentry_id_option".to_owned())]
    };
    let id = (1..words.len()).find(names_id).and_then(|at| words.get(at + 1));
    let id = id.cloned().unwrap_or_default();
    Entry {
        path: path.to_owned(),
        line: command.line,
        title: words.get(1).cloned().unwrap_or_default(),
        // util/grub.d/30_os-prober.in
        foreign: id.starts_with("osprober-"),
        id,
        ..Entry::default()
    }
}

/// Adds what a command inside an entry loads.
fn load(command: &Command, variables: &Variables, entry: &mut Entry) {
    let words: Vec<String> = command.words.iter().map(|word| variables.expand(word)).collect();
    let Some((name, rest)) = words.split_first() else { return };
    let options = rest.iter().take_while(|word| word.starts_with("--")).count();
    let (name, rest) = (name.as_str(), &rest[options..]);
    let line = command.line;
    let has_kernel = |entry: &Entry| entry.files.iter().any(|(_, item, _)| *item == "kernel");
    if KERNEL.contains(&name) || (MODULES.contains(&name) && !has_kernel(entry)) {
        let Some((kernel, arguments)) = rest.split_first() else { return };
        file(entry, line, "kernel", kernel);
        entry.arguments.push((line, arguments.join(" ")));
    } else if IMAGES.contains(&name) || MODULES.contains(&name) {
        // A variable that is not set becomes an empty word.
        for image in rest.iter().filter(|image| !image.is_empty()) {
            file(entry, line, "initrd", image);
        }
    } else if HYPERVISOR.contains(&name) {
        rest.first().into_iter().for_each(|first| file(entry, line, "hypervisor", first));
    } else if let Some((_, value)) =
        variables.assignment(command).filter(|(name, _)| name == "root")
    {
        disk(entry, line, &value);
    }
}

/// Adds a file, and the disk in brackets that may precede it.
fn file(entry: &mut Entry, line: usize, item: &'static str, name: &str) {
    let path = match name.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((on, path)) => {
            disk(entry, line, on);
            path
        }
        None => name,
    };
    entry.files.push((line, item, path.to_owned()));
}

/// Adds `lvm/VG-LV`, without the partition after a comma. Other spellings of a disk name no volume.
fn disk(entry: &mut Entry, line: usize, text: &str) {
    let name = text.trim_start_matches('(').trim_end_matches(')');
    if let Some(name) = name.strip_prefix("lvm/") {
        let name = name.split(',').next().unwrap_or(name);
        entry.disks.push((line, name.to_owned()));
    }
}

/// The values of `set default=…`: the last one for all boots, and, if the environment block asks for one,
/// the entry for the next boot only.
fn defaults(commands: &[Command], variables: &Variables) -> Vec<Default> {
    let once = variables.get("next_entry").is_some_and(|entry| !entry.is_empty());
    let lasting = Default { item: DEFAULT_ENTRY, line: None, wanted: String::new() };
    let mut found = vec![lasting];
    for command in commands {
        let Some((name, wanted)) = variables.assignment(command) else { continue };
        let of_next_entry = Piece::Variable("next_entry".to_owned());
        let for_once = command.words.last().is_some_and(|word| word.contains(&of_next_entry));
        let line = Some(command.line);
        match (name.as_str(), for_once) {
            ("default", false) => found[0] = Default { item: DEFAULT_ENTRY, line, wanted },
            ("default", true) if once => {
                found.insert(1, Default { item: NEXT_ENTRY, line, wanted });
            }
            _ => {}
        }
    }
    found
}

/// The row of the default, with its position (`1>0`: the first entry inside the second) and title.
fn default_row(file: &File, entries: &[Entry], default: &Default) -> Option<Row> {
    let (positions, entry) = chosen(entries, &default.wanted);
    let value = format!("{} {}", positions.join(">"), entry?.title);
    let maker = Maker::of(&file.path);
    Some(maker.row(default.line, default.item, value, Finding::holds()))
}

/// The kernel arguments in the default entry of the first grub.cfg that has one.
pub(super) fn default_arguments(view: &View) -> Option<String> {
    let rows = &mut Vec::new();
    let files = view.places(&["grub-cfg"], rows).into_iter();
    let mut menus = files.map(|file| read(view, &file, &mut Vec::new()));
    menus.find_map(|menu| {
        let (_, entry) = chosen(&menu.entries, &menu.defaults.first()?.wanted);
        entry?.arguments.first().map(|(_, text)| text.clone())
    })
}

/// The entry that a default selects, and its position, one number per menu. If the default names no entry,
/// GRUB takes the first one.
fn chosen<'a>(mut entries: &'a [Entry], wanted: &str) -> (Vec<String>, Option<&'a Entry>) {
    let mut rest = wanted;
    let mut positions = Vec::new();
    let mut found = None;
    while !entries.is_empty() {
        let (first, inner) = split(rest);
        let named = |entry: &Entry| entry.id == first || entry.title == first;
        // A number counts only the entries that are always in the menu.
        let certain: Vec<usize> =
            (0..entries.len()).filter(|at| !entries[*at].conditional).collect();
        let numbered = || certain.get(first.parse::<usize>().ok()?).copied();
        let at = entries.iter().position(named).or_else(numbered);
        let at = at.or(certain.first().copied()).unwrap_or(0);
        positions.push(at.to_string());
        found = Some(&entries[at]);
        entries = &entries[at].inside;
        rest = inner;
    }
    (positions, found)
}

/// Splits a default at its first single `>`. In a title or id, a doubled `>` stands for one.
fn split(default: &str) -> (String, &str) {
    let mut first = String::new();
    let mut rest = default.chars();
    while let Some(next) = rest.next() {
        if next == '>' && !rest.as_str().starts_with('>') {
            return (first, rest.as_str());
        }
        if next == '>' {
            rest.next();
        }
        first.push(next);
    }
    (first, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn default_of(script: &str) -> String {
        let commands = parse(script);
        let mut variables = Variables::default();
        variables.learn(&commands);
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("etc")).unwrap();
        let root = crate::guest::root::Root::open(dir.path()).unwrap();
        let file = File { path: "/boot/grub/grub.cfg".into(), text: script.into() };
        let view = View::now(&root);
        let menu = read(&view, &file, &mut Vec::new());
        let row = default_row(&file, &menu.entries, &menu.defaults[0]);
        row.map_or_else(String::new, |row| row.value)
    }

    #[test]
    fn the_default_is_found_by_id_title_and_number() {
        let menu = "menuentry 'a>b' --id 1st {\nlinux /k\n}\nsubmenu More $menuentry_id_option m {\n\
                    menuentry x { linux /k; }\nmenuentry 6.1-2 --id y { linux /k; }\n}\n";
        for (default, position) in [
            ("0", "0 a>b"),
            ("a>>b", "0 a>b"),
            ("1st", "0 a>b"),
            ("More", "1>0 x"),
            ("m>y", "1>1 6.1-2"),
            ("1>1", "1>1 6.1-2"),
            ("1>6.1-2", "1>1 6.1-2"),
            // A default that names no entry selects the first one.
            ("nosuch", "0 a>b"),
            ("7", "0 a>b"),
        ] {
            assert_eq!(default_of(&format!("set default=\"{default}\"\n{menu}")), position);
        }
        assert_eq!(default_of(menu), "0 a>b");
        let header = "if [ \"${next_entry}\" ] ; then\n set default=\"${next_entry}\"\nelse\n \
                      set default=\"m>x\"\nfi\n";
        assert_eq!(default_of(&format!("{header}{menu}")), "1>0 x");
        assert_eq!(default_of("configfile $prefix/grub.cfg\n"), "");
    }
}
