//! Lines of a text, as ranges and as positions for people.

use std::ops::Range;

/// The lines of a text, without their newlines. A carriage return stays in the line.
pub fn lines(text: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= text.len() {
            return None;
        }
        let end = text[at..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |n| at + n);
        let line = at..end;
        at = end + 1;
        Some(line)
    })
}

/// Where each line starts.
#[derive(Debug)]
pub struct LineIndex {
    starts: Vec<usize>,
    length: usize,
}

impl LineIndex {
    /// Finds the lines in one pass over the text.
    pub fn new(text: &[u8]) -> Self {
        Self { starts: lines(text).map(|line| line.start).collect(), length: text.len() }
    }

    /// The number of lines.
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// The number of the line, from 0, that contains a byte. The end of the text belongs to the last line.
    pub fn line_of(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// Line and column of a byte, both from 1.
    pub fn position(&self, at: usize) -> (usize, usize) {
        let line = self.line_of(at);
        (line + 1, at - self.starts.get(line).copied().unwrap_or(0) + 1)
    }

    /// The bytes of a line, from 0, with its newline.
    pub fn range(&self, line: usize) -> Range<usize> {
        self.starts[line]..self.starts.get(line + 1).copied().unwrap_or(self.length)
    }
}

/// A span without the blanks at its ends.
pub fn trimmed(text: &[u8], span: Range<usize>) -> Range<usize> {
    let bytes = &text[span.clone()];
    let start = span.start + (bytes.len() - bytes.trim_ascii_start().len());
    start..start + bytes.trim_ascii().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_from_one() {
        let index = LineIndex::new(b"ab\n\ncd");
        assert_eq!(index.count(), 3);
        assert_eq!(index.position(0), (1, 1));
        assert_eq!(index.position(2), (1, 3));
        assert_eq!(index.position(3), (2, 1));
        assert_eq!(index.position(5), (3, 2));
        assert_eq!(index.range(0), 0..3);
        assert_eq!(index.range(2), 4..6);
    }
}
