//! Unified kernel images: PE files whose sections hold a kernel, its command line and its initrd
//! (uapi-group.org, specification 5; Microsoft's PE format specification).
//!
//! The section table is all that is needed of the format, so it is read here, by file offsets that
//! are checked, rather than by a library that wants the whole file in memory.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use anyhow::{Context, Result, bail};

use super::{Entry, NotAnImage, Visit, read_from};

/// Where the offset of the PE header stands.
const HEADER_OFFSET: u64 = 0x3c;
/// The PE signature and the COFF header.
const HEADER: usize = 24;
/// One row of the section table.
const ROW: usize = 40;
/// The Windows loader's own limit.
const MAX_SECTIONS: u16 = 96;

struct Section {
    name: [u8; 8],
    offset: u64,
    size: u64,
}

/// Gives `.cmdline` as an entry, and the entries of the images in `.initrd`.
pub(super) fn read(mut file: &File, visit: Visit<'_>) -> Result<()> {
    let sections = sections(file)?;
    let length = file.metadata()?.len();
    let mut any = false;
    for section in sections {
        let initrd = match section.name.split(|byte| *byte == 0).next() {
            Some(b".initrd") => true,
            Some(b".cmdline") => false,
            _ => continue,
        };
        any = true;
        if section.offset.saturating_add(section.size) > length {
            bail!("it is cut off: a section ends behind the file's last byte");
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

fn sections(file: &File) -> Result<Vec<Section>> {
    let at = u32_of(&bytes::<4>(file, HEADER_OFFSET)?, 0);
    let header = bytes::<HEADER>(file, u64::from(at))?;
    if !header.starts_with(b"PE\0\0") {
        return Err(NotAnImage.into());
    }
    let count = u16_of(&header, 6);
    if count > MAX_SECTIONS {
        bail!("its PE header says that it has {count} sections");
    }
    let table = u64::from(at) + HEADER as u64 + u64::from(u16_of(&header, 20));
    (0..u64::from(count))
        .map(|number| {
            let row = bytes::<ROW>(file, table + number * ROW as u64)?;
            let mut name = [0; 8];
            name.copy_from_slice(&row[..8]);
            // The size in memory is the content's; the one in the file is rounded up.
            let size = u32_of(&row, 8).min(u32_of(&row, 16));
            Ok(Section { name, offset: u64::from(u32_of(&row, 20)), size: u64::from(size) })
        })
        .collect()
}

/// Bytes at an offset; a file that is too short for its own headers is no image.
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
