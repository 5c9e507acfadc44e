//! Follows the chunked transfer coding byte by byte, strictly (RFC 9112 §7.1), to know where a message ends.
//!
//! It decodes nothing: the HTTP library behind it reads the same bytes. A body that passes here has one reading only.

use lgsp_base::limits::{HTTP_CHUNK_EXTENSION_BYTES_MAX, HTTP_TRAILER_BYTES_MAX};

use super::head::is_token_byte;

/// Hexadecimal digits of one chunk size.
const SIZE_DIGITS_MAX: u8 = 15;

/// The framing is broken: nothing behind it on this connection can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BrokenChunks;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size { digits: u8 },
    Extension,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    EndLineFeed,
    End,
}

/// Where in a chunked body the reader stands.
#[derive(Debug)]
pub(crate) struct Chunks {
    state: State,
    left: u64,
    extension_bytes: u64,
    trailer_bytes: usize,
}

impl Chunks {
    /// At the first chunk size.
    pub(crate) const fn new() -> Self {
        Self {
            state: State::Size { digits: 0 },
            left: 0,
            extension_bytes: 0,
            trailer_bytes: 0,
        }
    }

    /// True behind the last byte of the message.
    pub(crate) fn is_end(&self) -> bool {
        self.state == State::End
    }

    /// How many of these bytes belong to this message: all of them, or fewer when the message ends among them.
    pub(crate) fn follow(&mut self, bytes: &[u8]) -> Result<usize, BrokenChunks> {
        let mut used = 0;
        while let Some(byte) = bytes.get(used) {
            match self.state {
                State::End => break,
                State::Data => {
                    let here = u64::try_from(bytes.len() - used).unwrap_or(u64::MAX);
                    let step = here.min(self.left);
                    self.left -= step;
                    used += usize::try_from(step).unwrap_or(0);
                    if self.left == 0 {
                        self.state = State::DataReturn;
                    }
                }
                _ => {
                    self.state = self.next(*byte)?;
                    used += 1;
                }
            }
        }
        Ok(used)
    }

    fn next(&mut self, byte: u8) -> Result<State, BrokenChunks> {
        match (self.state, byte) {
            (State::Size { digits }, _) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).ok_or(BrokenChunks)?;
                self.left = self.left * 16 + u64::from(digit);
                if digits >= SIZE_DIGITS_MAX {
                    return Err(BrokenChunks);
                }
                Ok(State::Size { digits: digits + 1 })
            }
            (State::Size { digits: 1.. }, b';') => Ok(State::Extension),
            (State::Size { digits: 1.. }, b'\r') | (State::Extension, b'\r') => {
                Ok(State::SizeLineFeed)
            }
            (State::Extension, b'\t' | b' '..=b'~' | 0x80..) => {
                self.extension_bytes += 1;
                if self.extension_bytes > HTTP_CHUNK_EXTENSION_BYTES_MAX {
                    return Err(BrokenChunks);
                }
                Ok(State::Extension)
            }
            (State::SizeLineFeed, b'\n') if self.left == 0 => Ok(State::TrailerStart),
            (State::SizeLineFeed, b'\n') => Ok(State::Data),
            (State::DataReturn, b'\r') => Ok(State::DataLineFeed),
            (State::DataLineFeed, b'\n') => Ok(State::Size { digits: 0 }),
            (State::TrailerStart, b'\r') => Ok(State::EndLineFeed),
            (State::EndLineFeed, b'\n') => Ok(State::End),
            (State::TrailerStart | State::TrailerName, _) if is_token_byte(byte) => {
                self.count_trailer().map(|()| State::TrailerName)
            }
            (State::TrailerName, b':') => Ok(State::TrailerValue),
            (State::TrailerValue, b'\r') => Ok(State::TrailerLineFeed),
            (State::TrailerValue, b'\t' | b' '..=b'~' | 0x80..) => {
                self.count_trailer().map(|()| State::TrailerValue)
            }
            (State::TrailerLineFeed, b'\n') => Ok(State::TrailerStart),
            _ => Err(BrokenChunks),
        }
    }

    fn count_trailer(&mut self) -> Result<(), BrokenChunks> {
        self.trailer_bytes += 1;
        if self.trailer_bytes > HTTP_TRAILER_BYTES_MAX {
            return Err(BrokenChunks);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(body: &[u8]) -> Result<Option<usize>, BrokenChunks> {
        let mut chunks = Chunks::new();
        let used = chunks.follow(body)?;
        Ok(chunks.is_end().then_some(used))
    }

    #[test]
    fn the_end_is_the_same_however_the_bytes_come() {
        let body = b"5\r\nhello\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\nGET / ";
        let expected = body.len() - 6;
        assert_eq!(end(body), Ok(Some(expected)));
        for split in 0..expected {
            let mut chunks = Chunks::new();
            let (first, second) = body.split_at(split);
            assert_eq!(chunks.follow(first), Ok(split));
            assert_eq!(chunks.follow(second), Ok(expected - split));
            assert!(chunks.is_end());
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for bad in [
            "0x5\r\n",
            "+5\r\n",
            "-1\r\n",
            "5 \r\n",
            " 5\r\n",
            "5_0\r\n",
            "12345678123456781\r\n",
            "\r\n",
            "5\n",
            "5\rX",
            "5;a\nb",
            "5;a\rb",
            "5\r\nhelloX",
            "5\r\nhello\n",
            "5\r\nhello\rX",
            "0\r\n\n",
            "0\r\nX:1\n",
            "0\r\nX:1\rY",
            "0\r\n X: 1\r\n",
            "0\r\n: 1\r\n",
            "0\r\nX : 1\r\n",
            "0\r\n\rX",
            "g\r\n",
            ";\r\n",
            "5;\0\r\n",
        ] {
            assert_eq!(end(bad.as_bytes()), Err(BrokenChunks), "{bad:?}");
        }
        let long = format!("5;{}\r\nhello\r\n", "a".repeat(64 * 1024));
        assert_eq!(end(long.as_bytes()), Err(BrokenChunks));
        let many = format!("1;{}\r\nx\r\n", "a".repeat(1024)).repeat(20);
        assert_eq!(end(many.as_bytes()), Err(BrokenChunks));
        let trailer = format!("0\r\nX: {}\r\n\r\n", "a".repeat(9 * 1024));
        assert_eq!(end(trailer.as_bytes()), Err(BrokenChunks));
    }
}
