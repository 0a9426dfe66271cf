//! Images as a run left them. If an image was rebuilt since, the run must not replace it with an older one.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::journal::Journal;
use super::sync_dir;

/// How many bytes are read at once.
const BLOCK: usize = 1 << 20;

impl Journal {
    /// Notes an image as the run leaves it.
    pub fn note_image(&self, image: &Path) -> Result<()> {
        let note = self.image_note(image);
        let noting = || format!("writing `{}`", note.display());
        let dir = note.parent().unwrap_or(self.dir());
        fs::create_dir_all(dir).with_context(noting)?;
        let mut file = File::create(&note).with_context(noting)?;
        file.write_all(digest(image)?.as_bytes()).with_context(noting)?;
        // A power failure may come right after the end of a run. The note must survive it.
        file.sync_all().with_context(noting)?;
        sync_dir(dir)
    }

    /// Whether an image is as the run left it. If the run has no note of it, or a power failure lost the note, the
    /// times decide: an image that is newer than the journal was built after the run.
    pub fn left_image(&self, image: &Path) -> Result<bool> {
        let noted = fs::read_to_string(self.image_note(image)).ok();
        // A power failure may leave a file without its bytes.
        let Some(noted) = noted.filter(|text| text.ends_with('\n')) else {
            let time = |path: &Path| {
                let looking = || format!("looking at `{}`", path.display());
                let metadata = fs::metadata(path).with_context(looking)?;
                Ok::<_, anyhow::Error>((metadata.mtime(), metadata.mtime_nsec()))
            };
            return Ok(time(image)? <= time(&self.dir().join("journal"))?);
        };
        Ok(digest(image)? == noted)
    }

    /// Demands that an image holds the bytes that were kept of it. An image without a kept copy is accepted.
    ///
    /// # Errors
    /// The image holds other bytes.
    pub fn image_is_kept_one(&self, image: &Path) -> Result<()> {
        let kept = self.kept_image(image, super::image::Kept::Before)?;
        if kept.exists() && digest(&kept)? != digest(image)? {
            bail!(
                "`{}` does not contain the bytes that were put back: find out what else writes it",
                image.display()
            );
        }
        Ok(())
    }

    fn image_note(&self, image: &Path) -> PathBuf {
        let inner = image.strip_prefix(&self.base).unwrap_or(image);
        self.dir().join("left").join(inner.strip_prefix("/").unwrap_or(inner))
    }
}

/// Length and CRC-32 of a file. This is enough to recognize that an image was rebuilt. It is not enough for more.
fn digest(path: &Path) -> Result<String> {
    let reading = || format!("reading `{}`", path.display());
    let mut file = File::open(path).with_context(reading)?;
    let (mut block, mut length) = (vec![0; BLOCK], 0_u64);
    let mut hasher = crc32fast::Hasher::new();
    loop {
        let read = file.read(&mut block).with_context(reading)?;
        if read == 0 {
            return Ok(format!("{length} {:08x}\n", hasher.finalize()));
        }
        length += read as u64;
        hasher.update(&block[..read]);
    }
}
