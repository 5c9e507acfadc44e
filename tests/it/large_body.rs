//! A large body passes in flat memory, in and out, through the plain door and as an attachment of an edXML packet.
//!
//! `LGSP_LARGE_BODY_MIB` sets the size; a GiB takes a while in a debug build.

use std::io::{self, Write};

use lgsp_tests::agency::Agency;
use lgsp_tests::axis_rest::RestClient;
use lgsp_tests::http::Http;
use lgsp_tests::rounds;
use lgsp_tests::system::{System, SystemBuilder, department};

use crate::BINARY;

/// Growth of resident memory that is no copy of the body.
const GROWTH_KIB_MAX: u64 = 32 * 1024;
const PIECE: usize = 256 * 1024;
const MIB: u64 = 1024 * 1024;
const PACKET: &str =
    include_str!("../../crates/wire/fixtures/edoc_new_department_to_commune.edxml");

/// `"%PDF-1"` in base64: the attachment is what it says it is.
const PDF: &[u8] = b"JVBERi0x";

fn size_mib() -> u64 {
    u64::from(rounds("LGSP_LARGE_BODY_MIB", 96))
}

/// Sends `head`, `mib` MiB of filling and `tail`, lets the recipient fetch it, and sees how much memory that took.
fn pass(
    system: &System,
    sender: &Agency,
    recipient: &mut Agency,
    content_type: &str,
    path: &str,
    frame: [&[u8]; 2],
) {
    let mib = size_mib();
    let before = system.memory_peak_kib();
    let fields = [
        ("authorization", sender.bearer()),
        ("content-type", content_type),
        ("idempotency-key", content_type),
    ];
    let [head, tail] = frame;
    let bytes = head.len() as u64 + mib * MIB + tail.len() as u64;
    let write = |out: &mut dyn Write| -> io::Result<()> {
        out.write_all(head)?;
        let piece = vec![b'A'; PIECE];
        for _ in 0..mib * (MIB / PIECE as u64) {
            out.write_all(&piece)?;
        }
        out.write_all(tail)
    };
    let mut http = Http::new(system.address);
    let answer = http
        .call_streaming("POST", path, &fields, bytes, write)
        .expect("an answer");
    assert_eq!(answer.status, 202, "{}", answer.json());
    let document = answer.json()["id"].as_str().expect("an id").to_owned();
    let content = recipient
        .content(&document)
        .expect("an answer")
        .expect("served");
    assert_eq!(content.len() as u64, bytes);
    assert!(content.starts_with(head) && content.ends_with(tail));
    let growth = system.memory_peak_kib() - before;
    assert!(
        growth <= GROWTH_KIB_MAX,
        "{growth} KiB for a body of {mib} MiB"
    );
}

#[test]
fn a_plain_body_passes_in_flat_memory() {
    let system = SystemBuilder::new(BINARY, "large-plain")
        .start()
        .expect("SQLite");
    let mut agencies = system.agencies(2);
    let mut recipient = agencies.remove(1);
    let path = format!(
        "/api/v1/documents?from={}&to={}",
        department(1),
        department(2)
    );
    pass(
        &system,
        &agencies[0],
        &mut recipient,
        "application/octet-stream",
        &path,
        [b"head", b"tail"],
    );
}

/// The official packet from department 1 to department 2 with a large PDF: what stands before and behind the filling.
fn packet_frame() -> [Vec<u8>; 2] {
    let packet = PACKET
        .replace("H99.131", &department(2))
        .replace("H99.14", &department(1));
    let opening = packet
        .find("ContentTransferEncoded")
        .expect("an attachment");
    let start = opening + packet[opening..].find('>').expect("a tag") + 1;
    let end = start + packet[start..].find('<').expect("a closing tag");
    let head = [&packet.as_bytes()[..start], PDF].concat();
    [head, packet.as_bytes()[end..].to_vec()]
}

#[test]
fn an_attachment_passes_in_flat_memory() {
    let system = SystemBuilder::new(BINARY, "large-attachment")
        .start()
        .expect("SQLite");
    let mut agencies = system.agencies(2);
    let mut recipient = agencies.remove(1);
    let [head, tail] = packet_frame();
    pass(
        &system,
        &agencies[0],
        &mut recipient,
        "application/edxml+xml",
        "/api/v1/documents",
        [&head, &tail],
    );
}

/// A form in; out comes a JSON answer that holds the packet as text and its attachment once more.
#[test]
fn a_form_of_the_axis_passes_in_flat_memory_and_comes_back_twice() {
    let system = SystemBuilder::new(BINARY, "large-axis-rest")
        .start()
        .expect("SQLite");
    let codes = [department(1), department(2)];
    let mut operator = system.operator();
    operator.imports(&[&codes[0], &codes[1]]);
    let [mut sender, mut recipient] = codes.map(|code| {
        let (system_id, secret) = operator.connects_axis(&code);
        RestClient::new(system.address, &system_id, &secret)
    });
    let before = system.memory_peak_kib();
    let [head, tail] = packet_frame();
    let mib = size_mib();
    let bytes = head.len() as u64 + mib * MIB + tail.len() as u64;
    let sent = sender.sends_streaming("edoc", bytes, |out| {
        out.write_all(&head)?;
        let piece = vec![b'A'; PIECE];
        for _ in 0..mib * (MIB / PIECE as u64) {
            out.write_all(&piece)?;
        }
        out.write_all(&tail)
    });
    assert!(sent.is_ok(), "{sent:?}");
    let waiting = recipient.lists("edoc");
    let packet = recipient.fetches(&waiting[0]);
    let text = packet["edxml"].as_str().expect("a text").as_bytes();
    assert_eq!(text.len() as u64, bytes);
    assert!(text.starts_with(&head) && text.ends_with(&tail));
    let content = packet["attachments"][0]["fileContent"].as_str();
    let content = content.expect("an attachment").as_bytes();
    assert_eq!(content.len() as u64, PDF.len() as u64 + mib * MIB);
    assert!(content.starts_with(PDF) && content.ends_with(b"AAAA"));
    let growth = system.memory_peak_kib() - before;
    assert!(
        growth <= GROWTH_KIB_MAX,
        "{growth} KiB for a packet of {mib} MiB"
    );
}
