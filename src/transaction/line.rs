//! A journal's text: one JSON record per line, each with a checksum of its own bytes.
//!
//! The checksum (CRC-32) distinguishes a complete line from one that was truncated or damaged. It does not keep
//! anybody from forging a journal. The journal's owner and mode do that.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::record::{Begin, FORMAT, Record, Stamp};

/// The first format whose lines have checksums.
const CHECKED: u32 = 4;

/// What comes before and after the eight hexadecimal digits of the checksum at the end of a line.
const HEAD: &[u8] = b",\"crc\":\"";
const DIGITS: usize = 8;
const TAIL: &[u8] = b"\"}";

/// A record as a line, including its newline.
pub(super) fn write(record: &Record) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(record)?;
    line.pop();
    let checksum = crc32fast::hash(&line);
    line.extend_from_slice(HEAD);
    line.extend_from_slice(format!("{checksum:08x}").as_bytes());
    line.extend_from_slice(TAIL);
    line.push(b'\n');
    Ok(line)
}

/// What a journal's text says.
pub(super) struct Text {
    pub(super) begin: Begin,
    pub(super) records: Vec<Record>,
    /// Bytes up to the end of the last complete line.
    pub(super) whole: u64,
    /// Whether that line has its newline.
    pub(super) ended: bool,
}

/// Reads a journal's text. `None` if the run was interrupted while it wrote its plan.
///
/// An incomplete last line is ignored, because the act that it announces never began.
///
/// # Errors
/// An unknown format, or a damaged line before the last.
pub(super) fn read(path: &Path, text: &[u8]) -> Result<Option<Text>> {
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let Some((first, rest)) = lines.split_first() else { return Ok(None) };
    if !first.ends_with(b"\n") {
        return Ok(None);
    }
    let Some((begin, format)) = plan(path, first)? else {
        if rest.is_empty() {
            return Ok(None);
        }
        bail!("{}", damaged(path, 1));
    };
    let mut read = Text { begin, records: Vec::new(), whole: first.len() as u64, ended: true };
    let mut at = first.len() as u64;
    for (number, line) in rest.iter().enumerate() {
        at += line.len() as u64;
        match record(line, format) {
            Some(record) => read.records.push(record),
            None if number + 1 == rest.len() => break,
            // Before there were checksums, a truncated line got its newline later.
            None if format < CHECKED && checksum(line).is_none() => {}
            None => bail!("{}", damaged(path, number + 2)),
        }
        (read.whole, read.ended) = (at, line.ends_with(b"\n"));
    }
    Ok(Some(read))
}

/// The first record and its format. `None` if the line is incomplete.
fn plan(path: &Path, line: &[u8]) -> Result<Option<(Begin, u32)>> {
    let Ok(stamp) = serde_json::from_slice::<Stamp>(line) else { return Ok(None) };
    if !(1..=FORMAT).contains(&stamp.format) {
        bail!(
            "`{}` has format {}; this postclone reads up to {FORMAT}: use the version that wrote it, {}",
            path.display(),
            stamp.format,
            stamp.version
        );
    }
    if !is_whole(line, stamp.format) {
        return Ok(None);
    }
    let record =
        serde_json::from_slice(line).with_context(|| format!("reading `{}`", path.display()))?;
    let Record::Begin(begin) = record else {
        bail!(
            "reading `{}`: its first record is not the plan: move its directory away",
            path.display()
        );
    };
    Ok(Some((*begin, stamp.format)))
}

fn record(line: &[u8], format: u32) -> Option<Record> {
    is_whole(line, format).then(|| serde_json::from_slice(line).ok())?
}

/// Whether a line's checksum matches, or the format needs none.
fn is_whole(line: &[u8], format: u32) -> bool {
    checksum(line).map_or(format < CHECKED, |(told, bytes)| told == crc32fast::hash(bytes))
}

/// The checksum in a line, and the bytes that it covers.
fn checksum(line: &[u8]) -> Option<(u32, &[u8])> {
    let line = line.strip_suffix(b"\n").unwrap_or(line).strip_suffix(TAIL)?;
    let (line, digits) = line.split_at_checked(line.len().checked_sub(DIGITS)?)?;
    let told = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    Some((told, line.strip_suffix(HEAD)?))
}

fn damaged(path: &Path, number: usize) -> String {
    let dir = path.parent().unwrap_or(path).display();
    format!(
        "line {number} of `{}` is damaged, so it is not known what the run did: check the disk, restore by hand \
         what `{dir}/before` shows (postclone(8), RECOVERY), then run `mv {dir} {dir}.damaged`",
        path.display()
    )
}
