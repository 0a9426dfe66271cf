//! Zstandard (RFC 8878).

use std::io::{self, BufRead, Chain, Cursor, Read};

use anyhow::Result;
use ruzstd::decoding::StreamingDecoder;

use super::codec::damaged;
use super::cut_off;

/// The largest window of zstd(1). A larger one needs `--long` or `--ultra`.
const MAX_WINDOW: u64 = 128 << 20;

/// The bytes of a frame, with its header, which was read before.
type Whole<'a> = Chain<Cursor<Vec<u8>>, &'a mut dyn BufRead>;

/// One frame. Its checksum is verified if it has one.
///
/// Windows of more than 128 MiB are refused here, because ruzstd 0.8 refuses them only from the second
/// frame on. It unpacks a whole block and does not enforce the format's limit of 128 KiB. Later versions
/// do, but need Rust 1.87.
pub(super) struct Frame<'a> {
    decoder: StreamingDecoder<Whole<'a>, ruzstd::decoding::FrameDecoder>,
}

impl<'a> Frame<'a> {
    pub(super) fn new(source: &'a mut dyn BufRead) -> Result<Self> {
        let (header, window) = header(source)?;
        if window > MAX_WINDOW {
            return Err(damaged(format!("it asks for a window of {window} bytes")).into());
        }
        let whole = Cursor::new(header).chain(source);
        Ok(Self { decoder: StreamingDecoder::new(whole).map_err(damaged)? })
    }
}

/// A frame's header, and the size of the window that it needs (RFC 8878, 3.1.1.1).
fn header(source: &mut dyn BufRead) -> io::Result<(Vec<u8>, u64)> {
    let mut header = vec![0; 5];
    source.read_exact(&mut header)?;
    let descriptor = header[4];
    let is_single = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let content = match descriptor >> 6 {
        0 => usize::from(is_single),
        shift => 1 << shift,
    };
    header.resize(5 + usize::from(!is_single) + dictionary + content, 0);
    source.read_exact(&mut header[5..])?;
    if is_single {
        // The real size may be 256 bytes larger: a two-byte field stores the size minus 256.
        let mut size = [0; 8];
        size[..content].copy_from_slice(&header[5 + dictionary..]);
        return Ok((header, u64::from_le_bytes(size)));
    }
    let base = 1_u64 << (10 + (header[5] >> 3));
    let window = base + base / 8 * u64::from(header[5] & 7);
    Ok((header, window))
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

/// The innermost error of the decoder. The layers around it only repeat it.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The window that a frame with this descriptor and these bytes needs.
    fn window(bytes: &[u8]) -> io::Result<u64> {
        let frame = [b"\x28\xb5\x2f\xfd", bytes].concat();
        header(&mut frame.as_slice()).map(|(header, window)| {
            assert_eq!(header, frame);
            window
        })
    }

    #[test]
    fn a_window_is_read_from_every_form_of_header() {
        assert_eq!(window(&[0x00, 0x00]).unwrap(), 1 << 10);
        assert_eq!(window(&[0x00, 17 << 3]).unwrap(), 128 << 20);
        assert_eq!(window(&[0x00, (17 << 3) + 1]).unwrap(), 144 << 20);
        assert_eq!(window(&[0x43, 1, 0xd, 0xd, 0xd, 0xd, 1, 2]).unwrap(), 1152);
        assert_eq!(window(&[0x20, 9]).unwrap(), 9);
        assert_eq!(window(&[0x61, 0xd, 1, 1]).unwrap(), 0x101);
        assert_eq!(window(&[0xa2, 0xd, 0xd, 1, 2, 3, 4]).unwrap(), 0x0403_0201);
        assert_eq!(window(&[0xe0, 0, 0, 0, 0, 1, 0, 0, 0]).unwrap(), 1 << 32);
        assert!(window(&[0xe0, 0, 0, 0]).is_err());
    }

    #[test]
    fn a_window_that_is_too_large_is_refused() {
        let mut frame: &[u8] = b"\x28\xb5\x2f\xfd\x00\xf8\x01\x00\x00";
        let error = Frame::new(&mut frame).err().unwrap();
        assert_eq!(error.to_string(), "it asks for a window of 2199023255552 bytes");
    }
}
