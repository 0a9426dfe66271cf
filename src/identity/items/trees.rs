//! A small tree for the finders' tests.

use std::fs;

use tempfile::TempDir;

use crate::guest::root::Root;
use crate::identity::View;

/// A tree that goes away with it.
pub(super) struct Tree {
    dir: TempDir,
    root: Root,
}

impl Tree {
    /// Files by path, with their texts.
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        let root = Root::open(dir.path()).unwrap();
        let tree = Self { dir, root };
        for (path, text) in files {
            tree.put(path, text.as_bytes());
        }
        tree
    }

    /// One more file.
    pub(super) fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// One more link.
    pub(super) fn link(&self, path: &str, target: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }

    /// What finders look at.
    pub(super) fn view(&self) -> View<'_> {
        View::of(&self.root)
    }
}
