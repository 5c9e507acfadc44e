//! The way of a document between systems that speak the axis's REST flavour and systems that speak VXP.

use lgsp_tests::axis_rest::RestClient;
use lgsp_tests::system::{System, SystemBuilder, on_both_engines};
use lgsp_tests::vxp::VxpClient;
use serde_json::Value;

use crate::BINARY;

const SENDER: &str = "H99.14";
const BY_VXP: &str = "H99.131";
const BY_REST: &str = "H99.132";
const PACKET: &[u8] =
    include_bytes!("../../crates/wire/fixtures/edoc_new_two_receivers_zip_attachment.edxml");
const ARRIVED: &[u8] = include_bytes!("../../crates/wire/fixtures/status_01_arrived.edxml");
const RECEIVED: &[u8] = include_bytes!("../../crates/wire/fixtures/status_03_received.edxml");

fn connect(system: &System, code: &str) -> RestClient {
    let (system_id, secret) = system.operator().connects_axis(code);
    RestClient::new(system.address, &system_id, &secret)
}

/// One receiver each way; both take what waits, confirm, and report 01 and 03.
fn receive(system: &System) {
    let (system_id, secret) = system.operator().connects_axis(BY_VXP);
    let mut vxp = VxpClient::new(system.address, &system_id, &secret);
    let waiting = vxp.lists("edoc");
    assert_eq!(waiting.len(), 1);
    assert_eq!(vxp.downloads(&waiting[0]), PACKET, "the identical bytes");
    vxp.updates(&waiting[0], "done").expect("confirmed");
    for status in [ARRIVED, RECEIVED] {
        vxp.sends(BY_VXP, "status", status).expect("a status");
    }

    let mut rest = connect(system, BY_REST);
    let waiting = rest.lists("edoc");
    assert_eq!(waiting.len(), 1);
    let packet = rest.fetches(&waiting[0]);
    let text = packet["edxml"].as_str().expect("a text");
    assert_eq!(text.as_bytes(), PACKET, "the identical bytes");
    assert_eq!(packet["attachments"].as_array().map(Vec::len), Some(2));
    for status in ["01", "acceptance", "03"] {
        rest.updates(&waiting[0], status).expect("a status");
    }
    assert!(rest.lists("edoc").is_empty());
    assert_eq!(rest.updates(&waiting[0], "07"), Err("10".to_owned()));
}

fn walk(system: &System) {
    let mut operator = system.operator();
    operator.imports(&[SENDER, BY_VXP, BY_REST]);
    let mut sender = connect(system, SENDER);
    let document = sender.sends("edoc", PACKET).expect("accepted");
    let again = sender.sends("edoc", PACKET).expect("accepted");
    assert_eq!(again, document, "a repeated send gets the original answer");
    receive(system);

    let statuses = sender.lists("status");
    assert_eq!(statuses.len(), 4);
    for id in statuses {
        let message = sender.fetches(&id);
        assert!(
            message["edxml"]
                .as_str()
                .is_some_and(|text| text.contains("StatusCode"))
        );
        sender.updates(&id, "done").expect("confirmed");
    }
    assert!(sender.lists("status").is_empty());
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
fn a_packet_crosses_from_rest_to_both_and_its_states_come_back() {
    on_both_engines(BINARY, "axis-rest", walk);
}

#[test]
fn a_session_outlives_a_kill_and_stands_in_no_log() {
    let mut system = SystemBuilder::new(BINARY, "axis-rest-session")
        .start()
        .expect("SQLite");
    let mut operator = system.operator();
    operator.imports(&[SENDER, BY_VXP, BY_REST]);
    let (system_id, secret) = operator.connects_axis(SENDER);
    let mut sender = RestClient::new(system.address, &system_id, &secret);
    let document = sender.sends("edoc", PACKET).expect("accepted");
    system.kill();
    system.serve();
    let mut sender = sender.reconnected(system.address);
    assert_eq!(sender.sends("edoc", PACKET), Ok(document));
    let log = system.whole_log();
    assert!(!log.contains(sender.token()) && !log.contains(&secret));

    // Another system's credential with this session is refused, and says no more than code 15.
    let (other_id, other_secret) = system.operator().connects_axis(BY_REST);
    let fields = [
        ("authorization", format!("Bearer {}", sender.token())),
        ("x-systemid", other_id),
        ("x-secretkey", other_secret),
    ];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let mut http = lgsp_tests::http::Http::new(system.address);
    let answer = http
        .call(
            "GET",
            "/axis/v1/syncReceivedEdocList?messageType=edoc",
            &fields,
            b"",
        )
        .expect("an answer");
    assert_eq!(answer.status, 401);
    let answer = answer.json();
    assert_eq!(answer["success"], Value::Bool(false));
    assert_eq!(answer["data"]["errorCode"], "15");
}
