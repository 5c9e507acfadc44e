//! A reader for the few DER structures of a time stamp (ITU-T X.690): definite, shortest lengths, one-byte tags.

use lgsp_base::Timestamp;

use super::TimestampError;

/// Tags, class and construction included.
pub(super) mod tag {
    pub(in super::super) const BOOLEAN: u8 = 0x01;
    pub(in super::super) const INTEGER: u8 = 0x02;
    pub(in super::super) const BIT_STRING: u8 = 0x03;
    pub(in super::super) const OCTET_STRING: u8 = 0x04;
    pub(in super::super) const NULL: u8 = 0x05;
    pub(in super::super) const OID: u8 = 0x06;
    pub(in super::super) const UTF8_STRING: u8 = 0x0c;
    pub(in super::super) const UTC_TIME: u8 = 0x17;
    pub(in super::super) const GENERALIZED_TIME: u8 = 0x18;
    pub(in super::super) const SEQUENCE: u8 = 0x30;
    pub(in super::super) const SET: u8 = 0x31;
    pub(in super::super) const CONTEXT_0_PRIMITIVE: u8 = 0x80;
    pub(in super::super) const CONTEXT_0: u8 = 0xa0;
    pub(in super::super) const CONTEXT_1: u8 = 0xa1;
    pub(in super::super) const CONTEXT_2: u8 = 0xa2;
    pub(in super::super) const CONTEXT_3: u8 = 0xa3;
}

/// One element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    /// The content alone.
    pub(super) content: &'a [u8],
    /// With tag and length.
    pub(super) raw: &'a [u8],
}

impl<'a> Element<'a> {
    /// Reads the elements inside.
    pub(super) fn reader(&self) -> Reader<'a> {
        Reader::new(self.content)
    }

    /// The content of a bit string of whole bytes.
    pub(super) fn bits(&self) -> Result<&'a [u8], TimestampError> {
        match self.content.split_first() {
            Some((0, bytes)) => Ok(bytes),
            _ => Err(TimestampError::Malformed),
        }
    }

    /// An instant in UTC, written as `UTCTime` or `GeneralizedTime`.
    pub(super) fn time(&self) -> Result<Timestamp, TimestampError> {
        let text = std::str::from_utf8(self.content).map_err(|_| TimestampError::Malformed)?;
        let text = match self.tag {
            // RFC 5280 §4.1.2.5.1: 50 to 99 are of the last century.
            tag::UTC_TIME if text < "50" => format!("20{text}"),
            tag::UTC_TIME => format!("19{text}"),
            tag::GENERALIZED_TIME => text.to_owned(),
            _ => return Err(TimestampError::Malformed),
        };
        parse_time(&text).ok_or(TimestampError::Malformed)
    }
}

/// `yyyyMMddHHmmss`, up to nine digits of a fraction, `Z`.
fn parse_time(text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z')?;
    let (whole, fraction) = match digits.split_once('.') {
        // DER writes no trailing zeros.
        Some((_, fraction)) if fraction.is_empty() || fraction.ends_with('0') => return None,
        Some((whole, fraction)) => (whole, fraction),
        None => (digits, "0"),
    };
    if whole.len() != 14
        || fraction.len() > 9
        || !(whole.bytes().chain(fraction.bytes())).all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let part = |range: std::ops::Range<usize>| whole.get(range);
    Timestamp::parse(&format!(
        "{}-{}-{}T{}:{}:{}.{fraction}Z",
        part(0..4)?,
        part(4..6)?,
        part(6..8)?,
        part(8..10)?,
        part(10..12)?,
        part(12..14)?
    ))
}

/// Reads elements one behind the other.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Refuses what is left over.
    pub(super) fn finish(&self) -> Result<(), TimestampError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(TimestampError::Malformed)
        }
    }

    /// The next element, whatever it is.
    pub(super) fn next(&mut self) -> Result<Element<'a>, TimestampError> {
        let element = read(self.rest).ok_or(TimestampError::Malformed)?;
        self.rest = self.rest.get(element.raw.len()..).unwrap_or_default();
        Ok(element)
    }

    /// The next element, which must have this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Result<Element<'a>, TimestampError> {
        self.optional(tag)?.ok_or(TimestampError::Malformed)
    }

    /// The next element if it has this tag.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, TimestampError> {
        if self.rest.first() == Some(&tag) {
            self.next().map(Some)
        } else {
            Ok(None)
        }
    }
}

fn read(bytes: &[u8]) -> Option<Element<'_>> {
    let (tag, rest) = bytes.split_first()?;
    // Tags above 30 are continued in further bytes; none of ours is.
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (first, rest) = rest.split_first()?;
    let (length, content) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        // Three bytes are 16 MiB, far beyond the limit of a token; none is the indefinite form.
        if !(1..=3).contains(&count) {
            return None;
        }
        let (digits, rest) = rest.split_at_checked(count)?;
        let length = digits
            .iter()
            .fold(0usize, |length, digit| length << 8 | usize::from(*digit));
        let shortest = match count {
            1 => length >= 0x80,
            2 => length >= 0x100,
            _ => length >= 0x1_0000,
        };
        if !shortest {
            return None;
        }
        (length, rest)
    };
    let header = bytes.len() - content.len();
    Some(Element {
        tag: *tag,
        content: content.get(..length)?,
        raw: bytes.get(..header + length)?,
    })
}

/// An element made of parts.
pub(super) fn write<T: AsRef<[u8]>>(tag: u8, parts: &[T]) -> Vec<u8> {
    let content: Vec<u8> = parts
        .iter()
        .flat_map(|part| part.as_ref())
        .copied()
        .collect();
    let mut bytes = vec![tag];
    let digits: Vec<u8> = content
        .len()
        .to_be_bytes()
        .into_iter()
        .skip_while(|byte| *byte == 0)
        .collect();
    match digits.as_slice() {
        [] => bytes.push(0),
        [digit] if *digit < 0x80 => bytes.push(*digit),
        digits => {
            bytes.push(0x80 | u8::try_from(digits.len()).unwrap_or(8));
            bytes.extend_from_slice(digits);
        }
    }
    bytes.extend_from_slice(&content);
    bytes
}

/// The dotted form of an object identifier's content.
pub(super) fn oid_text(content: &[u8]) -> String {
    let mut numbers: Vec<u64> = Vec::new();
    let mut number: u64 = 0;
    for byte in content {
        number = number.wrapping_shl(7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if numbers.is_empty() {
                // The first two arcs share a number.
                let first = (number / 40).min(2);
                numbers.push(first);
                number -= first * 40;
            }
            numbers.push(number);
            number = 0;
        }
    }
    numbers
        .iter()
        .map(u64::to_string)
        .collect::<Vec<_>>()
        .join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_shortest_definite_lengths_are_read() {
        assert_eq!(read(&[4, 1, 9, 8]).map(|e| e.content), Some(&[9][..]));
        let long = write(4, &[vec![7; 300]]);
        assert_eq!(long[..4], [4, 0x82, 1, 44]);
        assert_eq!(read(&long).map(|e| e.content.len()), Some(300));
        let middle = write(4, &[vec![7; 200]]);
        assert_eq!(middle[..3], [4, 0x81, 200]);
        for bytes in [
            &[][..],
            &[4],
            &[4, 2, 1],
            &[4, 0x80, 0, 0],
            &[4, 0x81, 1, 1],
            &[4, 0x82, 0, 0x80],
            &[4, 0x84, 0, 0, 0, 1, 1],
            &[0x1f, 1, 0],
        ] {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn times_are_read_in_both_forms() {
        let at = |tag, text: &str| {
            Element {
                tag,
                content: text.as_bytes(),
                raw: &[],
            }
            .time()
            .map(|at| at.to_string())
        };
        assert_eq!(
            at(tag::UTC_TIME, "261122001500Z").as_deref(),
            Ok("2026-11-22T00:15:00.000000Z")
        );
        assert_eq!(
            at(tag::UTC_TIME, "991122001500Z").as_deref(),
            Ok("1999-11-22T00:15:00.000000Z")
        );
        assert_eq!(
            at(tag::GENERALIZED_TIME, "20261122001500.25Z").as_deref(),
            Ok("2026-11-22T00:15:00.250000Z")
        );
        for text in [
            "20261122001500",
            "20261122001500.Z",
            "20261122001500.50Z",
            "20261322001500Z",
            "2026112200150Z",
            "20261122001500+0700",
            "+0261122001500Z",
        ] {
            assert!(at(tag::GENERALIZED_TIME, text).is_err(), "{text}");
        }
    }

    #[test]
    fn object_identifiers_are_dotted() {
        assert_eq!(
            oid_text(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]),
            "1.2.840.113549"
        );
        assert_eq!(oid_text(&[0x88, 0x37, 3]), "2.999.3");
        assert_eq!(oid_text(&[]), "");
    }
}
