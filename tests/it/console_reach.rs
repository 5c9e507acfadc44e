//! The console by keyboard alone, and without script: every page can be read and every action done.

use lgsp_tests::agency::{Agency, Letter};
use lgsp_tests::browser::{Browser, key};
use lgsp_tests::system::{System, SystemBuilder, department};
use serde_json::Value;

use crate::BINARY;
use crate::console::{Texts, logs_in};

/// Tries of a recipient before its refusal is final.
const REFUSALS: usize = 5;

fn start(name: &str) -> (System, Vec<Agency>, String) {
    let system = SystemBuilder::new(BINARY, name).start().expect("SQLite");
    let agencies = system.agencies(2);
    let site = format!("http://{}", system.address);
    (system, agencies, site)
}

/// A document that its recipient refuses until the platform asks no more; its id.
fn refused_for_good(agencies: &mut [Agency]) -> String {
    let letter = Letter {
        key: "refused".to_owned(),
        recipients: vec![department(2)],
        body: b"a letter".to_vec(),
    };
    let document = agencies[0].submits(&letter).document().to_owned();
    for _ in 0..REFUSALS {
        let handed = agencies[1].receives(1).expect("a document");
        let answer = agencies[1].refuses(&handed[0].delivery).expect("an answer");
        assert_eq!(answer.status / 100, 2, "{}", answer.json());
    }
    document
}

/// Everything that keys can reach, marked with its number in the page; the count.
const MARK: &str = r#"
const all = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")]
  .filter((el) => el.checkVisibility({ visibilityProperty: true }) && !el.disabled)
  // Of a group of choices, the tabulator reaches one; arrows do the rest.
  .filter((el, _, them) => el.type !== "radio" || (them.find((other) => other.name === el.name && other.checked) ?? them.find((other) => other.name === el.name)) === el);
all.forEach((el, number) => { el.dataset.number = String(number); });
document.activeElement.blur();
window.scrollTo(0, 0);
return all.length;
"#;

/// Which of them has the focus, and what is wrong with how that is shown.
const FOCUSED: &str = r##"
const el = document.activeElement;
if (!el || el === document.body) { return null; }
const style = getComputedStyle(el);
const box = el.getBoundingClientRect();
const faults = [];
if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) { faults.push("no outline"); }
if (box.bottom < 0 || box.top > window.innerHeight || box.right < 0 || box.left > window.innerWidth) { faults.push("out of sight"); }
const at = document.elementFromPoint(box.left + Math.min(box.width, 20) / 2, box.top + box.height / 2);
if (at && at !== el && !el.contains(at) && !at.contains(el)) { faults.push("covered by " + at.tagName); }
return { number: Number(el.dataset.number ?? -1), faults, name: el.outerHTML.slice(0, 120), kind: el.type ?? "" };
"##;

/// Goes through a page with the tabulator; what cannot be reached, comes out of order or is not seen.
fn goes_through(browser: &mut Browser, page: &str) -> Vec<String> {
    let count = browser.runs(MARK).as_i64().expect("a number");
    let mut faults = Vec::new();
    let mut reached = vec![false; usize::try_from(count).expect("few")];
    let mut last = -1;
    // A date field takes several steps, and a box that scrolls one.
    for _ in 0..count * 2 + 20 {
        browser.types([key::TAB]);
        let focused = browser.runs(FOCUSED);
        if focused == Value::Null {
            break;
        }
        let name = &focused["name"];
        for fault in focused["faults"].as_array().expect("a list") {
            faults.push(format!("{page}: {fault}: {name}"));
        }
        let number = focused["number"].as_i64().expect("a number");
        if number < 0 {
            continue;
        }
        if number < last {
            break;
        }
        last = number;
        if let Some(seen) = usize::try_from(number)
            .ok()
            .and_then(|at| reached.get_mut(at))
        {
            *seen = true;
        }
    }
    for (number, _) in reached.iter().enumerate().filter(|(_, seen)| !**seen) {
        let words = browser.runs(&format!(
            "return document.querySelector('[data-number=\"{number}\"]')?.outerHTML.slice(0, 120)"
        ));
        faults.push(format!("{page}: not reached: {words}"));
    }
    faults
}

#[test]
fn keys_alone_reach_every_action() {
    let Some(mut browser) = Browser::start("console-keys") else {
        return;
    };
    let (system, mut agencies, site) = start("console-keys");
    let document = refused_for_good(&mut agencies);
    let vi = Texts::of("vi");
    browser.opens(&site);
    browser.waits_for(vi.get("login.title"));
    assert_eq!(
        goes_through(&mut browser, "/dang-nhap"),
        Vec::<String>::new()
    );
    // In by keys alone.
    browser.runs("document.activeElement.blur()");
    while browser.runs("return document.activeElement.id") != "o-khoa" {
        browser.types([key::TAB]);
    }
    browser.types(system.admin_token().chars().chain([key::ENTER]));
    browser.waits_for(vi.get("overview.health"));

    browser.types(['/']);
    browser.waits_until("document.activeElement.id === 'o-tim'");
    browser.types("so y te".chars().chain([key::ENTER]));
    browser.waits_until("location.pathname === '/tim'");
    for (letter, place) in [
        ('v', "/van-ban"),
        ('l', "/hang-doi-loi"),
        ('d', "/don-vi"),
        ('h', "/he-thong"),
        ('n', "/nhat-ky"),
        ('t', "/"),
    ] {
        browser.waits_until("document.documentElement.dataset.script === 'on'");
        browser.types(['g', letter]);
        browser.waits_until(&format!("location.pathname === '{place}'"));
    }
    browser.waits_until("document.documentElement.dataset.script === 'on'");
    browser.types(['?']);
    browser.waits_until("document.getElementById('phim-tat').open");
    // In a field they are letters.
    browser.types(['/']);
    browser.types("gv".chars());
    assert_eq!(
        browser.runs("return document.getElementById('o-tim').value"),
        "gv"
    );

    let mut faults = Vec::new();
    let trace = format!("/truy-vet/{document}");
    for page in [
        "/",
        "/van-ban",
        &trace,
        "/hang-doi-loi",
        "/nhat-ky",
        "/he-thong/them",
    ] {
        browser.opens(&format!("{site}{page}"));
        faults.extend(goes_through(&mut browser, page));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));

    // The first step leads past the navigation.
    browser.opens(&format!("{site}/van-ban"));
    browser.types([key::TAB, key::ENTER]);
    browser.waits_until("document.activeElement.id === 'chinh'");
}

#[test]
fn without_script_every_page_shows_and_every_action_works() {
    let Some(mut browser) = Browser::start("console-plain") else {
        return;
    };
    let (system, mut agencies, site) = start("console-plain");
    let document = refused_for_good(&mut agencies);
    let (vi, en) = (Texts::of("vi"), Texts::of("en"));
    browser.forgets_scripts();
    logs_in(&mut browser, &site, system.admin_token());
    assert_eq!(
        browser.runs("return document.documentElement.dataset.script ?? 'off'"),
        "off"
    );
    // Nothing stands there that works with script alone.
    for page in [
        "/",
        "/van-ban",
        "/nhat-ky",
        "/don-vi",
        "/he-thong",
        "/tai-khoan",
    ] {
        browser.opens(&format!("{site}{page}"));
        assert_eq!(browser.count_of("main h1"), 1, "{page}");
        assert_eq!(browser.runs(
            "return [...document.querySelectorAll('[data-copy], [data-live-mark]')].filter((el) => el.checkVisibility()).length"
        ), 0, "{page}");
    }

    browser.opens(&format!("{site}/van-ban"));
    browser.writes("#o-q", "không có");
    browser.presses("main form .nut-chinh");
    browser.waits_for(vi.get("documents.nothing"));
    browser.writes("#o-tim", "don vi");
    browser.presses("header .tim button");
    browser.waits_until("location.pathname === '/tim'");
    browser.waits_for(&format!("Đơn vị {}", department(2)));
    // A code leads to what has it.
    browser.writes("#o-tim", &department(2));
    browser.presses("header .tim button");
    browser.waits_until("location.pathname.startsWith('/don-vi/')");

    browser.presses("button[name=co_chu][value=large]");
    browser.waits_until("document.documentElement.dataset.text === 'large'");
    browser.presses("button[name=tuong_phan]");
    browser.waits_until("document.documentElement.dataset.contrast === 'high'");
    browser.presses("a[hreflang=en]");
    browser.waits_for(en.get("shell.search_button"));
    browser.presses("a[hreflang=vi]");

    // A dead letter, from its group to its end.
    browser.presses(".dan-duong a[data-key=l]");
    browser.presses("[data-live=groups] tbody a.nut");
    browser.waits_for(vi.get("resend.preview"));
    browser.presses("main form .nut-moi");
    browser.waits_for(vi.get("resend_job.title"));
    let page = browser.address();
    let done = vi.get("resend_state.done");
    let ended = lgsp_tests::wait_for(std::time::Duration::from_secs(20), || {
        browser.opens(&page);
        browser.shows().contains(done).then_some(())
    });
    assert!(ended.is_some(), "{}", browser.shows());
    let handed = agencies[1].receives(10).expect("documents");
    assert_eq!(handed.len(), 1);
    assert_eq!(handed[0].document, document);

    // A system with a token, which is taken back.
    browser.opens(&format!("{site}/he-thong"));
    browser.presses("[data-live] tbody a, main tbody a");
    browser.waits_until("location.pathname.startsWith('/he-thong/')");
    assert!(browser.count_of("main form") > 0);

    browser.presses(".nguoi form button");
    browser.waits_for(vi.get("login.title"));
    browser.opens(&format!("{site}/van-ban"));
    browser.waits_for(vi.get("login.button"));
}
