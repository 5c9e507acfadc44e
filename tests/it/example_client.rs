//! The example clients of the axis, in Python's standard library, against the product: parties that share no code with it.

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

/// A client and the path at which it finds the axis.
#[derive(Debug, Clone, Copy)]
struct Example {
    file: &'static str,
    path: &'static str,
    /// What the answer to a send calls the document.
    id: &'static str,
    /// What it needs to know beyond the file it sends.
    sender: &'static [&'static str],
}

const VXP: Example = Example {
    file: "examples/vxp-client/vxp_client.py",
    path: "vxp",
    id: "DocId",
    sender: &["--from", "H99.14"],
};
const REST: Example = Example {
    file: "examples/axis-rest-client/axis_rest_client.py",
    path: "axis",
    id: "docId",
    sender: &[],
};

/// Runs a client as an agency's system; its answer is JSON.
fn client(
    example: Example,
    system: &System,
    credential: &(String, String),
    arguments: &[&str],
) -> Value {
    let output = Command::new("python3")
        .arg(root().join(example.file))
        .args([
            "--endpoint",
            &format!("http://{}/{}", system.address, example.path),
        ])
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

/// Sends with one client; the first recipient receives with the VXP client, the second with the REST client.
fn walk(name: &str, example: Example) {
    if Command::new("python3").arg("--version").output().is_err() {
        return skip(name, "python3 is not installed");
    }
    let system = SystemBuilder::new(BINARY, name).start().expect("SQLite");
    let mut operator = system.operator();
    operator.imports(&["H99.14", "H99.131", "H99.132"]);
    let sender = operator.connects_axis("H99.14");
    let packet = root().join(PACKET);
    let packet_text = packet.display().to_string();
    let send = [&["send", packet_text.as_str()], example.sender].concat();
    let sent = client(example, &system, &sender, &send);
    assert_eq!(
        sent,
        client(example, &system, &sender, &send),
        "a repeated send gets the original answer"
    );

    for (code, receiver) in [("H99.131", VXP), ("H99.132", REST)] {
        let recipient = system.operator().connects_axis(code);
        let inbox = system.data.with_file_name(format!("inbox-{code}"));
        let inbox_text = inbox.display().to_string();
        let receive = ["receive", "--to-dir", &inbox_text];
        let taken = client(receiver, &system, &recipient, &receive);
        let id = taken[0]["docId"].as_str().expect("one document");
        let kept = match receiver.path {
            "vxp" => inbox.join(format!("{id}.edxml")),
            _ => inbox.join(id).join("packet.edxml"),
        };
        assert_eq!(
            std::fs::read(kept).expect("kept"),
            std::fs::read(&packet).expect("the packet"),
            "the identical bytes"
        );
        assert_eq!(
            client(receiver, &system, &recipient, &["list"]),
            Value::Array(Vec::new())
        );
    }
    let trace = operator.trace(sent[example.id].as_str().expect("an id"));
    for delivery in trace["deliveries"].as_array().expect("deliveries") {
        assert_eq!(delivery["state"], "delivered");
        assert_eq!(delivery["status_code"], "03");
    }
}

#[test]
fn a_foreign_client_sends_receives_and_reports() {
    walk("example-client", VXP);
}

#[test]
fn a_foreign_client_of_the_rest_flavour_sends_receives_and_reports() {
    walk("example-rest-client", REST);
}
