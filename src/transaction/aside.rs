//! A temporary directory for a program that creates a secret. It is in memory if the system has such a place.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::staged::PREFIX;

/// File systems in memory (file-hierarchy(7)).
const IN_MEMORY: &[&str] = &["/run", "/dev/shm"];

/// A directory that only its owner can read. Dropping it removes it and everything in it.
#[derive(Debug)]
pub struct Aside(tempfile::TempDir);

impl Aside {
    /// Creates the directory.
    pub fn make() -> Result<Self> {
        let make = |dir: &Path| tempfile::Builder::new().prefix(PREFIX).tempdir_in(dir);
        let dir = IN_MEMORY.iter().find_map(|dir| make(Path::new(dir)).ok());
        let last = || make(&std::env::temp_dir());
        let dir = dir.map_or_else(last, Ok).context("making a directory for new keys")?;
        Ok(Self(dir))
    }

    /// Writes a file in the directory, and returns its path.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.path(name);
        std::fs::write(&path, bytes).with_context(|| format!("writing `{}`", path.display()))?;
        Ok(path)
    }

    /// The path of a file in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}
