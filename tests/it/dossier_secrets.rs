//! Personal data of dossiers: sealed at rest, in no log, figure, output or ledger record; keys change while the platform runs; who looked
//! is on record; what is erased is gone, with proof.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use lgsp_base::Timestamp;
use lgsp_base::entropy::OsEntropy;
use lgsp_base::hash::Sha256Hasher;
use lgsp_store::seal::KeyRing;
use lgsp_store::{Db, DbOptions, DbTarget, StoreError};
use lgsp_tests::agency::{Agency, Operator};
use lgsp_tests::canaries::{files, holds};
use lgsp_tests::dossiers::{Person, Push, dossier};
use lgsp_tests::http::{Answer, Http};
use lgsp_tests::load::{Load, push_until_known, receive_until};
use lgsp_tests::system::{System, SystemBuilder, department, free_address};
use lgsp_tests::wait_for;
use serde_json::{Value, json};

use crate::BINARY;

const PATIENCE: Duration = Duration::from_secs(30);
const CODE: &str = "H99.3-260309-0001";
const JSON: (&str, &str) = ("content-type", "application/json");
/// Stands in free texts: of the dossier, of a step, of what is refused.
const TEXT: &str = "CANARY-4c19e7-noi-dung-ho-so";

/// A fictional person who is nobody else's namesake.
fn person() -> Person {
    Person {
        name: "Tôn Nữ Canarý Thử".to_owned(),
        number: "079318264055".to_owned(),
        phone: "0931826405".to_owned(),
        email: "canary.4c19e7@dan.example".to_owned(),
    }
}

/// What must stand nowhere but in answers to parties.
fn canaries() -> Vec<String> {
    let person = person();
    let handler = "Lò Văn Canary".to_owned();
    vec![
        person.name,
        person.number,
        person.phone,
        person.email,
        TEXT.to_owned(),
        handler,
    ]
}

fn push(key: &str, status: &str) -> Push {
    Push {
        key: key.to_owned(),
        recipients: vec![department(1), department(2)],
        dossier: dossier(CODE, status, &person(), TEXT),
    }
}

/// A system with a dossier that was pushed, moved, followed and looked at.
struct Life {
    system: System,
    load: Load,
    numbers: SocketAddr,
    /// Document of the first push.
    document: String,
}

fn lives(name: &str, planted: Option<&str>) -> Life {
    let numbers = free_address();
    let mut builder = SystemBuilder::new(BINARY, name)
        .with_setting("LGSP__LOG__LEVEL", "trace")
        .with_setting("LGSP__ADMIN_LISTEN", &numbers.to_string());
    if let Some(bug) = planted {
        builder = builder.with_planted(bug);
    }
    let system = builder.start().expect("SQLite");
    let load = Load::new(name, system.agencies(4), 1);
    let mut operator = system.operator();
    operator.routes_dossiers_to(&department(1));
    operator.routes_dossiers_to(&department(2));
    let mut owner = load.agency(2);
    let sent = push_until_known(&mut owner, &push("new", "2"));
    let document = sent.document().to_owned();
    let step = json!({"steps": [{"status": "4", "handler": "Lò Văn Canary", "content": TEXT}]});
    tells(
        &mut owner,
        &format!("/dossiers/{CODE}/progress"),
        &step,
        202,
    );
    drain(&load);
    Life {
        system,
        load,
        numbers,
        document,
    }
}

fn tells(agency: &mut Agency, path: &str, body: &Value, status: u16) -> Answer {
    let body = body.to_string();
    let answer = agency.calls("POST", path, &[JSON], body.as_bytes());
    let answer = answer.expect("an answer");
    assert_eq!(answer.status, status, "{path}: {}", answer.json());
    answer
}

fn drain(load: &Load) {
    for index in 0..2 {
        receive_until(&mut load.agency(index), || true);
    }
}

/// Everybody who may looks, and who may not tries.
fn looks(life: &Life) -> Vec<(String, String)> {
    let address = format!("/dossiers/{CODE}?purpose=handling");
    let mut owner = life.load.agency(2);
    let whole = owner.calls("GET", &address, &[], b"").expect("an answer");
    assert_eq!(whole.json()["dossier"]["applicant"]["name"], person().name);
    let mut stranger = life.load.agency(3);
    let refused = stranger.calls("GET", &address, &[], b"");
    assert_eq!(refused.expect("an answer").status, 404);

    // What cannot be read, and what is somebody else's, is answered without repeating it.
    let mut outputs = Vec::new();
    let wrong =
        json!({"dossier": {"code": person().name, "status": TEXT, "applicant": person().number}});
    let mut other = serde_json::to_value(push("x", "4").dossier).expect("JSON");
    other["applicant"]["identities"][0]["number"] = "001099999999".into();
    for (body, status) in [(wrong, 422), (json!({ "dossier": other }), 409)] {
        let answer = tells(&mut owner, "/dossiers", &body, status);
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        outputs.push((format!("a refusal with {status}"), text));
    }

    // Operators see persons masked, in lists and in the dossier.
    let mut operator = life.system.operator();
    for path in [
        "/dossiers".to_owned(),
        format!("/dossiers?code={CODE}"),
        format!("/dossiers/{CODE}?purpose=support"),
        format!("/documents/{}/trace", life.document),
        "/documents".to_owned(),
        "/dossiers/ageing".to_owned(),
    ] {
        let answer = operator.calls("GET", &path, ("accept", "application/json"), b"");
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        outputs.push((format!("operator: {path}"), text));
    }
    let asked = json!({"identity_number": person().number}).to_string();
    let found = operator.calls("POST", "/dossiers/looks", JSON, asked.as_bytes());
    assert_eq!(found.status, 200, "{}", found.json());
    let text = String::from_utf8_lossy(&found.body).into_owned();
    outputs.push(("operator: who looked".to_owned(), text));
    outputs
}

fn commands(life: &Life) -> Vec<(String, String)> {
    let data = life.system.data.display().to_string();
    let receipt = life.system.scratch().join("dossier.lgsp-receipt");
    let receipt = receipt.display().to_string();
    let commands = [
        vec!["trace", &life.document, "-o", "json"],
        vec!["receipt", &life.document, "--out", &receipt],
        vec!["verify", &receipt, "--cover"],
        vec!["doctor", "--data", &data],
        vec!["config", "show", "--data", &data],
    ];
    let mut outputs: Vec<_> = commands
        .iter()
        .map(|words| {
            let output = life.system.runs(words);
            let text = [output.stdout, output.stderr].concat();
            (words.join(" "), String::from_utf8_lossy(&text).into_owned())
        })
        .collect();
    let whole = fs::read_to_string(&receipt).expect("the receipt");
    outputs.push(("the receipt".to_owned(), whole));
    let figures = Http::new(life.numbers).call("GET", "/metrics", &[], b"");
    let figures = figures.expect("figures").body;
    let figures = String::from_utf8_lossy(&figures).into_owned();
    assert!(figures.contains("lgsp_dossiers_viewed_total"), "{figures}");
    outputs.push(("the figures".to_owned(), figures));
    outputs
}

/// Sealed entries of the ledger, once one of this kind is among them.
fn records(operator: &mut Operator, kind: &str) -> Vec<Value> {
    let records = wait_for(PATIENCE, || {
        let page = operator.calls(
            "GET",
            "/ledger/entries?page_size=1000",
            ("accept", "application/json"),
            b"",
        );
        let items = page.json()["items"].as_array().cloned()?;
        items
            .iter()
            .any(|entry| entry["kind"] == kind)
            .then_some(items)
    });
    records.unwrap_or_else(|| panic!("no sealed entry of the kind {kind}"))
}

/// Where a canary stands in the raw bytes of the data folder.
fn leaks_at_rest(system: &System) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (place, bytes) in files(&system.data) {
        for canary in canaries().iter().filter(|canary| holds(&bytes, canary)) {
            found.push((canary.clone(), place.clone()));
        }
    }
    found
}

fn leaks(mut life: Life) -> Vec<(String, String)> {
    let mut texts = looks(&life);
    texts.extend(commands(&life));
    let mut operator = life.system.operator();
    let entries = records(&mut operator, "dossier.viewed");
    texts.push(("the ledger".to_owned(), Value::Array(entries).to_string()));
    // Killed, so that the write-ahead log is still there; then stopped, with everything in its place.
    life.system.kill();
    let mut found = leaks_at_rest(&life.system);
    life.system.serve();
    life.system.stop();
    found.extend(leaks_at_rest(&life.system));
    let log = life.system.whole_log();
    assert!(!log.is_empty(), "there is a log to look at");
    texts.push(("the server's log".to_owned(), log));
    for (place, text) in &texts {
        for canary in canaries()
            .iter()
            .filter(|canary| holds(text.as_bytes(), canary))
        {
            found.push((canary.clone(), place.clone()));
        }
    }
    found
}

#[test]
fn no_person_stands_in_a_log_a_figure_an_output_the_ledger_or_on_the_disk() {
    assert_eq!(leaks(lives("dossier-secrets", None)), []);
}

#[test]
fn a_dossier_in_the_clear_is_caught() {
    let found = leaks(lives("dossier-secrets-planted", Some("DossierInClear")));
    assert!(
        found.iter().any(|(_, place)| place.contains("lgsp.db")),
        "{found:?}"
    );
}

/// Looks at a dossier once as its owner; what is on record about the person afterwards.
fn recorded(name: &str, planted: Option<&str>) -> (Value, bool) {
    let life = lives(name, planted);
    let address = format!("/dossiers/{CODE}?purpose=applicant");
    let mut owner = life.load.agency(2);
    let shown = owner.calls("GET", &address, &[], b"").expect("an answer");
    assert_eq!(shown.status, 200, "{}", shown.json());
    let mut operator = life.system.operator();
    let asked = json!({"identity_number": person().number}).to_string();
    let looks = operator.calls("POST", "/dossiers/looks", JSON, asked.as_bytes());
    // The question itself is an entry, and comes behind the look's.
    let entries = records(&mut operator, "dossier.looks_read");
    let is_in_ledger = entries.iter().any(|entry| {
        entry["kind"] == "dossier.viewed" && entry["record"]["purpose"] == "applicant"
    });
    (looks.json()["items"].clone(), is_in_ledger)
}

#[test]
fn who_looked_is_a_ledger_entry_and_is_told_by_the_persons_number() {
    let (looks, is_in_ledger) = recorded("dossier-looks", None);
    assert!(is_in_ledger);
    // The newest first; the parties that fetched the contents stand behind it.
    let look = &looks[0];
    assert_eq!(
        (&look["code"], &look["purpose"]),
        (&json!(CODE), &json!("applicant")),
        "{looks}"
    );
    assert_eq!(look["organisation"]["code"], department(3));
}

#[test]
fn a_look_without_a_trace_is_caught() {
    let (looks, is_in_ledger) = recorded("dossier-looks-planted", Some("LookUnrecorded"));
    assert_ne!(looks[0]["purpose"], "applicant");
    assert!(!is_in_ledger);
}

/// A number of the figures.
fn figure(numbers: SocketAddr, name: &str) -> Option<u64> {
    let page = Http::new(numbers).call("GET", "/metrics", &[], b"").ok()?;
    let page = String::from_utf8_lossy(&page.body).into_owned();
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line?.trim().parse().ok()
}

fn database(system: &System) -> Db {
    let path = system.data.join("lgsp.db");
    Db::open(DbOptions::new(DbTarget::Sqlite { path })).expect("the database")
}

/// Runs a reading transaction on the database of a stopped system.
fn reads<T: Send + 'static>(
    db: &Db,
    question: impl Fn(&mut lgsp_store::Tx<'_>) -> Result<T, StoreError> + Send + Sync + 'static,
) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let answer = db.read::<_, StoreError, _>("test", question);
    runtime.expect("a runtime").block_on(answer).expect("read")
}

#[test]
fn the_key_changes_while_the_platform_runs_and_the_old_one_goes() {
    let mut life = lives("dossier-rotation", None);
    let path = life.system.data.join("keys/dossier.key");
    let ring = KeyRing::open(&path).expect("the keys");
    let before = ring.current_number();
    let now = Timestamp::parse("2026-03-09T00:00:00Z").expect("a time");
    let number = ring.append(now, &OsEntropy).expect("a new key");
    assert_eq!(number, before + 1);
    let is_done = wait_for(PATIENCE, || {
        let current = figure(life.numbers, "lgsp_dossiers_key_number")?;
        let older = figure(life.numbers, "lgsp_dossiers_keys_to_wrap")?;
        (current == u64::from(number) && older == 0).then_some(())
    });
    assert!(is_done.is_some(), "{}", life.system.log());
    // What is pushed from now on is sealed under the new key.
    let mut owner = life.load.agency(2);
    let mut second = push("second", "2");
    second.dossier.code = "H99.3-260309-0002".parse().expect("a code");
    push_until_known(&mut owner, &second);
    drain(&life.load);
    life.system.stop();

    let db = database(&life.system);
    let is_used = reads(&db, move |tx| tx.dossier_key_is_used(before));
    db.close();
    assert!(!is_used, "every data key is wrapped anew");
    let later = now.plus(Duration::from_secs(30 * 24 * 3600));
    let pruned = ring.prune(later, |_| Ok(is_used)).expect("pruned");
    assert_eq!(pruned.removed, [before]);
    let reopened = KeyRing::open(&path).expect("the keys");
    assert_eq!(reopened.numbers(), [number]);

    life.system.serve();
    // The connection of before went with the process.
    let mut owner = owner.twin();
    for code in [CODE, "H99.3-260309-0002"] {
        let address = format!("/dossiers/{code}?purpose=handling");
        let shown = owner.calls("GET", &address, &[], b"").expect("an answer");
        assert_eq!(shown.status, 200, "{}", shown.json());
        assert_eq!(shown.json()["dossier"]["applicant"]["name"], person().name);
    }
    let content = owner.content(&life.document).expect("an answer");
    assert_eq!(content, Some(push("new", "2").content()));
}

/// The root of the log that a proof leads to, by the rules of RFC 9162 and nothing of ours.
fn root_of(proof: &Value) -> String {
    fn bytes(value: &Value) -> Vec<u8> {
        let text = value.as_str().expect("hexadecimal");
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal"))
            .collect()
    }
    let hash = |parts: &[&[u8]]| {
        let mut hasher = Sha256Hasher::new();
        for part in parts {
            hasher.update(part);
        }
        hasher.finish().0.to_vec()
    };
    let mut node = hash(&[&[0], &bytes(&proof["entry"]["commitment"])]);
    for step in proof["path"].as_array().expect("a path") {
        let sibling = bytes(&step["hash"]);
        node = if step["side"] == "left" {
            hash(&[&[1], &sibling, &node])
        } else {
            hash(&[&[1], &node, &sibling])
        };
    }
    node.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn an_erased_dossier_is_gone_and_its_receipt_proves_it() {
    let mut life = lives("dossier-erased", None);
    let mut owner = life.load.agency(2);
    push_until_known(&mut owner, &push("returned", "10"));
    drain(&life.load);
    life.system.stop();
    let db = database(&life.system);
    let sealed = reads(&db, |tx| {
        let found = tx.dossier_by_code(CODE)?.ok_or(StoreError::Missing)?;
        tx.dossier_content(found.id)?.ok_or(StoreError::Missing)
    });
    db.close();
    let key_is_there = |system: &System| {
        let files = files(&system.data);
        files
            .iter()
            .any(|(_, bytes)| holds(bytes, &sealed.key.sealed))
    };
    assert!(key_is_there(&life.system), "the data key, before it goes");

    life.system.serve();
    let (mut owner, mut operator) = (owner.twin(), life.system.operator());
    let path = format!("/dossiers/{CODE}/content?reason=retention_ended");
    let accept = ("accept", "application/json");
    let erased = operator.calls("DELETE", &path, accept, b"");
    assert_eq!(erased.status, 200, "{}", erased.json());
    let receipt = erased.json()["receipt_id"].clone();
    assert!(receipt.is_string(), "{}", erased.json());

    // Nobody gets it any more, nor what was sent about it; that it was there remains.
    let address = format!("/dossiers/{CODE}?purpose=handling");
    let shown = owner.calls("GET", &address, &[], b"").expect("an answer");
    let text = String::from_utf8_lossy(&shown.body).into_owned();
    for canary in canaries() {
        assert!(!holds(text.as_bytes(), &canary), "{text}");
    }
    assert_eq!(owner.content(&life.document).expect("an answer"), None);
    assert!(owner.trace(&life.document).expect("an answer").is_some());
    let asked = json!({"identity_number": person().number}).to_string();
    let looks = operator.calls("POST", "/dossiers/looks", JSON, asked.as_bytes());
    assert_eq!(looks.json()["items"], json!([]));

    // The entry of the erasure leads to the root that everybody sees.
    let entries = records(&mut operator, "dossier.erased");
    let entry = entries
        .iter()
        .find(|entry| entry["kind"] == "dossier.erased");
    let entry = entry.expect("the erasure");
    assert_eq!(entry["receipt_id"], receipt);
    assert_eq!(entry["record"]["reason"], "retention_ended");
    let path = format!("/ledger/entries/{}/proof", entry["leaf"]);
    let proof = operator.calls("GET", &path, accept, b"").json();
    assert_eq!(proof["entry"]["receipt_id"], receipt);
    assert_eq!(proof["root"], root_of(&proof), "{proof}");
    life.system.stop();
    let data = life.system.data.display().to_string();
    let fsck = life.system.runs(&["ledger", "fsck", "--data", &data]);
    assert!(fsck.status.success(), "the whole log is sound");
    assert_eq!(leaks_at_rest(&life.system), []);
    assert!(
        !key_is_there(&life.system),
        "the data key is gone, also from freed pages"
    );
}
