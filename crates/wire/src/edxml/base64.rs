//! Incremental base64 (RFC 4648 §4: standard alphabet, padding required, unused bits zero), line breaks allowed.

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;

use super::error::Cause;

/// Characters decoded at once; a multiple of four.
const BLOCK_CHARS: usize = 8 * 1024;

/// True for a character of the alphabet, padding not included.
const fn is_digit(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/')
}

/// Decodes text that comes in pieces.
#[derive(Debug)]
pub(crate) struct Decoder {
    pending: Vec<u8>,
    decoded: Vec<u8>,
    padding: usize,
}

const BAD_CHARACTER: Cause = Cause::AttachmentEncoding("character outside the alphabet");
const AFTER_PADDING: Cause = Cause::AttachmentEncoding("text after the padding");
const BAD_LENGTH: Cause = Cause::AttachmentEncoding("length or padding");

impl Decoder {
    pub(crate) fn new() -> Self {
        Self {
            pending: Vec::with_capacity(BLOCK_CHARS),
            decoded: vec![0; BLOCK_CHARS / 4 * 3],
            padding: 0,
        }
    }

    /// Bytes held.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.pending.capacity() + self.decoded.len()
    }

    /// Takes a piece of text and hands decoded blocks to `out`. Blocks before a bad character are handed over first.
    pub(crate) fn push(
        &mut self,
        text: &str,
        out: &mut dyn FnMut(&[u8]) -> Result<(), Cause>,
    ) -> Result<(), Cause> {
        let mut rest = text.as_bytes();
        while let Some(byte) = rest.first() {
            let problem = match byte {
                b' ' | b'\t' | b'\n' | b'\r' => {
                    rest = rest.get(1..).unwrap_or_default();
                    continue;
                }
                b'=' if self.padding < 2 => {
                    self.padding += 1;
                    rest = rest.get(1..).unwrap_or_default();
                    self.keep(b"=", out)?;
                    continue;
                }
                b'=' => AFTER_PADDING,
                byte if is_digit(*byte) && self.padding > 0 => AFTER_PADDING,
                byte if is_digit(*byte) => {
                    let run = rest.iter().take_while(|byte| is_digit(**byte)).count();
                    let (digits, tail) = rest.split_at(run);
                    rest = tail;
                    self.keep(digits, out)?;
                    continue;
                }
                _ => BAD_CHARACTER,
            };
            self.flush_whole(out)?;
            return Err(problem);
        }
        Ok(())
    }

    /// Adds digits or padding and decodes each block that becomes full.
    fn keep(
        &mut self,
        mut digits: &[u8],
        out: &mut dyn FnMut(&[u8]) -> Result<(), Cause>,
    ) -> Result<(), Cause> {
        while !digits.is_empty() {
            let room = BLOCK_CHARS - self.pending.len();
            let (now, later) = digits.split_at(room.min(digits.len()));
            self.pending.extend_from_slice(now);
            digits = later;
            if self.pending.len() == BLOCK_CHARS {
                self.flush(out)?;
            }
        }
        Ok(())
    }

    /// Decodes what remains.
    pub(crate) fn finish(
        &mut self,
        out: &mut dyn FnMut(&[u8]) -> Result<(), Cause>,
    ) -> Result<(), Cause> {
        if self.pending.len().is_multiple_of(4) {
            self.flush(out)
        } else {
            self.flush_whole(out)?;
            Err(BAD_LENGTH)
        }
    }

    fn flush_whole(
        &mut self,
        out: &mut dyn FnMut(&[u8]) -> Result<(), Cause>,
    ) -> Result<(), Cause> {
        self.pending.truncate(self.pending.len() / 4 * 4);
        self.flush(out)
    }

    fn flush(&mut self, out: &mut dyn FnMut(&[u8]) -> Result<(), Cause>) -> Result<(), Cause> {
        let count = STANDARD
            .decode_slice(&self.pending, &mut self.decoded)
            .map_err(|_| BAD_LENGTH)?;
        self.pending.clear();
        match self.decoded.get(..count) {
            Some(block) if !block.is_empty() => out(block),
            _ => Ok(()),
        }
    }
}
