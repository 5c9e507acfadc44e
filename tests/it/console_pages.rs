//! Every sample of every page of the console in a real browser: it reads well on an office screen and on a telephone.
//!
//! `LGSP_SCREENSHOTS=FOLDER` writes a picture of each, for a critical eye.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::PathBuf;

use lgsp_console::gallery;
use lgsp_tests::browser::{Browser, Screen};
use serde_json::json;

const SCREENS: [Screen; 2] = [Screen::OFFICE, Screen::PHONE];

/// Serves the gallery; its address.
fn gallery() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    listener.set_nonblocking(true).expect("for the runtime");
    let router = gallery::router().expect("compiled in");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, router).await.expect("it goes on");
        });
    });
    format!("http://{address}")
}

fn prefers(browser: &mut Browser, scheme: &str) {
    let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
    browser.devtools("Emulation.setEmulatedMedia", features);
}

/// Looks at every sample in one language; what is wrong, and where.
fn looks_at_all(browser: &mut Browser, site: &str, lang: &str) -> Vec<String> {
    let pictures = std::env::var_os("LGSP_SCREENSHOTS").map(PathBuf::from);
    let gallery = gallery::Gallery::new().expect("compiled in");
    let mut faults = BTreeSet::new();
    for sample in gallery.samples() {
        let name = &sample.name;
        browser.opens(&format!("{site}/{name}?lang={lang}"));
        for screen in SCREENS {
            browser.looks_through(screen);
            for fault in browser.faults() {
                faults.insert(format!("{name} {}: {fault}", screen.width));
            }
            if let Some(folder) = &pictures {
                let file = format!("{}-{lang}-{}.png", name.replace('/', "-"), screen.width);
                std::fs::create_dir_all(folder).expect("a folder");
                std::fs::write(folder.join(file), browser.picture(true)).expect("a file");
            }
        }
        prefers(browser, "dark");
        for fault in browser.faults() {
            faults.insert(format!("{name} dark: {fault}"));
        }
        prefers(browser, "light");
        browser.opens(&format!("{site}/{name}?lang={lang}&strong=1"));
        for screen in SCREENS {
            browser.looks_through(screen);
            for fault in browser.faults() {
                faults.insert(format!("{name} large {}: {fault}", screen.width));
            }
        }
    }
    faults.extend(browser.complaints());
    faults.extend(
        browser
            .requests()
            .into_iter()
            .filter(|address| !address.starts_with(site)),
    );
    faults.into_iter().collect()
}

#[test]
fn every_page_reads_well_in_vietnamese() {
    let Some(mut browser) = Browser::start("console-pages-vi") else {
        return;
    };
    let faults = looks_at_all(&mut browser, &gallery(), "vi");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_page_reads_well_in_english() {
    let Some(mut browser) = Browser::start("console-pages-en") else {
        return;
    };
    let faults = looks_at_all(&mut browser, &gallery(), "en");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_page_with_every_fault_is_seen_through() {
    let Some(mut browser) = Browser::start("console-pages-planted") else {
        return;
    };
    let page = r##"<!doctype html><meta charset="utf-8"><title>x</title><body style="background:#fff">
        <p style="width:900px">wide</p>
        <h2 style="width:3em;white-space:nowrap">a heading that is cut</h2>
        <p style="height:8px;overflow:hidden">Ẳ</p>
        <p style="color:#999">pale</p>
        <a href="#" style="display:inline-block">1</a> <a href="#" style="display:inline-block">2</a>
        <input placeholder="more than there is room for" style="width:5em">
        <svg width="60" height="20"><text x="50" y="15" font-size="12">outside</text><text x="50" y="15" font-size="6">over</text></svg>"##;
    let file = std::env::temp_dir().join(format!("lgsp-faults-{}.html", std::process::id()));
    std::fs::write(&file, page).expect("a page");
    browser.looks_through(Screen::PHONE);
    browser.opens(&format!("file://{}", file.display()));
    let faults = browser.faults().join("\n");
    std::fs::remove_file(&file).expect("no page");
    for word in [
        "scrolls sideways",
        "sticks out",
        "a heading that is cut” is",
        "Ẳ” is",
        "contrast 2.85",
        "small target",
        "cut off: “more than",
        "drawn outside",
        "lie on each other",
        "too small to read",
        "0 headings of the first rank",
        "title “x”",
    ] {
        assert!(faults.contains(word), "{word}:\n{faults}");
    }
}
