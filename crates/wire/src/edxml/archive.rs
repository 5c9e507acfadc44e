//! The zip archive with exactly one entry in which producers wrap attachments (protocols §1.6; APPNOTE 6.3).
//!
//! Such an archive has only one lawful shape: local header, data, optional data descriptor, one central header, end record.
//! [`SingleEntry`] walks through it as the bytes come, so neither the archive nor its content is ever held, and nothing is
//! believed that is said twice with different words: sizes, check sum and name must agree between the local header, the
//! descriptor, the central header and the data themselves. Refused: no or several entries, folders, links, encryption,
//! Zip64 (an attachment is smaller than 4 GiB by its limit), stored data of unknown length, other methods, bytes before or
//! behind, and content that unpacks beyond the limits.

use std::io::{Read, Write};

use flate2::{Crc, Decompress, FlushDecompress, Status};
use lgsp_base::limits::ZIP_RATIO_FLOOR_BYTES;

use super::content::{extension, media_type};
use super::limits::Limits;

const LOCAL: u32 = 0x0403_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;

const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;
const END_BYTES: usize = 22;
const OUT_BYTES: usize = 32 * 1024;

/// Why an archive is not the one-entry archive that it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// The bytes are no zip archive, or not from their first byte on.
    #[error("not a zip archive")]
    NotZip,
    /// No entry.
    #[error("no entry")]
    Empty,
    /// Two or more entries.
    #[error("more than one entry")]
    SeveralEntries,
    /// The entry is a folder.
    #[error("the entry is a folder")]
    Folder,
    /// The entry is a symbolic link or another special file.
    #[error("the entry is a link or special file")]
    Link,
    /// The entry is encrypted.
    #[error("the entry is encrypted")]
    Encrypted,
    /// A method other than stored and deflated.
    #[error("unknown compression method")]
    Method,
    /// Zip64 structures.
    #[error("Zip64")]
    Zip64,
    /// Two places say different things; says which.
    #[error("contradiction: {0}")]
    Contradiction(&'static str),
    /// The compressed data are damaged.
    #[error("damaged data")]
    Damaged,
    /// It ends too early.
    #[error("cut off")]
    CutOff,
    /// Bytes behind the end.
    #[error("bytes behind the end")]
    Trailing,
    /// It unpacks to more than the limit's multiple of its size.
    #[error("unpacks to suspiciously much")]
    Ratio,
    /// It unpacks to more bytes than the limit.
    #[error("unpacks to too much")]
    TooLarge,
}

/// True if the attachment was zipped only for transport: declared as zip, but not named so.
pub fn is_zip_wrapped(content_type: &str, name: &str) -> bool {
    let is_zip = matches!(
        media_type(content_type).as_str(),
        "application/zip" | "application/x-zip-compressed" | "zip"
    );
    is_zip && extension(name) != "zip"
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Local,
    LocalName,
    Data,
    Descriptor,
    Central,
    CentralName,
    End,
    Comment,
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sizes {
    crc: u32,
    packed: u64,
    unpacked: u64,
}

/// Checks and unpacks a one-entry archive that comes in pieces.
pub struct SingleEntry {
    limits: Limits,
    phase: Phase,
    need: usize,
    buffer: Vec<u8>,
    flags: u16,
    method: u16,
    declared: Sizes,
    found: Sizes,
    name: Vec<u8>,
    name_bytes: usize,
    crc: Crc,
    inflate: Decompress,
    out: Vec<u8>,
    /// Offset of the next byte in the archive.
    at: u64,
    central_at: u64,
    central_bytes: u64,
}

impl std::fmt::Debug for SingleEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SingleEntry")
            .field("phase", &self.phase)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl SingleEntry {
    /// Starts before the first byte. Only `attachment_bytes` and `zip_ratio` of the limits are used.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            phase: Phase::Local,
            need: LOCAL_BYTES,
            buffer: Vec::new(),
            flags: 0,
            method: 0,
            declared: Sizes::default(),
            found: Sizes::default(),
            name: Vec::new(),
            name_bytes: 0,
            crc: Crc::new(),
            inflate: Decompress::new(false),
            out: vec![0; OUT_BYTES],
            at: 0,
            central_at: 0,
            central_bytes: 0,
        }
    }

    /// Takes a piece of the archive and hands unpacked bytes to `out`.
    ///
    /// # Errors
    /// The archive's own faults; `out` cannot fail here, see [`unpack_attachment`].
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        out: &mut dyn FnMut(&[u8]),
    ) -> Result<(), ArchiveError> {
        while !bytes.is_empty() || self.is_ready() {
            let used = match self.phase {
                Phase::Data => self.data(bytes, out)?,
                Phase::Done => return Err(ArchiveError::Trailing),
                _ => self.gather(bytes)?,
            };
            self.at += used as u64;
            bytes = bytes.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    /// Bytes of the entry, once the archive has ended as it should.
    pub fn finish(&self) -> Result<u64, ArchiveError> {
        match self.phase {
            Phase::Done => Ok(self.found.unpacked),
            Phase::Local if self.at < 4 => Err(ArchiveError::NotZip),
            Phase::Local if le32(&self.buffer, 0) == END => Err(ArchiveError::Empty),
            Phase::Local if le32(&self.buffer, 0) != LOCAL => Err(ArchiveError::NotZip),
            _ => Err(ArchiveError::CutOff),
        }
    }

    /// Bytes held between two pieces.
    pub fn buffered_bytes(&self) -> usize {
        self.buffer.capacity() + self.name.capacity() + self.out.len()
    }

    /// True if the next step needs no further bytes.
    fn is_ready(&self) -> bool {
        match self.phase {
            Phase::Done => false,
            Phase::Data => self.method == 0 && self.found.packed == self.declared.packed,
            _ => self.buffer.len() >= self.need,
        }
    }

    fn gather(&mut self, bytes: &[u8]) -> Result<usize, ArchiveError> {
        let wanted = self.need.saturating_sub(self.buffer.len());
        let taken = bytes.get(..wanted).unwrap_or(bytes);
        self.buffer.extend_from_slice(taken);
        if self.phase != Phase::Local || self.buffer.len() >= 4 {
            self.check_signature()?;
        }
        if self.buffer.len() >= self.need {
            let buffer = std::mem::take(&mut self.buffer);
            match self.phase {
                Phase::Local => self.local(&buffer)?,
                Phase::LocalName => self.local_name(&buffer)?,
                Phase::Descriptor => self.descriptor(buffer)?,
                Phase::Central => self.central(&buffer, self.at + taken.len() as u64)?,
                Phase::CentralName => self.central_name(&buffer)?,
                Phase::End => self.end(&buffer)?,
                Phase::Comment => self.phase = Phase::Done,
                Phase::Data | Phase::Done => {}
            }
        }
        Ok(taken.len())
    }

    fn expect(&mut self, phase: Phase, need: usize) {
        self.phase = phase;
        self.need = need;
    }

    fn check_signature(&self) -> Result<(), ArchiveError> {
        if self.buffer.len() < 4 {
            return Ok(());
        }
        match (self.phase, le32(&self.buffer, 0)) {
            (Phase::Local, END) => Err(ArchiveError::Empty),
            (Phase::Local, signature) if signature != LOCAL => Err(ArchiveError::NotZip),
            (Phase::Central, LOCAL) | (Phase::End, CENTRAL) => Err(ArchiveError::SeveralEntries),
            (Phase::End, END_64) => Err(ArchiveError::Zip64),
            (Phase::Central, signature) if signature != CENTRAL => {
                Err(ArchiveError::Contradiction("end of the data"))
            }
            (Phase::End, signature) if signature != END => {
                Err(ArchiveError::Contradiction("end of the central header"))
            }
            _ => Ok(()),
        }
    }

    fn has_descriptor(&self) -> bool {
        self.flags & 0x0008 != 0
    }

    fn local(&mut self, header: &[u8]) -> Result<(), ArchiveError> {
        self.flags = le16(header, 6);
        self.method = le16(header, 8);
        self.declared = Sizes {
            crc: le32(header, 14),
            packed: le32(header, 18).into(),
            unpacked: le32(header, 22).into(),
        };
        self.name_bytes = usize::from(le16(header, 26));
        // Bits 0, 6 and 13: encrypted, strongly encrypted, header masked.
        if self.flags & 0x2041 != 0 {
            return Err(ArchiveError::Encrypted);
        }
        if !matches!(self.method, 0 | 8) {
            return Err(ArchiveError::Method);
        }
        check_not_64(&self.declared)?;
        if self.has_descriptor() {
            if self.method == 0 {
                return Err(ArchiveError::Contradiction("stored data of unknown length"));
            }
        } else if self.declared.unpacked > self.limits.attachment_bytes {
            return Err(ArchiveError::TooLarge);
        } else if self.method == 0 && self.declared.packed != self.declared.unpacked {
            return Err(ArchiveError::Contradiction("sizes of stored data"));
        }
        if self.name_bytes == 0 {
            return Err(ArchiveError::Contradiction("entry without a name"));
        }
        self.expect(
            Phase::LocalName,
            self.name_bytes + usize::from(le16(header, 28)),
        );
        Ok(())
    }

    fn local_name(&mut self, buffer: &[u8]) -> Result<(), ArchiveError> {
        let (name, extra) = buffer.split_at_checked(self.name_bytes).unwrap_or_default();
        if matches!(name.last(), Some(b'/' | b'\\')) {
            return Err(ArchiveError::Folder);
        }
        check_extra(extra)?;
        self.name = name.to_vec();
        self.expect(Phase::Data, 0);
        Ok(())
    }

    fn data(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8])) -> Result<usize, ArchiveError> {
        if self.method == 0 {
            let left = self.declared.packed - self.found.packed;
            let taken = usize::try_from(left)
                .ok()
                .and_then(|left| bytes.get(..left))
                .unwrap_or(bytes);
            self.crc.update(taken);
            out(taken);
            self.found.packed += taken.len() as u64;
            self.found.unpacked += taken.len() as u64;
            if self.found.packed == self.declared.packed {
                self.data_ended()?;
            }
            return Ok(taken.len());
        }
        let mut used = 0;
        loop {
            let (read, written) = (self.inflate.total_in(), self.inflate.total_out());
            let input = bytes.get(used..).unwrap_or_default();
            let status = self
                .inflate
                .decompress(input, &mut self.out, FlushDecompress::None)
                .map_err(|_| ArchiveError::Damaged)?;
            let step = usize::try_from(self.inflate.total_in() - read).unwrap_or(usize::MAX);
            let made = usize::try_from(self.inflate.total_out() - written).unwrap_or(usize::MAX);
            used += step;
            let block = self.out.get(..made).unwrap_or_default();
            self.crc.update(block);
            self.found.packed = self.inflate.total_in();
            self.found.unpacked = self.inflate.total_out();
            self.check_limits()?;
            if !block.is_empty() {
                out(block);
            }
            if status == Status::StreamEnd {
                self.data_ended()?;
                return Ok(used);
            }
            if step == 0 && made == 0 {
                // All input is inside the inflater, or it waits for more.
                return if used == bytes.len() {
                    Ok(used)
                } else {
                    Err(ArchiveError::Damaged)
                };
            }
        }
    }

    fn check_limits(&self) -> Result<(), ArchiveError> {
        let Sizes {
            packed, unpacked, ..
        } = self.found;
        if unpacked > self.limits.attachment_bytes {
            return Err(ArchiveError::TooLarge);
        }
        if unpacked > ZIP_RATIO_FLOOR_BYTES
            && unpacked > packed.saturating_mul(self.limits.zip_ratio)
        {
            return Err(ArchiveError::Ratio);
        }
        if !self.has_descriptor()
            && (packed > self.declared.packed || unpacked > self.declared.unpacked)
        {
            return Err(ArchiveError::Contradiction("sizes and data"));
        }
        Ok(())
    }

    fn data_ended(&mut self) -> Result<(), ArchiveError> {
        self.found.crc = self.crc.sum();
        if self.has_descriptor() {
            // Producers leave the local fields at zero; what they fill in must be true.
            let is_true = |declared: u64, found: u64| declared == 0 || declared == found;
            if !is_true(self.declared.crc.into(), self.found.crc.into())
                || !is_true(self.declared.packed, self.found.packed)
                || !is_true(self.declared.unpacked, self.found.unpacked)
            {
                return Err(ArchiveError::Contradiction("local header and data"));
            }
            self.expect(Phase::Descriptor, 12);
        } else if self.declared == self.found {
            self.expect(Phase::Central, CENTRAL_BYTES);
        } else {
            return Err(ArchiveError::Contradiction("local header and data"));
        }
        Ok(())
    }

    fn descriptor(&mut self, buffer: Vec<u8>) -> Result<(), ArchiveError> {
        let has_signature = le32(&buffer, 0) == DESCRIPTOR;
        if has_signature && buffer.len() < 16 {
            self.buffer = buffer;
            self.need = 16;
            return Ok(());
        }
        let from = if has_signature { 4 } else { 0 };
        let said = Sizes {
            crc: le32(&buffer, from),
            packed: le32(&buffer, from + 4).into(),
            unpacked: le32(&buffer, from + 8).into(),
        };
        if said != self.found {
            return Err(ArchiveError::Contradiction("data descriptor and data"));
        }
        self.expect(Phase::Central, CENTRAL_BYTES);
        Ok(())
    }

    fn central(&mut self, header: &[u8], end: u64) -> Result<(), ArchiveError> {
        let said = Sizes {
            crc: le32(header, 16),
            packed: le32(header, 20).into(),
            unpacked: le32(header, 24).into(),
        };
        check_not_64(&said)?;
        if said != self.found {
            return Err(ArchiveError::Contradiction("central header and data"));
        }
        let name_bytes = usize::from(le16(header, 28));
        if le16(header, 8) != self.flags
            || le16(header, 10) != self.method
            || name_bytes != self.name_bytes
            || le16(header, 34) != 0
            || le32(header, 42) != 0
        {
            return Err(ArchiveError::Contradiction("central and local header"));
        }
        let (made_on, attributes) = (le16(header, 4) >> 8, le32(header, 38));
        // Unix (3) and macOS (19) keep the file mode in the upper half.
        if matches!(made_on, 3 | 19) {
            match (attributes >> 16) & 0o170_000 {
                0 | 0o100_000 => {}
                0o040_000 => return Err(ArchiveError::Folder),
                _ => return Err(ArchiveError::Link),
            }
        }
        if attributes & 0x10 != 0 {
            return Err(ArchiveError::Folder);
        }
        let rest = name_bytes + usize::from(le16(header, 30)) + usize::from(le16(header, 32));
        self.central_at = end - CENTRAL_BYTES as u64;
        self.central_bytes = (CENTRAL_BYTES + rest) as u64;
        self.need = rest;
        self.phase = Phase::CentralName;
        // Which part of the rest is the extra field is needed again when it has arrived.
        self.name_bytes = name_bytes;
        self.flags = le16(header, 30);
        Ok(())
    }

    fn central_name(&mut self, buffer: &[u8]) -> Result<(), ArchiveError> {
        let (name, rest) = buffer.split_at_checked(self.name_bytes).unwrap_or_default();
        if name != self.name {
            return Err(ArchiveError::Contradiction("names"));
        }
        check_extra(rest.get(..usize::from(self.flags)).unwrap_or_default())?;
        self.expect(Phase::End, END_BYTES);
        Ok(())
    }

    fn end(&mut self, record: &[u8]) -> Result<(), ArchiveError> {
        let (here, total) = (le16(record, 8), le16(record, 10));
        if here > 1 || total > 1 {
            return Err(ArchiveError::SeveralEntries);
        }
        if here != 1
            || total != 1
            || le32(record, 4) != 0
            || u64::from(le32(record, 12)) != self.central_bytes
            || u64::from(le32(record, 16)) != self.central_at
        {
            return Err(ArchiveError::Contradiction("end record"));
        }
        match usize::from(le16(record, 20)) {
            0 => self.phase = Phase::Done,
            comment => self.expect(Phase::Comment, comment),
        }
        Ok(())
    }
}

fn check_not_64(sizes: &Sizes) -> Result<(), ArchiveError> {
    const SENTINEL: u64 = 0xFFFF_FFFF;
    if sizes.packed == SENTINEL || sizes.unpacked == SENTINEL {
        return Err(ArchiveError::Zip64);
    }
    Ok(())
}

/// Walks the extra field; a Zip64 block (id 1) may not stand there.
fn check_extra(mut extra: &[u8]) -> Result<(), ArchiveError> {
    while extra.len() >= 4 {
        if le16(extra, 0) == 1 {
            return Err(ArchiveError::Zip64);
        }
        extra = extra
            .get(4 + usize::from(le16(extra, 2))..)
            .unwrap_or_default();
    }
    Ok(())
}

fn le16(bytes: &[u8], at: usize) -> u16 {
    match bytes.get(at..) {
        Some([a, b, ..]) => u16::from_le_bytes([*a, *b]),
        _ => 0,
    }
}

fn le32(bytes: &[u8], at: usize) -> u32 {
    u32::from(le16(bytes, at)) | u32::from(le16(bytes, at + 2)) << 16
}

/// An attachment could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The archive breaks the one-entry rule.
    #[error("the archive cannot be used")]
    Archive(#[from] ArchiveError),
    /// Reading the archive or writing its content failed.
    #[error("reading or writing failed")]
    Io(#[from] std::io::Error),
}

/// Unpacks an attachment that was zipped for transport ([`is_zip_wrapped`]) into `out`; returns the bytes written.
///
/// Memory stays flat. The content is complete and true only when this returns `Ok`: check sums stand at the end.
///
/// # Errors
/// The archive's faults, and failures of `packed` and `out`.
pub fn unpack_attachment(
    packed: &mut dyn Read,
    out: &mut dyn Write,
    limits: &Limits,
) -> Result<u64, UnpackError> {
    let mut entry = SingleEntry::new(*limits);
    let mut block = vec![0; OUT_BYTES];
    loop {
        let count = match packed.read(&mut block) {
            Ok(0) => return Ok(entry.finish()?),
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        let mut written = Ok(());
        entry.push(block.get(..count).unwrap_or_default(), &mut |bytes| {
            if written.is_ok() {
                written = out.write_all(bytes);
            }
        })?;
        written?;
    }
}
