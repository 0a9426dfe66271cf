//! The files of a system as they are, or as they would be after a run.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::{Finding, Maker, Row};
use crate::guest::root::{Root, identity};
use crate::own::GRUB_LINK;
use crate::rewrite::PLACES;

/// A root tree. Some of its files may have other bytes than on the disk.
pub struct View<'a> {
    root: &'a Root,
    texts: BTreeMap<PathBuf, Vec<u8>>,
    command_lines: BTreeMap<PathBuf, String>,
    /// Paths that the run renames: the new path, with the present one.
    shifted: BTreeMap<PathBuf, PathBuf>,
    /// Whether a path exists, as answered before: a menu names few kernels in many lines.
    existing: RefCell<HashMap<PathBuf, bool>>,
}

/// One file.
#[derive(Debug)]
pub(crate) struct File {
    /// Absolute inside the root, with links resolved.
    pub(crate) path: PathBuf,
    /// Its bytes.
    pub(crate) text: Vec<u8>,
}

impl<'a> View<'a> {
    /// The present files.
    pub fn now(root: &'a Root) -> Self {
        Self::with(root, BTreeMap::new())
    }

    /// The present files, except those in `texts`, by their paths inside the root with links resolved.
    pub fn with(root: &'a Root, texts: BTreeMap<PathBuf, Vec<u8>>) -> Self {
        let (command_lines, shifted) = (BTreeMap::new(), BTreeMap::new());
        Self { root, texts, command_lines, shifted, existing: RefCell::default() }
    }

    /// The same view with renamed paths: the first of each pair becomes the second.
    #[must_use]
    pub fn with_shifted(self, paths: impl Iterator<Item = (PathBuf, PathBuf)>) -> Self {
        let shifted: BTreeMap<PathBuf, PathBuf> = paths.map(|(from, to)| (to, from)).collect();
        let there = shifted.keys().map(|path| (path.clone(), true));
        let gone = shifted.values().map(|path| (path.clone(), false));
        let existing = RefCell::new(there.chain(gone).collect());
        Self { shifted, existing, ..self }
    }

    /// The present path of a file.
    fn now_at<'p>(&'p self, path: &'p Path) -> &'p Path {
        self.shifted.get(path).map_or(path, PathBuf::as_path)
    }

    /// The same view, in which the unified kernel images at these paths have these command lines.
    #[must_use]
    pub fn with_command_lines(self, command_lines: BTreeMap<PathBuf, String>) -> Self {
        Self { command_lines, ..self }
    }

    /// The command line of the unified kernel image at a path, if it will differ from the one in the file.
    pub(crate) fn command_line(&self, path: &Path) -> Option<&str> {
        self.command_lines.get(path).map(String::as_str)
    }

    /// Whether this is the root of the running system.
    pub(crate) fn is_live(&self) -> bool {
        self.root.is_live()
    }

    /// Whether the path exists. Links are followed.
    pub(crate) fn exists(&self, path: impl AsRef<Path>) -> bool {
        let path = path.as_ref();
        let known = self.existing.borrow().get(path).copied();
        known.unwrap_or_else(|| {
            let exists = self.root.exists(path);
            self.existing.borrow_mut().insert(path.to_owned(), exists);
            exists
        })
    }

    /// Whether the path exists, also if it is a link that leads nowhere.
    pub(crate) fn stands(&self, path: &Path) -> bool {
        self.exists(path) || self.root.is_link(path)
    }

    /// Paths that fit a pattern of [`Root::glob`].
    pub(crate) fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        let mut paths = self.root.glob(pattern).unwrap_or_default();
        for (to, from) in &self.shifted {
            if let Some(path) = paths.iter_mut().find(|path| *path == from) {
                path.clone_from(to);
            }
        }
        paths
    }

    /// The bytes of a regular file. None if there is none. A file that cannot be read becomes a row.
    pub(crate) fn read(&self, path: &Path, rows: &mut Vec<Row>) -> Option<File> {
        match self.root.read(self.now_at(path)) {
            Ok(source) => source.map(|source| {
                let is_there = !self.shifted.contains_key(path);
                self.file(if is_there { source.path } else { path.to_owned() }, source.bytes)
            }),
            Err(error) => {
                let why = Finding::unknown(format!("{error:#}"));
                rows.push(Maker::of(path).row(None, "file", "", why));
                None
            }
        }
    }

    /// A small file. It does no harm if it is missing or cannot be read.
    pub(crate) fn peek(&self, path: impl AsRef<Path>) -> Option<File> {
        let source = self.root.read(path.as_ref()).ok()??;
        Some(self.file(source.path, source.bytes))
    }

    fn file(&self, path: PathBuf, bytes: Vec<u8>) -> File {
        let text = self.texts.get(&path).cloned().unwrap_or(bytes);
        File { path, text }
    }

    /// Every file of these kinds in [`PLACES`], only once even if several paths lead to it.
    pub(crate) fn places(&self, kinds: &[&str], rows: &mut Vec<Row>) -> Vec<File> {
        let places = PLACES.iter().filter(|place| kinds.contains(&place.kind));
        let paths: Vec<PathBuf> = places.flat_map(|place| self.glob(place.pattern)).collect();
        self.each_once(paths, rows)
    }

    /// The regular files at these paths, each once. Leaves out postclone's own link, which exists until
    /// the reboot, and files that a link to /dev/null masks.
    pub(crate) fn each_once(&self, paths: Vec<PathBuf>, rows: &mut Vec<Row>) -> Vec<File> {
        let mut seen = HashSet::new();
        let mut files = Vec::new();
        for path in paths {
            if path == Path::new(GRUB_LINK) {
                continue;
            }
            let Ok(Some(resolved)) = self.root.resolve(self.now_at(&path)) else { continue };
            // The plan leaves such a path out, too, and warns of it.
            if resolved.to_str().is_none() {
                continue;
            }
            let Ok(metadata) = std::fs::symlink_metadata(self.root.outer(&resolved)) else {
                continue;
            };
            if metadata.is_file() && seen.insert(identity(&metadata)) {
                files.extend(self.read(&path, rows));
            }
        }
        files
    }
}
