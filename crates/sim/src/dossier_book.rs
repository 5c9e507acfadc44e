//! What happened to dossiers, kept outside the server: who was promised what, who holds it, and whether it still means the same.
//!
//! A message about a dossier is known by its code and [`Mark`]; one office never sends the same mark of one dossier twice on purpose. What a
//! dossier means is compared by [`meaning`], as recipients get it in another form than it was sent in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lgsp_base::Sha256;
use serde_json::{Map, Value};

/// Messages that the book holds before those that arrived are dropped from it.
const MESSAGES_MAX: usize = 20_000;

/// Scalars whose text must survive.
const TEXTS: [&str; 11] = [
    "MaHoSo",
    "MaTTHC",
    "MaLinhVuc",
    "ChuHoSo",
    "TrichYeuHoSo",
    "TrangThaiHoSo",
    "NgayTiepNhan",
    "NgayHenTra",
    "NgayTra",
    "NgayKetThucXuLy",
    "DonViXuLy",
];
/// One field of the items of each list that must survive. Addresses may change: whoever carries a file may serve it.
const ITEMS: [(&str, &str); 5] = [
    ("DinhDanhCHS", "SoDinhDanh"),
    ("TaiLieuNop", "TenTepDinhKem"),
    ("DanhSachLePhi", "Gia"),
    ("DanhSachGiayToKetQua", "TenGiayTo"),
    ("DanhSachHoSoBoSung", "NoiDungBoSung"),
];

/// The hash of what a dossier in the portal's form means, addresses of files apart.
pub fn meaning(dossier: &Map<String, Value>) -> Sha256 {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut parts: Vec<String> = TEXTS.iter().map(|name| text(dossier.get(*name))).collect();
    for (list, field) in ITEMS {
        parts.push(list.to_owned());
        let items = dossier.get(list).and_then(Value::as_array);
        parts.extend(
            items
                .into_iter()
                .flatten()
                .map(|item| text(item.get(field))),
        );
    }
    Sha256::of(parts.join("\n").as_bytes())
}

/// Which message about a dossier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// True for steps, false for the whole state.
    pub is_progress: bool,
    /// The status behind it.
    pub status: String,
}

#[derive(Debug)]
struct Promised {
    recipients: Vec<String>,
    meaning: Option<Sha256>,
    is_accepted: bool,
}

#[derive(Debug, Default, Clone)]
struct Arrival {
    is_confirmed: bool,
    is_altered: bool,
}

#[derive(Debug, Default)]
struct Book {
    promised: BTreeMap<(String, Mark), Promised>,
    arrivals: BTreeMap<(String, Mark, String), Arrival>,
    latest: BTreeMap<String, Map<String, Value>>,
    /// Dossiers since the start.
    total: u64,
    duplicates: u64,
    refused: Vec<String>,
    first_arrival: Option<Duration>,
}

/// A shared record of one run; clones write into the same book.
#[derive(Debug, Clone, Default)]
pub struct DossierBook(Arc<Mutex<Book>>);

/// Counts are hand-overs: one message to one office.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DossierVerdict {
    /// Dossiers that were handed in.
    pub dossiers: u64,
    /// Those of which every office holds every message.
    pub complete: u64,
    /// Promised by accepted messages.
    pub submitted: u64,
    /// In an office's hands.
    pub delivered: u64,
    /// Handed over again after they had been confirmed.
    pub duplicates: u64,
    /// Hand-overs that never came.
    pub missing: Vec<String>,
    /// Messages that mean something else at their recipient.
    pub altered: Vec<String>,
    /// Messages that were refused.
    pub refused: Vec<String>,
}

impl DossierVerdict {
    /// True when every promise was kept once, in meaning.
    pub fn is_clean(&self) -> bool {
        self.duplicates == 0
            && self.missing.is_empty()
            && self.altered.is_empty()
            && self.refused.is_empty()
            && self.delivered == self.submitted
    }
}

impl DossierBook {
    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything: what follows is a new run.
    pub fn clear(&self) {
        *self.book() = Book::default();
    }

    /// The whole state is about to be sent to these offices. Written before the call, as a recipient may be quicker than the answer.
    pub fn sends_state(&self, dossier: &Map<String, Value>, recipients: &[String]) {
        let text = |name: &str| {
            let value = dossier.get(name).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let mark = Mark {
            is_progress: false,
            status: text("TrangThaiHoSo"),
        };
        self.sends(&text("MaHoSo"), mark, recipients, Some(dossier));
    }

    /// A step is about to be sent to these offices.
    pub fn sends_step(&self, code: &str, status: &str, recipients: &[String]) {
        let mark = Mark {
            is_progress: true,
            status: status.to_owned(),
        };
        self.sends(code, mark, recipients, None);
    }

    fn sends(
        &self,
        code: &str,
        mark: Mark,
        recipients: &[String],
        dossier: Option<&Map<String, Value>>,
    ) {
        let mut book = self.book();
        if book.promised.len() >= MESSAGES_MAX {
            book.forget_arrived();
        }
        let promised = Promised {
            recipients: recipients.to_vec(),
            meaning: dossier.map(meaning),
            is_accepted: false,
        };
        book.promised
            .entry((code.to_owned(), mark))
            .or_insert(promised);
    }

    /// The server took a message.
    pub fn accepted(
        &self,
        code: &str,
        is_progress: bool,
        status: &str,
        dossier: Option<&Map<String, Value>>,
    ) {
        let mut book = self.book();
        let mark = Mark {
            is_progress,
            status: status.to_owned(),
        };
        if let Some(promised) = book.promised.get_mut(&(code.to_owned(), mark)) {
            promised.is_accepted = true;
        }
        if let Some(dossier) = dossier {
            let before = book.latest.insert(code.to_owned(), dossier.clone());
            book.total += u64::from(before.is_none());
        } else if let Some(known) = book.latest.get_mut(code) {
            known.insert("TrangThaiHoSo".to_owned(), status.into());
        }
    }

    /// The server refused a message: nobody may get it.
    pub fn refused(&self, code: &str, is_progress: bool, status: &str, why: &str) {
        let mut book = self.book();
        let mark = Mark {
            is_progress,
            status: status.to_owned(),
        };
        book.promised.remove(&(code.to_owned(), mark));
        book.refused.push(format!("{code}, status {status}: {why}"));
    }

    /// An office holds a message; `dossier` is what it read of a whole state. False if it had confirmed it before.
    pub fn received(
        &self,
        recipient: &str,
        code: &str,
        mark: &Mark,
        dossier: Option<&Map<String, Value>>,
        at: Duration,
    ) -> bool {
        let mut book = self.book();
        book.first_arrival.get_or_insert(at);
        let promised = book.promised.get(&(code.to_owned(), mark.clone()));
        let wanted = promised.and_then(|promised| promised.meaning);
        let is_altered = wanted.is_some() && wanted != dossier.map(meaning);
        let key = (code.to_owned(), mark.clone(), recipient.to_owned());
        let arrival = book.arrivals.entry(key).or_default();
        arrival.is_altered |= is_altered;
        let is_new = !arrival.is_confirmed;
        if !is_new {
            book.duplicates += 1;
        }
        is_new
    }

    /// The server took the confirmation.
    pub fn confirmed(&self, recipient: &str, code: &str, mark: &Mark) {
        let key = (code.to_owned(), mark.clone(), recipient.to_owned());
        if let Some(arrival) = self.book().arrivals.get_mut(&key) {
            arrival.is_confirmed = true;
        }
    }

    /// Every dossier as its offices sent it last, in the portal's form, in the order of the codes.
    pub fn latest(&self) -> Vec<(String, Map<String, Value>)> {
        let book = self.book();
        let pairs = book.latest.iter();
        pairs
            .map(|(code, dossier)| (code.clone(), dossier.clone()))
            .collect()
    }

    /// Dossiers that were handed in since the start, forgotten ones too.
    pub fn dossiers(&self) -> u64 {
        self.book().total
    }

    /// The monotonic reading at which the first message arrived anywhere.
    pub fn first_arrival(&self) -> Option<Duration> {
        self.book().first_arrival
    }

    /// What the book says now.
    pub fn verdict(&self) -> DossierVerdict {
        let book = self.book();
        let mut verdict = DossierVerdict {
            dossiers: book.latest.len() as u64,
            duplicates: book.duplicates,
            refused: book.refused.clone(),
            ..DossierVerdict::default()
        };
        let mut incomplete = BTreeSet::new();
        for ((code, mark), promised) in &book.promised {
            for recipient in &promised.recipients {
                let label = || format!("{code}, status {} → {recipient}", mark.status);
                verdict.submitted += 1;
                match book
                    .arrivals
                    .get(&(code.clone(), mark.clone(), recipient.clone()))
                {
                    Some(arrival) => {
                        verdict.delivered += 1;
                        if arrival.is_altered {
                            verdict.altered.push(label());
                        }
                    }
                    None => {
                        incomplete.insert(code);
                        verdict.missing.push(label());
                    }
                }
            }
        }
        let codes = book.latest.keys();
        verdict.complete = codes.filter(|code| !incomplete.contains(code)).count() as u64;
        verdict
    }
}

impl Book {
    /// Drops what arrived everywhere, so that a day may last as long as it likes.
    fn forget_arrived(&mut self) {
        let arrivals = std::mem::take(&mut self.arrivals);
        self.promised.retain(|(code, mark), promised| {
            !promised.is_accepted
                || !promised.recipients.iter().all(|recipient| {
                    let key = (code.clone(), mark.clone(), recipient.clone());
                    arrivals
                        .get(&key)
                        .is_some_and(|arrival| arrival.is_confirmed)
                })
        });
        self.latest.clear();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn dossier(status: &str, owner: &str) -> Map<String, Value> {
        let value = json!({
            "MaHoSo": "H99.131-260312-0042",
            "TrangThaiHoSo": status,
            "ChuHoSo": owner,
            "TaiLieuNop": [{"TenTepDinhKem": "don.pdf", "DuongDanTaiTepTin": owner}],
        });
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_lost_a_repeated_and_an_altered_message_are_told_apart() {
        let book = DossierBook::new();
        let (code, to) = ("H99.131-260312-0042", ["A".to_owned(), "B".to_owned()]);
        let sent = dossier("2", "Phạm Thị Thử Nghiệm");
        book.sends_state(&sent, &to);
        book.accepted(code, false, "2", Some(&sent));
        let mark = Mark {
            is_progress: false,
            status: "2".to_owned(),
        };
        assert!(book.received("A", code, &mark, Some(&sent), Duration::ZERO));
        assert_eq!(book.verdict().missing.len(), 1);
        book.confirmed("A", code, &mark);
        assert!(!book.received("A", code, &mark, Some(&sent), Duration::ZERO));
        let other = dossier("2", "Người khác");
        assert!(book.received("B", code, &mark, Some(&other), Duration::ZERO));
        let verdict = book.verdict();
        assert_eq!(
            (verdict.submitted, verdict.delivered, verdict.duplicates),
            (2, 2, 1)
        );
        assert_eq!(verdict.altered.len(), 1);
        book.sends_step(code, "4", &to);
        book.accepted(code, true, "4", None);
        assert_eq!(book.latest()[0].1["TrangThaiHoSo"], "4");
        book.refused(code, true, "4", "dossier.transition");
        assert_eq!(book.verdict().refused.len(), 1);
    }

    #[test]
    fn the_address_of_a_file_is_not_its_meaning() {
        let mut moved = dossier("2", "A");
        let before = meaning(&moved);
        moved["TaiLieuNop"][0]["DuongDanTaiTepTin"] = json!("elsewhere");
        assert_eq!(meaning(&moved), before);
        moved["TaiLieuNop"][0]["TenTepDinhKem"] = json!("other.pdf");
        assert_ne!(meaning(&moved), before);
    }
}
