//! What a damaged file still says it is about, so that a verdict can name the record.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use lgsp_base::id::{DocumentId, ID_CHARS, ReceiptId};
use lgsp_base::limits;

use super::report::Facts;

/// Takes four characters at a time, whatever their last bits.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// A text between quotation marks that may be a record in base64.
const RECORD_CHARS_MIN: usize = 32;

/// The ids and the place found in a file that is not a readable bundle. Nothing of it is proved.
pub fn claimed(bytes: &[u8]) -> Facts {
    let bytes = bytes.get(..limits::RECEIPT_BYTES_MAX).unwrap_or(bytes);
    let mut facts = Facts {
        leaf_index: leaf_index(bytes),
        ..Facts::default()
    };
    let pieces = bytes
        .split(|byte| *byte == b'"')
        .filter(|piece| piece.len() >= RECORD_CHARS_MIN);
    // A destroyed quotation mark shifts the groups of four.
    for (piece, shift) in pieces.flat_map(|piece| (0..4).map(move |shift| (piece, shift))) {
        if facts.document.is_some() && facts.receipt.is_some() {
            break;
        }
        let decoded: Vec<u8> = piece
            .get(shift..)
            .unwrap_or_default()
            .chunks(4)
            .flat_map(|group| LENIENT.decode(group).unwrap_or_else(|_| vec![0; 3]))
            .collect();
        facts.document = facts.document.or_else(|| {
            id(&decoded, DocumentId::PREFIX, |text| {
                text.parse::<DocumentId>().is_ok()
            })
        });
        facts.receipt = facts.receipt.or_else(|| {
            id(&decoded, ReceiptId::PREFIX, |text| {
                text.parse::<ReceiptId>().is_ok()
            })
        });
    }
    facts
}

/// The first id with this prefix.
fn id(bytes: &[u8], prefix: &str, is_id: impl Fn(&str) -> bool) -> Option<String> {
    let length = prefix.len() + 1 + ID_CHARS;
    bytes
        .windows(length)
        .filter(|window| window.starts_with(prefix.as_bytes()))
        .find_map(|window| std::str::from_utf8(window).ok().filter(|text| is_id(text)))
        .map(str::to_owned)
}

fn leaf_index(bytes: &[u8]) -> Option<u64> {
    const KEY: &[u8] = b"\"leaf_index\":";
    let at = bytes.windows(KEY.len()).position(|window| window == KEY)?;
    let digits: String = bytes
        .iter()
        .skip(at + KEY.len())
        .map(|byte| char::from(*byte))
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}
