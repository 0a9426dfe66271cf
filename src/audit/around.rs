//! The text around a token.

use std::ops::Range;

/// How far to look for the ends of a line. A text may have no lines.
pub(super) const MAX_LINE: usize = 4096;

/// The line around a token, without its newline. A very long line is shortened.
pub(super) fn line_around(text: &[u8], token: &Range<usize>) -> Range<usize> {
    let low = token.start.saturating_sub(MAX_LINE);
    let high = text.len().min(token.end + MAX_LINE);
    let start = memchr::memrchr(b'\n', &text[low..token.start]).map_or(low, |at| low + at + 1);
    let end = memchr::memchr(b'\n', &text[token.end..high]).map_or(high, |at| token.end + at);
    start..end
}

/// The run of fitting bytes around a span, up to the longest name or path.
pub(super) fn run(text: &[u8], span: &Range<usize>, fits: impl Fn(u8) -> bool) -> Range<usize> {
    let low = span.start.saturating_sub(MAX_LINE);
    let before = text[low..span.start].iter().rev().take_while(|byte| fits(**byte)).count();
    let high = text.len().min(span.end + MAX_LINE);
    span.start - before..span.end + run_length(&text[span.end..high], fits)
}

/// The number of bytes at the beginning that fit.
pub(super) fn run_length(text: &[u8], fits: impl Fn(u8) -> bool) -> usize {
    text.iter().take_while(|byte| fits(**byte)).count()
}
