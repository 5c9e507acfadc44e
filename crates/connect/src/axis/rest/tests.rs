//! The REST flavour as its clients see it: every call, and what it answers to those who err.

mod refusals;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use lgsp_registry::NewSystem;
use lgsp_registry::model::Protocol;
use lgsp_wire::edxml::{self, Packet};
use serde_json::{Value, json};

use super::*;
use crate::axis::router as axis_router;
use crate::testkit::{Answer, House, send as ask};

const TWO_RECEIVERS: &[u8] =
    include_bytes!("../../../../wire/fixtures/edoc_new_two_receivers_zip_attachment.edxml");
const STATUS: &[u8] = include_bytes!("../../../../wire/fixtures/status_01_arrived.edxml");
const BOUNDARY: &str = "----boundary-of-a-form";

/// One part of a form: what its head says behind `form-data; `, and its value.
type Part<'p> = (&'p str, &'p [u8]);

struct Client {
    id: String,
    secret: String,
    token: String,
    router: Router,
}

impl Client {
    /// Connects a system and logs it in.
    async fn of(house: &House, code: &str) -> Self {
        let system = house.connect(code, Protocol::Vxp).await;
        let mut client = Self::new(house, &system);
        client.token = client.login().await;
        client
    }

    fn new(house: &House, system: &NewSystem) -> Self {
        let secret = system.secret.as_ref().expect("secret").expose();
        Self {
            id: system.vxp_id.clone().expect("id"),
            secret: secret.clone(),
            token: String::new(),
            router: axis_router(AxisState {
                exchange: house.exchange.clone(),
                registry: house.registry.clone(),
                clock: house.clock.clone(),
            }),
        }
    }

    async fn tries_login(&self, name: &str, password: &str) -> Answer {
        let body = json!({
            "username": name, "password": password, "applicationCode": "QLVB",
            "otp": null, "twoFactorProvider": null, "typeObjs": [0, 1],
        });
        let request = Request::post("/axis/v1/auth/login?allow_anonymous=true")
            .header("content-type", "application/json")
            .body(body.to_string().into())
            .expect("request");
        ask(&self.router, request).await
    }

    async fn login(&self) -> String {
        let answer = self.tries_login(&self.id, &self.secret).await;
        assert_eq!(answer.status, 200);
        let json = answer.json();
        assert_eq!(json["success"], true, "{json}");
        json["data"]["token"].as_str().expect("token").to_owned()
    }

    fn request(&self, verb: &str, call: &str, kind: &str, body: impl Into<Body>) -> Request<Body> {
        Request::builder()
            .method(verb)
            .uri(format!("/axis/v1/{call}"))
            .header("authorization", format!("Bearer {}", self.token))
            .header("x-systemid", &self.id)
            .header("x-secretkey", &self.secret)
            .header("content-type", kind)
            .body(body.into())
            .expect("request")
    }

    async fn get(&self, call: &str) -> Answer {
        ask(
            &self.router,
            self.request("GET", call, "application/json", ""),
        )
        .await
    }

    async fn form(&self, parts: &[Part<'_>]) -> Answer {
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let request = self.request("POST", "sendEdoc", &kind, form(parts));
        ask(&self.router, request).await
    }

    async fn send(&self, message_type: &str, file: &[u8]) -> Value {
        let answer = self
            .form(&[
                ("name=\"edocFile\"; filename=\"van-ban.edxml\"", file),
                ("name=\"messageType\"", message_type.as_bytes()),
            ])
            .await;
        answer.json()
    }

    async fn list(&self, message_type: &str) -> Vec<Value> {
        let call = format!(
            "syncReceivedEdocList?messageType={message_type}&fromDate=2026/11/01&toDate=2027/01/31"
        );
        let json = self.get(&call).await.json();
        assert_eq!(json["success"], true, "{json}");
        let items = json["data"].as_array().expect("list").clone();
        assert_eq!(json["count"], items.len());
        items
    }

    async fn fetch(&self, id: &str) -> Value {
        let answer = self.get(&format!("getEdoc?docId={id}")).await;
        answer.json()["data"].clone()
    }

    async fn update(&self, id: &str, status: &str) -> Value {
        let body = json!({"docId": id, "status": status}).to_string();
        let request = self.request("POST", "updateStatus", "application/json", body);
        ask(&self.router, request).await.json()
    }
}

fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, value) in parts {
        body.extend_from_slice(
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes(),
        );
        body.extend_from_slice(value);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

fn doc_id(item: &Value) -> &str {
    item["docId"].as_str().expect("docId")
}

/// The result code: that of a refusal, or 0.
fn code(answer: &Value) -> &str {
    match answer["success"].as_bool().expect("success") {
        true => "0",
        false => answer["data"]["errorCode"].as_str().expect("code"),
    }
}

#[tokio::test]
async fn a_document_goes_to_two_others_and_its_states_come_back() {
    let house = House::new("rest-loop").await;
    let sender = Client::of(&house, "H99.14").await;
    let first = Client::of(&house, "H99.131").await;
    let second = Client::of(&house, "H99.132").await;
    let sent = sender.send("edoc", TWO_RECEIVERS).await;
    assert_eq!(code(&sent), "0", "{sent}");
    // EX01: a repetition is the same document, a day later, too.
    house
        .clock
        .advance(std::time::Duration::from_secs(24 * 3600));
    let mut later = Client {
        token: sender.login().await,
        id: sender.id.clone(),
        secret: sender.secret.clone(),
        router: sender.router.clone(),
    };
    assert_eq!(later.send("edoc", TWO_RECEIVERS).await, sent);
    // EX02: other content under its id is none.
    let text = String::from_utf8(TWO_RECEIVERS.to_vec()).expect("utf-8");
    let other = text.replacen("<edXML:Subject>", "<edXML:Subject>x", 1);
    let conflict = later.send("edoc", other.as_bytes()).await;
    assert_eq!(code(&conflict), "10");
    assert!(conflict.to_string().contains("exchange.conflict"));

    for (client, words) in [
        (&first, ["inbox", "acceptance", "finish"]),
        (&second, ["01", "03", "06"]),
    ] {
        let client = Client {
            token: client.login().await,
            id: client.id.clone(),
            secret: client.secret.clone(),
            router: client.router.clone(),
        };
        let waiting = client.list("edoc").await;
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting[0]["from"], "H99.14");
        assert_eq!(waiting[0]["status"], "initial");
        assert_eq!(waiting[0]["createdTime"], "2026-11-21 20:00:00");
        let id = doc_id(&waiting[0]);
        let packet = client.fetch(id).await;
        assert!(packet["edxml"].as_str().expect("text").as_bytes() == TWO_RECEIVERS);
        assert_eq!(packet["docId"], id);
        assert_eq!(packet["from"], "H99.14");
        assert_eq!(packet["fromName"], "Sở Khoa học và Công nghệ");
        let (code_, subject) = facts(TWO_RECEIVERS);
        assert_eq!(packet["edocCode"], code_);
        assert_eq!(packet["edocAbstract"], subject);
        assert_eq!(contents(&packet), attachments(TWO_RECEIVERS));
        assert_eq!(client.list("edoc").await[0]["status"], "processing");
        for word in words {
            let told = client.update(id, word).await;
            assert_eq!(code(&told), "0", "{word}: {told}");
            // A repetition makes no second message.
            assert_eq!(client.update(id, word).await, told);
        }
        assert!(client.list("edoc").await.is_empty());
    }
    let statuses = later.list("status").await;
    assert_eq!(statuses.len(), 6);
    for status in &statuses {
        let message = later.fetch(doc_id(status)).await;
        assert_eq!(message["attachments"], json!([]));
        let text = message["edxml"].as_str().expect("text");
        let read = edxml::read_all(text.as_bytes(), edxml::Limits::default()).expect("packet");
        assert!(matches!(read.packet, Packet::Status(_)));
        assert_eq!(code(&later.update(doc_id(status), "done").await), "0");
    }
    assert!(later.list("status").await.is_empty());
    later.token.clear();
    assert_eq!(later.get("getAgenciesList").await.status, 401);
}

/// Number and subject of a document.
fn facts(file: &[u8]) -> (String, String) {
    let read = edxml::read_all(file, edxml::Limits::default()).expect("packet");
    let Packet::Document(document) = read.packet else {
        panic!("a document");
    };
    let number = format!("{}/{}", document.code.number, document.code.notation);
    (number, document.subject.clone())
}

/// Name and bytes of each attachment, as the recipient should see them.
fn attachments(file: &[u8]) -> Vec<(String, Vec<u8>)> {
    #[derive(Default)]
    struct Kept(Vec<Vec<u8>>);
    impl edxml::AttachmentSink for Kept {
        fn begin(&mut self, _index: usize) {
            self.0.push(Vec::new());
        }
        fn chunk(&mut self, bytes: &[u8]) -> Result<(), edxml::SinkError> {
            self.0.last_mut().expect("begun").extend_from_slice(bytes);
            Ok(())
        }
        fn end(&mut self) {}
    }
    let mut reader = edxml::Reader::new(edxml::Limits::default(), Kept::default());
    reader.push(file).expect("packet");
    let parsed = reader.finish().expect("packet");
    let Packet::Document(document) = parsed.packet else {
        panic!("a document");
    };
    let named = document.attachments.iter().zip(parsed.sink.0);
    named
        .map(|(attachment, bytes)| {
            let is_zipped = edxml::is_zip_wrapped(&attachment.content_type, &attachment.name);
            let mut unpacked = Vec::new();
            if is_zipped {
                edxml::SingleEntry::new(edxml::Limits::default())
                    .push(&bytes, &mut |piece| unpacked.extend_from_slice(piece))
                    .expect("archive");
            } else {
                unpacked = bytes;
            }
            (attachment.name.clone(), unpacked)
        })
        .collect()
}

fn contents(packet: &Value) -> Vec<(String, Vec<u8>)> {
    let list = packet["attachments"].as_array().expect("attachments");
    list.iter()
        .map(|file| {
            let name = file["fileName"].as_str().expect("name").to_owned();
            let text = file["fileContent"].as_str().expect("content");
            (name, STANDARD.decode(text).expect("base64"))
        })
        .collect()
}

#[tokio::test]
async fn a_status_message_may_be_sent_and_reasons_are_given() {
    let house = House::new("rest-status").await;
    let sender = Client::of(&house, "H99.14").await;
    let receiver = Client::of(&house, "H99.131").await;
    let sent = sender.send("edoc", TWO_RECEIVERS).await;
    // Sent as a packet, under its own word only.
    assert_eq!(code(&receiver.send("edoc", STATUS).await), "10");
    assert_eq!(code(&receiver.send("status", TWO_RECEIVERS).await), "10");
    let waiting = receiver.list("edoc").await;
    let body = json!({"docId": doc_id(&waiting[0]), "status": "02", "description": "Gửi nhầm"});
    let request = receiver.request("POST", "updateStatus", "application/json", body.to_string());
    assert_eq!(code(&ask(&receiver.router, request).await.json()), "0");
    let statuses = sender.list("status").await;
    let message = sender.fetch(doc_id(&statuses[0])).await;
    assert!(
        message["edxml"]
            .as_str()
            .expect("text")
            .contains("Gửi nhầm")
    );
    // The sender asks for it back, by its own id; nobody else can.
    let document = doc_id(&sent);
    assert_eq!(code(&sender.update(document, "13").await), "0");
    assert_eq!(receiver.list("status").await.len(), 1);
    assert_eq!(code(&receiver.update(doc_id(&waiting[0]), "16").await), "0");
    assert_eq!(
        code(&receiver.update(doc_id(&waiting[0]), "13").await),
        "10"
    );
    assert_eq!(code(&receiver.update(document, "13").await), "10");
    assert_eq!(code(&sender.update(document, "03").await), "10");
    assert_eq!(sender.list("status").await.len(), 2);
}

/// The packet kinds of gateways name business types; a list of `edoc` leaves none out.
#[tokio::test]
async fn recalls_updates_and_replacements_have_words() {
    let house = House::new("rest-kinds").await;
    let sender = Client::of(&house, "H99.14").await;
    let receiver = Client::of(&house, "H99.131").await;
    let original = include_bytes!("../../../../wire/fixtures/edoc_new_department_to_commune.edxml");
    assert_eq!(code(&sender.send("edoc", original).await), "0");
    let recall = include_bytes!("../../../../wire/fixtures/edoc_recall.edxml");
    let update = include_bytes!("../../../../wire/fixtures/edoc_update.edxml");
    let replace = include_bytes!("../../../../wire/fixtures/edoc_replace.edxml");
    for (word, wrong, file) in [
        ("revocation", "update", recall.as_slice()),
        ("update", "replacement", update),
        ("replacement", "revocation", replace),
    ] {
        assert_eq!(code(&sender.send(wrong, file).await), "10", "{word}");
        let sent = sender.send(word, file).await;
        assert_eq!(code(&sent), "0", "{word}: {sent}");
    }
    let all = receiver.list("edoc").await.len();
    let named: usize = {
        let mut count = 0;
        for word in ["revocation", "update", "replacement"] {
            let items = receiver.list(word).await;
            assert!(items.iter().all(|item| item["messageType"] == word));
            count += items.len();
        }
        count
    };
    assert!(named >= 1 && all >= named, "{all} {named}");
}

#[tokio::test]
async fn both_flavours_see_one_inbox() {
    let house = House::new("rest-both").await;
    let sender = Client::of(&house, "H99.14").await;
    let receiver = Client::of(&house, "H99.131").await;
    sender.send("edoc", TWO_RECEIVERS).await;
    let id = doc_id(&receiver.list("edoc").await[0]).to_owned();
    let params = [("docId", id.as_str())];
    let secret = receiver.secret.as_bytes();
    let at = lgsp_base::Clock::now(&*house.clock);
    let fields = lgsp_wire::vxp::sign(&receiver.id, secret, at, "application/json", &params);
    let mut request = Request::get("/vxp/downloadEdoc");
    for (name, value) in fields {
        request = request.header(name, value);
    }
    let request = request.body(Body::empty()).expect("request");
    assert!(ask(&receiver.router, request).await.body == TWO_RECEIVERS);
}

#[tokio::test]
async fn the_directory_is_listed() {
    let house = House::new("rest-agencies").await;
    let client = Client::of(&house, "H99.14").await;
    let json = client.get("getAgenciesList").await.json();
    let list = json["data"].as_array().expect("list");
    let pairs: Vec<(&str, &str)> = list
        .iter()
        .map(|item| {
            let text = |name: &str| item[name].as_str().expect("text");
            assert_eq!(
                (text("address"), text("email"), text("phone")),
                ("", "", "")
            );
            (text("orgCode"), text("parentCode"))
        })
        .collect();
    let expected = [
        ("H99", ""),
        ("H99.131", "H99"),
        ("H99.132", "H99"),
        ("H99.14", "H99"),
    ];
    assert_eq!(pairs, expected);
    // Clients ask for it with the token alone.
    let request = Request::get("/axis/v1/getAgenciesList")
        .header("authorization", format!("Bearer {}", client.token))
        .body(Body::empty())
        .expect("request");
    assert_eq!(ask(&client.router, request).await.status, 200);
}

/// Bodies in awkward pieces, larger than a row: text and attachments that come back are those that went in.
#[tokio::test]
async fn a_large_packet_comes_back_identical() {
    let house = House::new("rest-large").await;
    let sender = Client::of(&house, "H99.14").await;
    let receiver = Client::of(&house, "H99.131").await;
    let Packet::Document(mut document) = edxml::read_all(TWO_RECEIVERS, edxml::Limits::default())
        .expect("packet")
        .packet
    else {
        panic!("a document");
    };
    document.references.clear();
    document.attachments.clear();
    let pdf = [b"%PDF-1.7\n".as_slice(), &vec![0x5a; 900_001]].concat();
    let zipped: Vec<u8> = (0..300_000u32).flat_map(u32::to_be_bytes).collect();
    let (nothing, mut bodies) = (Vec::new(), Vec::new());
    for (number, (name, kind, bytes, zip_entry)) in [
        ("a.pdf", "application/pdf", &pdf, None),
        (
            "số \"2\".bin",
            "application/zip",
            &zipped,
            Some("x.bin".to_owned()),
        ),
        (
            "rỗng.txt",
            "application/zip",
            &nothing,
            Some("y.txt".to_owned()),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let content_id = format!("cid:{number}");
        document.references.push(edxml::Reference {
            content_id: content_id.clone(),
            content_type: "application/zip".to_owned(),
            description: String::new(),
            attachment_name: name.to_owned(),
        });
        document.attachments.push(edxml::Attachment {
            content_id,
            name: name.to_owned(),
            content_type: kind.to_owned(),
            ..edxml::Attachment::default()
        });
        bodies.push(edxml::AttachmentBody {
            content: Box::new(bytes.as_slice()),
            zip_entry,
        });
    }
    let mut file = Vec::new();
    edxml::write_document(&document, &mut bodies.into_iter(), &mut file).expect("written");
    // The type behind the file, as some clients order a form.
    let whole = form(&[
        ("name=\"edocFile\"; filename=\"A.EDXML\"", &file),
        ("name=\"messageType\"", b"edoc"),
    ]);
    let mut pieces: Vec<Result<Vec<u8>, std::io::Error>> = Vec::new();
    let mut rest = whole.as_slice();
    for size in [1usize, 1, 2, 3, 300_000, 1, 70_000].into_iter().cycle() {
        let (front, back) = rest.split_at(size.min(rest.len()));
        pieces.push(Ok(front.to_vec()));
        rest = back;
        if rest.is_empty() {
            break;
        }
    }
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let sent = ask(
        &sender.router,
        sender.request("POST", "sendEdoc", &kind, body),
    )
    .await
    .json();
    assert_eq!(code(&sent), "0", "{sent}");
    let waiting = receiver.list("edoc").await;
    let packet = receiver.fetch(doc_id(&waiting[0])).await;
    assert!(packet["edxml"].as_str().expect("text").as_bytes() == file);
    let files = contents(&packet);
    assert_eq!(files.len(), 3);
    assert!(files[0] == ("a.pdf".to_owned(), pdf));
    assert!(files[1].1 == zipped && files[1].0.contains('2'));
    assert!(files[2] == ("rỗng.txt".to_owned(), Vec::new()));
    // By the sender's own id, too.
    assert!(sender.fetch(doc_id(&sent)).await["edxml"] == packet["edxml"]);
}
