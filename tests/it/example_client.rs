//! The example client of the axis, in Python's standard library, against the product: a party that shares no code with it.

use std::path::{Path, PathBuf};
use std::process::Command;

use lgsp_tests::skip;
use lgsp_tests::system::{System, SystemBuilder};
use serde_json::Value;

use crate::BINARY;

const PACKET: &str = "crates/wire/fixtures/edoc_new_two_receivers_zip_attachment.edxml";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_path_buf()
}

/// Runs the client as an agency's system; its answer is JSON.
fn client(system: &System, credential: &(String, String), arguments: &[&str]) -> Value {
    let output = Command::new("python3")
        .arg(root().join("examples/vxp-client/vxp_client.py"))
        .args(["--endpoint", &format!("http://{}/vxp", system.address)])
        .args(["--system", &credential.0, "--secret", &credential.1])
        .args(arguments)
        .output()
        .expect("python3 runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn a_foreign_client_sends_receives_and_reports() {
    if Command::new("python3").arg("--version").output().is_err() {
        return skip("example_client", "python3 is not installed");
    }
    let system = SystemBuilder::new(BINARY, "example-client")
        .start()
        .expect("SQLite");
    let mut operator = system.operator();
    operator.imports(&["H99.14", "H99.131", "H99.132"]);
    let sender = operator.connects_axis("H99.14");
    let packet = root().join(PACKET);
    let packet_text = packet.display().to_string();
    let send = ["send", packet_text.as_str(), "--from", "H99.14"];
    let sent = client(&system, &sender, &send);
    assert_eq!(
        sent,
        client(&system, &sender, &send),
        "a repeated send gets the original answer"
    );

    for code in ["H99.131", "H99.132"] {
        let recipient = system.operator().connects_axis(code);
        let inbox = system.data.with_file_name(format!("inbox-{code}"));
        let inbox_text = inbox.display().to_string();
        let taken = client(&system, &recipient, &["receive", "--to-dir", &inbox_text]);
        let id = taken[0]["docId"].as_str().expect("one document");
        let received = std::fs::read(inbox.join(format!("{id}.edxml"))).expect("kept");
        assert_eq!(
            received,
            std::fs::read(&packet).expect("the packet"),
            "the identical bytes"
        );
        assert_eq!(
            client(&system, &recipient, &["list"]),
            Value::Array(Vec::new())
        );
    }
    let trace = operator.trace(sent["DocId"].as_str().expect("an id"));
    for delivery in trace["deliveries"].as_array().expect("deliveries") {
        assert_eq!(delivery["state"], "delivered");
        assert_eq!(delivery["status_code"], "03");
    }
}
