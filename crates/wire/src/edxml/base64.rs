//! Incremental base64 (RFC 4648 §4: standard alphabet, padding required, unused bits zero), line breaks allowed.
//!
//! What stands between two spaces is decoded where it lies; only a group of four that a space or the end of a piece cuts
//! is gathered first.

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;

use super::error::Cause;
use super::scan;

/// Bytes handed over at once; a multiple of three.
const BLOCK_BYTES: usize = 12 * 1024;

/// Characters that decode to three bytes.
const GROUP_CHARS: usize = 4;

/// True for a character of the alphabet, padding not included.
const fn is_digit(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/')
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Decodes text that comes in pieces.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// The group that is not complete: digits, then padding.
    group: Vec<u8>,
    padding: usize,
    decoded: Vec<u8>,
    filled: usize,
}

const BAD_CHARACTER: Cause = Cause::AttachmentEncoding("character outside the alphabet");
const AFTER_PADDING: Cause = Cause::AttachmentEncoding("text after the padding");
const BAD_LENGTH: Cause = Cause::AttachmentEncoding("length or padding");

/// Takes decoded blocks, never empty.
pub(crate) type Out<'a> = dyn FnMut(&[u8]) -> Result<(), Cause> + 'a;

impl Decoder {
    pub(crate) fn new() -> Self {
        Self {
            group: Vec::with_capacity(GROUP_CHARS),
            padding: 0,
            decoded: vec![0; BLOCK_BYTES],
            filled: 0,
        }
    }

    /// Bytes held.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.group.capacity() + self.decoded.len()
    }

    /// Takes a piece of text and hands full blocks to `out`. What stands before a fault is handed over first.
    pub(crate) fn push(&mut self, text: &str, out: &mut Out<'_>) -> Result<(), Cause> {
        let mut rest = text.as_bytes();
        while let Some((first, tail)) = rest.split_first() {
            if is_space(*first) {
                rest = tail;
            } else if *first < b' ' {
                return self.fail(BAD_CHARACTER, out);
            } else if *first == b'=' {
                self.pad(out)?;
                rest = tail;
            } else {
                let run = scan::position(rest, |byte| (byte <= b' ') | (byte == b'='));
                let (digits, tail) = rest.split_at(run.unwrap_or(rest.len()));
                self.run(digits, out)?;
                rest = tail;
            }
        }
        Ok(())
    }

    /// Takes what should be digits, without spaces between them.
    fn run(&mut self, digits: &[u8], out: &mut Out<'_>) -> Result<(), Cause> {
        let missing = (GROUP_CHARS - self.group.len()) % GROUP_CHARS;
        let (head, body) = digits.split_at(missing.min(digits.len()));
        self.gather(head, out)?;
        let (mut groups, tail) = body.split_at(body.len() / GROUP_CHARS * GROUP_CHARS);
        while !groups.is_empty() && self.padding == 0 {
            let room = (BLOCK_BYTES - self.filled) / 3 * GROUP_CHARS;
            let (now, later) = groups.split_at(room.min(groups.len()));
            if self.decode(now).is_err() {
                // The group with the bad character is gathered, which finds it.
                let good = now.iter().take_while(|byte| is_digit(**byte)).count();
                let (good, bad) = now.split_at(good / GROUP_CHARS * GROUP_CHARS);
                self.decode(good).map_err(|_| BAD_CHARACTER)?;
                return self.gather(bad, out);
            }
            self.flush_full(out)?;
            groups = later;
        }
        self.gather(groups, out)?;
        self.gather(tail, out)
    }

    /// Takes digits one by one.
    fn gather(&mut self, digits: &[u8], out: &mut Out<'_>) -> Result<(), Cause> {
        for digit in digits {
            if !is_digit(*digit) {
                return self.fail(BAD_CHARACTER, out);
            }
            if self.padding > 0 {
                return self.fail(AFTER_PADDING, out);
            }
            self.add(*digit, out)?;
        }
        Ok(())
    }

    fn pad(&mut self, out: &mut Out<'_>) -> Result<(), Cause> {
        if self.padding == 2 {
            return self.fail(AFTER_PADDING, out);
        }
        self.padding += 1;
        self.add(b'=', out)
    }

    fn add(&mut self, byte: u8, out: &mut Out<'_>) -> Result<(), Cause> {
        self.group.push(byte);
        if self.group.len() < GROUP_CHARS {
            return Ok(());
        }
        let group = std::mem::take(&mut self.group);
        let decoded = self.decode(&group);
        self.group = group;
        self.group.clear();
        match decoded {
            Ok(()) => self.flush_full(out),
            Err(_) => self.fail(BAD_LENGTH, out),
        }
    }

    /// Decodes whole groups for which there is room.
    fn decode(&mut self, groups: &[u8]) -> Result<(), ::base64::DecodeSliceError> {
        let room = self.decoded.get_mut(self.filled..).unwrap_or_default();
        self.filled += STANDARD.decode_slice(groups, room)?;
        Ok(())
    }

    /// Decodes what remains.
    pub(crate) fn finish(&mut self, out: &mut Out<'_>) -> Result<(), Cause> {
        if self.group.is_empty() {
            self.flush(out)
        } else {
            self.fail(BAD_LENGTH, out)
        }
    }

    fn fail(&mut self, cause: Cause, out: &mut Out<'_>) -> Result<(), Cause> {
        self.flush(out)?;
        Err(cause)
    }

    fn flush_full(&mut self, out: &mut Out<'_>) -> Result<(), Cause> {
        if self.filled == BLOCK_BYTES {
            self.flush(out)?;
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut Out<'_>) -> Result<(), Cause> {
        let count = std::mem::take(&mut self.filled);
        match self.decoded.get(..count) {
            Some(block) if !block.is_empty() => out(block),
            _ => Ok(()),
        }
    }
}
