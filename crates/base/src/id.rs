//! Typed identifiers: a prefix that names the kind and 26 base-32 characters that sort by time.
//!
//! The 128 bits are a UUID version 7 (RFC 9562 §5.7): 48 bits of milliseconds, then randomness. They are
//! written in Crockford's base 32, lower case, so that an id is `doc_` + 26 characters and two ids of one kind compare as
//! text in the order in which they were made.

use std::fmt;
use std::str::FromStr;

use crate::entropy::Entropy;
use crate::time::Timestamp;

/// Characters behind the prefix.
pub const ID_CHARS: usize = 26;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Why a text is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}_ and 26 base-32 characters")]
pub struct ParseIdError {
    /// The prefix that was expected.
    pub prefix: &'static str,
}

fn new_bits(at: Timestamp, entropy: &dyn Entropy) -> u128 {
    let mut random = [0u8; 16];
    entropy.fill(&mut random);
    let random = u128::from_be_bytes(random);
    let ms = u128::from(at.as_millis().cast_unsigned() & 0xffff_ffff_ffff);
    let version = 7u128 << 76;
    let variant = 2u128 << 62;
    let rand_a = (random >> 64) & 0xfff;
    let rand_b = random & 0x3fff_ffff_ffff_ffff;
    (ms << 80) | version | (rand_a << 64) | variant | rand_b
}

/// The digit that a character stands for; 32 and above for one that is none.
const DIGITS: [u8; 256] = digits();

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses an index outside"
)]
const fn digits() -> [u8; 256] {
    let mut digits = [u8::MAX; 256];
    let mut digit = 0u8;
    while digit < 32 {
        digits[ALPHABET[digit as usize] as usize] = digit;
        digit += 1;
    }
    digits
}

/// Length of an id as text: a prefix of three characters, `_`, and the rest.
const TEXT_BYTES: usize = 4 + ID_CHARS;

/// An id written out, without memory of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdText([u8; TEXT_BYTES]);

impl IdText {
    /// `head` is the prefix with its underscore.
    fn new(head: &str, bits: u128) -> Self {
        let mut text = [0u8; TEXT_BYTES];
        let (prefix, rest) = text.split_at_mut(TEXT_BYTES - ID_CHARS);
        for (slot, byte) in prefix.iter_mut().zip(head.bytes()) {
            *slot = byte;
        }
        let (first, rest) = rest.split_at_mut(2);
        let (middle, last) = rest.split_at_mut(12);
        write_digits(first, bits >> 120);
        write_digits(middle, bits >> 60);
        write_digits(last, bits);
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // Only ASCII is ever written.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The text as bytes, without looking once more whether it is one.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The last digits of a number, as many as there is room for, at most 12.
fn write_digits(out: &mut [u8], bits: u128) {
    let mut bits = u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(0);
    for slot in out.iter_mut().rev() {
        let digit = usize::try_from(bits & 31).unwrap_or(0);
        *slot = ALPHABET.get(digit).copied().unwrap_or(b'0');
        bits >>= 5;
    }
}

fn read_bits(text: &[u8]) -> Option<u128> {
    let (first, rest) = text.split_at_checked(2)?;
    let (middle, last) = rest.split_at_checked(12)?;
    // 26 × 5 = 130 bits: the first character may only carry three of them.
    let first = read_digits(first, 2).filter(|digits| *digits < 1 << 8)?;
    Some(first << 120 | read_digits(middle, 12)? << 60 | read_digits(last, 12)?)
}

fn read_digits(text: &[u8], count: usize) -> Option<u128> {
    let mut bits = 0u64;
    let mut seen = 0u8;
    for byte in text {
        let digit = DIGITS.get(usize::from(*byte)).copied().unwrap_or(u8::MAX);
        seen |= digit;
        bits = bits << 5 | u64::from(digit & 31);
    }
    (text.len() == count && seen < 32).then(|| u128::from(bits))
}

/// Declares one id type per line: name, prefix, what it identifies.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// What stands before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Makes a new id for something that begins at `at`.
            pub fn generate(at: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(new_bits(at, entropy))
            }

            /// Wraps known bits (a derived or a stored id).
            pub const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            /// The 128 bits behind the text.
            pub const fn bits(self) -> u128 {
                self.0
            }

            /// The text, without memory of its own.
            pub fn text(self) -> IdText {
                IdText::new(concat!($prefix, "_"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.text().as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|rest| read_bits(rest.as_bytes()))
                    .map(Self)
                    .ok_or(ParseIdError { prefix: $prefix })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.text().as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A document: the thing that was handed in.
    DocumentId = "doc";
    /// A delivery: one document on its way to one recipient.
    DeliveryId = "dlv";
    /// A status report about a document.
    StatusId = "sts";
    /// An organisation, for all time.
    OrgId = "org";
    /// An event in the life of organisations.
    OrgEventId = "evt";
    /// A connected application of an organisation.
    SystemId = "sys";
    /// An API token.
    TokenId = "tok";
    /// A webhook endpoint.
    WebhookId = "whk";
    /// A background job.
    JobId = "job";
    /// A receipt: the ledger entry that an acknowledgement names.
    ReceiptId = "rcp";
    /// One request through any door; `instance` of its problem document.
    RequestId = "req";
    /// A dossier of the one-stop shop.
    DossierId = "dsr";
    /// A file of a dossier.
    DossierFileId = "dfl";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn id_is_prefix_and_26_characters_and_reads_back() {
        let entropy = SeededEntropy::new(1);
        let id = DocumentId::generate(Timestamp::from_millis(1_700_000_000_123), &entropy);
        let text = id.to_string();
        assert_eq!(text.len(), 4 + ID_CHARS);
        assert_eq!(text.parse::<DocumentId>(), Ok(id));
        assert!(text.parse::<DeliveryId>().is_err());
        assert!(format!("{text}0").parse::<DocumentId>().is_err());
        assert!(
            "doc_z0000000000000000000000000"
                .parse::<DocumentId>()
                .is_err()
        );
        for bits in [0, 1, 31, 32, 1 << 60, 1 << 119, 1 << 120, u128::MAX] {
            let id = DocumentId::from_bits(bits);
            assert_eq!(id.to_string().parse::<DocumentId>(), Ok(id));
        }
        assert!(
            "doc_80000000000000000000000000"
                .parse::<DocumentId>()
                .is_err()
        );
        assert!(
            "doc_0000000000000000000000000u"
                .parse::<DocumentId>()
                .is_err()
        );
    }

    #[test]
    fn later_ids_sort_later_as_text() {
        let entropy = SeededEntropy::new(2);
        let mut last = String::new();
        for ms in 1..500 {
            let id = DeliveryId::generate(Timestamp::from_millis(ms * 7), &entropy).to_string();
            assert!(id > last);
            last = id;
        }
    }
}
