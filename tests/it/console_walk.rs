//! An operator's morning in a real browser, over the demonstration: a one-time link, documents that move, an agency that breaks and is
//! mended, dead letters that are sent again, a record that is proved offline, and the other language.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use lgsp_store::testing::Scratch;
use lgsp_tests::browser::Browser;
use serde_json::Value;

use crate::BINARY;
use crate::console::{Texts, logs_in, vietnamese_left};
use crate::demo::Day;

/// The agency that breaks: it receives by webhook.
const BROKEN: &str = "H99.02";

/// How long its tries may take.
const TRIES: Duration = Duration::from_secs(100);

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[test]
fn an_operator_sees_a_day_mends_an_agency_and_proves_a_record() {
    let Some(mut browser) = Browser::start("console-walk") else {
        return;
    };
    let scratch = Scratch::new("console-walk");
    let day = Day::begins_in(&scratch.path().join("demo"));
    let (vi, en) = (Texts::of("vi"), Texts::of("en"));
    let site = text(&day.file["url"]).to_owned();

    // It breaks first: its tries take longest.
    assert_eq!(day.sim(&["fail", BROKEN]).0, 0);
    let missed = day.sends_to(BROKEN);

    the_link_opens_once(&mut browser, &day, &vi);
    logs_in(&mut browser, &site, text(&day.file["admin_token"]));
    documents_move(&mut browser, &site, &vi);
    a_record_is_proved(&mut browser, &site, &missed, &vi);
    the_language_is_another(&mut browser, &site, &missed, &vi, &en);
    dead_letters_are_sent_again(&mut browser, &day, &vi, &missed);

    assert_eq!(browser.complaints(), Vec::<String>::new());
    for address in browser.requests() {
        assert!(address.starts_with(&site), "{address}");
    }
}

fn the_link_opens_once(browser: &mut Browser, day: &Day, vi: &Texts) {
    let link = text(&day.file["console_url"]);
    browser.opens(link);
    browser.waits_for(vi.get("overview.title"));
    assert!(
        !browser.address().contains("k="),
        "the secret does not stay in the address"
    );
    browser.forgets_cookies();
    browser.opens(link);
    browser.waits_for(vi.get("login.problem.link"));
    assert_eq!(browser.count_of("a[href='/tai-khoan']"), 0, "nobody is in");
    let complaints = browser.complaints();
    assert!(
        complaints.len() == 1 && complaints[0].contains("401"),
        "{complaints:?}"
    );
}

/// The overview changes by itself; a document can be opened from there, and from the list.
fn documents_move(browser: &mut Browser, site: &str, vi: &Texts) {
    browser.opens(site);
    browser.waits_until("document.querySelector('[data-live=ticker] li')");
    browser.runs("window.stayed = document.querySelector('[data-live=ticker] li').innerText");
    browser.waits_until(
        "window.stayed && document.querySelector('[data-live=ticker] li').innerText !== window.stayed",
    );
    browser.presses("[data-live=ticker] li a");
    browser.waits_for(vi.get("trace.way"));
    browser.presses(".dan-duong a[data-key=v]");
    browser.waits_for(vi.get("documents.caption"));
    browser.presses("[data-live=list] tbody a");
    browser.waits_for(vi.get("trace.answer"));
}

fn verify(file: &Path) -> Vec<(i32, String)> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/verify.py");
    let ours = [PathBuf::from(BINARY), PathBuf::from("verify")];
    [ours, [PathBuf::from("python3"), python]]
        .iter()
        .map(|[program, first]| {
            let output = Command::new(program)
                .arg(first)
                .arg(file)
                .stdin(Stdio::null())
                .output()
                .expect("a verifier");
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said).into_owned();
            (output.status.code().unwrap_or(-1), said)
        })
        .collect()
}

/// From a document to its entry, its proof, and a receipt that two verifiers believe until one byte changes.
fn a_record_is_proved(browser: &mut Browser, site: &str, document: &str, vi: &Texts) {
    browser.opens(&format!("{site}/truy-vet/{document}"));
    browser.waits_until("document.querySelector('[data-live=way] a[href^=\"/nhat-ky/\"]')");
    browser.presses("[data-live=way] a[href^='/nhat-ky/']");
    browser.waits_for(vi.get("entry.valid"));
    assert!(browser.shows().contains(document));
    assert!(browser.count_of(".hinh-bac rect") > 2, "a drawn way");

    browser.presses(".dan-duong a[data-key=n]");
    browser.waits_for(vi.get("ledger.caption"));
    browser.presses("[data-live=entries] tbody a[href^='/nhat-ky/']");
    browser.waits_for(vi.get("entry.valid"));

    browser.opens(&format!("{site}/truy-vet/{document}"));
    let receipt = browser.downloads("a[href$='/bien-nhan']");
    for (exit, said) in verify(&receipt) {
        assert_eq!(exit, 0, "{said}");
    }
    let mut bytes = std::fs::read(&receipt).expect("a receipt");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&receipt, &bytes).expect("another receipt");
    for (exit, said) in verify(&receipt) {
        assert_eq!(exit, 10, "{said}");
        assert!(said.contains(document), "which record: {said}");
    }
}

fn the_language_is_another(
    browser: &mut Browser,
    site: &str,
    document: &str,
    vi: &Texts,
    en: &Texts,
) {
    browser.opens(site);
    browser.presses("a[hreflang=en]");
    browser.waits_for(en.get("overview.title"));
    let trace = format!("/truy-vet/{document}");
    let mut left = Vec::new();
    let pages = [
        "/",
        "/van-ban",
        trace.as_str(),
        "/hang-doi-loi",
        "/nhat-ky",
        "/nhat-ky/0",
        "/don-vi",
        "/he-thong",
        "/he-thong/them",
        "/tai-khoan",
        "/tim?q=so+y+te",
        "/don-vi/khong-co",
    ];
    for page in pages {
        browser.opens(&format!("{site}{page}"));
        assert_eq!(browser.runs("return document.documentElement.lang"), "en");
        for found in vietnamese_left(browser, vi, en) {
            left.push(format!("{page}: {found}"));
        }
    }
    // The page that is not there is a complaint of its own.
    let complaints = browser.complaints();
    assert!(
        complaints.iter().all(|line| line.contains("404")),
        "{complaints:?}"
    );
    assert!(left.is_empty(), "{}", left.join("\n"));
    browser.opens(&format!("{site}/nhat-ky"));
    browser.presses("a[hreflang=vi]");
    browser.waits_for(vi.get("ledger.title"));
    browser.opens(&format!("{site}/van-ban"));
    assert!(vietnamese_left(browser, vi, en).len() > 5, "back again");
}

/// Dead letters appear on the open page, are looked at, sent again, and gone.
fn dead_letters_are_sent_again(browser: &mut Browser, day: &Day, vi: &Texts, missed: &str) {
    let site = text(&day.file["url"]);
    browser.is_patient_for(TRIES);
    browser.opens(&format!("{site}/hang-doi-loi"));
    let row = format!(
        "[...document.querySelectorAll('[data-live=groups] tbody tr')].find((row) => row.innerText.includes('{BROKEN}'))"
    );
    browser.waits_until(&row);
    browser.opens(&format!("{site}/truy-vet/{missed}"));
    browser.waits_for(vi.get("transport.dead"));
    browser.opens(&format!("{site}/hang-doi-loi"));
    let links = browser.runs(&format!(
        "return [...{row}.querySelectorAll('details a')].map((link) => link.href)"
    ));
    let links = links.as_array().expect("samples");
    assert!(!links.is_empty());
    browser.opens(text(&links[0]));
    browser.waits_for(vi.get("trace.why"));

    assert_eq!(day.sim(&["restore", BROKEN]).0, 0);
    browser.opens(&format!("{site}/hang-doi-loi"));
    let href = browser.runs(&format!(
        "return {row}.querySelector('a.nut').getAttribute('href')"
    ));
    browser.presses(&format!("a.nut[href='{}']", text(&href)));
    browser.waits_for(vi.get("resend.preview"));
    browser.presses("main form .nut-moi");
    browser.waits_for(vi.get("resend_job.title"));
    browser.waits_for(vi.get("resend_state.done"));
    assert!(browser.count_of("[data-live=job] tbody tr") > 0);
    browser.presses("main a[href='/hang-doi-loi']");
    browser.waits_until(&format!("!{row}"));
    browser.opens(&format!("{site}/truy-vet/{missed}"));
    browser.waits_for(vi.get("transport.delivered"));
}
