//! Rows AF01–AF05 of the attack table, the transport archive, and flat memory.

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;
use lgsp_base::Sha256;
use proptest::prelude::*;

use super::kit::*;
use crate::edxml::*;

fn encoded(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The archive that the writer makes for this content.
fn packed(content: &[u8], entry: &str) -> Vec<u8> {
    let document = Document {
        attachments: vec![Attachment::default()],
        ..Document::default()
    };
    let mut out = Vec::new();
    let mut bodies = std::iter::once(AttachmentBody {
        content: Box::new(content),
        zip_entry: Some(entry.to_owned()),
    });
    write_document(&document, &mut bodies, &mut out).expect("written");
    let text = String::from_utf8(out).expect("UTF-8");
    let (_, tail) = text.split_once("QCVN_102_2016\">UEs").expect("content");
    let (rest, _) = tail.split_once('<').expect("end");
    STANDARD.decode(format!("UEs{rest}")).expect("base64")
}

fn unpack(archive: &[u8], limits: &Limits) -> Result<Vec<u8>, ArchiveError> {
    let mut out = Vec::new();
    match unpack_attachment(&mut &*archive, &mut out, limits) {
        Ok(bytes) => {
            assert_eq!(bytes, out.len() as u64);
            Ok(out)
        }
        Err(UnpackError::Archive(error)) => Err(error),
        Err(UnpackError::Io(error)) => panic!("{error}"),
    }
}

fn refused(archive: &[u8]) -> Option<ArchiveError> {
    let whole = unpack(archive, &Limits::default()).err();
    // The verdict does not depend on the pieces.
    let mut entry = SingleEntry::new(Limits::default());
    let cut = archive
        .iter()
        .find_map(|byte| entry.push(std::slice::from_ref(byte), &mut |_| {}).err())
        .or_else(|| entry.finish().err());
    assert_eq!(whole, cut);
    whole
}

/// A stored archive with sizes in the local header, whose fields a test can bend.
fn stored(name: &str, content: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    let size = u32::try_from(content.len()).expect("small").to_le_bytes();
    let name_bytes = u16::try_from(name.len()).expect("short").to_le_bytes();
    let sizes = [crc.sum().to_le_bytes(), size, size].concat();
    let common = [&[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0][..], &sizes, &name_bytes].concat();
    let local = [
        b"PK\x03\x04",
        &common[..],
        &[0, 0],
        name.as_bytes(),
        content,
    ]
    .concat();
    let central = [
        b"PK\x01\x02\x14\x03",
        &common[..],
        &[0; 16],
        name.as_bytes(),
    ]
    .concat();
    let end = [
        &b"PK\x05\x06\0\0\0\0\x01\0\x01\0"[..],
        &u32::try_from(central.len()).expect("small").to_le_bytes(),
        &u32::try_from(local.len()).expect("small").to_le_bytes(),
        &[0, 0],
    ]
    .concat();
    [local, central, end].concat()
}

fn bent(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut archive = stored("a.txt", b"hello");
    archive[at..at + bytes.len()].copy_from_slice(bytes);
    archive
}

#[test]
fn af01_base64_is_standard_and_padded() {
    for (text, code) in [
        ("aGVsbG8=", "accepted"),
        ("aGVs\r\nbG8=\n", "accepted"),
        ("  a G V s b G 8 = ", "accepted"),
        ("", "accepted"),
        ("aGVsbG8", "attachment.encoding"),
        ("aGVsbG8==", "attachment.encoding"),
        ("aGVsbG9=", "attachment.encoding"),
        ("aGVs=bG8=", "attachment.encoding"),
        ("aGVsbG8=aGVs", "attachment.encoding"),
        ("aGVs====", "attachment.encoding"),
        ("=", "attachment.encoding"),
        ("a", "attachment.encoding"),
        ("_-_-", "attachment.encoding"),
        ("aGVs!", "attachment.encoding"),
        ("aGVs\u{e1}", "attachment.encoding"),
        ("aGVs\0", "xml.malformed"),
        ("aGVs<x/>bG8=", "edxml.invalid"),
        ("aGV&#115;<![CDATA[bG8=]]>", "accepted"),
    ] {
        let bytes = with_attachment("a.txt", "text/plain", text);
        assert_eq!(super::kit::code(&bytes), code, "{text}");
        let cut = read_cut(&bytes, &[1], Limits::default());
        assert_eq!(cut.is_ok(), code == "accepted", "{text}");
        if let Ok(parsed) = cut
            && !text.is_empty()
        {
            assert_eq!(parsed.sink.files, [b"hello"]);
        }
    }
}

#[test]
fn af01_an_attachment_has_a_limit() {
    let limits = Limits {
        attachment_bytes: 5,
        ..Limits::default()
    };
    let five = with_attachment("a.txt", "text/plain", "aGVsbG8=");
    assert!(read_cut(&five, &[7], limits).is_ok());
    let six = with_attachment("a.txt", "text/plain", "aGVsbG8h");
    let error = read_cut(&six, &[7], limits).expect_err("too large");
    assert_eq!(error.to_problem().code(), "attachment.too_large");
    let limits = Limits {
        document_bytes: 100,
        ..Limits::default()
    };
    let error = read_cut(&six, &[7], limits).expect_err("too large");
    assert_eq!(error.to_problem().code(), "input.too_large");
    let limits = Limits {
        attachments: 0,
        ..Limits::default()
    };
    let error = read_cut(&six, &[7], limits).expect_err("too many");
    assert_eq!(error.to_problem().code(), "xml.limits");
}

#[test]
fn af02_only_the_one_entry_archive_is_unpacked() {
    let good = stored("a.txt", b"hello");
    assert_eq!(unpack(&good, &Limits::default()), Ok(b"hello".to_vec()));
    assert_eq!(refused(&stored("a.txt", b"")), None);
    assert_eq!(refused(&packed(b"hello", "a.txt")), None);

    let central = 30 + 5 + 5;
    let end = central + 46 + 5;
    let again = [&good[..central], &good[..]].concat();
    let two_central = [&good[..end], &good[central..]].concat();
    let mut commented = good.clone();
    let last = commented.len() - 2;
    commented[last] = 3;
    let contradiction = ArchiveError::Contradiction;
    for (name, archive, error) in [
        ("nothing", Vec::new(), ArchiveError::NotZip),
        ("no zip", b"hello world".to_vec(), ArchiveError::NotZip),
        (
            "no entry",
            [&b"PK\x05\x06"[..], &[0; 18]].concat(),
            ArchiveError::Empty,
        ),
        ("two entries", again, ArchiveError::SeveralEntries),
        (
            "two central headers",
            two_central,
            ArchiveError::SeveralEntries,
        ),
        (
            "count of two",
            bent(end + 10, &[2]),
            ArchiveError::SeveralEntries,
        ),
        (
            "count of none",
            bent(end + 10, &[0]),
            contradiction("end record"),
        ),
        ("folder", stored("a/", b""), ArchiveError::Folder),
        (
            "folder by attribute",
            bent(central + 38, &[0x10]),
            ArchiveError::Folder,
        ),
        (
            "folder by mode",
            bent(central + 40, &[0, 0o100]),
            ArchiveError::Folder,
        ),
        (
            "symbolic link",
            bent(central + 40, &[0, 0o240]),
            ArchiveError::Link,
        ),
        ("encrypted", bent(6, &[1]), ArchiveError::Encrypted),
        (
            "encrypted in the centre",
            bent(central + 8, &[1]),
            contradiction("central and local header"),
        ),
        (
            "strongly encrypted",
            bent(6, &[0x40]),
            ArchiveError::Encrypted,
        ),
        ("method", bent(8, &[12]), ArchiveError::Method),
        (
            "method in the centre",
            bent(central + 10, &[8]),
            contradiction("central and local header"),
        ),
        ("Zip64 size", bent(18, &[0xFF; 8]), ArchiveError::Zip64),
        (
            "Zip64 size in the centre",
            bent(central + 20, &[0xFF; 8]),
            ArchiveError::Zip64,
        ),
        (
            "stored behind a descriptor",
            bent(6, &[8]),
            contradiction("stored data of unknown length"),
        ),
        (
            "check sum",
            bent(14, &[0]),
            contradiction("local header and data"),
        ),
        (
            "packed size",
            bent(18, &[4]),
            contradiction("sizes of stored data"),
        ),
        (
            "central check sum",
            bent(central + 16, &[0]),
            contradiction("central header and data"),
        ),
        (
            "central size",
            bent(central + 24, &[4]),
            contradiction("central header and data"),
        ),
        (
            "central name",
            bent(central + 46, b"b"),
            contradiction("names"),
        ),
        (
            "central offset",
            bent(central + 42, &[1]),
            contradiction("central and local header"),
        ),
        (
            "offset of the centre",
            bent(end + 16, &[1]),
            contradiction("end record"),
        ),
        (
            "content",
            bent(36, b"E"),
            contradiction("local header and data"),
        ),
        (
            "bytes behind",
            [&good[..], b"x"].concat(),
            ArchiveError::Trailing,
        ),
        (
            "bytes before",
            [b"x", &good[..]].concat(),
            ArchiveError::NotZip,
        ),
        (
            "cut off",
            good[..good.len() - 1].to_vec(),
            ArchiveError::CutOff,
        ),
        ("comment cut off", commented, ArchiveError::CutOff),
    ] {
        assert_eq!(refused(&archive), Some(error), "{name}");
        let packet = with_attachment("a.txt", "application/zip", &encoded(&archive));
        assert_eq!(super::kit::code(&packet), "attachment.archive", "{name}");
    }
}

#[test]
fn af02_descriptors_must_be_true() {
    let archive = packed(b"hello hello hello", "a.txt");
    let at = archive
        .windows(4)
        .position(|bytes| bytes == b"PK\x07\x08")
        .expect("descriptor");
    for offset in [4, 8, 12] {
        let mut lie = archive.clone();
        lie[at + offset] ^= 1;
        let error = ArchiveError::Contradiction("data descriptor and data");
        assert_eq!(refused(&lie), Some(error));
    }
    // The signature of a descriptor may be left out; the offset of the centre then moves.
    let mut bare = archive.clone();
    bare.drain(at..at + 4);
    let central_at = bare.len() - 6;
    bare[central_at] -= 4;
    assert_eq!(refused(&bare), None);
    let mut half = archive.clone();
    half[14] = 1;
    assert_eq!(
        refused(&half),
        Some(ArchiveError::Contradiction("local header and data"))
    );
    let mut damaged = archive;
    damaged[36] = 0xFF;
    assert!(refused(&damaged).is_some());
}

#[test]
fn af03_bombs_stop_early() {
    let zeros = vec![0; 8 * 1024 * 1024];
    let bomb = packed(&zeros, "a.txt");
    assert!(bomb.len() < 20_000);
    assert_eq!(refused(&bomb), Some(ArchiveError::Ratio));
    let packet = with_attachment("a.txt", "application/zip", &encoded(&bomb));
    assert_eq!(super::kit::code(&packet), "attachment.archive");
    // Short texts of blanks are no bombs.
    assert_eq!(refused(&packed(&zeros[..1024 * 1024], "a.txt")), None);
    let limits = Limits {
        attachment_bytes: 1_000,
        ..Limits::default()
    };
    assert_eq!(
        unpack(&packed(&zeros[..1_001], "a"), &limits),
        Err(ArchiveError::TooLarge)
    );
    assert!(unpack(&packed(&zeros[..1_000], "a"), &limits).is_ok());
}

#[test]
fn af04_names_are_safe_to_show() {
    for (name, shown) in [
        ("báo cáo.pdf", "báo cáo.pdf"),
        ("ba\u{301}o.pdf", "báo.pdf"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("C:\\Windows\\a.pdf", "a.pdf"),
        ("C:a.pdf", "C_a.pdf"),
        ("\\\\host\\share\\a.pdf", "a.pdf"),
        ("a\0b\r\n.pdf", "ab.pdf"),
        ("a\u{202E}fdp.exe", "afdp.exe"),
        ("a\u{200B}.pdf", "a.pdf"),
        ("CON", "_CON"),
        ("con.pdf", "_con.pdf"),
        ("Lpt1.txt", "_Lpt1.txt"),
        ("com10.txt", "com10.txt"),
        ("a.pdf. . ", "a.pdf"),
        ("a\"b<c>d|e?f*g.pdf", "a_b_c_d_e_f_g.pdf"),
        ("..", "tep-dinh-kem"),
        ("", "tep-dinh-kem"),
        ("a/", "tep-dinh-kem"),
    ] {
        assert_eq!(display_name(name), shown, "{name:?}");
    }
    let long = display_name(&format!("{}.pdf", "ă".repeat(5_000)));
    assert_eq!(long.chars().count(), 255);
    assert!(long.ends_with("ă.pdf"));
    assert_eq!(display_name(&"a".repeat(5_000)).len(), 255);
}

#[test]
fn af05_dangerous_contradictions_are_refused() {
    let html = b"\n<!DOCTYPE HTML><script>";
    let exe = b"MZ\x90\0\x03\0\0\0";
    let ole = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";
    let zip = stored("a", b"");
    let zip = zip.as_slice();
    for (name, content_type, content, code) in [
        ("a.pdf", "application/pdf", &b"%PDF-1.7"[..], "accepted"),
        ("a.pdf", "application/pdf", html, "attachment.type"),
        ("a.pdf", "application/pdf", exe, "attachment.type"),
        ("a.pdf", "application/octet-stream", zip, "attachment.type"),
        ("a.bin", "Application/PDF; x=y", b"text", "attachment.type"),
        ("a.PDF", "", b"", "attachment.type"),
        ("a.docx", "application/docx", zip, "accepted"),
        ("a.docx", "application/docx", ole, "accepted"),
        ("a.docx", "application/docx", b"%PDF-1.7", "attachment.type"),
        ("a.doc", "application/doc", ole, "accepted"),
        ("a.doc", "application/doc", b"{\\rtf1", "accepted"),
        ("a.doc", "application/doc", html, "attachment.type"),
        ("a.zip", "application/zip", zip, "accepted"),
        ("a.zip", "application/zip", b"text", "attachment.type"),
        ("a.txt", "text/plain", b"MZ is a word", "accepted"),
        ("a.txt", "text/plain", exe, "attachment.type"),
        ("a.txt", "text/plain", b"\x7fELF\x02", "attachment.type"),
        ("a.txt", "text/plain", b"#!/bin/sh", "attachment.type"),
        (
            "a.pdf.exe",
            "application/octet-stream",
            b"text",
            "attachment.type",
        ),
        ("a.jpg", "image/jpeg", html, "attachment.type"),
        ("a", "", b"text", "accepted"),
    ] {
        let packet = with_attachment(name, content_type, &encoded(content));
        assert_eq!(
            super::kit::code(&packet),
            code,
            "{name} {content_type} {content:?}"
        );
        // The same inside a transport archive, where the type says nothing.
        if !name.ends_with(".zip") && !content_type.contains("PDF") {
            let archive = packed(content, "x");
            let packet = with_attachment(name, "application/zip", &encoded(&archive));
            assert_eq!(super::kit::code(&packet), code, "zipped {name} {content:?}");
        }
    }
}

#[test]
fn the_order_of_an_attachments_elements_does_not_matter() {
    let archive = encoded(&packed(b"hello", "x.txt"));
    let packet = format!(
        "<edXML xmlns=\"{NAMESPACE}\"><AttachmentEncoded><Attachment><ContentTransferEncoded>{archive}</ContentTransferEncoded>\
         <ContentType>application/zip</ContentType><AttachmentName>a.txt</AttachmentName><ContentId>1</ContentId></Attachment>\
         </AttachmentEncoded><edXMLEnvelope><edXMLBody><edXMLManifest><Reference xmlns:xlink=\"http://www.w3.org/1999/xlink\" \
         xlink:href=\"cid:1\"/></edXMLManifest></edXMLBody><edXMLHeader><MessageHeader/></edXMLHeader></edXMLEnvelope></edXML>"
    );
    let (document, _) = document(packet.as_bytes());
    let content = document.attachments[0].content.as_ref().expect("content");
    assert_eq!(content.unpacked_bytes, Some(5));
    let violations = validate(&Packet::Document(Box::new(document)));
    assert!(
        violations.iter().all(|v| !v.path.contains("ContentId")),
        "{violations:?}"
    );
    let bare = packet.replace(
        &format!("<ContentTransferEncoded>{archive}</ContentTransferEncoded>"),
        "",
    );
    assert_eq!(super::kit::code(bare.as_bytes()), "edxml.invalid");
}

#[test]
fn a_new_attachment_is_encoded_by_its_extension() {
    for (name, encoding) in [
        ("a.pdf", Encoding::Raw("application/pdf")),
        ("a.DOCX", Encoding::Raw("application/docx")),
        ("a.doc", Encoding::Raw("application/doc")),
        ("a.zip", Encoding::Raw("application/zip")),
        ("a.xlsx", Encoding::Zipped),
        ("a", Encoding::Zipped),
    ] {
        assert_eq!(encoding_for(name), encoding, "{name}");
    }
    assert_eq!(Encoding::Zipped.content_type(), "application/zip");
    assert_eq!(packed(b"x", "a.txt"), packed(b"x", "a.txt"));
    let archive = packed("Sở Y tế".as_bytes(), "a.txt");
    assert_eq!(
        unpack(&archive, &Limits::default()),
        Ok("Sở Y tế".as_bytes().to_vec())
    );
}

#[test]
fn the_writer_refuses_what_xml_cannot_hold() {
    let mut document = document(fixture("edoc_recall")).0;
    let none = || std::iter::empty();
    let error = write_document(&document, &mut none(), &mut Vec::new()).expect_err("no bytes");
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    document.attachments.clear();
    assert!(write_document(&document, &mut none(), &mut Vec::new()).is_ok());
    document.subject = "a\u{1}".to_owned();
    assert!(write_document(&document, &mut none(), &mut Vec::new()).is_err());
}

/// Counts and digests what it gets.
#[derive(Debug, Default)]
struct Count(u64);

impl AttachmentSink for Count {
    fn begin(&mut self, _index: usize) {}
    fn chunk(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.0 += bytes.len() as u64;
        Ok(())
    }
    fn end(&mut self) {}
}

#[test]
fn memory_stays_flat_for_an_attachment_of_64_mib() {
    const MIB: usize = 1024 * 1024;
    let block = vec![0x5A; 3 * MIB / 4];
    let text = encoded(&block);
    assert_eq!(text.len(), MIB);
    let packet = String::from_utf8(with_attachment("a.bin", "x/y", "@")).expect("UTF-8");
    let (head, tail) = packet.split_once('@').expect("place");
    let mut reader = Reader::new(Limits::default(), Count::default());
    reader.push(head.as_bytes()).expect("head");
    let mut held = 0;
    for _ in 0..64 {
        for piece in text.as_bytes().chunks(64 * 1024) {
            reader.push(piece).expect("text");
            held = held.max(reader.buffered_bytes());
        }
    }
    reader.push(tail.as_bytes()).expect("tail");
    let parsed = reader.finish().expect("complete");
    assert_eq!(parsed.sink.0, 48 * MIB as u64);
    assert!(held < 64 * 1024, "{held}");
    let Packet::Document(document) = parsed.packet else {
        panic!("a document")
    };
    let content = document.attachments[0].content.clone().expect("content");
    let mut hasher = lgsp_base::hash::Sha256Hasher::new();
    (0..64).for_each(|_| hasher.update(&block));
    assert_eq!(content.sha256, hasher.finish());
}

#[test]
fn the_line_ends_of_an_attachment_are_not_header() {
    let limits = Limits {
        header_bytes: 1_000,
        ..Limits::default()
    };
    for space in ["\n", "\r\n", "\r", "  "] {
        let text = format!("aGVs{space}").repeat(2_000);
        let packet = with_attachment("a.txt", "x/y", &text);
        let parsed = read_cut(&packet, &[7], limits).expect("readable");
        assert_eq!(parsed.sink.files, [b"hel".repeat(2_000)], "{space:?}");
    }
}

#[test]
fn a_sink_that_fails_ends_the_reading() {
    #[derive(Debug)]
    struct Full;
    impl AttachmentSink for Full {
        fn begin(&mut self, _index: usize) {}
        fn chunk(&mut self, _bytes: &[u8]) -> Result<(), SinkError> {
            Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into())
        }
        fn end(&mut self) {}
    }
    let mut reader = Reader::new(Limits::default(), Full);
    let error = reader.push(fixture("edoc_recall")).expect_err("full");
    assert_eq!(error.to_problem().code(), "storage.full");
}

proptest! {
    #[test]
    fn any_content_survives_packing(content in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let archive = packed(&content, "a.bin");
        prop_assert_eq!(unpack(&archive, &Limits::default()), Ok(content));
    }

    #[test]
    fn bent_archives_never_panic(at in 0usize..200, byte in any::<u8>(), cut in 0usize..200) {
        let mut archive = packed(b"hello hello hello", "a.txt");
        let at = at % archive.len();
        archive[at] = byte;
        archive.truncate(cut.max(1));
        let _verdict = refused(&archive);
    }

    #[test]
    fn shown_names_are_always_safe(name in "\\PC{0,300}|[\\x00-\\x7f]{0,40}") {
        let shown = display_name(&name);
        prop_assert!(!shown.is_empty() && shown.chars().count() <= 256);
        let is_safe = !shown.contains(['/', '\\', '"', '\0', '\r', '\n', '\u{202E}']);
        prop_assert!(is_safe);
        prop_assert_eq!(display_name(&shown), shown);
    }
}

#[test]
fn the_digest_is_that_of_the_decoded_bytes() {
    let (document, kept) = document(fixture("edoc_new_two_receivers_zip_attachment"));
    for (attachment, file) in document.attachments.iter().zip(&kept.files) {
        let content = attachment.content.as_ref().expect("content");
        assert_eq!(content.sha256, Sha256::of(file));
        assert_eq!(content.bytes, file.len() as u64);
    }
}
