//! Whatever the bytes: no panic, and the same answer however they are cut.

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::kit::*;
use crate::edxml::*;

/// A verdict that can be compared: the packet, or the error with its place.
fn verdict(bytes: &[u8], sizes: &[usize], limits: Limits) -> String {
    match read_cut(bytes, sizes, limits) {
        Ok(parsed) => format!(
            "{:?} {:?} {:?}",
            parsed.packet, parsed.tolerances, parsed.sink
        ),
        Err(error) => format!("{error:?}"),
    }
}

fn same_however_cut(bytes: &[u8], sizes: &[usize], limits: Limits) -> Result<(), TestCaseError> {
    let whole = verdict(bytes, &[usize::MAX], limits);
    prop_assert_eq!(&verdict(bytes, sizes, limits), &whole);
    prop_assert_eq!(&verdict(bytes, &[1], limits), &whole);
    Ok(())
}

/// Limits so small that short inputs reach them.
fn small() -> Limits {
    Limits {
        depth: 8,
        elements: 60,
        attributes: 3,
        token_bytes: 120,
        text_bytes: 150,
        header_bytes: 4_000,
        junk_bytes: 4,
        document_bytes: 6_000,
        attachments: 1,
        attachment_bytes: 400,
        zip_ratio: 10,
    }
}

/// Scraps of XML, so that random inputs get past the first byte.
pub(super) fn scraps() -> impl Strategy<Value = Vec<u8>> {
    let scrap = prop_oneof![
        Just("<edXML xmlns=\"http://www.mic.gov.vn/TBT/QCVN_102_2016\">"),
        Just("<edXMLEnvelope>"),
        Just("<edXMLHeader>"),
        Just("<MessageHeader>"),
        Just("<Subject>"),
        Just("</Subject>"),
        Just("</MessageHeader>"),
        Just("</edXMLHeader>"),
        Just("</edXMLEnvelope>"),
        Just("</edXML>"),
        Just("<AttachmentEncoded><Attachment><ContentTransferEncoded>"),
        Just("aGVsbG8="),
        Just("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"),
        Just("<![CDATA["),
        Just("]]>"),
        Just("]"),
        Just(">"),
        Just("<!--"),
        Just("-->"),
        Just("--"),
        Just("<?p"),
        Just("?>"),
        Just("&amp;"),
        Just("&#x41;"),
        Just("&"),
        Just("<x a=\"'\" b='\"'/>"),
        Just("\r\n"),
        Just("\u{FEFF}"),
        Just("ứ"),
        Just("\u{FFFE}"),
        Just("\0"),
    ];
    proptest::collection::vec(scrap, 0..24).prop_map(|scraps| scraps.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200), sizes in proptest::collection::vec(1usize..9, 1..5)) {
        same_however_cut(&bytes, &sizes, Limits::default())?;
    }

    #[test]
    fn any_scraps(bytes in scraps(), sizes in proptest::collection::vec(1usize..30, 1..5)) {
        same_however_cut(&bytes, &sizes, small())?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn bent_fixtures(
        which in 0..FIXTURES.len(),
        bends in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 1..4),
        sizes in proptest::collection::vec(1usize..500, 1..5),
        is_small in any::<bool>(),
    ) {
        let mut bytes = FIXTURES[which].1.to_vec();
        for (at, byte, kind) in bends {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => { bytes.remove(at); }
                _ => bytes.truncate(at.max(1)),
            }
        }
        let limits = if is_small { small() } else { Limits::default() };
        same_however_cut(&bytes, &sizes, limits)?;
    }

    #[test]
    fn what_is_written_is_read_back(
        subject in "[^\\x00-\\x20\\r\u{FFFE}\u{FFFF}]([^\\x00-\\x1f\u{FFFE}\u{FFFF}]{0,40}[^\\x00-\\x20\\r\u{FFFE}\u{FFFF}])?",
        id in "[!-~]{1,40}",
        version in "[ -~]{0,10}",
    ) {
        let (mut document, kept) = document(fixture("edoc_update"));
        document.subject = subject;
        document.document_id = id;
        document.trace.version = version;
        document.application_type = "MCDT_DT".to_owned();
        document.task_codes = vec!["T1".to_owned(), "T2".to_owned()];
        document.responses = vec![ResponseFor { organ_id: "H99".to_owned(), ..ResponseFor::default() }];
        let written = write(&document, &kept.files);
        prop_assert_eq!(super::kit::document(&written).0, document);
    }
}

/// An attachment's base64 text with these spaces behind every so many characters.
fn wrapped(content: &[u8], columns: usize, space: &str) -> String {
    let text = STANDARD.encode(content);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(columns)
        .map(|line| std::str::from_utf8(line).expect("ASCII"))
        .collect();
    lines.join(space)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn base64_is_the_same_however_wrapped_and_cut(
        content in proptest::collection::vec(any::<u8>(), 0..30_000),
        columns in 1usize..200,
        space in prop::sample::select(vec!["", "\n", "\r\n", " \t ", "<!-- -->", "<![CDATA[\r]]>", "&#10;"]),
        sizes in proptest::collection::vec(1usize..20_000, 1..5),
    ) {
        // Comments and sections are counted as elements.
        let columns = if space.starts_with('<') { columns.max(100) } else { columns };
        let packet = with_attachment("a", "x/y", &wrapped(&content, columns, space));
        let mut kept = read_cut(&packet, &sizes, Limits::default()).expect("readable").sink.files;
        prop_assert_eq!(kept.pop().expect("one attachment"), content);
        same_however_cut(&packet, &sizes, Limits::default())?;
    }

    #[test]
    fn bent_base64_is_refused_alike_however_cut(
        content in proptest::collection::vec(any::<u8>(), 1..15_000),
        columns in 1usize..200,
        bends in proptest::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"=!]>\r\n &A/-".to_vec()), any::<bool>()), 1..4),
        sizes in proptest::collection::vec(1usize..5_000, 1..5),
        attachment_bytes in 0u64..15_000,
    ) {
        let mut text = wrapped(&content, columns, "\r\n").into_bytes();
        for (at, byte, is_new) in bends {
            let at = at.index(text.len());
            if is_new { text.insert(at, byte) } else { text[at] = byte }
        }
        let text = String::from_utf8(text).expect("ASCII");
        let packet = with_attachment("a", "x/y", &text);
        let limits = Limits { attachment_bytes, ..Limits::default() };
        same_however_cut(&packet, &sizes, limits)?;
        // What is accepted is what a decoder says that sees the whole text.
        if !text.contains('&') {
            let joined: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
            let expected = STANDARD.decode(joined).ok();
            let kept = read_cut(&packet, &sizes, Limits::default()).ok();
            prop_assert_eq!(kept.map(|parsed| parsed.sink.files.concat()), expected);
        }
    }
}
