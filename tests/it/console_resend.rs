//! Ten thousand dead letters are sent again through the console: with progress, pressed twice, stopped half way, sent to the end, and
//! each document once at its recipient.

use std::collections::BTreeMap;
use std::time::Duration;

use lgsp_base::entropy::OsEntropy;
use lgsp_base::id::{DeliveryId, DocumentId, OrgId, ReceiptId};
use lgsp_base::time::SystemClock;
use lgsp_base::{Clock, Sha256, limits};
use lgsp_store::exchange::{DeliveryState, DocumentKind, NewDelivery, NewDocument};
use lgsp_store::{Db, DbOptions, DbTarget, StoreError};
use lgsp_tests::agency::Agency;
use lgsp_tests::browser::Browser;
use lgsp_tests::system::{System, SystemBuilder, department};
use lgsp_tests::wait_for;
use serde_json::json;

use crate::BINARY;
use crate::console::{Texts, logs_in};

const LETTERS: usize = 10_000;

/// Letters that one transaction makes.
const AT_ONCE: usize = 1_000;

const PATIENCE: Duration = Duration::from_secs(120);

fn organisation(system: &System, code: &str) -> OrgId {
    let path = format!("/organisations/resolve?code={code}");
    let answer = system
        .operator()
        .calls("GET", &path, ("accept", "application/json"), b"");
    let found = answer.json();
    let id = found["organisation"]["id"]
        .as_str()
        .or(found["id"].as_str());
    id.unwrap_or_else(|| panic!("{found}"))
        .parse()
        .expect("an id")
}

/// Puts letters into the store of a stopped platform that are dead already: eleven failed tries of each would take days.
fn makes_dead(system: &System, sender: OrgId, recipient: OrgId) {
    let path = system.data.join("lgsp.db");
    let db = Db::open(DbOptions::new(DbTarget::Sqlite { path })).expect("the store");
    let now = SystemClock::new().now();
    for start in (0..LETTERS).step_by(AT_ONCE) {
        let written = db.write::<_, StoreError, _>("makes_dead", move |tx| {
            for number in start..start + AT_ONCE {
                let document = DocumentId::generate(now, &OsEntropy);
                let body = format!("letter {number}").into_bytes();
                let (from, to) = (department(1), department(2));
                tx.document_insert(&NewDocument {
                    id: document,
                    accepted_at: now,
                    expires_at: now.plus(limits::DELIVERY_EXPIRY),
                    door: "api",
                    kind: DocumentKind::Plain,
                    business_type: Some(0),
                    sender_org: sender,
                    sender_code: &from,
                    sender_system: None,
                    external_id: None,
                    notation: None,
                    subject: None,
                    subject_folded: None,
                    issued_on: None,
                    type_name: None,
                    priority: None,
                    original: None,
                    content_type: "text/plain",
                    content_bytes: body.len() as u64,
                    content_sha256: Sha256::of(&body),
                    attachments: None,
                    receipt: ReceiptId::generate(now, &OsEntropy),
                    blob: None,
                    body: Some(&body),
                })?;
                let place = tx.pair_advance(sender, recipient, now)?;
                let id = DeliveryId::generate(now, &OsEntropy);
                tx.delivery_insert(&NewDelivery {
                    id,
                    document,
                    sender_org: sender,
                    recipient_org: recipient,
                    recipient_code: &to,
                    addressed_code: &to,
                    is_routed: false,
                    kind: DocumentKind::Plain,
                    place,
                    next_attempt_at: None,
                    created_at: now,
                    expires_at: now.plus(limits::DELIVERY_EXPIRY),
                    resend_of: None,
                })?;
                tx.delivery_close(id, DeliveryState::Dead, now, "timeout", None)?;
            }
            Ok(())
        });
        written.wait().expect("letters");
    }
    db.close();
}

/// Takes in what has arrived; how often each document did is counted.
fn takes_in(agency: &mut Agency, arrived: &mut BTreeMap<String, usize>) {
    loop {
        let page = agency
            .calls("GET", "/inbox?page_size=1000", &[], b"")
            .expect("an answer")
            .json();
        let items = page["items"].as_array().expect("a list");
        if items.is_empty() {
            return;
        }
        let mut confirmed = Vec::new();
        for item in items {
            let document = item["document_id"].as_str().expect("an id");
            *arrived.entry(document.to_owned()).or_default() += 1;
            confirmed.push(json!({ "id": item["id"], "sha256": item["sha256"] }));
        }
        let body = json!({ "deliveries": confirmed }).to_string();
        let fields = [("content-type", "application/json")];
        let answer = agency
            .calls("POST", "/inbox/acknowledge", &fields, body.as_bytes())
            .expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.json());
    }
}

/// From the page of all groups to the page of a running job, at the fastest pace; its address.
fn sends_again(browser: &mut Browser, site: &str, vi: &Texts) -> String {
    browser.opens(&format!("{site}/hang-doi-loi"));
    browser.presses("[data-live=groups] tbody a.nut");
    browser.waits_for(vi.get("resend.preview"));
    browser.writes("#o-toc-do", &limits::RESEND_PER_SECOND_MAX.to_string());
    browser.presses("main form .nut-moi");
    browser.waits_for(vi.get("resend_job.title"));
    browser.address()
}

#[test]
fn ten_thousand_dead_letters_reach_their_recipient_once() {
    let Some(mut browser) = Browser::start("console-resend") else {
        return;
    };
    let mut system = SystemBuilder::new(BINARY, "console-resend")
        .start()
        .expect("SQLite");
    let mut agencies = system.agencies(2);
    let [sender, recipient] = [1, 2].map(|number| organisation(&system, &department(number)));
    system.stop();
    makes_dead(&system, sender, recipient);
    system.serve();
    let site = format!("http://{}", system.address);
    let vi = Texts::of("vi");
    logs_in(&mut browser, &site, system.admin_token());
    browser.opens(&format!("{site}/hang-doi-loi"));
    browser
        .waits_until("document.querySelector('[data-live=groups] td.so').innerText === '10.000'");

    let job = sends_again(&mut browser, &site, &vi);
    // Pressed again on the page before: the same job, which goes on.
    browser.runs("history.back()");
    browser.waits_for(vi.get("resend.preview"));
    browser.presses("main form .nut-moi");
    browser.waits_for(vi.get("resend_job.title"));
    assert_eq!(browser.address(), job);
    // Progress without a hand on anything, then an end half way.
    browser.waits_until("document.querySelector('progress').value > 0");
    browser.runs("window.stayed = document.querySelector('progress').value");
    browser.waits_until(
        "window.stayed > 0 && document.querySelector('progress').value > window.stayed",
    );
    browser.presses("[data-live=job] .nut-hong");
    browser.waits_for(vi.get("resend_state.cancelled"));
    let mut arrived = BTreeMap::new();
    takes_in(&mut agencies[1], &mut arrived);
    assert!(
        !arrived.is_empty() && arrived.len() < LETTERS,
        "{}",
        arrived.len()
    );

    sends_again(&mut browser, &site, &vi);
    let all = wait_for(PATIENCE, || {
        takes_in(&mut agencies[1], &mut arrived);
        (arrived.len() == LETTERS).then_some(())
    });
    assert!(
        all.is_some(),
        "{} of {LETTERS}:\n{}",
        arrived.len(),
        browser.shows()
    );
    browser.waits_for(vi.get("resend_state.done"));
    takes_in(&mut agencies[1], &mut arrived);
    assert!(arrived.values().all(|times| *times == 1), "some came twice");
    browser.opens(&format!("{site}/hang-doi-loi"));
    browser.waits_for(vi.get("dead_letters.none"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
