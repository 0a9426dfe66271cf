//! Holds `src/` to the map of rooms in CONTRIBUTING.md.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::project;

fn sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    walk(&project().join("src"), &mut files);
    assert!(files.len() > 20);
    let base = project().join("src");
    let name = |path: &Path| path.strip_prefix(&base).unwrap().to_string_lossy().into_owned();
    files.iter().map(|path| (name(path), code(&fs::read_to_string(path).unwrap()))).collect()
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// The file without its tests, which may do as they like.
fn code(text: &str) -> String {
    text.split("#[cfg(test)]").next().unwrap().to_owned()
}

/// The rooms, each of which may use those before it and none behind it: the map of CONTRIBUTING.md.
const ORDER: &[&str] = &[
    // What every room may use.
    "own",
    "printable",
    "regular",
    "glob",
    "copies",
    "encoding",
    "severity",
    "interrupt",
    "failpoint",
    "progress",
    "threads",
    "logger",
    "exit",
    // Bytes and trees, which change nothing.
    "names",
    "rewrite",
    "image",
    "guest",
    "audit",
    // The machine's programs.
    "run",
    "lvm",
    "blkid",
    "ext",
    "fatlabel",
    "swaps",
    "ssh_keygen",
    "openssl",
    "iscsi_iname",
    "identity",
    // A plan, its proof, and what carries it out.
    "plan",
    "proof",
    "transaction",
    "live",
    "change",
    "world",
    "initramfs",
    "checks",
    "engine",
    // Kinds of change.
    "group",
    "volume",
    "host",
    "renew",
    "uuids",
    "fixup",
    "changes",
    // The command line.
    "cli",
    "ask",
    "report",
    "verbs",
];

/// The name of the room that a file is in.
fn room(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

#[test]
fn rooms_have_one_direction() {
    let path = regex::Regex::new(r"(?:^|[^a-z_])crate::(?:([a-z_]+)|\{([^}]*)\})").unwrap();
    let comment = regex::Regex::new(r"//[^\n]*").unwrap();
    for (name, code) in sources() {
        let own = room(&name);
        if matches!(own, "lib" | "main") {
            continue;
        }
        let place = ORDER.iter().position(|room| *room == own);
        let place = place.unwrap_or_else(|| panic!("the room of src/{name} is not in ORDER"));
        let code = comment.replace_all(&code, "").into_owned();
        for found in path.captures_iter(&code) {
            let list = found.get(1).or(found.get(2)).unwrap().as_str();
            for used in list.split(',').map(|item| item.trim().split("::").next().unwrap()) {
                let is_before = ORDER[..place].contains(&used) || used == own || used.is_empty();
                assert!(is_before, "src/{name} uses `{used}`, which comes after `{own}`");
            }
        }
    }
}

#[test]
fn the_map_has_every_room() {
    let map = fs::read_to_string(project().join("CONTRIBUTING.md")).unwrap();
    for room in ORDER {
        let named = [format!("`{room}/`"), format!("`{room}.rs`")];
        assert!(
            named.iter().any(|name| map.contains(name)),
            "CONTRIBUTING.md has no room `{room}`"
        );
    }
}

/// clippy.toml keeps all rooms but these from starting programs, writing and mounting; each of these does
/// one of the three alone.
#[test]
fn the_rooms_that_may_do_something_do_that_alone() {
    let starts = ["process::Command", "Command::new"];
    let mounts = ["nix::mount", "unshare(", "chroot(", "setns("];
    let writes = [
        "fs::write",
        "File::create",
        "create_dir",
        "remove_file",
        "fs::rename",
        "unix::fs::symlink",
    ];
    for (own, others) in [
        ("run", [&mounts[..], &writes]),
        ("transaction", [&starts[..], &mounts]),
        ("world", [&starts[..], &writes]),
    ] {
        for (name, code) in sources().into_iter().filter(|(name, _)| room(name) == own) {
            for word in others.concat() {
                assert!(!code.contains(word), "src/{name} has `{word}`");
            }
        }
    }
}

/// What a world is made of is written where nobody else sees it; nothing else writes so.
#[test]
fn only_world_writes_without_a_journal() {
    for (name, code) in sources().into_iter().filter(|(name, _)| room(name) != "world") {
        assert!(!code.contains("scratch::"), "src/{name} has `scratch::`");
    }
}

#[test]
fn rewriters_and_names_see_no_files() {
    for (name, code) in sources() {
        if ["rewrite/", "names/", "host/forms/"].iter().any(|room| name.starts_with(room)) {
            for word in ["std::fs", "std::env", "std::process", "std::io"] {
                assert!(!code.contains(word), "src/{name} has `{word}`");
            }
        }
    }
}

#[test]
fn files_stay_small() {
    for (name, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= 300, "src/{name} has {lines} lines: two nouns?");
    }
}
