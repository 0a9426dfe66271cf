//! LZ4: the frame format, and the legacy format that the kernel reads and `lz4 -l` writes.

use std::io::{self, BufRead, Read};

use anyhow::Result;

use super::codec::damaged;
use super::cut_off;

/// The largest unpacked size of a block in the legacy format (Linux lib/decompress_unlz4.c).
const BLOCK: usize = 8 << 20;

/// The largest packed size of such a block: LZ4_COMPRESSBOUND (lz4 lib/lz4.h).
const PACKED: usize = BLOCK + BLOCK / 255 + 16;

const MAGIC: u32 = 0x184c_2102;

/// The legacy format: its magic, then blocks, each after its packed size. It ends at the end of the input,
/// at a size of zero, or at other data.
pub(super) struct Legacy<'a> {
    source: &'a mut dyn BufRead,
    packed: Vec<u8>,
    block: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<'a> Legacy<'a> {
    pub(super) fn new(source: &'a mut dyn BufRead) -> Result<Self> {
        let mut magic = [0; 4];
        source.read_exact(&mut magic)?;
        Ok(Self { source, packed: Vec::new(), block: Vec::new(), at: 0, ended: false })
    }

    fn next_block(&mut self) -> io::Result<()> {
        let Some(size) = self.size()? else {
            self.ended = true;
            return Ok(());
        };
        if size == MAGIC {
            return Ok(());
        }
        let size = size as usize;
        if size > PACKED {
            return Err(damaged(format!("a block claims to have {size} bytes")));
        }
        self.packed.resize(size, 0);
        self.source.read_exact(&mut self.packed).map_err(|_| cut_off())?;
        self.block.resize(BLOCK, 0);
        let unpacked = lz4_flex::block::decompress_into(&self.packed, &mut self.block);
        self.block.truncate(unpacked.map_err(damaged)?);
        self.at = 0;
        Ok(())
    }

    /// The packed size of a block. None at the end, or before zeros.
    fn size(&mut self) -> io::Result<Option<u32>> {
        let mut bytes = [0; 4];
        for at in 0..4 {
            match self.source.fill_buf()?.first() {
                None if bytes[..at].iter().all(|byte| *byte == 0) => return Ok(None),
                None => return Err(cut_off()),
                Some(byte) => bytes[at] = *byte,
            }
            self.source.consume(1);
        }
        let size = u32::from_le_bytes(bytes);
        Ok((size != 0).then_some(size))
    }
}

impl Read for Legacy<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.block.len() && !self.ended {
            self.next_block()?;
        }
        let count = into.len().min(self.block.len() - self.at);
        into[..count].copy_from_slice(&self.block[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// One frame in the present format (lz4 doc/lz4_Frame_format.md).
pub(super) struct Frame<'a> {
    decoder: lz4_flex::frame::FrameDecoder<&'a mut dyn BufRead>,
    ended: bool,
}

impl<'a> Frame<'a> {
    pub(super) fn new(source: &'a mut dyn BufRead) -> Self {
        Self { decoder: lz4_flex::frame::FrameDecoder::new(source), ended: false }
    }
}

impl Read for Frame<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // After the end of this frame, the decoder would continue with the next one.
        if self.ended {
            return Ok(0);
        }
        let count = self.decoder.read(into)?;
        self.ended = count == 0 && !into.is_empty();
        Ok(count)
    }
}
