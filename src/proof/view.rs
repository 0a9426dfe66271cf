//! A system's files as they are, or as they would be after a run.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::{Finding, Maker, Row};
use crate::guest::root::{Root, identity};
use crate::own::GRUB_LINK;
use crate::rewrite::PLACES;

/// A root tree, some of whose files may have other bytes than on the disk.
pub struct View<'a> {
    root: &'a Root,
    texts: BTreeMap<PathBuf, Vec<u8>>,
    command_lines: BTreeMap<PathBuf, String>,
    /// Paths that have another name then, by that name.
    shifted: BTreeMap<PathBuf, PathBuf>,
    /// What was asked of a path: a menu names few kernels, in many lines.
    existing: RefCell<HashMap<PathBuf, bool>>,
}

/// One file.
#[derive(Debug)]
pub(crate) struct File {
    /// Absolute inside the root, links resolved.
    pub(crate) path: PathBuf,
    /// Its bytes.
    pub(crate) text: Vec<u8>,
}

impl<'a> View<'a> {
    /// The files as they are.
    pub fn now(root: &'a Root) -> Self {
        Self::with(root, BTreeMap::new())
    }

    /// The files as they are, but those with other bytes, by path inside the root, links resolved.
    pub fn with(root: &'a Root, texts: BTreeMap<PathBuf, Vec<u8>>) -> Self {
        let (command_lines, shifted) = (BTreeMap::new(), BTreeMap::new());
        Self { root, texts, command_lines, shifted, existing: RefCell::default() }
    }

    /// The same, where paths have other names: the first of each pair becomes the second.
    #[must_use]
    pub fn with_shifted(self, paths: impl Iterator<Item = (PathBuf, PathBuf)>) -> Self {
        let shifted: BTreeMap<PathBuf, PathBuf> = paths.map(|(from, to)| (to, from)).collect();
        let there = shifted.keys().map(|path| (path.clone(), true));
        let gone = shifted.values().map(|path| (path.clone(), false));
        let existing = RefCell::new(there.chain(gone).collect());
        Self { shifted, existing, ..self }
    }

    /// Where a path is now.
    fn now_at<'p>(&'p self, path: &'p Path) -> &'p Path {
        self.shifted.get(path).map_or(path, PathBuf::as_path)
    }

    /// The same, where unified kernel images at these paths are to have these command lines.
    #[must_use]
    pub fn with_command_lines(self, command_lines: BTreeMap<PathBuf, String>) -> Self {
        Self { command_lines, ..self }
    }

    /// The command line that the unified kernel image at a path is to have, where that is not the one
    /// in its file.
    pub(crate) fn command_line(&self, path: &Path) -> Option<&str> {
        self.command_lines.get(path).map(String::as_str)
    }

    /// Whether this is the running system's root.
    pub(crate) fn is_live(&self) -> bool {
        self.root.is_live()
    }

    /// Whether anything stands at the path, links followed.
    pub(crate) fn exists(&self, path: impl AsRef<Path>) -> bool {
        let path = path.as_ref();
        let known = self.existing.borrow().get(path).copied();
        known.unwrap_or_else(|| {
            let exists = self.root.exists(path);
            self.existing.borrow_mut().insert(path.to_owned(), exists);
            exists
        })
    }

    /// Whether a link stands at the path, wherever it leads, or anything else.
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

    /// A file's bytes; none if there is not a regular file. One that cannot be read becomes a row.
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

    /// A small file that may be missing or unreadable without harm.
    pub(crate) fn peek(&self, path: impl AsRef<Path>) -> Option<File> {
        let source = self.root.read(path.as_ref()).ok()??;
        Some(self.file(source.path, source.bytes))
    }

    fn file(&self, path: PathBuf, bytes: Vec<u8>) -> File {
        let text = self.texts.get(&path).cloned().unwrap_or(bytes);
        File { path, text }
    }

    /// Every file of these kinds of [`PLACES`], each once however many paths lead to it.
    pub(crate) fn places(&self, kinds: &[&str], rows: &mut Vec<Row>) -> Vec<File> {
        let places = PLACES.iter().filter(|place| kinds.contains(&place.kind));
        let paths: Vec<PathBuf> = places.flat_map(|place| self.glob(place.pattern)).collect();
        self.each_once(paths, rows)
    }

    /// The regular files among the paths, each once. Our own link for the time until the reboot, and
    /// what is masked by a link to /dev/null, is none of them.
    pub(crate) fn each_once(&self, paths: Vec<PathBuf>, rows: &mut Vec<Row>) -> Vec<File> {
        let mut seen = HashSet::new();
        let mut files = Vec::new();
        for path in paths {
            if path == Path::new(GRUB_LINK) {
                continue;
            }
            let Ok(Some(resolved)) = self.root.resolve(self.now_at(&path)) else { continue };
            // As in the plan, which warns of it.
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
