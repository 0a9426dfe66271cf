//! cpio archives in the formats newc and crc. The kernel unpacks no others (Linux
//! Documentation/driver-api/early-userspace/buffer-format.rst, init/initramfs.c).

use std::io::{self, BufRead, Read};

use anyhow::{Context, Result, bail};

use super::source::Source;
use super::{Entry, Visit, cut_off};

/// The magic, and thirteen numbers of eight hexadecimal digits.
const HEADER: usize = 6 + 13 * 8;

/// The name of the last entry.
const TRAILER: &[u8] = b"TRAILER!!!";

/// `PATH_MAX`: the kernel ignores entries with longer names.
const MAX_NAME: usize = 4096;

/// Whether data that start with these bytes are an archive.
pub(super) fn starts(head: &[u8]) -> bool {
    head.starts_with(b"070701") || head.starts_with(b"070702")
}

/// Reads one archive up to its trailer.
///
/// # Errors
/// An archive without a trailer is truncated, even if it ends between two entries.
pub(super) fn read<R: Read>(source: &mut Source<R>, visit: Visit<'_>) -> Result<()> {
    let begin = source.position();
    loop {
        let start = source.position();
        let header = source.peek(HEADER)?;
        if header.len() < HEADER {
            return Err(cut_off().into());
        }
        if !starts(header) {
            bail!("the archive has no entry at its byte {}", start - begin);
        }
        let mode = number(header, 1)?;
        let size = u64::from(number(header, 6)?);
        let name_size = number(header, 11)? as usize;
        source.consume(HEADER);
        if name_size == 0 || name_size > MAX_NAME {
            bail!("the archive's entry at byte {} has a name of {name_size} bytes", start - begin);
        }
        let mut name = vec![0; name_size];
        source.read_exact(&mut name).map_err(|_| cut_off())?;
        name.pop();
        pad(source, begin)?;
        if name == TRAILER {
            return Ok(());
        }
        let entry = Entry { name: relative(&name).to_vec(), mode, size };
        let shown = || format!("reading its file `{}`", String::from_utf8_lossy(&entry.name));
        let mut content = source.by_ref().take(size);
        visit(&entry, &mut content).with_context(shown)?;
        io::copy(&mut content, &mut io::sink()).with_context(shown)?;
        if content.limit() > 0 {
            return Err(cut_off()).with_context(shown);
        }
        pad(source, begin)?;
    }
}

/// Skips padding: entries and contents start at multiples of four bytes from the beginning of the archive.
fn pad<R: Read>(source: &mut Source<R>, begin: u64) -> Result<()> {
    let over = (source.position() - begin) % 4;
    if over > 0 {
        // The value fits into usize: it is at most three.
        let missing = usize::try_from(4 - over).unwrap_or_default();
        if source.peek(missing)?.len() < missing {
            return Err(cut_off().into());
        }
        source.consume(missing);
    }
    Ok(())
}

fn number(header: &[u8], field: usize) -> Result<u32> {
    let digits = &header[6 + field * 8..14 + field * 8];
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .with_context(|| format!("`{}` is not a number of a cpio header", digits.escape_ascii()))
}

fn relative(name: &[u8]) -> &[u8] {
    let name = name.strip_prefix(b".").filter(|rest| rest.starts_with(b"/")).unwrap_or(name);
    let slashes = name.iter().take_while(|byte| **byte == b'/').count();
    &name[slashes..]
}
