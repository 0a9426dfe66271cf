//! Reads the contents of initramfs images and unified kernel images, without unpacking them to the disk.
//!
//! An image consists of segments with zeros between them (Linux Documentation/driver-api/early-userspace/
//! buffer-format.rst): uncompressed cpio archives (microcode comes first), and compressed ones. A unified
//! kernel image (uapi-group.org, specification 5) is a PE file. One of its sections contains such an
//! image.

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

/// No real image unpacks to more bytes. A larger one is malicious.
const MAX_UNPACKED: u64 = 4 << 30;

/// A file in an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path without a leading `./` or `/`, or the name of a section in a unified kernel image, such as
    /// `.cmdline`.
    pub name: Vec<u8>,
    /// Type and permissions, as in st_mode.
    pub mode: u32,
    /// The size of its content in bytes. For a symbolic link, the size of its target.
    pub size: u64,
}

impl Entry {
    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.mode & 0o170_000 == 0o100_000
    }

    /// Whether it is a symbolic link, whose content is its target.
    pub fn is_link(&self) -> bool {
        self.mode & 0o170_000 == 0o120_000
    }
}

/// Gets each entry with its content. Content that it does not read is skipped.
pub type Visit<'a> = &'a mut dyn FnMut(&Entry, &mut dyn Read) -> Result<()>;

/// The error for a file that does not start like any known image.
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
/// [`NotAnImage`]. An image that is truncated, damaged, or unpacks to more than 4 GiB. Errors of the
/// visitor.
pub fn read(path: &Path, visit: Visit<'_>) -> Result<()> {
    let reading = || format!("reading the image `{}`", path.display());
    let file = open_regular(path).with_context(reading)?;
    read_file(&file, visit).with_context(reading)
}

/// Reads an image from an open file, from its beginning.
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

/// Whether a file that starts with these bytes may be an image or a unified kernel image.
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

/// Reads the archives in one compressed segment up to its end, where the checksum is. Returns the unpacked
/// size.
fn unpack(reader: impl Read, limit: u64, visit: Visit<'_>) -> Result<u64> {
    let mut source = Source::limited(reader, limit);
    let mut any = false;
    while source.skip_zeros()? {
        if !cpio::starts(source.peek(codec::LONGEST_MAGIC)?) {
            // A compressed file that is not an image: config.gz, or a compressed kernel.
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

/// The error of all readers if the input ends early.
fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it is cut off")
}
