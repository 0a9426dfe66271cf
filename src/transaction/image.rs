//! The old initramfs image, kept beside the new one until the run has proved itself.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::staged::PREFIX;
use super::sync_dir;

/// An image's old version under a name that no boot loader looks for.
#[derive(Debug)]
pub struct KeptImage {
    image: PathBuf,
    kept: PathBuf,
}

impl KeptImage {
    /// Keeps the image: as a second link where the file system has links, else as a copy.
    pub fn keep(image: &Path) -> Result<Self> {
        let name = image.file_name().unwrap_or_default().to_string_lossy();
        let kept = image.with_file_name(format!("{PREFIX}{name}"));
        let keeping = || format!("keeping a copy of `{}`", image.display());
        let _ = fs::remove_file(&kept);
        if fs::hard_link(image, &kept).is_err() {
            fs::copy(image, &kept).with_context(keeping)?;
        }
        Ok(Self { image: image.to_owned(), kept })
    }

    /// Whether a new image stands at the old one's place. The generators write a new file and rename
    /// it; one that did nothing (`update_initramfs=no`) leaves the old inode.
    pub fn was_replaced(&self) -> Result<bool> {
        let looking = |path: &Path| {
            fs::metadata(path).with_context(|| format!("looking at `{}`", path.display()))
        };
        let (new, old) = (looking(&self.image)?, looking(&self.kept)?);
        if new.len() == 0 {
            bail!("`{}` is empty", self.image.display());
        }
        Ok(new.ino() != old.ino() && new.mtime() >= old.mtime())
    }

    /// Puts the old image back.
    pub fn restore(&self) -> Result<()> {
        fs::rename(&self.kept, &self.image)
            .with_context(|| format!("putting the old `{}` back", self.image.display()))?;
        sync_dir(self.image.parent().unwrap_or(Path::new("/")))
    }

    /// Removes the old image.
    pub fn discard(&self) {
        if let Err(error) = fs::remove_file(&self.kept) {
            log::warn!("removing `{}`: {error}", self.kept.display());
        }
    }
}
