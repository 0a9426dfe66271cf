//! Compression formats that the kernel knows (Linux lib/decompress.c), and the frame format of LZ4, which
//! lz4(1) writes without `-l`.

use std::fmt;
use std::io::{self, BufRead, Read};

use anyhow::{Context, Result};

use super::{lz4, xz, zstd};

/// The number of bytes that identify any format.
pub(super) const LONGEST_MAGIC: usize = 6;

/// A compression format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Gzip,
    Bzip2,
    Lzma,
    Xz,
    Zstd,
    Lz4,
    Lz4Legacy,
}

const MAGICS: &[(&[u8], Codec)] = &[
    (b"\x1f\x8b", Codec::Gzip),
    (b"BZh", Codec::Bzip2),
    (b"\x5d\x00\x00", Codec::Lzma),
    (b"\xfd7zXZ\x00", Codec::Xz),
    (b"\x28\xb5\x2f\xfd", Codec::Zstd),
    (b"\x04\x22\x4d\x18", Codec::Lz4),
    (b"\x02\x21\x4c\x18", Codec::Lz4Legacy),
];

impl Codec {
    /// The format of data that starts with these bytes.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        MAGICS.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, codec)| *codec)
    }

    /// Unpacks one member or frame, and leaves the source directly after its last byte. The caller must
    /// look for the next one.
    ///
    /// Every decoder fails if the input ends early. Every decoder verifies checksums, except for LZMA and
    /// old LZ4, which have none.
    pub(super) fn open<'a>(self, source: &'a mut dyn BufRead) -> Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::Gzip => Box::new(flate2::bufread::GzDecoder::new(source)),
            Self::Bzip2 => Box::new(bzip2::bufread::BzDecoder::new(source)),
            Self::Lzma => Box::new(xz::Lzma::new(source)),
            Self::Xz => Box::new(xz::Xz::new(source)),
            Self::Zstd => Box::new(zstd::Frame::new(source).context("reading its zstd header")?),
            Self::Lz4 => Box::new(lz4::Frame::new(source)),
            Self::Lz4Legacy => Box::new(lz4::Legacy::new(source)?),
        })
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Lzma => "lzma",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Lz4 | Self::Lz4Legacy => "lz4",
        })
    }
}

/// Turns the error of a decoder into an I/O error.
pub(super) fn damaged(error: impl fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}
