//! Zstandard (RFC 8878).

use std::io::{self, BufRead, Read};

use anyhow::Result;
use ruzstd::decoding::StreamingDecoder;

use super::codec::damaged;
use super::cut_off;

/// One frame, its checksum compared where it has one.
///
/// The decoder refuses windows of more than 128 MiB.
pub(super) struct Frame<'a> {
    decoder: StreamingDecoder<&'a mut dyn BufRead, ruzstd::decoding::FrameDecoder>,
}

impl<'a> Frame<'a> {
    pub(super) fn new(source: &'a mut dyn BufRead) -> Result<Self> {
        Ok(Self { decoder: StreamingDecoder::new(source).map_err(damaged)? })
    }
}

impl Read for Frame<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.decoder.read(into).map_err(|error| said_shortly(&error))?;
        if count == 0 && !into.is_empty() {
            let frame = &self.decoder.decoder;
            let written = frame.get_checksum_from_data();
            if written.is_some() && written != frame.get_calculated_checksum() {
                return Err(damaged("its checksum does not match its content"));
            }
        }
        Ok(count)
    }
}

/// The decoder's error without the many layers that all repeat what is below them.
fn said_shortly(error: &io::Error) -> io::Error {
    let mut last: &dyn std::error::Error = error;
    while let Some(next) = last.source() {
        last = next;
    }
    match last.downcast_ref::<io::Error>() {
        Some(error) if error.kind() == io::ErrorKind::UnexpectedEof => cut_off(),
        _ => damaged(last),
    }
}
