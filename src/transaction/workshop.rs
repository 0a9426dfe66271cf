//! A directory of the journal in which a program can work, away from what boots.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::journal::Journal;
use super::{inside, stream};
use crate::failpoint;

/// The workshop's name in the journal's directory.
const WORKSHOP: &str = "workshop";

impl Journal {
    /// Creates an empty workshop with these files. Each is named by its path below the workshop.
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

    /// Replaces one file with the bytes of another, atomically. The owner and mode of the replaced file stay.
    pub fn put_image(&self, from: &Path, to: &Path) -> Result<()> {
        stream::put(from, to, to, false)
    }
}
