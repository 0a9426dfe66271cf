//! Initramfs images as they were before a run, kept in its journal.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

use super::journal::Journal;
use super::{attributes, inside, stream, sync_dir};
use crate::failpoint;
use crate::guest::placed::same_bytes;

/// Which of a run's images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The image as it was before the run.
    Before,
    /// The image that was built on the bridge, to boot under either name.
    Bridge,
}

impl Kept {
    fn dir(self) -> &'static str {
        match self {
            Self::Before => "images",
            Self::Bridge => "bridge-images",
        }
    }

    /// For images outside `/boot` itself, where two images may have the same name.
    fn placed_dir(self) -> &'static str {
        match self {
            Self::Before => "placed",
            Self::Bridge => "bridge-placed",
        }
    }
}

impl Journal {
    /// Keeps an image before it is rebuilt. If one was kept already, it stays, because it is older.
    ///
    /// The image is copied, never linked: dracut writes into the old file.
    pub fn keep_image(&self, image: &Path, as_what: Kept) -> Result<()> {
        let kept = self.kept_image(image, as_what)?;
        let keeping = || format!("keeping a copy of `{}` in `{}`", image.display(), kept.display());
        if inside::is_file(&kept)? {
            return Ok(());
        }
        failpoint::hit("keep-image").with_context(keeping)?;
        let dir = kept.parent().unwrap_or(self.dir());
        // Use another name until the copy is complete. A copy that was interrupted must not be taken for the image.
        let mut part = kept.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        let mut source = stream::open(image)?;
        let mut copy = inside::fresh(&part)?;
        std::io::copy(&mut source, &mut copy).with_context(keeping)?;
        attributes::copy(image, &copy, &part)?;
        let metadata = source.metadata().with_context(keeping)?;
        copy.set_times(attributes::times(&metadata)).with_context(keeping)?;
        copy.sync_all().with_context(keeping)?;
        fs::rename(&part, &kept).with_context(keeping)?;
        for dir in dir.ancestors().take_while(|dir| dir.starts_with(self.dir())) {
            sync_dir(dir)?;
        }
        Ok(())
    }

    /// Puts a kept image back. Returns false if none was kept, because the run never got that far.
    pub fn restore_image(&self, image: &Path, from: Kept) -> Result<bool> {
        let kept = self.kept_image(image, from)?;
        if !inside::is_file(&kept)? {
            return Ok(false);
        }
        let looks = |of: fs::Metadata| {
            (of.len(), of.mode(), of.uid(), of.gid(), of.mtime(), of.mtime_nsec())
        };
        let look = |path: &Path| {
            fs::symlink_metadata(path)
                .map(looks)
                .with_context(|| format!("looking at `{}`", path.display()))
        };
        // If the tool never replaced the image, no room is needed.
        let stands =
            inside::is_file(image)? && look(image)? == look(&kept)? && same_bytes(&kept, image);
        if !stands {
            let restoring = || format!("putting the old `{}` back", image.display());
            stream::put(&kept, image, &kept, true).with_context(restoring)?;
        }
        Ok(true)
    }

    /// Removes the files that a killed image tool left beside an image (update-initramfs of initramfs-tools,
    /// `generate_initramfs` and `backup_initramfs`; mkinitcpio, `build_image`).
    pub fn remove_unfinished(&self, image: &Path) -> Result<()> {
        for suffix in [".new", ".dpkg-bak", ".tmp"] {
            let mut path = image.as_os_str().to_owned();
            path.push(suffix);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error)
                        .with_context(|| format!("removing `{}`", Path::new(&path).display()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Where an image is kept.
    pub fn kept_image(&self, image: &Path, which: Kept) -> Result<PathBuf> {
        let inner = image.strip_prefix(&self.base).unwrap_or(image);
        let name = inner.file_name().ok_or_else(|| anyhow!("`{}` has no name", image.display()))?;
        if inner.parent() == Some(Path::new("boot")) {
            return Ok(self.dir().join(which.dir()).join(name));
        }
        let inner = inner.strip_prefix("/").unwrap_or(inner);
        Ok(self.dir().join(which.placed_dir()).join(inner))
    }
}

/// What distinguishes one version of an image from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// The stamp of the image that is at the path now.
    ///
    /// # Errors
    /// An image that does not exist or is empty.
    pub fn of(image: &Path) -> Result<Self> {
        let metadata =
            fs::metadata(image).with_context(|| format!("looking at `{}`", image.display()))?;
        if metadata.len() == 0 {
            return Err(anyhow!("`{}` is empty", image.display()));
        }
        Ok(Self {
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}
