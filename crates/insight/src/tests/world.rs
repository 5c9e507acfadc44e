//! A database with documents, a ledger of made-up entries, and insight over both.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use lgsp_base::entropy::SeededEntropy;
use lgsp_base::id::{DeliveryId, DocumentId, OrgId, ReceiptId};
use lgsp_base::time::ManualClock;
use lgsp_base::{Sha256, Timestamp};
use lgsp_store::exchange::{DocumentKind, NewDocument};
use lgsp_store::ledger::{Entry, SealedEntry};
use lgsp_store::{Db, StoreError};
use lgsp_wire::record::{Record, Value};

use crate::{Insight, Leaves, LeavesRead, Names, Party};

/// A ledger in memory.
#[derive(Debug, Default)]
pub(super) struct FakeLeaves {
    leaves: Mutex<Vec<SealedEntry>>,
}

impl FakeLeaves {
    pub(super) fn push(&self, at: Timestamp, kind: &str, record: &Record) -> u64 {
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        let index = leaves.len() as u64;
        let record = record
            .clone()
            .with("kind", kind)
            .with("at", at.as_micros())
            .encode();
        leaves.push(SealedEntry {
            leaf: index,
            entry: Entry {
                id: i64::try_from(index).expect("small") * 2,
                at,
                kind: kind.to_owned(),
                receipt: None,
                commitment: Sha256::of(&record),
                record,
                salt: vec![0; 32],
            },
        });
        index
    }

    /// Repeats an entry as a new leaf.
    pub(super) fn repeat(&self, index: u64) {
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        let mut leaf = leaves[usize::try_from(index).expect("small")].clone();
        leaf.leaf = leaves.len() as u64;
        leaves.push(leaf);
    }
}

impl Leaves for FakeLeaves {
    fn size(&self) -> u64 {
        self.leaves
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len() as u64
    }

    fn read(&self, from: u64, limit: usize) -> LeavesRead<'_> {
        let leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        let from = usize::try_from(from).expect("small");
        let found = leaves.iter().skip(from).take(limit).cloned().collect();
        Box::pin(std::future::ready(Ok(found)))
    }
}

/// Names by organisation.
#[derive(Debug, Default)]
pub(super) struct FakeNames(pub(super) HashMap<OrgId, Party>);

impl Names for FakeNames {
    fn party(&self, org: OrgId, _: Timestamp) -> Option<Party> {
        self.0.get(&org).cloned()
    }
}

/// What a test says of a document; the rest is made up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draft<'a> {
    pub(super) kind: DocumentKind,
    pub(super) notation: Option<&'a str>,
    pub(super) subject: Option<&'a str>,
    pub(super) external_id: Option<&'a str>,
    pub(super) original: Option<DocumentId>,
    pub(super) bytes: u64,
}

impl Default for Draft<'_> {
    fn default() -> Self {
        Self {
            kind: DocumentKind::Edoc,
            notation: Some("1/UBND"),
            subject: Some("V/v báo cáo"),
            external_id: None,
            original: None,
            bytes: 100,
        }
    }
}

/// A document that was sent in a test.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) id: DocumentId,
    pub(super) sender: OrgId,
    pub(super) deliveries: Vec<(DeliveryId, OrgId)>,
}

pub(super) const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

/// Runs a future of insight; nothing here waits for anything but the store's threads.
pub(super) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(future)
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) db: Db,
    pub(super) clock: Arc<ManualClock>,
    pub(super) leaves: Arc<FakeLeaves>,
    names: Arc<FakeNames>,
    pub(super) insight: Insight,
    pub(super) entropy: SeededEntropy,
    pub(super) orgs: Vec<OrgId>,
}

impl World {
    pub(super) const NAMES: [&'static str; 4] = [
        "Uỷ ban nhân dân tỉnh",
        "Sở Y tế",
        "Sở Tài chính",
        "Trung tâm Đường bộ",
    ];

    pub(super) fn new(db: &Db, seed: u64) -> Self {
        let entropy = SeededEntropy::new(seed);
        let orgs: Vec<OrgId> = Self::NAMES
            .iter()
            .map(|_| OrgId::generate(at(1), &entropy))
            .collect();
        let names = orgs
            .iter()
            .zip(Self::NAMES)
            .enumerate()
            .map(|(n, (org, name))| {
                let party = Party {
                    name: name.to_owned(),
                    code: Some(format!("H29.{}", n + 1)),
                };
                (*org, party)
            });
        let names = Arc::new(FakeNames(names.collect()));
        let leaves = Arc::new(FakeLeaves::default());
        let clock = Arc::new(ManualClock::new(at(0)));
        let insight = Insight::open(
            db.clone(),
            Arc::<ManualClock>::clone(&clock),
            Arc::<FakeLeaves>::clone(&leaves),
            Arc::<FakeNames>::clone(&names),
        );
        Self {
            db: db.clone(),
            clock,
            leaves,
            names,
            insight,
            entropy,
            orgs,
        }
    }

    /// Insight over another ledger and the same database.
    pub(super) fn over(&self, leaves: Arc<dyn Leaves>) -> Insight {
        Insight::open(
            self.db.clone(),
            Arc::<ManualClock>::clone(&self.clock),
            leaves,
            Arc::<FakeNames>::clone(&self.names),
        )
    }

    /// A document enters the exchange, with its row and its entry.
    pub(super) fn send(
        &self,
        when: Timestamp,
        from: usize,
        to: &[usize],
        draft: Draft<'_>,
    ) -> Sent {
        let id = DocumentId::generate(when, &self.entropy);
        let sender = self.orgs[from];
        let receipt = ReceiptId::generate(when, &self.entropy);
        let deliveries: Vec<(DeliveryId, OrgId)> = to
            .iter()
            .map(|org| (DeliveryId::generate(when, &self.entropy), self.orgs[*org]))
            .collect();
        let code = format!("H29.{}", from + 1);
        let (notation, subject) = (
            draft.notation.map(str::to_owned),
            draft.subject.map(str::to_owned),
        );
        let external_id = draft.external_id.map(str::to_owned);
        let (kind, original, bytes) = (draft.kind, draft.original, draft.bytes);
        let stored = self
            .db
            .write::<_, StoreError, _>("test_document", move |tx| {
                tx.document_insert(&NewDocument {
                    id,
                    accepted_at: when,
                    expires_at: when,
                    door: "api",
                    kind,
                    business_type: Some(0),
                    sender_org: sender,
                    sender_code: &code,
                    sender_system: None,
                    external_id: external_id.as_deref(),
                    notation: notation.as_deref(),
                    subject: subject.as_deref(),
                    subject_folded: None,
                    issued_on: None,
                    type_name: None,
                    priority: None,
                    original,
                    content_type: "text/plain",
                    content_bytes: bytes,
                    content_sha256: Sha256::of(id.to_string().as_bytes()),
                    attachments: None,
                    receipt,
                    blob: None,
                    body: None,
                })
            });
        stored.wait().expect("a document");
        let list: Vec<Value> = deliveries
            .iter()
            .map(|(delivery, org)| {
                Value::from(
                    Record::new()
                        .with("delivery", delivery.to_string())
                        .with("recipient", org.to_string()),
                )
            })
            .collect();
        let record = Record::new()
            .with("document", id.to_string())
            .with("document_kind", draft.kind.name())
            .with("sender", sender.to_string())
            .with("business_type", 0)
            .with("deliveries", list);
        self.leaves.push(when, "document.accepted", &record);
        Sent {
            id,
            sender,
            deliveries,
        }
    }

    fn about(sent: &Sent, delivery: DeliveryId, recipient: OrgId) -> Record {
        Record::new()
            .with("delivery", delivery.to_string())
            .with("document", sent.id.to_string())
            .with("sender", sent.sender.to_string())
            .with("recipient", recipient.to_string())
    }

    /// Something happens to the delivery to the recipient at this place.
    pub(super) fn step(&self, when: Timestamp, kind: &str, sent: &Sent, place: usize) -> u64 {
        let (delivery, org) = sent.deliveries[place];
        let record = Self::about(sent, delivery, org);
        let record = match kind {
            "delivery.confirmed" => record,
            "status.reported" => record.with("code", "03").with("moved", true),
            "delivery.attempt_failed" => record
                .with("cause", "unreachable")
                .with("number", 1)
                .with("next_at", when.as_micros() + 5_000_000),
            _ => record.with("cause", "too_large"),
        };
        self.leaves.push(when, kind, &record)
    }

    /// The delivery is sent again.
    pub(super) fn resend(&self, when: Timestamp, sent: &mut Sent, place: usize) -> u64 {
        let (old, org) = sent.deliveries[place];
        let new = DeliveryId::generate(when, &self.entropy);
        sent.deliveries[place].0 = new;
        let record = Self::about(sent, new, org).with("resend_of", old.to_string());
        self.leaves.push(when, "delivery.resent", &record)
    }

    /// Works everything in.
    pub(super) fn advance(&self) {
        while run(self.insight.advance()).expect("advances").leaves > 0 {}
    }

    /// Every derived row as text, in a fixed order.
    pub(super) fn dump(&self) -> Vec<String> {
        const TABLES: [(&str, &str, &str); 7] = [
            ("insight_cursor", "next_leaf, as_of", "id"),
            (
                "insight_transactions",
                "leaf, document_id, correlation_id, kind, business_type, sender_org_id, content_bytes, recipients, \
                 waiting, done, troubled, cancelled, outcome, cause, next_try_at, first_at, last_at, last_leaf, \
                 erased_at, words",
                "leaf",
            ),
            (
                "insight_recipients",
                "leaf, org_id, delivery_id, state, cause, status_code, attempts, next_try_at, since_at, closed_at",
                "leaf, org_id",
            ),
            ("insight_hours", "hour, first_leaf, last_leaf", "hour"),
            (
                "insight_counters",
                "agency, hour, direction, kind, outcome, count, content_bytes",
                "agency, hour, direction, kind, outcome",
            ),
            (
                "insight_agencies",
                "org_id, waiting, troubled, good_at, good_leaf, was_slow, trouble_since, trouble_at, trouble_leaf, \
                 trouble_cause",
                "org_id",
            ),
            (
                "insight_health",
                "org_id, slot, tick, good, slow, trouble",
                "org_id, slot",
            ),
        ];
        let read = self.db.read::<_, StoreError, _>("test_dump", |tx| {
            let mut lines = Vec::new();
            for (table, columns, order) in TABLES {
                let names: Vec<&str> = columns.split(',').map(str::trim).collect();
                let texts: Vec<String> = names
                    .iter()
                    .map(|name| format!("COALESCE(CAST({name} AS TEXT), '-')"))
                    .collect();
                let sql = format!("SELECT {} FROM {table} ORDER BY {order}", texts.join(", "));
                lines.extend(tx.query_dyn(&sql, &[], |row| {
                    let mut line = table.to_owned();
                    for (index, name) in names.iter().enumerate() {
                        line.push_str(&format!(" {name}={}", row.text_ref(index)?));
                    }
                    Ok(line)
                })?);
            }
            Ok(lines)
        });
        read.wait().expect("rows")
    }
}
