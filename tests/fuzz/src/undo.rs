//! A hostile journal on a hostile tree, taken back with `--force`.
//!
//! An input is lines that describe a tree, an empty line, and a journal, whose lines get their checksums
//! here. `d PATH` is a directory, `f PATH TEXT` a file, `p PATH` a FIFO, `l PATH TARGET` a symbolic link;
//! `@` in a target is the directory that has the root and, beside it, what is none of its business.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use postclone::changes;
use postclone::engine::{Manner, take};
use postclone::guest::root::Root;
use postclone::transaction::journal::Journal;
use postclone::transaction::lock::Lock;
use postclone::transaction::record::Direction;

/// The directory above the root, and words that no input has.
static OUTER: LazyLock<(PathBuf, String)> = LazyLock::new(|| {
    let dir = std::env::temp_dir().canonicalize().expect("a directory for temporary files");
    let time = std::time::UNIX_EPOCH.elapsed().expect("a clock").as_nanos();
    let outer = dir.join(format!("postclone-fuzz-undo-{}", std::process::id()));
    (outer, format!("secret-{time:x}"))
});

const RUN: &str = "var/lib/postclone/000001";

/// Nothing outside of the root is written, and nothing that is there comes into it.
pub fn check(input: &[u8]) {
    let (outer, secret) = &*OUTER;
    // The fuzzer learns the words from the comparison below, and puts them into inputs.
    if input.windows(secret.len()).any(|window| window == secret.as_bytes()) {
        return;
    }
    let root = outer.join("root");
    let _ = fs::remove_dir_all(outer);
    for dir in [root.join("etc"), root.join(RUN), outer.join("outside/etc")] {
        fs::create_dir_all(dir).expect("a directory");
    }
    for path in ["outside/passwd", "outside/fstab", "outside/etc/fstab", "passwd"] {
        fs::write(outer.join(path), secret).expect("a file");
    }
    let split = input.windows(2).position(|pair| pair == b"\n\n").unwrap_or(0);
    let (tree, text) = input.split_at(split);
    for line in String::from_utf8_lossy(tree).lines() {
        plant(&root, line);
    }
    let journal = root.join(RUN).join("journal");
    if is_straight(&root, &journal) {
        let _ = fs::write(&journal, signed(text.trim_ascii_start()));
    }
    let before = outside(outer, &root);
    undo(&root);
    assert_eq!(before, outside(outer, &root), "something outside was changed");
    for (path, bytes) in files(&root) {
        let has = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!has, "{} has what was outside", path.display());
    }
}

/// As `postclone undo --yes --force --root` does, where LVM is not to be asked.
fn undo(root: &Path) {
    let Ok(root) = Root::open(root) else { return };
    let Ok(Some(_)) = Journal::latest(&root) else { return };
    let Ok(_lock) = Lock::take(&root) else { return };
    let Ok(Some((mut journal, changes))) = changes::latest(&root) else { return };
    if changes.pivot() || journal.changed_since(&root).is_err() {
        return;
    }
    let manner = Manner { force: true, keep_going: true, only_tells: false };
    let _ = take(&root, &mut journal, &changes, Direction::Backward, manner);
}

fn plant(root: &Path, line: &str) {
    let mut words = line.splitn(3, ' ');
    let (Some(kind), Some(path)) = (words.next(), words.next()) else { return };
    let more = words.next().unwrap_or_default();
    let path = Path::new(path);
    if path.as_os_str().is_empty()
        || path.components().any(|part| !matches!(part, Component::Normal(_)))
    {
        return;
    }
    let path = root.join(path);
    if !is_straight(root, &path) || path.symlink_metadata().is_ok() {
        return;
    }
    let dir = if kind == "d" { &path } else { path.parent().unwrap_or(root) };
    if fs::create_dir_all(dir).is_err() {
        return;
    }
    match kind {
        "f" => drop(fs::write(&path, format!("{more}\n"))),
        "p" => drop(Command::new("mkfifo").arg(&path).status()),
        "l" if stays(dir, more) => drop(symlink(target(more), &path)),
        _ => {}
    }
}

fn target(text: &str) -> String {
    text.replacen('@', &OUTER.0.to_string_lossy(), 1)
}

/// Whether a link leads to no more than the directory above the root: this machine is not for play.
fn stays(dir: &Path, text: &str) -> bool {
    let mut at = PathBuf::new();
    for part in dir.join(target(text)).components() {
        if part == Component::ParentDir {
            at.pop();
            if !at.starts_with(&OUTER.0) {
                return false;
            }
        } else {
            at.push(part);
        }
    }
    at.starts_with(&OUTER.0)
}

/// Whether no link is on the way to a path below the root.
fn is_straight(root: &Path, path: &Path) -> bool {
    let above = path.ancestors().skip(1).take_while(|dir| dir.starts_with(root));
    above.into_iter().all(|dir| !dir.is_symlink())
}

/// The text with a checksum at the end of each line that could have one.
fn signed(text: &[u8]) -> Vec<u8> {
    let mut signed = Vec::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let record = line.strip_suffix(b"}\n").map(without_checksum);
        match record {
            Some(record) => {
                let checksum = crc32fast::hash(record);
                signed.extend_from_slice(record);
                signed.extend_from_slice(format!(",\"crc\":\"{checksum:08x}\"}}\n").as_bytes());
            }
            None => signed.extend_from_slice(line),
        }
    }
    signed
}

fn without_checksum(record: &[u8]) -> &[u8] {
    let head = b",\"crc\":\"";
    record.windows(head.len()).rposition(|window| window == head).map_or(record, |at| &record[..at])
}

/// What stands outside of the root: names, and the bytes of files.
fn outside(outer: &Path, root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = files(outer);
    all.retain(|path, _| !path.starts_with(root));
    all
}

/// Regular files with their bytes; directories and what else there is without.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let (path, kind) = (entry.path(), entry.file_type());
            let Ok(kind) = kind else { continue };
            let mut bytes = Vec::new();
            if kind.is_dir() {
                dirs.push(path.clone());
            } else if kind.is_file() {
                use std::io::Read as _;
                let read = File::open(&path).and_then(|mut file| file.read_to_end(&mut bytes));
                assert!(read.is_ok(), "{} cannot be read", path.display());
            }
            found.insert(path, bytes);
        }
    }
    found
}
