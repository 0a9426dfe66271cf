//! Checks every path that a run's journal names before anything is changed.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::inside;
use super::journal::Journal;
use crate::guest::placed::Made;
use crate::guest::root::Root;
use crate::plan::Step;

/// The directories of a journal's copies.
const COPIES: &[&str] =
    &["before", "bridge", "after", "images", "bridge-images", "placed", "bridge-placed", "left"];

/// The directory for files and links that somebody else created in the way.
const CHANGED: &str = "changed";

impl Journal {
    /// Demands that every path of the journal lies inside the root, that no symbolic link leads there, and that the
    /// copies are regular files. Only images may be reached through links, because `/boot` may be a link. These links
    /// are resolved inside the root.
    ///
    /// # Errors
    /// The first path that does not meet these demands, with what to do.
    pub fn confine(&self, root: &Root) -> Result<()> {
        inside::straight(self.dir())?;
        for dir in COPIES {
            inside::only_files(&self.dir().join(dir), false)?;
        }
        inside::only_files(&self.dir().join(CHANGED), true)?;
        for path in &self.saved.files {
            inside::is_file(&self.place(root, path))?;
        }
        for path in &self.saved.paths {
            let dir = path.from.parent().unwrap_or(Path::new("/"));
            inside::straight(&self.place(root, dir))?;
        }
        for step in &self.saved.steps {
            match step {
                Step::BridgeImage { path, .. } | Step::RebuildImage { path, .. } => {
                    image(root, path)?;
                }
                Step::BridgePlaced(placed) | Step::Place(placed) => {
                    image(root, &placed.path)?;
                    match &placed.made {
                        Made::Copy { of } => image(root, of)?,
                        Made::Unified { linux, initrd, .. } => {
                            image(root, linux)?;
                            initrd.as_deref().map_or(Ok(()), |initrd| image(root, initrd))?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn image(root: &Root, path: &Path) -> Result<()> {
    let looking = || format!("looking for `{}`", path.display());
    let place = if let Some(place) = root.resolve(path).with_context(looking)? {
        place
    } else {
        let dir = path.parent().unwrap_or(path);
        let Some(dir) = root.resolve(dir).with_context(looking)? else {
            bail!(
                "looking for `{}`: its directory does not exist inside the root: mount it, or put it back",
                path.display()
            );
        };
        dir.join(path.file_name().unwrap_or_default())
    };
    inside::is_file(&root.outer(&place)).map(drop)
}
