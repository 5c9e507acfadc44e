//! The demonstration: the scenario checks itself, agencies break and come back on command, test units behave as their codes say.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lgsp_store::testing::Scratch;
use lgsp_tests::wait_for;
use serde_json::Value;

use crate::BINARY;

const PATIENCE: Duration = Duration::from_secs(40);

fn types(words: &[&str]) -> (i32, Value) {
    let output = Command::new(BINARY)
        .args(words)
        .args(["-o", "json"])
        .stdin(Stdio::null())
        .output()
        .expect("the command runs");
    let said = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap_or(-1), said)
}

/// A demonstration whose working day goes on until the end of the test.
pub(crate) struct Day {
    process: Child,
    folder: PathBuf,
    /// What `demo.json` says.
    pub(crate) file: Value,
}

impl Day {
    pub(crate) fn begins_in(folder: &Path) -> Self {
        let process = Command::new(BINARY)
            .args(["demo", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the demonstration starts");
        let file = wait_for(PATIENCE, || {
            let text = std::fs::read(folder.join("demo.json")).ok()?;
            let file: Value = serde_json::from_slice(&text).ok()?;
            // The last thing that is written before the day begins.
            let link = file["console_url"].as_str()?;
            link.contains("/?k=").then_some(file)
        });
        Self {
            process,
            folder: folder.to_owned(),
            file: file.expect("the working day begins"),
        }
    }

    /// The state of an agency after a command of `lgsp sim`.
    pub(crate) fn sim(&self, words: &[&str]) -> (i32, Value) {
        let data = self.folder.display().to_string();
        types(&[&["sim"], words, &["--data", &data]].concat())
    }

    /// Sends a document from the office of the province; its id.
    pub(crate) fn sends_to(&self, recipient: &str) -> String {
        let file = self.folder.join("thu.pdf");
        std::fs::write(&file, b"%PDF-1.4\n%%EOF\n").expect("a file");
        let sender = &self.file["agencies"][1];
        let words = [
            "send",
            file.to_str().expect("a path"),
            "--from",
            sender["code"].as_str().expect("a code"),
            "--to",
            recipient,
            "--server",
            self.file["url"].as_str().expect("an address"),
            "--token",
            sender["token"].as_str().expect("a token"),
        ];
        let (exit, said) = types(&words);
        assert_eq!(exit, 0, "{said}");
        said["id"].as_str().expect("an id").to_owned()
    }

    /// Waits until the only delivery of a document is as wanted.
    pub(crate) fn waits_for(&self, document: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let words = [
            "trace",
            document,
            "--server",
            self.file["url"].as_str().expect("an address"),
            "--token",
            self.file["admin_token"].as_str().expect("a token"),
        ];
        let mut last = Value::Null;
        let found = wait_for(PATIENCE, || {
            last = types(&words).1["deliveries"][0].clone();
            wanted(&last).then(|| last.clone())
        });
        found.unwrap_or_else(|| panic!("{last}"))
    }
}

impl Drop for Day {
    fn drop(&mut self) {
        // Already gone is as good.
        let _killed = self.process.kill();
        let _reaped = self.process.wait();
    }
}

#[test]
fn the_scenario_keeps_every_promise_on_a_new_and_on_a_used_folder() {
    let scratch = Scratch::new("demo-once");
    let folder = scratch.path().join("demo");
    let data = folder.display().to_string();
    for run in 0..2 {
        let words = ["demo", "--once", "--listen", "127.0.0.1:0", "--data", &data];
        let (exit, report) = types(&words);
        assert_eq!(exit, 0, "run {run}: {report}");
        assert_eq!(report["documents"]["dead"], 0);
        assert_eq!(report["duplicates"], 0);
        let dossiers = &report["dossiers"];
        assert!(dossiers["submitted"].as_u64() > Some(4), "{dossiers}");
        assert_eq!(dossiers["delivered"], dossiers["submitted"]);
        assert_eq!(dossiers["synchronised"], dossiers["submitted"]);
        assert_eq!(dossiers["dead"], 0);
        assert!(
            report["first_delivery_ms"].as_u64() <= Some(5_000),
            "{report}"
        );
    }
    let (exit, problem) = types(&["sim", "status", "--data", &data]);
    assert_eq!(exit, 7, "nothing runs any more: {problem}");
}

#[test]
fn agencies_break_and_come_back_and_test_units_do_what_their_codes_say() {
    let scratch = Scratch::new("demo-day");
    let day = Day::begins_in(&scratch.path().join("demo"));

    let (_, all) = day.sim(&["status"]);
    let down: Vec<&str> = all["agencies"]
        .as_array()
        .expect("agencies")
        .iter()
        .filter(|agency| agency["state"] == "down")
        .filter_map(|agency| agency["code"].as_str())
        .collect();
    assert_eq!(down, ["H99.08"], "one is broken on purpose");

    let refused = day.sends_to("H99.TEST.TUCHOI");
    let accepted = day.sends_to("H99.TEST.OK");
    let forged = day.sends_to("H99.TEST.KYSAI");
    let expired = day.sends_to("H99.TEST.HETHAN");
    let late = day.sends_to("H99.TEST.CHAM");

    assert_eq!(day.sim(&["fail", "Sở Nội vụ"]).1["state"], "down");
    let missed = day.sends_to("H99.02");
    day.waits_for(&missed, |delivery| delivery["cause"] == "http_503");
    assert_eq!(day.sim(&["khoi-phuc", "snv"]).1["state"], "ok");
    day.waits_for(&missed, |delivery| delivery["state"] == "delivered");

    day.waits_for(&refused, |delivery| delivery["status_code"] == "02");
    day.waits_for(&accepted, |delivery| delivery["status_code"] == "06");
    day.waits_for(&expired, |delivery| delivery["cause"] == "certificate");
    day.waits_for(&late, |delivery| delivery["state"] == "delivered");
    // Fetched and confirmed by nobody whose signature holds.
    let waiting = day.waits_for(&forged, |delivery| delivery["state"].is_string());
    assert_ne!(waiting["state"], "delivered", "{waiting}");
    assert_eq!(day.sim(&["fail", "bình an"]).0, 5, "a name that means many");

    let lost = day.sim(&["fail", "portal", "--how", "lose"]);
    assert_eq!((lost.0, lost.1["state"].as_str()), (0, Some("lose")));
    assert_eq!(day.sim(&["restore", "G99.01"]).1["state"], "ok");
    assert_ne!(day.sim(&["fail", "H99.02", "--how", "html"]).0, 0);
}
