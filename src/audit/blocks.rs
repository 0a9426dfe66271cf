//! Reads a content of any length in blocks, so that memory stays bounded and no token is split.

use std::io::{self, Read};
use std::ops::Range;

/// The bytes of a content that are in memory at once.
pub(super) const BLOCK: usize = 4 << 20;

/// A content without lines is split anywhere. Its blocks overlap by this much, more than twice any token.
const SHARED: usize = 32 << 10;

/// One piece of a content.
pub(super) struct Block<'a> {
    pub(super) text: &'a [u8],
    /// Where the piece begins in the content.
    pub(super) offset: u64,
    /// The line of its first byte, from 1.
    pub(super) line: u64,
    /// The position of that byte in its line, from 0.
    pub(super) column: u64,
    /// The part of the text whose tokens belong to this block. Tokens in the rest belong to a neighbour.
    pub(super) own: Range<usize>,
    /// Whether it is the whole content.
    pub(super) is_whole: bool,
}

/// Passes the blocks of a content to `take`, in order. `buffer` is reused between calls. Returns the
/// length of the content.
pub(super) fn each(
    reader: &mut dyn Read,
    buffer: &mut Vec<u8>,
    take: &mut dyn FnMut(&Block<'_>),
) -> io::Result<u64> {
    buffer.clear();
    let (mut offset, mut line, mut column, mut low) = (0, 1, 0, 0);
    loop {
        let missing = BLOCK - buffer.len();
        reader.take(missing as u64).read_to_end(buffer)?;
        let is_last = buffer.len() < BLOCK;
        // The next block begins here.
        let after_line = memchr::memrchr(b'\n', buffer).map(|at| at + 1);
        let (next, high) = match after_line {
            _ if is_last => (buffer.len(), buffer.len()),
            Some(at) if at > BLOCK / 2 => (at, at),
            _ => (BLOCK - SHARED, BLOCK - SHARED / 2),
        };
        take(&Block {
            text: if next == high { &buffer[..high] } else { buffer },
            offset,
            line,
            column,
            own: low..high,
            is_whole: is_last && offset == 0,
        });
        if is_last {
            return Ok(offset + buffer.len() as u64);
        }
        (line, column) = advance(&buffer[..next], line, column);
        offset += next as u64;
        low = high - next;
        buffer.drain(..next);
    }
}

/// Line and column after a text that begins at the given ones.
pub(super) fn advance(text: &[u8], line: u64, column: u64) -> (u64, u64) {
    match memchr::memrchr(b'\n', text) {
        None => (line, column + text.len() as u64),
        Some(last) => {
            let lines = memchr::memchr_iter(b'\n', text).count() as u64;
            (line + lines, (text.len() - last - 1) as u64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds every token exactly once, at its place.
    fn places(content: &[u8]) -> Vec<(u64, u64, u64)> {
        let mut found = Vec::new();
        let mut buffer = Vec::new();
        let length = each(&mut &*content, &mut buffer, &mut |block| {
            for at in memchr::memmem::find_iter(block.text, b"TOKEN") {
                if block.own.contains(&at) {
                    let (line, column) = advance(&block.text[..at], block.line, block.column);
                    found.push((block.offset + at as u64, line, column));
                }
            }
        });
        assert_eq!(length.unwrap(), content.len() as u64);
        found
    }

    #[test]
    fn tokens_at_every_border_are_found_once() {
        for cut in [BLOCK, BLOCK - SHARED, BLOCK - SHARED / 2, 2 * BLOCK - SHARED, 2 * BLOCK - 7] {
            for at in cut - 7..cut + 7 {
                let mut content = vec![b'x'; 2 * BLOCK + 100];
                content[at..at + 5].copy_from_slice(b"TOKEN");
                assert_eq!(places(&content), [(at as u64, 1, at as u64)], "{at}");
            }
        }
        let mut lines = b"0123456\n".repeat(BLOCK / 8 + 10);
        for at in [BLOCK - 6, BLOCK + 1] {
            lines[at..at + 5].copy_from_slice(b"TOKEN");
        }
        let (first, second) = (BLOCK as u64 / 8, BLOCK as u64 / 8 + 1);
        assert_eq!(places(&lines), [(BLOCK as u64 - 6, first, 2), (BLOCK as u64 + 1, second, 1)]);
    }
}
