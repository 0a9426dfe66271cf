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

#[track_caller]
fn only_in(words: &[&str], rooms: &[&str]) {
    for (name, code) in sources() {
        if rooms.iter().any(|room| name.starts_with(room)) {
            continue;
        }
        for word in words {
            assert!(!code.contains(word), "src/{name} has `{word}`, which only {rooms:?} may have");
        }
    }
}

#[test]
fn only_run_starts_programs() {
    only_in(&["process::Command", "Command::new", "process::Stdio"], &["run.rs", "run/"]);
}

#[test]
fn only_transaction_writes() {
    let writers = [
        "fs::write",
        "File::create",
        "create_dir",
        "remove_file",
        "remove_dir",
        "fs::rename",
        "fs::copy",
        "hard_link",
        "renameat",
        "unix::fs::symlink",
        "mknod(",
        "chown(",
        "symlinkat",
        "lchown",
        "utimensat",
        "set_permissions",
        "set_times",
        "fchown",
        "xattr::set",
        "tempfile",
        "create_new",
        ".create(true)",
        "fsync",
        "sync_all",
        "syncfs",
    ];
    only_in(&writers, &["transaction/"]);
}

#[test]
fn only_world_mounts() {
    only_in(&["nix::mount", "unshare(", "chroot(", "setns("], &["world/"]);
}

/// What a world is made of is written where nobody else sees it; nothing else writes so.
#[test]
fn only_world_writes_without_a_journal() {
    only_in(&["scratch::"], &["world/"]);
}

#[test]
fn rewriters_and_names_see_no_files() {
    for (name, code) in sources() {
        if name.starts_with("rewrite/") || name.starts_with("names/") {
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
