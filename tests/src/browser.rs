//! A headless Chromium, led over the WebDriver protocol (W3C) by Debian's `chromium-driver`. Every step has a deadline.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lgsp_store::testing::Scratch;
use serde_json::{Value, json};

use crate::http::Http;
use crate::{skip, wait_for};

/// Where Debian puts the driver.
const DRIVER: &str = "/usr/bin/chromedriver";

/// How long a browser may take to start, and a page to load, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);

/// Under this name an answer of the protocol names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Looks at a page as it is drawn.
const LOOK: &str = include_str!("browser_look.js");

/// Nothing of its own over the network, nothing kept, no sandbox: it only ever sees our own pages.
const FLAGS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--accept-lang=vi,en",
];

/// A window's size in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Screen {
    /// A common office screen.
    pub const OFFICE: Self = Self {
        width: 1366,
        height: 768,
    };
    /// A small telephone.
    pub const PHONE: Self = Self {
        width: 360,
        height: 740,
    };
}

/// Keys that have no letter, as the protocol spells them.
pub mod key {
    /// The tabulator.
    pub const TAB: char = '\u{E004}';
    /// The line end.
    pub const ENTER: char = '\u{E007}';
}

/// A browser with one window.
#[derive(Debug)]
pub struct Browser {
    driver: Child,
    http: Http,
    session: String,
    scratch: Scratch,
    saved: u32,
    patience: Duration,
}

impl Browser {
    /// Starts a fresh one; `None`, said aloud, where there is no driver.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(test: &str) -> Option<Self> {
        if !Path::new(DRIVER).exists() {
            skip(test, "chromium-driver is not installed");
            return None;
        }
        let scratch = Scratch::new(&format!("browser-{test}"));
        let said = scratch.path().join("driver.log");
        let mut driver = Command::new(DRIVER)
            .args(["--port=0", "--log-level=SEVERE"])
            .stdin(Stdio::null())
            .stdout(File::create(&said).expect("a log"))
            .stderr(Stdio::null())
            .spawn()
            .expect("the driver starts");
        let port = wait_for(PATIENCE, || {
            let text = std::fs::read_to_string(&said).ok()?;
            let (_, rest) = text.split_once("successfully on port ")?;
            rest.split_once('.')?.0.parse::<u16>().ok()
        });
        let Some(port) = port else {
            driver.kill().expect("kill");
            panic!("the driver says no port");
        };
        let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        flags.push(format!(
            "--user-data-dir={}",
            scratch.path().join("profile").display()
        ));
        let mut browser = Self {
            driver,
            http: Http::new(SocketAddr::from(([127, 0, 0, 1], port))).with_patience(PATIENCE * 2),
            session: String::new(),
            scratch,
            saved: 0,
            patience: PATIENCE,
        };
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": flags },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "timeouts": { "pageLoad": PATIENCE.as_millis(), "script": PATIENCE.as_millis(), "implicit": 0 },
        }}});
        let made = browser
            .asks("POST", "/session", &wanted)
            .expect("a session");
        browser.session = made["sessionId"].as_str().expect("its name").to_owned();
        browser.looks_through(Screen::OFFICE);
        // The browser's own first page and what it fetched are none of ours.
        browser.opens("about:blank");
        browser.requests();
        Some(browser)
    }

    fn asks(&mut self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let body = match method {
            "POST" => body.to_string(),
            _ => String::new(),
        };
        let fields = [("content-type", "application/json")];
        let answer = self
            .http
            .call(method, path, &fields, body.as_bytes())
            .map_err(|error| format!("{path}: {error}"))?;
        let value = answer.json()["value"].take();
        match answer.status {
            200 => Ok(value),
            status => Err(format!("{path}: {status} {value}")),
        }
    }

    fn tells(&mut self, path: &str, body: &Value) -> Result<Value, String> {
        let path = format!("/session/{}/{path}", self.session);
        self.asks("POST", &path, body)
    }

    /// A command of the developer tools.
    ///
    /// # Panics
    /// If it is refused.
    pub fn devtools(&mut self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.tells("goog/cdp/execute", &body).expect("a command")
    }

    /// Waits at most this long for what is to come to hold on a page.
    pub fn is_patient_for(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Gives the window this size.
    pub fn looks_through(&mut self, screen: Screen) {
        let metrics = json!({ "width": screen.width, "height": screen.height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Switches the scripts of pages off, for the pages that are opened from now on.
    pub fn forgets_scripts(&mut self) {
        self.devtools(
            "Emulation.setScriptExecutionDisabled",
            json!({ "value": true }),
        );
    }

    /// Forgets who is logged in at the site of the page.
    ///
    /// # Panics
    /// If that is refused.
    pub fn forgets_cookies(&mut self) {
        let path = format!("/session/{}/cookie", self.session);
        self.asks("DELETE", &path, &Value::Null).expect("no cookie");
    }

    /// Presses a link to a file; where the file was saved.
    ///
    /// # Panics
    /// If none is saved in time.
    pub fn downloads(&mut self, selector: &str) -> PathBuf {
        self.saved += 1;
        let folder = self.scratch.path().join(format!("saved-{}", self.saved));
        std::fs::create_dir_all(&folder).expect("a folder");
        let behaviour = json!({ "behavior": "allow", "downloadPath": folder });
        self.devtools("Browser.setDownloadBehavior", behaviour);
        self.presses(selector);
        let saved = wait_for(PATIENCE, || {
            let file = std::fs::read_dir(&folder).ok()?.flatten().next()?.path();
            // Under another name until it is whole.
            (file.extension()? != "crdownload").then_some(file)
        });
        saved.unwrap_or_else(|| panic!("{selector} saves nothing"))
    }

    /// Opens an address and waits until it is loaded.
    ///
    /// # Panics
    /// If that takes too long.
    pub fn opens(&mut self, url: &str) {
        self.tells("url", &json!({ "url": url }))
            .expect("a page loads");
    }

    /// The address of the page.
    pub fn address(&mut self) -> String {
        text(&self.runs("return location.href"))
    }

    /// Runs the body of a function in the page; what it returns.
    ///
    /// # Panics
    /// If it throws.
    pub fn runs(&mut self, body: &str) -> Value {
        self.tries(body)
            .unwrap_or_else(|error| panic!("{body}: {error}"))
    }

    fn tries(&mut self, body: &str) -> Result<Value, String> {
        self.tells("execute/sync", &json!({ "script": body, "args": [] }))
    }

    /// Waits until an expression of JavaScript holds in the page.
    ///
    /// # Panics
    /// If it does not in time; with what the page shows then.
    pub fn waits_until(&mut self, expression: &str) {
        let body = format!("return Boolean({expression})");
        // Between two pages there is none to ask.
        let held = wait_for(self.patience, || {
            (self.tries(&body) == Ok(Value::Bool(true))).then_some(())
        });
        if held.is_none() {
            let (address, shown) = (self.address(), self.shows());
            panic!("{expression} does not come to hold on {address}:\n{shown}");
        }
    }

    /// Waits until the page shows these words.
    pub fn waits_for(&mut self, words: &str) {
        let words = Value::from(words);
        self.waits_until(&format!("document.body.innerText.includes({words})"));
    }

    /// Everything that the page shows, as text.
    pub fn shows(&mut self) -> String {
        text(&self.runs("return document.body.innerText"))
    }

    /// The text of the first element of a CSS selector; empty if there is none.
    pub fn text_of(&mut self, selector: &str) -> String {
        let selector = Value::from(selector);
        text(&self.runs(&format!(
            "return document.querySelector({selector})?.innerText ?? ''"
        )))
    }

    /// How many elements a CSS selector finds.
    pub fn count_of(&mut self, selector: &str) -> u64 {
        let selector = Value::from(selector);
        self.runs(&format!(
            "return document.querySelectorAll({selector}).length"
        ))
        .as_u64()
        .unwrap_or_default()
    }

    fn element(&mut self, selector: &str) -> String {
        let body = json!({ "using": "css selector", "value": selector });
        let found = wait_for(PATIENCE, || self.tells("element", &body).ok());
        let Some(found) = found else {
            let (address, shown) = (self.address(), self.shows());
            panic!("no {selector} on {address}:\n{shown}");
        };
        text(&found[ELEMENT])
    }

    /// Presses the first element of a CSS selector, as a hand does: it must be there, be seen, and not be covered.
    ///
    /// # Panics
    /// If it cannot be pressed in time.
    pub fn presses(&mut self, selector: &str) {
        let mut last = String::new();
        let pressed = wait_for(PATIENCE, || {
            // A live part may replace it between the two steps.
            let element = self.element(selector);
            match self.tells(&format!("element/{element}/click"), &json!({})) {
                Ok(_) => Some(()),
                Err(error) => {
                    last = error;
                    None
                }
            }
        });
        assert!(pressed.is_some(), "{selector}: {last}");
    }

    /// Writes into a field what replaces its content.
    ///
    /// # Panics
    /// If that is not possible.
    pub fn writes(&mut self, selector: &str, words: &str) {
        let element = self.element(selector);
        self.tells(&format!("element/{element}/clear"), &json!({}))
            .expect("an empty field");
        self.tells(
            &format!("element/{element}/value"),
            &json!({ "text": words }),
        )
        .expect("a written field");
    }

    /// Presses keys one after the other, wherever the focus is.
    ///
    /// # Panics
    /// If that is refused.
    pub fn types(&mut self, keys: impl IntoIterator<Item = char>) {
        let mut actions = Vec::new();
        for key in keys {
            actions.push(json!({ "type": "keyDown", "value": key }));
            actions.push(json!({ "type": "keyUp", "value": key }));
        }
        let keyboard = json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] });
        self.tells("actions", &keyboard).expect("keys");
    }

    /// The window as a PNG; the whole page if wanted.
    ///
    /// # Panics
    /// If there is none.
    pub fn picture(&mut self, is_whole: bool) -> Vec<u8> {
        let wanted = json!({ "format": "png", "captureBeyondViewport": is_whole });
        let taken = self.devtools("Page.captureScreenshot", wanted);
        STANDARD.decode(text(&taken["data"])).expect("base64")
    }

    /// What is wrong with the page as it is drawn, in sentences: it scrolls sideways, something is cut off or too small, text does not stand
    /// out, words of a drawing lie on each other.
    pub fn faults(&mut self) -> Vec<String> {
        let said = self.runs(LOOK);
        let said = said.as_array().into_iter().flatten();
        said.map(text).collect()
    }

    fn log(&mut self, kind: &str) -> Vec<Value> {
        match self.tells("se/log", &json!({ "type": kind })) {
            Ok(Value::Array(lines)) => lines,
            other => panic!("log {kind}: {other:?}"),
        }
    }

    /// What the browser complained about since the last question: failed requests, broken policies, errors of scripts.
    pub fn complaints(&mut self) -> Vec<String> {
        self.log("browser")
            .iter()
            .filter(|line| matches!(line["level"].as_str(), Some("SEVERE" | "WARNING")))
            .map(|line| text(&line["message"]))
            .collect()
    }

    /// The address of every request that pages made since the last question.
    pub fn requests(&mut self) -> Vec<String> {
        self.log("performance")
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line["message"].as_str()?).ok())
            .filter(|event| event["message"]["method"] == "Network.requestWillBeSent")
            .map(|event| text(&event["message"]["params"]["request"]["url"]))
            .filter(|url| !url.starts_with("data:"))
            .collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser is a child of the driver: asked to close first, or it would stay.
        let path = format!("/session/{}", self.session);
        let _closed = self.asks("DELETE", &path, &Value::Null);
        let _killed = self.driver.kill();
        let _reaped = self.driver.wait();
    }
}
