//! Whole directory trees: copied, compared byte for byte, with modes and times.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub content: Content,
    pub mode: u32,
    pub owner: (u32, u32),
    pub modified: (i64, i64),
    pub inode: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Directory,
    File(Vec<u8>),
    Link(PathBuf),
    Other,
}

/// Everything below a directory, by relative path, without postclone's own state.
pub fn read(base: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut tree = BTreeMap::new();
    walk(base, base, &mut tree);
    tree
}

fn walk(base: &Path, dir: &Path, tree: &mut BTreeMap<PathBuf, Entry>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let relative = path.strip_prefix(base).unwrap().to_owned();
        if relative == Path::new("var/lib/postclone") {
            continue;
        }
        let metadata = fs::symlink_metadata(&path).unwrap();
        let content = if metadata.is_dir() {
            walk(base, &path, tree);
            Content::Directory
        } else if metadata.is_symlink() {
            Content::Link(fs::read_link(&path).unwrap())
        } else if metadata.is_file() {
            Content::File(fs::read(&path).unwrap())
        } else {
            Content::Other
        };
        tree.insert(
            relative,
            Entry {
                content,
                mode: metadata.mode(),
                owner: (metadata.uid(), metadata.gid()),
                modified: (metadata.mtime(), metadata.mtime_nsec()),
                inode: metadata.ino(),
            },
        );
    }
}

/// Files and links only: directories that hold nothing are no difference that git could keep.
pub fn contents(base: &Path) -> BTreeMap<PathBuf, Content> {
    let entries = read(base).into_iter();
    entries
        .filter(|(_, entry)| entry.content != Content::Directory)
        .map(|(path, entry)| (path, entry.content))
        .collect()
}

/// Demands that two trees hold the same files with the same bytes.
#[track_caller]
pub fn same(left: &Path, right: &Path, what: &str) {
    let (left, right) = (contents(left), contents(right));
    for (path, content) in &left {
        match right.get(path) {
            None => panic!("{what}: {} is on the left only", path.display()),
            Some(other) if other != content => panic!(
                "{what}: {} differs\n--- left\n{}\n--- right\n{}",
                path.display(),
                shown(content),
                shown(other)
            ),
            Some(_) => {}
        }
    }
    for path in right.keys() {
        assert!(left.contains_key(path), "{what}: {} is on the right only", path.display());
    }
}

fn shown(content: &Content) -> String {
    match content {
        Content::File(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    }
}

/// Copies a tree: files, links, directories.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            copy(&path, &target);
        } else if metadata.is_symlink() {
            symlink(fs::read_link(&path).unwrap(), &target).unwrap();
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
