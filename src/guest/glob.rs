//! Patterns for paths inside the root tree.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::root::Root;
use crate::glob::is_component;

/// How deep a tree of configuration files is searched.
const MAX_DEPTH: usize = 8;

impl Root {
    /// Paths below the root that fit a pattern, sorted. Each component may have one `*`.
    ///
    /// A component `**` stands for any number of directories, up to `MAX_DEPTH`. From there on, symbolic
    /// links are neither followed nor returned: the target of a link in the tree does not belong to it, or
    /// is found by its own path.
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

    /// Adds a directory and all directories below it.
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
