//! A directory of the journal's in which a program may work, away from what boots.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::journal::Journal;
use super::{inside, stream};
use crate::failpoint;

/// Its name in the journal's directory.
const WORKSHOP: &str = "workshop";

impl Journal {
    /// An empty workshop with these files, each by its path below.
    pub fn workshop(&self, files: &[(&str, &[u8])]) -> Result<PathBuf> {
        let dir = self.dir().join(WORKSHOP);
        let making = || format!("making `{}`", dir.display());
        self.clear_workshop()?;
        failpoint::hit("workshop").with_context(making)?;
        inside::straight(self.dir())?;
        fs::create_dir_all(&dir).with_context(making)?;
        for (name, bytes) in files {
            let path = dir.join(name);
            fs::create_dir_all(path.parent().unwrap_or(&dir)).with_context(making)?;
            fs::write(&path, bytes).with_context(making)?;
        }
        Ok(dir)
    }

    /// Removes the workshop.
    pub fn clear_workshop(&self) -> Result<()> {
        let dir = self.dir().join(WORKSHOP);
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("removing `{}`", dir.display()))
            }
            _ => Ok(()),
        }
    }

    /// Puts a whole file's bytes at another's place, atomically; that one's owner and mode stay.
    pub fn put_image(&self, from: &Path, to: &Path) -> Result<()> {
        stream::put(from, to, to, false)
    }
}
