//! The way of a document between existing document management systems, which speak VXP and changed only their endpoint.

use lgsp_tests::system::{System, SystemBuilder, on_both_engines};
use lgsp_tests::vxp::VxpClient;

use crate::BINARY;

const SENDER: &str = "H99.14";
const RECIPIENTS: [&str; 2] = ["H99.131", "H99.132"];
const PACKET: &[u8] =
    include_bytes!("../../crates/wire/fixtures/edoc_new_two_receivers_zip_attachment.edxml");
const ARRIVED: &[u8] = include_bytes!("../../crates/wire/fixtures/status_01_arrived.edxml");
const RECEIVED: &[u8] = include_bytes!("../../crates/wire/fixtures/status_03_received.edxml");

fn connect(system: &System, code: &str) -> VxpClient {
    let (system_id, secret) = system.operator().connects_axis(code);
    VxpClient::new(system.address, &system_id, &secret)
}

/// A status fixture as another recipient would write it.
fn from_recipient(packet: &[u8], recipient: &str) -> Vec<u8> {
    String::from_utf8_lossy(packet)
        .replace(RECIPIENTS[0], recipient)
        .into_bytes()
}

fn walk(system: &System) {
    let mut operator = system.operator();
    operator.imports(&[SENDER, RECIPIENTS[0], RECIPIENTS[1]]);
    let mut sender = connect(system, SENDER);
    let document = sender.sends(SENDER, "edoc", PACKET).expect("accepted");
    let again = sender.sends(SENDER, "edoc", PACKET).expect("accepted");
    assert_eq!(again, document, "a repeated send gets the original answer");

    for code in RECIPIENTS {
        let mut recipient = connect(system, code);
        let waiting = recipient.lists("edoc");
        assert_eq!(waiting.len(), 1, "{code}");
        assert_eq!(
            recipient.downloads(&waiting[0]),
            PACKET,
            "the identical bytes"
        );
        recipient.updates(&waiting[0], "done").expect("confirmed");
        assert!(recipient.lists("edoc").is_empty());
        for status in [ARRIVED, RECEIVED] {
            recipient
                .sends(code, "status", &from_recipient(status, code))
                .expect("a status");
        }
    }
    let statuses = sender.lists("status");
    assert_eq!(statuses.len(), 4);
    for id in statuses {
        assert!(!sender.downloads(&id).is_empty());
        sender.updates(&id, "done").expect("confirmed");
    }
    let trace = operator.trace(&document);
    let deliveries = trace["deliveries"].as_array().expect("deliveries");
    assert_eq!(deliveries.len(), 2);
    for delivery in deliveries {
        assert_eq!(delivery["state"], "delivered");
        assert_eq!(delivery["status_code"], "03");
        assert!(delivery["receipt_id"].is_string());
    }
}

#[test]
fn a_packet_crosses_the_province_and_its_states_come_back() {
    on_both_engines(BINARY, "axis", walk);
}

#[test]
fn a_wrong_signature_is_refused_with_the_code_of_the_axis() {
    let system = SystemBuilder::new(BINARY, "axis-signature")
        .start()
        .expect("SQLite");
    let mut operator = system.operator();
    operator.imports(&[SENDER, RECIPIENTS[0], RECIPIENTS[1]]);
    let (system_id, _secret) = operator.connects_axis(SENDER);
    let mut stranger = VxpClient::new(system.address, &system_id, "another secret");
    assert_eq!(stranger.sends(SENDER, "edoc", PACKET), Err("15".to_owned()));
}
