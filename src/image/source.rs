//! A reader that can look ahead and knows its position.

use std::io::{self, BufRead, Read};

const CAPACITY: usize = 1 << 16;

/// Buffered input with look-ahead.
pub(super) struct Source<R> {
    inner: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    position: u64,
    left: u64,
}

impl<R: Read> Source<R> {
    pub(super) fn new(inner: R) -> Self {
        Self::limited(inner, u64::MAX)
    }

    /// A source that fails after `limit` bytes.
    pub(super) fn limited(inner: R, limit: u64) -> Self {
        Self { inner, buffer: vec![0; CAPACITY], start: 0, end: 0, position: 0, left: limit }
    }

    /// The number of bytes that were consumed.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The next bytes. There are fewer only at the end. `count` must fit into the buffer.
    pub(super) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.end - self.start < count {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            while self.end < count && self.fill()? {}
        }
        Ok(&self.buffer[self.start..self.end.min(self.start + count)])
    }

    /// Skips zero bytes. False at the end.
    pub(super) fn skip_zeros(&mut self) -> io::Result<bool> {
        loop {
            let ahead = self.fill_buf()?;
            if ahead.is_empty() {
                return Ok(false);
            }
            let zeros = ahead.iter().take_while(|byte| **byte == 0).count();
            let all = zeros == ahead.len();
            self.consume(zeros);
            if !all {
                return Ok(true);
            }
        }
    }

    fn fill(&mut self) -> io::Result<bool> {
        loop {
            match self.inner.read(&mut self.buffer[self.end..]) {
                Ok(count) => {
                    self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
                        io::Error::new(io::ErrorKind::InvalidData, "it unpacks to more than 4 GiB")
                    })?;
                    self.end += count;
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let ahead = self.fill_buf()?;
        let count = ahead.len().min(into.len());
        into[..count].copy_from_slice(&ahead[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.fill()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
        self.position += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_is_left_unexploded() {
        let mut source = Source::limited(io::repeat(0), 1 << 20);
        let error = source.skip_zeros().unwrap_err().to_string();
        assert!(error.contains("more than 4 GiB"), "{error}");
        assert_eq!(Source::limited(&b"ab"[..], 2).peek(9).unwrap(), b"ab");
    }
}
