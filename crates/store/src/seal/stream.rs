//! Sealed files: a stream of pieces, each sealed for its place in the stream.
//!
//! ```text
//! header  "lgspfile" ‖ format byte 1 ‖ 32 random bytes
//! pieces  64 KiB of ciphertext ‖ 16-byte tag; the last one may be shorter and is empty only in an empty file
//! ```
//!
//! The key of a file is HKDF-SHA-256 (RFC 5869) over the dossier's data key, with the random bytes as salt and the format and the file's
//! place as information; so counted nonces never meet another file's. The nonce of a piece is its number, 11 bytes, and a byte that
//! is 1 for the last piece alone (the STREAM construction: Hoang, Reyhanitabar, Rogaway, Vizár 2015). A piece that was changed, moved,
//! repeated or left out does not open, nor does a file that ends early.

use std::io::{self, Read};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use lgsp_base::entropy::Entropy;
use lgsp_base::hash::Sha256Hasher;
use lgsp_base::{Sha256, limits};
use zeroize::Zeroizing;

use super::cipher::{DataKey, TAG_BYTES};
use super::{Place, SealError};
use crate::blobs::{BlobReader, BlobRef, BlobWriter, Blobs};
use crate::error::StoreError;

/// What a sealed file begins with; the last byte is the format.
const MAGIC: &[u8; 9] = b"lgspfile\x01";
/// Random bytes behind it.
const SALT_BYTES: usize = 32;
/// Bytes before the first piece.
const HEADER_BYTES: usize = MAGIC.len() + SALT_BYTES;
/// Plain bytes of a piece.
const PLAIN_BYTES: usize = limits::SEALED_CHUNK_BYTES;
/// Bytes of a whole piece.
const PIECE_BYTES: usize = PLAIN_BYTES + TAG_BYTES;

/// Bytes of the sealed file of so many plain bytes.
pub const fn sealed_stream_bytes(plain_bytes: u64) -> u64 {
    let pieces = if plain_bytes == 0 {
        1
    } else {
        plain_bytes.div_ceil(PLAIN_BYTES as u64)
    };
    HEADER_BYTES as u64 + plain_bytes + pieces * TAG_BYTES as u64
}

/// The key of one file and the number of its next piece.
struct Pieces {
    key: LessSafeKey,
    next: u64,
}

impl Pieces {
    fn new(key: &DataKey, salt: &[u8], place: Place) -> Result<Self, SealError> {
        let place = place.to_string();
        let salt = Salt::new(HKDF_SHA256, salt);
        let extracted = salt.extract(key.bytes().expose());
        let info = [MAGIC.as_slice(), place.as_bytes()];
        let expanded = extracted
            .expand(&info, &AES_256_GCM)
            .map_err(|_| SealError::Damaged)?;
        Ok(Self {
            key: LessSafeKey::new(UnboundKey::from(expanded)),
            next: 0,
        })
    }

    fn nonce(&mut self, is_last: bool) -> Result<Nonce, SealError> {
        let mut nonce = [0u8; NONCE_LEN];
        let number = self.next.to_be_bytes();
        let flag = [u8::from(is_last)];
        // The flag in the last byte, the number before it.
        let bytes = flag.iter().chain(number.iter().rev());
        for (slot, byte) in nonce.iter_mut().rev().zip(bytes) {
            *slot = *byte;
        }
        self.next = self.next.checked_add(1).ok_or(SealError::Damaged)?;
        Ok(Nonce::assume_unique_for_key(nonce))
    }

    fn seal(&mut self, piece: &mut Vec<u8>, is_last: bool) -> Result<(), SealError> {
        let nonce = self.nonce(is_last)?;
        self.key
            .seal_in_place_append_tag(nonce, Aad::empty(), piece)
            .map_err(|_| SealError::Damaged)
    }

    fn open(&mut self, piece: &mut Vec<u8>, is_last: bool) -> Result<(), SealError> {
        let nonce = self.nonce(is_last)?;
        let length = self
            .key
            .open_in_place(nonce, Aad::empty(), piece)
            .map_err(|_| SealError::Damaged)?
            .len();
        piece.truncate(length);
        Ok(())
    }
}

/// A sealed file as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedBlob {
    /// The blob; its digest and size are those of the sealed bytes.
    pub blob: BlobRef,
    /// The digest of the plain bytes.
    pub sha256: Sha256,
    /// How many plain bytes there are.
    pub bytes: u64,
}

/// A blob that is sealed while it is written; dropping it unfinished removes its file. It holds one piece in memory.
pub struct SealedWriter {
    blob: BlobWriter,
    pieces: Pieces,
    piece: Zeroizing<Vec<u8>>,
    hasher: Sha256Hasher,
    bytes: u64,
}

impl std::fmt::Debug for SealedWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedWriter")
            .field("bytes", &self.bytes)
            .finish()
    }
}

impl SealedWriter {
    fn begin(
        mut blob: BlobWriter,
        key: &DataKey,
        place: Place,
        entropy: &dyn Entropy,
    ) -> Result<Self, StoreError> {
        let mut salt = [0u8; SALT_BYTES];
        entropy.fill(&mut salt);
        blob.write(MAGIC)?;
        blob.write(&salt)?;
        Ok(Self {
            blob,
            pieces: Pieces::new(key, &salt, place)?,
            piece: Zeroizing::new(Vec::with_capacity(PIECE_BYTES)),
            hasher: Sha256Hasher::new(),
            bytes: 0,
        })
    }

    /// Appends plain bytes.
    ///
    /// # Errors
    /// As [`BlobWriter::write`]; the file is of no use afterwards.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            // Only now is it known that the full piece is not the last.
            if self.piece.len() == PLAIN_BYTES {
                self.flush(false)?;
            }
            let room = PLAIN_BYTES.saturating_sub(self.piece.len());
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.piece.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    fn flush(&mut self, is_last: bool) -> Result<(), StoreError> {
        self.pieces.seal(&mut self.piece, is_last)?;
        self.blob.write(&self.piece)?;
        self.piece.clear();
        Ok(())
    }

    /// Plain bytes written so far.
    pub const fn size_bytes(&self) -> u64 {
        self.bytes
    }

    /// Digest of the plain bytes written so far.
    pub fn sha256(&self) -> Sha256 {
        self.hasher.clone().finish()
    }

    /// Makes the blob durable under its name.
    ///
    /// # Errors
    /// As [`BlobWriter::finish`].
    pub fn finish(mut self) -> Result<SealedBlob, StoreError> {
        self.flush(true)?;
        Ok(SealedBlob {
            blob: self.blob.finish()?,
            sha256: self.hasher.finish(),
            bytes: self.bytes,
        })
    }
}

/// Reads a sealed file piece by piece; a piece comes out only when it is whole and in its place. It holds one piece in memory.
pub struct SealedReader<R> {
    source: R,
    pieces: Pieces,
    /// Sealed bytes that were not read yet.
    left: u64,
    plain_bytes: u64,
    piece: Zeroizing<Vec<u8>>,
    /// Bytes of the piece that were given away.
    given: usize,
    is_damaged: bool,
}

impl<R> std::fmt::Debug for SealedReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedReader")
            .field("plain_bytes", &self.plain_bytes)
            .finish()
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, SealError::Damaged)
}

/// Plain bytes of a file of so many sealed ones; `None` if no file has this size.
fn plain_stream_bytes(sealed_bytes: u64) -> Option<u64> {
    let body = sealed_bytes.checked_sub(HEADER_BYTES as u64)?;
    let pieces = body.div_ceil(PIECE_BYTES as u64).max(1);
    let plain = body.checked_sub(pieces * TAG_BYTES as u64)?;
    (sealed_stream_bytes(plain) == sealed_bytes).then_some(plain)
}

impl<R: Read> SealedReader<R> {
    /// Begins to read a file of so many sealed bytes.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if this is no sealed file of this size, or an error of the source.
    pub fn new(mut source: R, sealed_bytes: u64, key: &DataKey, place: Place) -> io::Result<Self> {
        let plain_bytes = plain_stream_bytes(sealed_bytes).ok_or_else(damaged)?;
        let mut header = [0u8; HEADER_BYTES];
        source.read_exact(&mut header)?;
        let salt = header.strip_prefix(MAGIC).ok_or_else(damaged)?;
        let pieces = Pieces::new(key, salt, place).map_err(|_| damaged())?;
        let mut reader = Self {
            source,
            pieces,
            left: sealed_bytes.saturating_sub(HEADER_BYTES as u64),
            plain_bytes,
            piece: Zeroizing::new(Vec::with_capacity(PIECE_BYTES)),
            given: 0,
            is_damaged: false,
        };
        // Also an empty file has a piece, which must be looked at.
        reader.open_next()?;
        Ok(reader)
    }

    /// How many plain bytes the file has.
    pub const fn size_bytes(&self) -> u64 {
        self.plain_bytes
    }

    fn open_next(&mut self) -> io::Result<()> {
        let size = self.left.min(PIECE_BYTES as u64);
        let is_last = size == self.left;
        self.left = self.left.saturating_sub(size);
        self.given = 0;
        self.piece.clear();
        let mut sealed = Read::by_ref(&mut self.source).take(size);
        let opened = match sealed.read_to_end(&mut self.piece) {
            Ok(count) if count as u64 == size => self
                .pieces
                .open(&mut self.piece, is_last)
                .map_err(|_| damaged()),
            Ok(_) => Err(damaged()),
            Err(error) => Err(error),
        };
        if opened.is_err() {
            self.is_damaged = true;
            self.piece.clear();
        }
        opened
    }

    /// Reads all of a file that has at most `bytes_max` plain bytes.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it has more or is damaged, or an error of the source.
    pub fn read_all(mut self, bytes_max: usize) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let size = usize::try_from(self.plain_bytes).unwrap_or(usize::MAX);
        if size > bytes_max {
            return Err(StoreError::corrupt("a sealed file has grown"));
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(size));
        match self.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(StoreError::corrupt("a sealed file is not what was stored"))
            }
            Err(error) => Err(StoreError::from_io(error)),
        }
    }
}

impl<R: Read> Read for SealedReader<R> {
    /// Fails with [`io::ErrorKind::InvalidData`] at the piece that does not open, and from then on.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_damaged {
            return Err(damaged());
        }
        if self.given >= self.piece.len() && self.left > 0 {
            self.open_next()?;
        }
        let ready = self.piece.get(self.given..).unwrap_or_default();
        let count = ready.len().min(buffer.len());
        for (slot, bytes) in buffer.get_mut(..count).into_iter().zip(ready.get(..count)) {
            slot.copy_from_slice(bytes);
        }
        self.given += count;
        Ok(count)
    }
}

impl Blobs {
    /// Begins a sealed blob of an owner.
    ///
    /// # Errors
    /// As [`Blobs::create`].
    pub fn create_sealed(
        &self,
        owner: &str,
        key: &DataKey,
        place: Place,
        entropy: &dyn Entropy,
    ) -> Result<SealedWriter, StoreError> {
        SealedWriter::begin(self.create(owner)?, key, place, entropy)
    }

    /// Opens a sealed blob.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it is missing, damaged at its beginning or sealed for another place, [`StoreError::BlobName`], or a
    /// file error.
    pub fn sealed_reader(
        &self,
        name: &str,
        key: &DataKey,
        place: Place,
    ) -> Result<SealedReader<BlobReader>, StoreError> {
        let source = self.reader_of(name)?;
        let sealed_bytes = source.size_bytes();
        SealedReader::new(source, sealed_bytes, key, place).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => {
                StoreError::corrupt(format_args!("blob {name} is no sealed file of this place"))
            }
            _ => StoreError::from_io(error),
        })
    }
}
