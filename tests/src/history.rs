//! The external recorder and the checker of the promises D1–D8 and D13.
//!
//! A client writes each [`Event`] before its next request, to a file system that no fault touches. [`check`] takes the
//! history and what the server shows at the end, and lists every violation. It uses sets and sorted maps only.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

/// What a client of the platform did or heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A sender is about to hand a document in.
    Submitting {
        /// Idempotency key.
        key: String,
        /// Code of the sender.
        sender: String,
        /// Codes of the recipients.
        recipients: Vec<String>,
        /// Hash of the body, in hex.
        sha256: String,
    },
    /// The server accepted it.
    Accepted {
        /// Idempotency key.
        key: String,
        /// Id it gave.
        document: String,
        /// Receipt it gave.
        receipt: String,
        /// Hash it names.
        sha256: String,
        /// Deliveries: id, recipient, place in the order.
        deliveries: Vec<(String, String, u64)>,
    },
    /// The server refused it.
    Refused {
        /// Idempotency key.
        key: String,
        /// Problem code.
        code: String,
    },
    /// No answer, or one that decides nothing: a timeout, a reset, a 5xx.
    Unknown {
        /// Idempotency key.
        key: String,
    },
    /// A recipient was handed a document.
    Handed {
        /// Code of the recipient.
        recipient: String,
        /// Code of the sender.
        sender: String,
        /// The delivery.
        delivery: String,
        /// The document.
        document: String,
        /// Hash of the bytes received.
        sha256: String,
        /// The number of this try.
        attempt: u64,
    },
    /// The server took note of a confirmation.
    Confirmed {
        /// Code of the recipient.
        recipient: String,
        /// The delivery.
        delivery: String,
        /// Receipt it gave.
        receipt: String,
        /// True if it had been confirmed before.
        is_repeat: bool,
    },
}

impl Event {
    fn to_json(&self) -> Value {
        match self {
            Event::Submitting {
                key,
                sender,
                recipients,
                sha256,
            } => {
                json!({"event": "submitting", "key": key, "sender": sender, "recipients": recipients, "sha256": sha256})
            }
            Event::Accepted {
                key,
                document,
                receipt,
                sha256,
                deliveries,
            } => {
                json!({"event": "accepted", "key": key, "document": document, "receipt": receipt, "sha256": sha256,
                "deliveries": deliveries})
            }
            Event::Refused { key, code } => json!({"event": "refused", "key": key, "code": code}),
            Event::Unknown { key } => json!({"event": "unknown", "key": key}),
            Event::Handed {
                recipient,
                sender,
                delivery,
                document,
                sha256,
                attempt,
            } => {
                json!({"event": "handed", "recipient": recipient, "sender": sender, "delivery": delivery,
                "document": document, "sha256": sha256, "attempt": attempt})
            }
            Event::Confirmed {
                recipient,
                delivery,
                receipt,
                is_repeat,
            } => {
                json!({"event": "confirmed", "recipient": recipient, "delivery": delivery, "receipt": receipt,
                "is_repeat": is_repeat})
            }
        }
    }
}

/// Writes events as they happen; shared by all clients of a test.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    state: Mutex<(File, Vec<Event>)>,
}

impl Recorder {
    /// Begins a history, in memory-backed storage where there is some: it must outlive every fault of the test.
    pub fn new(name: &str) -> Self {
        let shm = Path::new("/dev/shm");
        let folder = if shm.is_dir() {
            shm.to_path_buf()
        } else {
            std::env::temp_dir()
        };
        let path = folder.join(format!("lgsp-{name}-{}.jsonl", std::process::id()));
        let file = File::create(&path).expect("a history file");
        Self {
            path,
            state: Mutex::new((file, Vec::new())),
        }
    }

    /// Writes an event; it is on the other file system when this returns.
    pub fn record(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut line = event.to_json().to_string();
        line.push('\n');
        state.0.write_all(line.as_bytes()).expect("history");
        state.1.push(event);
    }

    /// Everything so far, in the order in which it was recorded.
    pub fn events(&self) -> Vec<Event> {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .1
            .clone()
    }

    /// How many submits were answered with an acceptance.
    pub fn accepted(&self) -> usize {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .1
            .iter()
            .filter(|event| matches!(event, Event::Accepted { .. }))
            .count()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            crate::tell(&format!("history kept: {}", self.path.display()));
        } else {
            // A left-over file does no harm.
            let _removed = std::fs::remove_file(&self.path);
        }
    }
}

/// A document as the server shows it at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FinalDocument {
    /// Hash of the bytes it gives out; `None` if it does not give them out.
    pub content_sha256: Option<String>,
    /// Hash it names.
    pub sha256: String,
    /// Receipt it names.
    pub receipt: String,
    /// Delivery id → state, receipt.
    pub deliveries: BTreeMap<String, (String, Option<String>)>,
}

/// What the server shows at the end: document id → document, for every document that any client heard of.
pub type Final = BTreeMap<String, FinalDocument>;

/// One counter-example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The promise, `D1` …
    pub promise: &'static str,
    /// What was seen.
    pub what: String,
}

/// How much the server is expected to have finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Every accepted delivery was confirmed (D7).
    Drained,
    /// The test stopped in the middle.
    Anything,
}

/// Every violation in a history.
pub fn check(events: &[Event], shown: &Final, expect: Expect) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut report = |promise: &'static str, what: String| {
        violations.push(Violation { promise, what });
    };
    let facts = Facts::gather(events);
    facts.check_acknowledged(shown, &mut report);
    facts.check_keys(&mut report);
    facts.check_handed(&mut report);
    facts.check_confirmed(shown, expect, &mut report);
    violations
}

/// An acceptance as a sender heard it.
#[derive(Debug)]
struct Acceptance<'a> {
    key: &'a str,
    receipt: &'a str,
    sha256: &'a str,
    deliveries: &'a [(String, String, u64)],
}

/// The history, sorted by what is asked of it.
#[derive(Debug, Default)]
struct Facts<'a> {
    /// key → sender, recipients, hashes tried under it.
    submits: BTreeMap<&'a str, (&'a str, &'a [String], BTreeSet<&'a str>)>,
    /// document → acceptances heard.
    accepted: BTreeMap<&'a str, Vec<Acceptance<'a>>>,
    /// delivery → sender, recipient, place in the order.
    places: BTreeMap<&'a str, (&'a str, &'a str, u64)>,
    /// Hand-overs and confirmations in their order.
    received: Vec<&'a Event>,
}

type Report<'r> = &'r mut dyn FnMut(&'static str, String);

impl<'a> Facts<'a> {
    fn gather(events: &'a [Event]) -> Self {
        let mut facts = Self::default();
        for event in events {
            match event {
                Event::Submitting {
                    key,
                    sender,
                    recipients,
                    sha256,
                } => {
                    let entry =
                        facts
                            .submits
                            .entry(key)
                            .or_insert((sender, recipients, BTreeSet::new()));
                    entry.2.insert(sha256);
                }
                Event::Accepted {
                    key,
                    document,
                    receipt,
                    sha256,
                    deliveries,
                } => {
                    let sender = facts.submits.get(key.as_str()).map_or("", |known| known.0);
                    for (delivery, recipient, seq) in deliveries {
                        facts.places.insert(delivery, (sender, recipient, *seq));
                    }
                    facts
                        .accepted
                        .entry(document)
                        .or_default()
                        .push(Acceptance {
                            key,
                            receipt,
                            sha256,
                            deliveries,
                        });
                }
                Event::Refused { .. } | Event::Unknown { .. } => {}
                Event::Handed { .. } | Event::Confirmed { .. } => facts.received.push(event),
            }
        }
        facts
    }

    /// D1, D8, D13: what was acknowledged is there, whole, under the receipt that was given.
    fn check_acknowledged(&self, shown: &Final, report: Report<'_>) {
        for (document, acceptances) in &self.accepted {
            let Some(known) = shown.get(*document) else {
                report("D1", format!("{document} was acknowledged and is gone"));
                continue;
            };
            match &known.content_sha256 {
                None => report("D8", format!("{document} is visible without its body")),
                Some(bytes) if *bytes != known.sha256 => {
                    report(
                        "D8",
                        format!("{document} gives out other bytes than it names"),
                    );
                }
                Some(_) => {}
            }
            for heard in acceptances {
                if heard.sha256 != known.sha256 {
                    report(
                        "D1",
                        format!("{document} has another hash than was acknowledged"),
                    );
                }
                if heard.receipt != known.receipt {
                    report(
                        "D13",
                        format!("{document} has another receipt than was given"),
                    );
                }
                for (delivery, _, _) in heard.deliveries {
                    if !known.deliveries.contains_key(delivery) {
                        report("D1", format!("{delivery} was acknowledged and is gone"));
                    }
                }
            }
        }
    }

    /// D3, D4: a key stands for one document, and for one content.
    fn check_keys(&self, report: Report<'_>) {
        let mut documents: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut hashes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (document, acceptances) in &self.accepted {
            for heard in acceptances {
                documents.entry(heard.key).or_default().insert(document);
                hashes.entry(heard.key).or_default().insert(heard.sha256);
            }
        }
        // A second document may be known to its recipient alone: the sender never heard of the first one.
        let keys = self.keys_by_content();
        for event in &self.received {
            if let Event::Handed {
                sender,
                document,
                sha256,
                ..
            } = event
                && let Some(Some(key)) = keys.get(&(sender.as_str(), sha256.as_str()))
            {
                documents.entry(key).or_default().insert(document);
            }
        }
        for (key, ids) in documents.iter().filter(|(_, ids)| ids.len() > 1) {
            report("D3", format!("key {key} became {} documents", ids.len()));
        }
        for (key, found) in hashes.iter().filter(|(_, found)| found.len() > 1) {
            report(
                "D4",
                format!("key {key} was accepted for {} contents", found.len()),
            );
        }
        for (key, (_, _, tried)) in &self.submits {
            let accepted = hashes.get(key).map_or(0, BTreeSet::len);
            let known = hashes
                .get(key)
                .into_iter()
                .flatten()
                .all(|hash| tried.contains(hash));
            if accepted > 0 && !known {
                report(
                    "D4",
                    format!("key {key} was accepted for a content nobody sent"),
                );
            }
        }
    }

    /// (sender, hash) → key, where only one key was used for that content.
    fn keys_by_content(&self) -> BTreeMap<(&'a str, &'a str), Option<&'a str>> {
        let mut keys = BTreeMap::new();
        for (key, (sender, _, hashes)) in &self.submits {
            for hash in hashes {
                keys.entry((*sender, *hash))
                    .and_modify(|known| *known = None)
                    .or_insert(Some(*key));
            }
        }
        keys
    }

    /// D2, D5: nothing is handed over that was not sent, nothing again after its confirmation, tries only rise.
    fn check_handed(&self, report: Report<'_>) {
        let sent: BTreeSet<(&str, &str, &str)> = self
            .submits
            .values()
            .flat_map(|(sender, recipients, hashes)| {
                recipients.iter().flat_map(move |recipient| {
                    hashes
                        .iter()
                        .map(move |hash| (*sender, recipient.as_str(), *hash))
                })
            })
            .collect();
        let mut confirmed = BTreeSet::new();
        let mut last_attempt: BTreeMap<&str, u64> = BTreeMap::new();
        for event in &self.received {
            match event {
                Event::Handed {
                    recipient,
                    sender,
                    delivery,
                    document,
                    sha256,
                    attempt,
                } => {
                    if !sent.contains(&(sender.as_str(), recipient.as_str(), sha256.as_str())) {
                        report(
                            "D2",
                            format!("{recipient} got {document}, which {sender} never sent there"),
                        );
                    }
                    if confirmed.contains(delivery.as_str()) {
                        report(
                            "D5",
                            format!("{delivery} was handed over after its confirmation"),
                        );
                    }
                    let last = last_attempt.entry(delivery).or_insert(*attempt);
                    if *attempt < *last {
                        report("D5", format!("{delivery}: attempt {attempt} after {last}"));
                    }
                    *last = *attempt;
                }
                Event::Confirmed { delivery, .. } => {
                    confirmed.insert(delivery.as_str());
                }
                _ => {}
            }
        }
    }

    /// D5, D6, D7, D13: each delivery is confirmed once, in the order of its pair, under one receipt.
    fn check_confirmed(&self, shown: &Final, expect: Expect, report: Report<'_>) {
        let mut receipts: BTreeMap<&str, &str> = BTreeMap::new();
        let mut fresh = BTreeSet::new();
        let mut last_seq: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for event in &self.received {
            let Event::Confirmed {
                delivery,
                receipt,
                is_repeat,
                ..
            } = event
            else {
                continue;
            };
            if !is_repeat && !fresh.insert(delivery.as_str()) {
                report(
                    "D5",
                    format!("{delivery} was confirmed twice as if for the first time"),
                );
            }
            let first = receipts.insert(delivery, receipt);
            if first.is_some_and(|first| first != receipt) {
                report(
                    "D13",
                    format!("{delivery} was confirmed under two receipts"),
                );
            }
            if first.is_none()
                && let Some((sender, recipient, seq)) = self.places.get(delivery.as_str())
                && let Some(last) = last_seq.insert((sender, recipient), *seq)
                && last >= *seq
            {
                report(
                    "D6",
                    format!("{sender} to {recipient}: {seq} was confirmed after {last}"),
                );
            }
        }
        for (id, known) in shown {
            for (delivery, (state, receipt)) in &known.deliveries {
                let heard = receipts.get(delivery.as_str()).copied();
                if heard.is_some() && (state != "delivered" || receipt.as_deref() != heard) {
                    report(
                        "D13",
                        format!(
                            "{delivery} of {id} was confirmed, and shows {state} under {receipt:?}"
                        ),
                    );
                }
            }
        }
        if expect == Expect::Drained {
            for delivery in self
                .places
                .keys()
                .filter(|known| !receipts.contains_key(*known))
            {
                report("D7", format!("{delivery} was accepted and never confirmed"));
            }
        }
    }
}

#[cfg(test)]
mod tests;
