//! What the walks through the console share: its texts, the door, and words of the wrong language.

use std::collections::BTreeMap;
use std::path::Path;

use lgsp_tests::browser::Browser;
use lgsp_tests::http::Http;
use lgsp_tests::system::SystemBuilder;
use serde_json::Value;

/// The texts of the console in one language, by their keys.
pub(crate) struct Texts(BTreeMap<String, String>);

impl Texts {
    /// Of `vi` or `en`.
    pub(crate) fn of(lang: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/console/i18n");
        let mut texts = BTreeMap::new();
        for file in std::fs::read_dir(folder.join(lang)).expect("texts") {
            let bytes = std::fs::read(file.expect("a file").path()).expect("a file");
            let more: BTreeMap<String, String> = serde_json::from_slice(&bytes).expect("texts");
            texts.extend(more);
        }
        Self(texts)
    }

    /// The text of a key.
    pub(crate) fn get(&self, key: &str) -> &str {
        self.0.get(key).unwrap_or_else(|| panic!("no text {key}"))
    }

    /// The parts of all texts that stand between what is filled in.
    fn parts(&self) -> impl Iterator<Item = &str> {
        self.0
            .values()
            .flat_map(|text| text.split(['{', '}']).step_by(2))
            .map(|part| part.trim().trim_matches(['.', ',', ':', ';', '·', ' ']))
            .filter(|part| part.chars().count() >= 4)
    }
}

/// Logs in with a token, through the form.
pub(crate) fn logs_in(browser: &mut Browser, site: &str, token: &str) {
    browser.opens(&format!("{site}/dang-nhap"));
    browser.writes("#o-khoa", token);
    browser.presses("main form button");
    browser.waits_until("document.querySelector('a[href=\"/tai-khoan\"]')");
}

/// Everything that a page says: its words, and what it says to those who do not see it.
const SAID: &str = r#"
const said = [document.title];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  if (!node.parentElement.closest("[lang=vi]:not(html)")) { said.push(node.textContent); }
}
for (const el of document.querySelectorAll("*")) {
  for (const name of ["aria-label", "title", "placeholder", "alt", "data-text", "data-copied", "data-said"]) {
    if (el.hasAttribute(name) && !el.closest("[lang=vi]:not(html)")) { said.push(el.getAttribute(name)); }
  }
}
return said.map((words) => words.trim().replace(/\s+/g, " ")).filter((words) => words);
"#;

/// Texts of the Vietnamese console on an English page. Names of people and documents are Vietnamese on every page.
pub(crate) fn vietnamese_left(browser: &mut Browser, vi: &Texts, en: &Texts) -> Vec<String> {
    let said = browser.runs(SAID);
    let said: Vec<&str> = said
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let mut left = Vec::new();
    for part in vi.parts() {
        if en.0.values().any(|text| text.contains(part)) {
            continue;
        }
        // A short text could be a part of a name.
        let is_long = part.chars().count() >= 12;
        for words in &said {
            if *words == part || (is_long && words.contains(part)) {
                left.push(format!("“{part}” in “{words}”"));
            }
        }
    }
    left
}

#[test]
fn an_address_that_nobody_serves_is_a_page_for_browsers_and_a_problem_for_programs() {
    let system = SystemBuilder::new(crate::BINARY, "console-lost")
        .start()
        .expect("SQLite is always there");
    let mut http = Http::new(system.address);
    let page = http
        .call(
            "GET",
            "/khong-co",
            &[("accept", "text/html,*/*;q=0.8")],
            b"",
        )
        .expect("an answer");
    let text = String::from_utf8(page.body).expect("a page");
    assert_eq!(page.status, 404);
    assert!(
        text.contains("<html lang=\"vi\"") && text.contains("http.not_found"),
        "{text}"
    );
    for path in ["/khong-co", "/api/v1/khong-co"] {
        let problem = http.call("GET", path, &[], b"").expect("an answer");
        assert_eq!(
            (problem.status, problem.code().as_str()),
            (404, "http.not_found"),
            "{path}"
        );
    }
}
