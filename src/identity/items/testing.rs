//! Small trees for the finders' tests.

use std::fs;
use std::path::Path;

use crate::guest::root::Root;
use crate::identity::View;

/// A tree that is removed when it is dropped.
pub(super) struct Tree {
    dir: tempfile::TempDir,
    root: Root,
}

/// A tree with these files. Its host has no name.
pub(super) fn tree(files: &[(&str, &str)]) -> Tree {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("etc")).unwrap();
    let root = Root::open(dir.path()).unwrap();
    let tree = Tree { dir, root };
    for (path, text) in files {
        tree.write(path, text.as_bytes());
    }
    tree
}

impl Tree {
    /// Adds a file.
    pub(super) fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Adds a link.
    pub(super) fn link(&self, path: &str, target: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }

    /// The tree as it is.
    pub(super) fn view(&self) -> View<'_> {
        View::of(&self.root)
    }

    /// The tree as that of a machine with this name.
    pub(super) fn of_host(&self, name: &str) -> View<'_> {
        let mut view = View::of(&self.root);
        view.host = Some(name.to_owned());
        view
    }
}

/// The values as text.
pub(super) fn words(found: &super::super::Found) -> Vec<String> {
    found.values.iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect()
}
