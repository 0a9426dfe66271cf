//! xz and its predecessor lzma.

use std::io::{self, BufRead, Read};

use lzma_rust2::{Action, LzmaStream, Status, StreamResult, XzStream};

use super::cut_off;

/// The memory limit in KiB. No preset's dictionary needs more (xz(1), -9).
const MEMORY: u32 = 160 << 10;

/// The function that decodes one of the two formats.
type Process<S> = fn(&mut S, &[u8], &mut [u8], Action) -> io::Result<StreamResult>;

/// One stream. It is unpacked without reading past its end.
pub(super) struct Stream<'a, S> {
    source: &'a mut dyn BufRead,
    decoder: S,
    process: Process<S>,
    ended: bool,
}

/// One xz stream. Its check is verified.
pub(super) type Xz<'a> = Stream<'a, XzStream>;

/// One lzma stream, which has no check.
pub(super) type Lzma<'a> = Stream<'a, LzmaStream>;

impl<'a> Xz<'a> {
    pub(super) fn new(source: &'a mut dyn BufRead) -> Self {
        let decoder = XzStream::new_mem_limit(false, MEMORY);
        Self { source, decoder, process: XzStream::process, ended: false }
    }
}

impl<'a> Lzma<'a> {
    pub(super) fn new(source: &'a mut dyn BufRead) -> Self {
        let decoder = LzmaStream::new_mem_limit(MEMORY, None);
        Self { source, decoder, process: LzmaStream::process, ended: false }
    }
}

impl<S> Read for Stream<'_, S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !into.is_empty() {
            let ahead = self.source.fill_buf()?;
            let at_end = ahead.is_empty();
            let action = if at_end { Action::Finish } else { Action::Run };
            let result = (self.process)(&mut self.decoder, ahead, into, action)?;
            self.source.consume(result.bytes_consumed);
            self.ended = result.status == Status::StreamEnd;
            if result.bytes_produced > 0 {
                return Ok(result.bytes_produced);
            }
            if at_end && !self.ended {
                return Err(cut_off());
            }
        }
        Ok(0)
    }
}
