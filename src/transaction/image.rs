//! Initramfs images as they were before a run, kept in its journal.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

use super::journal::Journal;
use super::staged::{self, Staged};
use super::{attributes, failpoint, sync_dir};

impl Journal {
    /// Keeps an image before it is built anew: as a link where the journal is on its file system,
    /// else as a copy. An image that is kept already stays as it is kept: it is the older one.
    pub fn keep_image(&self, image: &Path) -> Result<()> {
        let kept = self.kept_image(image)?;
        let keeping = || format!("keeping a copy of `{}` in `{}`", image.display(), kept.display());
        if kept.exists() {
            return Ok(());
        }
        failpoint::hit("keep-image").with_context(keeping)?;
        let dir = kept.parent().unwrap_or(self.dir());
        fs::create_dir_all(dir).with_context(keeping)?;
        if fs::hard_link(image, &kept).is_err() {
            // Under another name until it is whole: a cut copy must not be taken for the image.
            let part = dir.join("part");
            fs::copy(image, &part).with_context(keeping)?;
            let copy = File::options().write(true).open(&part).with_context(keeping)?;
            attributes::copy(image, &copy, &part)?;
            let metadata = fs::metadata(image).with_context(keeping)?;
            copy.set_times(attributes::times(&metadata)).with_context(keeping)?;
            copy.sync_all().with_context(keeping)?;
            fs::rename(&part, &kept).with_context(keeping)?;
        }
        sync_dir(dir)?;
        sync_dir(self.dir())
    }

    /// Whether another image stands at the kept one's place. The generators write a new file and
    /// rename it; one that did nothing (`update_initramfs=no`) leaves the old bytes.
    pub fn image_was_replaced(&self, image: &Path, since: std::time::SystemTime) -> Result<bool> {
        let metadata =
            fs::metadata(image).with_context(|| format!("looking at `{}`", image.display()))?;
        // FAT keeps times to two seconds.
        let limit = since - std::time::Duration::from_secs(3);
        Ok(metadata.len() > 0 && metadata.modified().is_ok_and(|modified| modified >= limit))
    }

    /// Puts a kept image back. False where none is kept: the run never came to it.
    pub fn restore_image(&self, image: &Path) -> Result<bool> {
        let kept = self.kept_image(image)?;
        let restoring = || format!("putting the old `{}` back", image.display());
        let Ok(metadata) = fs::metadata(&kept) else { return Ok(false) };
        let same = fs::metadata(image)
            .is_ok_and(|now| (now.dev(), now.ino()) == (metadata.dev(), metadata.ino()));
        if !same {
            let bytes = fs::read(&kept).with_context(restoring)?;
            staged::sweep(std::iter::once(image));
            Staged::write(image, &bytes, &kept, true)?.commit()?;
            staged::sync(&[image.to_owned()])?;
        }
        Ok(true)
    }

    fn kept_image(&self, image: &Path) -> Result<PathBuf> {
        let name = image.file_name().ok_or_else(|| anyhow!("`{}` has no name", image.display()))?;
        Ok(self.dir().join("images").join(name))
    }
}
