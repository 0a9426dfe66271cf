//! Unified kernel images: PE files with sections for a kernel, its command line and its initramfs image
//! (uapi-group.org, specification 5; Microsoft's PE format specification).
//!
//! Only the section table of the format is needed. This module reads it at checked file offsets. A library
//! would need the whole file in memory.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use anyhow::{Context, Result, bail};

use super::{Entry, NotAnImage, Visit, read_from};

/// Where the offset of the PE header is.
const HEADER_OFFSET: u64 = 0x3c;
/// The size of the PE signature and the COFF header.
const HEADER: usize = 24;
/// The size of a row in the section table.
const ROW: usize = 40;
/// The limit of Windows' loader.
const MAX_SECTIONS: u16 = 96;

/// One row of the section table.
pub(super) struct Section {
    name: [u8; 8],
    offset: u64,
    size: u64,
}

impl Section {
    /// The name without its padding.
    pub(super) fn name(&self) -> &[u8] {
        self.name.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// Its content. Fails if it is longer than `limit`.
    pub(super) fn content(&self, mut file: &File, limit: u64) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        file.seek(SeekFrom::Start(self.offset))?;
        let length = file.take(self.size.min(limit + 1)).read_to_end(&mut content)? as u64;
        if length > limit {
            bail!("its section `{}` is too long", String::from_utf8_lossy(self.name()));
        }
        if length < self.size {
            bail!("it is cut off: a section ends after the file's last byte");
        }
        Ok(content)
    }
}

/// Visits `.cmdline` as an entry, and the entries of the images in `.initrd`.
pub(super) fn read(mut file: &File, visit: Visit<'_>) -> Result<()> {
    let sections = sections(file)?;
    let length = file.metadata()?.len();
    let mut any = false;
    for section in sections {
        let initrd = match section.name() {
            b".initrd" => true,
            b".cmdline" => false,
            _ => continue,
        };
        any = true;
        if section.offset.saturating_add(section.size) > length {
            bail!("it is cut off: a section ends after the file's last byte");
        }
        file.seek(SeekFrom::Start(section.offset))?;
        let mut content = file.take(section.size);
        if initrd {
            read_from(content, visit).context("reading its section `.initrd`")?;
        } else {
            let mode = 0o100_444;
            let entry = Entry { name: b".cmdline".to_vec(), mode, size: section.size };
            visit(&entry, &mut content)?;
        }
    }
    if any { Ok(()) } else { Err(NotAnImage.into()) }
}

/// The offset of the PE header, and its bytes.
fn header(file: &File) -> Result<(u64, [u8; HEADER])> {
    let at = u64::from(u32_of(&bytes::<4>(file, HEADER_OFFSET)?, 0));
    let header = bytes::<HEADER>(file, at)?;
    if !header.starts_with(b"PE\0\0") {
        return Err(NotAnImage.into());
    }
    Ok((at, header))
}

/// Whether the file is signed for Secure Boot: the size in the fifth data directory of the optional header
/// is not zero. The directories begin after 96 bytes, or after 112 in a 64-bit image (magic 0x20b).
pub(super) fn is_signed(file: &File) -> Result<bool> {
    let (at, header) = header(file)?;
    let (optional, length) = (at + HEADER as u64, u64::from(u16_of(&header, 20)));
    let wide = u16_of(&bytes::<2>(file, optional)?, 0) == 0x20b;
    let certificates = if wide { 112 } else { 96 } + 4 * 8;
    if length < certificates + 8 {
        return Ok(false);
    }
    Ok(u32_of(&bytes::<8>(file, optional + certificates)?, 4) > 0)
}

/// The section table.
pub(super) fn sections(file: &File) -> Result<Vec<Section>> {
    let (at, header) = header(file)?;
    let count = u16_of(&header, 6);
    if count > MAX_SECTIONS {
        bail!("its PE header claims {count} sections");
    }
    let table = at + HEADER as u64 + u64::from(u16_of(&header, 20));
    (0..u64::from(count))
        .map(|number| {
            let row = bytes::<ROW>(file, table + number * ROW as u64)?;
            let mut name = [0; 8];
            name.copy_from_slice(&row[..8]);
            // The size in memory is that of the content. The size in the file is rounded up.
            let size = u32_of(&row, 8).min(u32_of(&row, 16));
            Ok(Section { name, offset: u64::from(u32_of(&row, 20)), size: u64::from(size) })
        })
        .collect()
}

/// The bytes at an offset. A file that is too short for its own headers is not an image.
fn bytes<const N: usize>(mut file: &File, at: u64) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut bytes).map_err(|_| NotAnImage)?;
    Ok(bytes)
}

fn u16_of(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_of(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
