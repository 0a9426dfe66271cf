//! Patterns of paths inside the root tree.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::root::Root;
use crate::glob::is_component;

/// How deep a tree of configuration is looked through.
const MAX_DEPTH: usize = 8;

impl Root {
    /// Paths below the root that fit a pattern with at most one `*` a component, sorted.
    ///
    /// A component `**` stands for any directories, up to [`MAX_DEPTH`] of them. From it on no symbolic
    /// link is followed or given: what a link of the tree leads to belongs to somebody else, or is
    /// found by itself.
    pub fn glob(&self, pattern: &str) -> Result<Vec<PathBuf>> {
        let mut found = vec![PathBuf::from("/")];
        let mut in_tree = false;
        for component in pattern.split('/') {
            let mut next = Vec::new();
            for dir in found {
                match component.split_once('*') {
                    None => next.push(dir.join(component)),
                    Some(("", "*")) => self.tree(&dir, MAX_DEPTH, &mut next)?,
                    Some(_) => {
                        let names = self.list(&dir)?;
                        let fits = |name: &&OsString| is_component(name.as_bytes(), component);
                        next.extend(names.iter().filter(fits).map(|name| dir.join(name)));
                    }
                }
            }
            in_tree |= component == "**";
            if in_tree {
                next.retain(|path| !self.is_link(path));
            }
            found = next;
        }
        Ok(found)
    }

    /// A directory and those below it.
    fn tree(&self, dir: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
        let names = self.list(dir)?;
        found.push(dir.to_owned());
        for name in names.iter().filter(|name| depth > 0 && is_component(name.as_bytes(), "*")) {
            let path = dir.join(name);
            if fs::symlink_metadata(self.outer(&path)).is_ok_and(|metadata| metadata.is_dir()) {
                self.tree(&path, depth - 1, found)?;
            }
        }
        Ok(())
    }
}
