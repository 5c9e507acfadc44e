//! What the simulated agencies did, kept outside the server, and the verdict: everything once, byte for byte.
//!
//! Packets are known by the SHA-256 of their bytes, which no two packets of a run share. The journal trusts nothing that the server says: `sent`
//! is written when a submission was accepted, `received` when an agency holds the bytes and has hashed them itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lgsp_base::Sha256;
use serde::Serialize;

/// Packets that the book holds before those that are complete are dropped from it.
const PACKETS_MAX: usize = 10_000;

#[derive(Debug)]
struct SentPacket {
    label: String,
    recipients: Vec<String>,
    /// The server's id, once it was accepted.
    document: Option<String>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Arrival {
    times: u32,
    is_acknowledged: bool,
}

#[derive(Debug, Default)]
struct Book {
    sent: BTreeMap<Sha256, SentPacket>,
    arrivals: BTreeMap<(Sha256, String), Arrival>,
    statuses: BTreeMap<(String, String), Vec<String>>,
    totals: Totals,
    duplicates: u64,
    errors: u64,
    first_arrival: Option<Duration>,
}

/// Running counts of everything since the start, cheap to read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Deliveries promised.
    pub submitted: u64,
    /// Deliveries confirmed.
    pub acknowledged: u64,
    /// Status reports that reached senders.
    pub statuses: u64,
}

/// A shared record of one run; clones write into the same book.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Mutex<Book>>);

/// Counts are deliveries: one document to one recipient.
#[derive(Debug, Clone, Default, Serialize, PartialEq, Eq)]
pub struct Verdict {
    /// Deliveries that accepted submissions promised.
    pub submitted: u64,
    /// Deliveries whose bytes an agency holds.
    pub delivered: u64,
    /// Deliveries whose acknowledgement was accepted.
    pub acknowledged: u64,
    /// Deliveries handed over again after they had been acknowledged.
    pub duplicates: u64,
    /// Deliveries that never came: `label → recipient`.
    pub missing: Vec<String>,
    /// Bytes that nobody sent to this recipient: the hash and the recipient.
    pub invented: Vec<String>,
}

impl Verdict {
    /// True when every promise was kept once and nothing else arrived.
    pub fn is_clean(&self) -> bool {
        self.duplicates == 0
            && self.missing.is_empty()
            && self.invented.is_empty()
            && self.delivered == self.submitted
            && self.acknowledged == self.submitted
    }
}

impl Book {
    fn is_complete(&self, sha256: Sha256) -> bool {
        self.sent.get(&sha256).is_some_and(|packet| {
            packet.recipients.iter().all(|recipient| {
                self.arrivals
                    .get(&(sha256, recipient.clone()))
                    .is_some_and(|arrival| arrival.is_acknowledged)
            })
        })
    }

    /// Drops what has come to its end, so that a day may last as long as it likes; the totals remain.
    fn forget_complete(&mut self) {
        let complete: Vec<Sha256> = self
            .sent
            .keys()
            .copied()
            .filter(|sha256| self.is_complete(*sha256))
            .collect();
        for sha256 in complete {
            self.sent.remove(&sha256);
        }
        let sent = &self.sent;
        self.arrivals
            .retain(|(sha256, _), _| sent.contains_key(sha256));
        self.statuses.clear();
    }
}

impl Journal {
    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A packet is about to be submitted; `label` names it for people. A refused one is taken back with [`Journal::unsent`].
    ///
    /// Written before the call, because a recipient may hold the packet before the sender has read its receipt.
    pub fn sent(&self, sha256: Sha256, label: &str, recipients: &[String]) {
        let mut book = self.book();
        book.totals.submitted += recipients.len() as u64;
        if book.sent.len() >= PACKETS_MAX {
            book.forget_complete();
        }
        book.sent.insert(
            sha256,
            SentPacket {
                label: label.to_owned(),
                recipients: recipients.to_vec(),
                document: None,
            },
        );
    }

    /// The server accepted the packet under this id. False if it had given it another one before: it was taken for two.
    pub fn accepted(&self, sha256: Sha256, document: &str) -> bool {
        let mut book = self.book();
        let Some(packet) = book.sent.get_mut(&sha256) else {
            return true;
        };
        let known = packet.document.get_or_insert_with(|| document.to_owned());
        let is_same = known == document;
        if !is_same {
            book.duplicates += 1;
        }
        is_same
    }

    /// The ids of all accepted packets, with their labels.
    pub fn documents(&self) -> Vec<(String, String)> {
        let book = self.book();
        let accepted = book.sent.values().filter_map(|packet| {
            let document = packet.document.clone()?;
            Some((document, packet.label.clone()))
        });
        accepted.collect()
    }

    /// The id under which a packet was accepted.
    pub fn document(&self, sha256: Sha256) -> Option<String> {
        self.book().sent.get(&sha256)?.document.clone()
    }

    /// Forgets everything: what follows is a new run.
    pub fn clear(&self) {
        *self.book() = Book::default();
    }

    /// The submission was refused: nobody may receive it.
    pub fn unsent(&self, sha256: Sha256) {
        let mut book = self.book();
        if let Some(packet) = book.sent.remove(&sha256) {
            let refused = packet.recipients.len() as u64;
            book.totals.submitted = book.totals.submitted.saturating_sub(refused);
        }
    }

    /// A recipient holds these bytes. False if it had acknowledged them before: the server repeated itself.
    pub fn received(&self, recipient: &str, sha256: Sha256, at: Duration) -> bool {
        let mut book = self.book();
        book.first_arrival.get_or_insert(at);
        let arrival = book
            .arrivals
            .entry((sha256, recipient.to_owned()))
            .or_default();
        arrival.times += 1;
        let is_new = !arrival.is_acknowledged;
        if !is_new {
            book.duplicates += 1;
        }
        is_new
    }

    /// The server accepted the acknowledgement.
    pub fn acknowledged(&self, recipient: &str, sha256: Sha256) {
        let mut book = self.book();
        let is_first = book
            .arrivals
            .get_mut(&(sha256, recipient.to_owned()))
            .is_some_and(|arrival| !std::mem::replace(&mut arrival.is_acknowledged, true));
        book.totals.acknowledged += u64::from(is_first);
    }

    /// True when every recipient of a packet holds it and has confirmed that.
    pub fn is_complete(&self, sha256: Sha256) -> bool {
        self.book().is_complete(sha256)
    }

    /// The sender of document `external_id` learnt that `recipient` is at `code`.
    pub fn status_seen(&self, external_id: &str, recipient: &str, code: &str) {
        let mut book = self.book();
        book.totals.statuses += 1;
        book.statuses
            .entry((external_id.to_owned(), recipient.to_owned()))
            .or_default()
            .push(code.to_owned());
    }

    /// The codes that the sender learnt about one recipient, in the order of their arrival.
    pub fn statuses(&self, external_id: &str, recipient: &str) -> Vec<String> {
        self.book()
            .statuses
            .get(&(external_id.to_owned(), recipient.to_owned()))
            .cloned()
            .unwrap_or_default()
    }

    /// Counts since the start.
    pub fn totals(&self) -> Totals {
        self.book().totals
    }

    /// A piece of work failed; it is tried again.
    pub fn error(&self) {
        self.book().errors += 1;
    }

    /// Pieces of work that failed and were tried again.
    pub fn errors(&self) -> u64 {
        self.book().errors
    }

    /// The monotonic reading at which the first packet arrived anywhere.
    pub fn first_arrival(&self) -> Option<Duration> {
        self.book().first_arrival
    }

    /// What the book says now.
    pub fn verdict(&self) -> Verdict {
        let book = self.book();
        let mut verdict = Verdict {
            duplicates: book.duplicates,
            ..Verdict::default()
        };
        for (sha256, packet) in &book.sent {
            for recipient in &packet.recipients {
                verdict.submitted += 1;
                match book.arrivals.get(&(*sha256, recipient.clone())) {
                    Some(arrival) => {
                        verdict.delivered += 1;
                        verdict.acknowledged += u64::from(arrival.is_acknowledged);
                    }
                    None => verdict
                        .missing
                        .push(format!("{} → {recipient}", packet.label)),
                }
            }
        }
        for (sha256, recipient) in book.arrivals.keys() {
            let is_expected = book
                .sent
                .get(sha256)
                .is_some_and(|packet| packet.recipients.contains(recipient));
            if !is_expected {
                verdict.invented.push(format!("{sha256} → {recipient}"));
            }
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_a_repeated_and_an_invented_delivery_are_told_apart() {
        let journal = Journal::new();
        let (a, b) = (Sha256::of(b"a"), Sha256::of(b"b"));
        journal.sent(a, "1/A", &["H99.1".to_owned(), "H99.2".to_owned()]);
        assert!(journal.received("H99.1", a, Duration::from_millis(5)));
        assert!(
            journal.received("H99.1", a, Duration::from_millis(6)),
            "before the acknowledgement the same bytes may come again"
        );
        journal.acknowledged("H99.1", a);
        let verdict = journal.verdict();
        assert_eq!(
            (verdict.submitted, verdict.delivered, verdict.acknowledged),
            (2, 1, 1)
        );
        assert_eq!(verdict.missing, ["1/A → H99.2"]);
        assert!(!verdict.is_clean());

        journal.received("H99.2", a, Duration::from_millis(7));
        journal.acknowledged("H99.2", a);
        assert!(journal.verdict().is_clean());
        assert!(!journal.received("H99.2", a, Duration::from_millis(8)));
        journal.received("H99.1", b, Duration::from_millis(9));
        let verdict = journal.verdict();
        assert_eq!((verdict.duplicates, verdict.invented.len()), (1, 1));
        assert!(journal.accepted(a, "doc_1") && journal.accepted(a, "doc_1"));
        assert!(!journal.accepted(a, "doc_2"));
        assert_eq!(journal.document(a).as_deref(), Some("doc_1"));
        assert_eq!(journal.first_arrival(), Some(Duration::from_millis(5)));
    }
}
