//! What is inside an initramfs image or a unified kernel image, without unpacking it to disk.
//!
//! An image is a row of segments with zeros between (Linux Documentation/driver-api/early-userspace/
//! buffer-format.rst): cpio archives as they are (microcode first), and compressed ones. A unified
//! kernel image (uapi-group.org, specification 5) is a PE file with such an image in a section.

mod codec;
mod cpio;
mod lz4;
mod pe;
mod source;
mod summary;
mod unified;
mod xz;
mod zstd;

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::regular::open_regular;
use codec::Codec;
use source::Source;
pub use summary::Summary;
pub use unified::Unified;

/// More than any real image unpacks to; what exceeds it is a bomb.
const MAX_UNPACKED: u64 = 4 << 30;

/// One file of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path without a leading `./` or `/`; a section of a unified kernel image as `.cmdline`.
    pub name: Vec<u8>,
    /// Type and permissions, as st_mode has them.
    pub mode: u32,
    /// Bytes of its content; of a symbolic link, of its target.
    pub size: u64,
}

impl Entry {
    /// Whether the content is text or data.
    pub fn is_file(&self) -> bool {
        self.mode & 0o170_000 == 0o100_000
    }

    /// Whether the content is a link's target.
    pub fn is_link(&self) -> bool {
        self.mode & 0o170_000 == 0o120_000
    }
}

/// Takes one entry after the other with its content; what it leaves unread is passed over.
pub type Visit<'a> = &'a mut dyn FnMut(&Entry, &mut dyn Read) -> Result<()>;

/// The file starts like nothing known to be an image.
#[derive(Debug)]
pub struct NotAnImage;

impl fmt::Display for NotAnImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it does not start like any known initramfs image")
    }
}

impl std::error::Error for NotAnImage {}

/// Reads the image at a path.
///
/// # Errors
/// [`NotAnImage`]; an image that is cut off, damaged, or unpacks to more than 4 GiB; the visitor's.
pub fn read(path: &Path, visit: Visit<'_>) -> Result<()> {
    let reading = || format!("reading the image `{}`", path.display());
    let file = open_regular(path).with_context(reading)?;
    read_file(&file, visit).with_context(reading)
}

/// Reads an image from its file, wherever that stands.
pub fn read_file(mut file: &File, visit: Visit<'_>) -> Result<()> {
    let mut head = [0; 2];
    file.seek(SeekFrom::Start(0))?;
    let length = file.read(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    if head[..length] == *b"MZ" {
        return pe::read(file, visit);
    }
    read_from(file, visit)
}

/// Whether a file that starts so may be an image, a unified kernel image included.
pub fn may_be(head: &[u8]) -> bool {
    head.starts_with(b"MZ") || cpio::starts(head) || Codec::of(head).is_some()
}

/// Reads the segments of an image.
fn read_from(reader: impl Read, visit: Visit<'_>) -> Result<()> {
    let mut source = Source::new(reader);
    let mut left = MAX_UNPACKED;
    let mut any = false;
    while source.skip_zeros()? {
        let head = source.peek(codec::LONGEST_MAGIC)?;
        if cpio::starts(head) {
            cpio::read(&mut source, visit)?;
        } else if let Some(codec) = Codec::of(head) {
            let unpacked = codec.open(&mut source).and_then(|reader| unpack(reader, left, visit));
            left -= unpacked.with_context(|| format!("unpacking its {codec} segment"))?;
        } else if any {
            bail!("after byte {} there is neither an archive nor padding", source.position());
        } else {
            return Err(NotAnImage.into());
        }
        any = true;
    }
    if any { Ok(()) } else { Err(NotAnImage.into()) }
}

/// The archives of one compressed segment, and its end, where the checksum stands. Gives the number
/// of bytes that it unpacked to.
fn unpack(reader: impl Read, limit: u64, visit: Visit<'_>) -> Result<u64> {
    let mut source = Source::limited(reader, limit);
    let mut any = false;
    while source.skip_zeros()? {
        if !cpio::starts(source.peek(codec::LONGEST_MAGIC)?) {
            // A compressed file that is no image: config.gz, a compressed kernel.
            if !any {
                return Err(NotAnImage.into());
            }
            bail!("after byte {} there is neither an archive nor padding", source.position());
        }
        cpio::read(&mut source, visit)?;
        any = true;
    }
    if any { Ok(source.position()) } else { Err(cut_off().into()) }
}

/// The error of every reader that meets the end too early.
fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it is cut off")
}
