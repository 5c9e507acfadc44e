//! The axis as its clients see it: every method, and what it answers to those who err.

mod refusals;

use axum::body::Body;
use http::Request;
use lgsp_base::{Sha256, Timestamp};
use lgsp_registry::NewSystem;
use lgsp_registry::model::Protocol;
use lgsp_wire::edxml::{self, Packet};
use lgsp_wire::vxp;
use serde_json::{Value, json};

use super::*;
use crate::testkit::{Answer, House, send as call};

const TWO_RECEIVERS: &[u8] =
    include_bytes!("../../../wire/fixtures/edoc_new_two_receivers_zip_attachment.edxml");
const STATUS: &[u8] = include_bytes!("../../../wire/fixtures/status_01_arrived.edxml");
const JSON: &str = "application/json";
const OCTETS: &str = "application/octet-stream";

struct Client {
    id: String,
    secret: Vec<u8>,
    router: Router,
    at: Timestamp,
}

impl Client {
    async fn of(house: &House, code: &str) -> Self {
        Self::with(house, house.connect(code, Protocol::Vxp).await)
    }

    fn with(house: &House, system: NewSystem) -> Self {
        Self {
            id: system.vxp_id.expect("id"),
            secret: system.secret.expect("secret").expose().clone().into_bytes(),
            router: router(AxisState {
                exchange: house.exchange.clone(),
                registry: house.registry.clone(),
                clock: house.clock.clone(),
            }),
            at: house.clock.now(),
        }
    }

    fn request(
        &self,
        method: &str,
        kind: &str,
        params: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Request<Body> {
        let verb = if method == "downloadEdoc" {
            "GET"
        } else {
            "POST"
        };
        let mut request = Request::builder()
            .method(verb)
            .uri(format!("/vxp/{method}"));
        for (name, value) in vxp::sign(&self.id, &self.secret, self.at, kind, params) {
            request = request.header(name, value);
        }
        request.body(body.into()).expect("request")
    }

    async fn raw(&self, method: &str, params: &[(&str, &str)], body: &'static str) -> Answer {
        let answer = call(&self.router, self.request(method, JSON, params, body)).await;
        assert_eq!(answer.status, 200);
        answer
    }

    async fn ask(&self, method: &str, params: &[(&str, &str)], body: &'static str) -> Value {
        self.raw(method, params, body).await.json()
    }

    async fn list(&self, kind: &str) -> Vec<Value> {
        let params = [("servicetype", "eDoc"), ("messagetype", kind)];
        let answer = self.ask("getReceivedEdocList", &params, "").await;
        answer["data"].as_array().expect("list").clone()
    }

    async fn send(&self, file: &[u8], hash: &str, tail: &[u8], more: &[(&str, &str)]) -> Value {
        let mut params = vec![
            ("servicetype", "eDoc"),
            ("messagetype", "edoc"),
            ("hash-file", hash),
        ];
        params.extend_from_slice(more);
        let body = [file, tail].concat();
        call(
            &self.router,
            self.request("sendEdoc", OCTETS, &params, body),
        )
        .await
        .json()
    }

    async fn submit(&self, file: &[u8]) -> Value {
        self.send(
            file,
            &Sha256::of(file).to_string(),
            b"\r\n",
            &[("from", "H99.14")],
        )
        .await
    }
}

fn doc_id(item: &Value) -> &str {
    item["docId"].as_str().expect("docId")
}

fn code(answer: &Value) -> (&str, &str) {
    (
        answer["status"].as_str().expect("status"),
        answer["ErrorCode"].as_str().expect("code"),
    )
}

#[tokio::test]
async fn a_document_goes_from_one_system_to_two_others() {
    let house = House::new("axis-loop").await;
    let sender = Client::of(&house, "H99.14").await;
    let first = Client::of(&house, "H99.131").await;
    let second = Client::of(&house, "H99.132").await;
    let sent = sender.submit(TWO_RECEIVERS).await;
    assert_eq!(code(&sent), ("OK", "0"), "{sent}");

    assert_eq!(first.ask("countReceiveEdoc", &[], "{}").await["count"], 1);
    assert_eq!(first.ask("countReceiveStatus", &[], "{}").await["count"], 0);
    let waiting = first.list("edoc").await;
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0]["from"], "H99.14");
    assert_eq!(waiting[0]["status"], "initial");
    assert_eq!(waiting[0]["created_time"], "2026-11-21 20:00:00");
    let id = doc_id(&waiting[0]);

    let packet = first
        .ask("getEdoc", &[("docId", id), ("filePath", "store")], "{}")
        .await;
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(packet["data"].as_str().expect("data"))
        .expect("base64");
    assert!(bytes == TWO_RECEIVERS);
    let raw = first
        .raw("downloadEdoc", &[("docId", id), ("filePath", "store")], "")
        .await;
    assert!(raw.body == TWO_RECEIVERS);
    assert_eq!(first.list("edoc").await[0]["status"], "processing");

    let status = |word| [("docId", id), ("status", word)];
    assert_eq!(
        code(&first.ask("updateStatus", &status("processing"), "{}").await),
        ("OK", "0")
    );
    assert_eq!(
        code(&first.ask("updateStatus", &status("done"), "{}").await),
        ("OK", "0")
    );
    assert_eq!(
        code(&first.ask("updateStatus", &status("done"), "{}").await),
        ("OK", "0")
    );
    assert!(first.list("edoc").await.is_empty());
    assert_eq!(second.list("edoc").await.len(), 1);

    let document = sent["DocId"].as_str().expect("DocId");
    let params = [
        ("servicetype", "eDoc"),
        ("messagetype", "edoc"),
        ("docId", document),
    ];
    let items = sender.ask("getSentEdocList", &params, "").await;
    let mut states: Vec<&str> = items["data"]
        .as_array()
        .expect("list")
        .iter()
        .map(|item| item["receiveStatus"].as_str().expect("state"))
        .collect();
    states.sort_unstable();
    assert_eq!(states, ["done", "initial"]);
    let all = sender.ask("getSentEdocList", &params[..2], "").await;
    assert_eq!(all["data"].as_array().expect("list").len(), 2);
}

#[tokio::test]
async fn a_status_goes_back_to_the_sender() {
    let house = House::new("axis-status").await;
    let sender = Client::of(&house, "H99.14").await;
    let receiver = Client::of(&house, "H99.131").await;
    let Packet::Status(status) = edxml::read_all(STATUS, edxml::Limits::default())
        .expect("status")
        .packet
    else {
        panic!("a status");
    };
    // The original that the status answers.
    let Packet::Document(mut original) = edxml::read_all(TWO_RECEIVERS, edxml::Limits::default())
        .expect("packet")
        .packet
    else {
        panic!("a document");
    };
    original
        .document_id
        .clone_from(&status.response_for.document_id);
    original.from.organ_id = "H99.14".to_owned();
    original.to.truncate(1);
    original.to[0].organ_id = "H99.131".to_owned();
    original.references.clear();
    original.attachments.clear();
    let mut file = Vec::new();
    edxml::write_document(&original, &mut std::iter::empty(), &mut file).expect("written");
    let sent = sender.submit(&file).await;
    assert_eq!(code(&sent), ("OK", "0"), "{sent}");
    let hash = Sha256::of(STATUS).to_string();
    let params = [
        ("servicetype", "eDoc"),
        ("messagetype", "status"),
        ("hash-file", hash.as_str()),
        ("from", "H99.131"),
    ];
    let request = || receiver.request("sendEdoc", OCTETS, &params, STATUS);
    let told = call(&receiver.router, request()).await.json();
    assert_eq!(code(&told), ("OK", "0"), "{told}");
    assert_eq!(
        told["DocId"],
        call(&receiver.router, request()).await.json()["DocId"]
    );
    assert_eq!(sender.list("status").await.len(), 1);
    assert_eq!(
        sender.ask("countReceiveStatus", &[], "{}").await["count"],
        1
    );
    // Under the wrong message type it is refused.
    let mut wrong = params;
    wrong[1].1 = "edoc";
    let refused = call(
        &receiver.router,
        receiver.request("sendEdoc", OCTETS, &wrong, STATUS),
    )
    .await;
    assert_eq!(code(&refused.json()), ("FAIL", "10"));
}

/// EX01, EX02, EX04: repetitions, conflicts, forms of the file hash, with and without the transport's line end.
#[tokio::test]
async fn the_same_file_is_one_document() {
    let house = House::new("axis-repeat").await;
    let sender = Client::of(&house, "H99.14").await;
    let digest = Sha256::of(TWO_RECEIVERS);
    let right = digest.to_string();
    let first = sender.submit(TWO_RECEIVERS).await;
    let from = [("from", "H99.14")];
    house
        .clock
        .advance(std::time::Duration::from_secs(24 * 3600));
    for (hash, tail) in [
        (right.clone(), &b""[..]),
        (vxp::sdk_hash(&digest), b"\r\n"),
        (right.to_uppercase(), b"\r\n"),
    ] {
        let again = sender.send(TWO_RECEIVERS, &hash, tail, &from).await;
        assert_eq!(again["DocId"], first["DocId"], "{again}");
    }
    for (hash, tail) in [
        ("00", &b"\r\n"[..]),
        (right.as_str(), b"\r\n\r\n"),
        (right.as_str(), b" "),
        (right.get(1..).expect("cut"), b""),
    ] {
        let refused = sender.send(TWO_RECEIVERS, hash, tail, &from).await;
        assert_eq!(code(&refused), ("FAIL", "10"), "{refused}");
        assert!(
            refused["ErrorDesc"]
                .as_str()
                .expect("text")
                .contains("axis.hash")
        );
    }
    let text = String::from_utf8(TWO_RECEIVERS.to_vec()).expect("utf-8");
    let other = text.replacen("<edXML:Subject>", "<edXML:Subject>x", 1);
    let conflict = sender.submit(other.as_bytes()).await;
    assert_eq!(code(&conflict), ("FAIL", "10"));
    assert!(
        conflict["ErrorDesc"]
            .as_str()
            .expect("text")
            .contains("exchange.conflict")
    );
    // A file that ends in CR LF keeps it when the hash covers it.
    let ended = [text.replace("H99.14,", "H99.14,x").as_bytes(), b"\r\n"].concat();
    let kept = sender.submit(&ended).await;
    assert_eq!(code(&kept), ("OK", "0"), "{kept}");
    let id = kept["DocId"].as_str().expect("DocId");
    let raw = sender
        .raw("downloadEdoc", &[("docId", id), ("filePath", "x")], "")
        .await;
    assert!(raw.body == ended);
}

/// A client's parser expects JSON with a code, whatever stands in the address.
#[tokio::test]
async fn the_directory_is_listed_and_agencies_register() {
    let house = House::new("axis-agencies").await;
    let province = Client::of(&house, "H99").await;
    let all = province.ask("getAgenciesList", &[], "").await;
    let codes: Vec<&str> = all["data"]
        .as_array()
        .expect("list")
        .iter()
        .map(|item| item["code"].as_str().expect("code"))
        .collect();
    assert_eq!(codes, ["H99", "H99.131", "H99.132", "H99.14"]);
    let level = province
        .ask("getAgenciesListQD20", &[("level", "3")], "")
        .await;
    assert_eq!(level["data"].as_array().expect("list").len(), 2);
    assert_eq!(
        code(
            &province
                .ask("getAgenciesListQD20", &[("level", "x")], "")
                .await
        ),
        ("FAIL", "10")
    );
    let units = province.ask("getSynchronizeUnit", &[], "").await;
    assert_eq!(units["data"][1]["pid"], all["data"][0]["id"]);
    assert_eq!(units["data"][1]["deleted"], false);

    let agency = "{\"id\":\"\",\"pcode\":\"H99\",\"code\":\"H99.132\",\"name\":\"x\",\"mail\":\"\",\"mobile\":\"\",\"fax\":\"\"}";
    assert_eq!(
        code(&province.ask("registerAgency", &[], agency).await),
        ("OK", "0")
    );
    let sender = Client::of(&house, "H99.14").await;
    sender.submit(TWO_RECEIVERS).await;
    assert_eq!(province.list("edoc").await.len(), 1);
    assert_eq!(
        code(
            &province
                .ask("deleteAgency", &[("AgencyCode", "H99.132")], "{}")
                .await
        ),
        ("OK", "0")
    );
    assert_eq!(
        code(
            &province
                .ask("deleteAgency", &[("AgencyCode", "H1.2")], "{}")
                .await
        ),
        ("FAIL", "18")
    );
    assert_eq!(
        code(&sender.ask("registerAgency", &[], agency).await),
        ("FAIL", "15")
    );
    assert_eq!(
        code(&sender.ask("registerAgency", &[], "{").await),
        ("FAIL", "10")
    );
}

/// Bodies in awkward pieces, larger than a row: the bytes that come back are those that went in.
#[tokio::test]
async fn a_large_packet_comes_back_identical() {
    let house = House::new("axis-large").await;
    let sender = Client::of(&house, "H99.14").await;
    let Packet::Document(mut document) = edxml::read_all(TWO_RECEIVERS, edxml::Limits::default())
        .expect("packet")
        .packet
    else {
        panic!("a document");
    };
    document.references.clear();
    document.attachments.clear();
    document.references.push(edxml::Reference {
        content_id: "cid:1".to_owned(),
        content_type: "application/pdf".to_owned(),
        description: String::new(),
        attachment_name: "a.pdf".to_owned(),
    });
    document.attachments.push(edxml::Attachment {
        content_id: "cid:1".to_owned(),
        name: "a.pdf".to_owned(),
        content_type: "application/pdf".to_owned(),
        ..edxml::Attachment::default()
    });
    let pdf = [b"%PDF-1.7\n".as_slice(), &vec![0x5a; 900_001]].concat();
    let body = edxml::AttachmentBody {
        content: Box::new(pdf.as_slice()),
        zip_entry: None,
    };
    let mut file = Vec::new();
    edxml::write_document(&document, &mut std::iter::once(body), &mut file).expect("written");
    let hash = Sha256::of(&file).to_string();
    let params = [
        ("servicetype", "eDoc"),
        ("messagetype", "edoc"),
        ("hash-file", hash.as_str()),
        ("from", "H99.14"),
    ];
    let mut pieces: Vec<Result<Vec<u8>, std::io::Error>> = Vec::new();
    let whole = [file.as_slice(), b"\r\n"].concat();
    let mut rest = whole.as_slice();
    for size in [1usize, 1, 2, 3, 300_000, 1, 400_000].into_iter().cycle() {
        if rest.len() <= size + 3 {
            break;
        }
        let (front, back) = rest.split_at(size);
        pieces.push(Ok(front.to_vec()));
        rest = back;
    }
    pieces.extend(rest.iter().map(|byte| Ok(vec![*byte])));
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let sent = call(
        &sender.router,
        sender.request("sendEdoc", OCTETS, &params, body),
    )
    .await
    .json();
    assert_eq!(code(&sent), ("OK", "0"), "{sent}");
    let id = sent["DocId"].as_str().expect("DocId");
    let raw = sender.raw("downloadEdoc", &[("docId", id)], "").await;
    assert!(raw.body == file);
    let coded = sender.raw("getEdoc", &[("docId", id)], "{}").await;
    assert_eq!(
        coded.headers["content-length"],
        coded.body.len().to_string()
    );
    use base64::Engine;
    let data = base64::engine::general_purpose::STANDARD
        .decode(coded.json()["data"].as_str().expect("data"))
        .expect("base64");
    assert!(data == file);
    assert_eq!(json!(sent["status"]), "OK");
}

/// The requests that were captured from the SDK, with our own system and secret in them: each is understood.
#[tokio::test]
async fn captured_requests_are_understood() {
    let house = House::new("axis-vectors").await;
    let client = Client::of(&house, "H99.14").await;
    let vectors: Value = serde_json::from_slice(include_bytes!(
        "../../../wire/fixtures/vxp_request_vectors.json"
    ))
    .expect("json");
    let packet = include_bytes!("../../../wire/fixtures/edoc_new_department_to_commune.edxml");
    let requests = vectors["requests"].as_array().expect("requests");
    assert_eq!(requests.len(), 8);
    for vector in requests {
        let headers = vector["headers"].as_object().expect("headers");
        let value = |name: &str| headers[name].as_str().expect("text");
        let params: Vec<(&str, &str)> = value("XroadVnpt-sign-header-key")
            .split(';')
            .filter(|name| !["systemid", "timestamp", "Content-Type"].contains(name))
            .map(|name| (name, value(&format!("XroadVnpt-{name}"))))
            .collect();
        let path = vector["path"]
            .as_str()
            .expect("path")
            .trim_start_matches('/');
        let body = match path {
            "sendEdoc" => [packet.as_slice(), b"\r\n"].concat(),
            _ => vector["body"].as_str().unwrap_or("").as_bytes().to_vec(),
        };
        let request = client.request(path, value("Content-Type"), &params, body);
        let answer = call(&client.router, request).await.json();
        // The captured ids and codes belong to nobody here; everything else succeeds.
        let expected = match path {
            "getEdoc" | "updateStatus" => "10",
            "registerAgency" | "deleteAgency" => "18",
            _ => "0",
        };
        assert_eq!(answer["ErrorCode"], expected, "{path}: {answer}");
    }
}
