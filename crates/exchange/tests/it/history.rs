//! What callers saw, compared with what the store says: the delivery promises D1–D8 and D13 as a checker.
//!
//! It knows nothing of the exchange's inside: it gets the record of every call and answer, and reads the final state through
//! the operations that callers have, plus the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use lgsp_base::Sha256;
use lgsp_base::id::{DeliveryId, DocumentId, ReceiptId};
use lgsp_exchange::{ContentBody, ContentTarget, DeliveryState, DocumentKind, Trace};
use lgsp_store::StoreError;
use lgsp_store::testing::TestDb;
use lgsp_wire::record::Record;

use crate::world::{World, apart, code, operator};

/// A fresh store on each engine that is there.
pub(crate) fn stores(name: &str) -> Vec<TestDb> {
    let mut stores = vec![TestDb::sqlite(name)];
    stores.extend(apart(|| TestDb::postgres(name)));
    stores
}

/// The finished files of a blob folder.
pub(crate) fn blob_files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.join("v1")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("tmp") {
                folders.push(path);
            } else if path.is_file() {
                found.push(path);
            }
        }
    }
    found
}

/// One request to submit, with every answer that came.
#[derive(Debug, Clone)]
pub(crate) struct Submitted {
    pub(crate) key: String,
    pub(crate) from: u8,
    pub(crate) to: Vec<u8>,
    pub(crate) sha256: Sha256,
    /// Document and receipt of each answer that was not lost.
    pub(crate) answers: Vec<(DocumentId, ReceiptId)>,
}

/// The outside record.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) submitted: Vec<Submitted>,
    /// Keys that were sent again with other content, and whether that was refused as a conflict.
    pub(crate) reused: Vec<(String, bool)>,
    /// Content that a recipient was handed: recipient, delivery, sender's code, digest of the bytes, attempt.
    pub(crate) handed: Vec<(u8, DeliveryId, String, Sha256, i64)>,
    /// First confirmations in order: recipient, sender's code, kind, number in the pair, delivery, receipt.
    pub(crate) confirmed: Vec<(u8, String, DocumentKind, i64, DeliveryId, ReceiptId)>,
}

/// Everything that is wrong, each line beginning with the promise.
pub(crate) async fn check(world: &World, history: &History) -> Vec<String> {
    let mut wrong = Vec::new();
    check_keys(history, &mut wrong);
    check_handed(history, &mut wrong);
    check_confirmed(history, &mut wrong);
    let mut traces = Vec::new();
    for submitted in &history.submitted {
        let Some((document, receipt)) = submitted.answers.first() else {
            continue;
        };
        match world.exchange.trace(&operator(), *document).await {
            Ok(trace) => {
                check_document(world, submitted, *receipt, &trace, &mut wrong).await;
                traces.push(trace);
            }
            Err(error) => wrong.push(format!("D1 {document} is gone: {error}")),
        }
    }
    check_order(&traces, &mut wrong);
    check_ledger(world, history, &traces, &mut wrong).await;
    wrong
}

/// D3, D4.
fn check_keys(history: &History, wrong: &mut Vec<String>) {
    let mut ids: BTreeMap<&str, BTreeSet<DocumentId>> = BTreeMap::new();
    for submitted in &history.submitted {
        let known = ids.entry(&submitted.key).or_default();
        known.extend(submitted.answers.iter().map(|(document, _)| *document));
    }
    for (key, known) in ids {
        if known.len() > 1 {
            wrong.push(format!("D3 key {key} stands for {known:?}"));
        }
    }
    for (key, was_refused) in &history.reused {
        if !was_refused {
            wrong.push(format!("D4 key {key} took other content"));
        }
    }
}

/// D2, and the attempts of D5.
fn check_handed(history: &History, wrong: &mut Vec<String>) {
    let mut last: BTreeMap<DeliveryId, i64> = BTreeMap::new();
    for (recipient, delivery, sender, sha256, attempt) in &history.handed {
        let is_submitted = history.submitted.iter().any(|submitted| {
            code(submitted.from) == *sender
                && submitted.to.contains(recipient)
                && submitted.sha256 == *sha256
        });
        if !is_submitted {
            wrong.push(format!(
                "D2 {recipient} got {delivery} that {sender} never sent it"
            ));
        }
        let before = last.insert(*delivery, *attempt).unwrap_or(0);
        if *attempt <= before {
            wrong.push(format!(
                "D5 {delivery} was handed over as attempt {attempt} after {before}"
            ));
        }
    }
}

/// D5, D6 as recipients see them.
fn check_confirmed(history: &History, wrong: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    let mut last: BTreeMap<(u8, &str, DocumentKind), i64> = BTreeMap::new();
    for (recipient, sender, kind, seq, delivery, _) in &history.confirmed {
        if !seen.insert(*delivery) {
            wrong.push(format!("D5 {delivery} was confirmed twice"));
        }
        let before = last.insert((*recipient, sender, *kind), *seq).unwrap_or(0);
        if *seq <= before {
            wrong.push(format!(
                "D6 {recipient} confirmed {seq} of {sender} after {before}"
            ));
        }
    }
}

/// D1, D8, D13 (sender's side), D7.
async fn check_document(
    world: &World,
    submitted: &Submitted,
    receipt: ReceiptId,
    trace: &Trace,
    wrong: &mut Vec<String>,
) {
    let id = trace.document.id;
    match world
        .exchange
        .content(
            &lgsp_base::Actor::Platform { part: "test" },
            ContentTarget::Document(id),
        )
        .await
    {
        Ok(stream) => {
            let bytes = match stream.body {
                ContentBody::Bytes(bytes) => Some(bytes),
                ContentBody::Blob(mut reader) => {
                    let mut bytes = Vec::new();
                    reader.read_to_end(&mut bytes).ok().map(|_| bytes)
                }
            };
            if bytes.is_none_or(|bytes| Sha256::of(&bytes) != submitted.sha256) {
                wrong.push(format!("D1 {id} is not what was accepted"));
            }
        }
        Err(error) => wrong.push(format!("D8 {id} is visible without its content: {error}")),
    }
    if trace.document.receipt != receipt || trace.document.content_sha256 != submitted.sha256 {
        wrong.push(format!("D13 {id} and the sender's receipt differ"));
    }
    for shown in &trace.deliveries {
        if shown.delivery.state.is_open() {
            wrong.push(format!(
                "D7 {} is still {}",
                shown.delivery.id,
                shown.delivery.state.name()
            ));
        }
        if !submitted
            .to
            .iter()
            .any(|to| code(*to) == shown.delivery.recipient_code)
        {
            wrong.push(format!(
                "D2 {id} also went to {}",
                shown.delivery.recipient_code
            ));
        }
    }
}

/// D6 as the store sees it: within a pair and kind, later confirmations have later times, and what was passed is closed.
fn check_order(traces: &[Trace], wrong: &mut Vec<String>) {
    let mut pairs: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for delivery in traces
        .iter()
        .flat_map(|trace| &trace.deliveries)
        .map(|shown| &shown.delivery)
    {
        pairs
            .entry((delivery.sender_org, delivery.recipient_org, delivery.kind))
            .or_default()
            .push(delivery);
    }
    for (pair, mut deliveries) in pairs {
        deliveries.sort_by_key(|delivery| delivery.seq);
        let mut latest = None;
        for delivery in deliveries {
            let is_delivered = delivery.state == DeliveryState::Delivered;
            if latest.is_some() && delivery.closed_at < latest && is_delivered {
                wrong.push(format!(
                    "D6 {pair:?}: {} overtook an earlier one",
                    delivery.id
                ));
            }
            if delivery.closed_at > latest {
                latest = delivery.closed_at;
            }
        }
    }
}

/// D5 and D13 by the ledger: one confirmation per document and recipient, with the receipt and digest that were given.
async fn check_ledger(world: &World, history: &History, traces: &[Trace], wrong: &mut Vec<String>) {
    let entries = world
        .db
        .read("ledger_list", |tx| tx.ledger_list(0, 1_000_000))
        .await
        .unwrap_or_else(|error: StoreError| panic!("the ledger is read: {error}"));
    let mut confirmed: BTreeMap<(String, String), u32> = BTreeMap::new();
    let mut receipts = BTreeMap::new();
    for entry in entries {
        if !entry.is_intact() {
            wrong.push(format!("D13 ledger entry {} is damaged", entry.id));
        }
        let record = Record::decode(&entry.record).expect("a record");
        if entry.kind == "delivery.confirmed" {
            let text = |key: &str| record.text(key).unwrap_or_default().to_owned();
            *confirmed
                .entry((text("document"), text("recipient")))
                .or_default() += 1;
        }
        if let Some(receipt) = entry.receipt {
            receipts.insert(receipt, record);
        }
    }
    for (what, times) in confirmed {
        if times > 1 {
            wrong.push(format!("D5 {what:?} was confirmed {times} times"));
        }
    }
    for submitted in &history.submitted {
        for (document, receipt) in &submitted.answers {
            let is_right = receipts.get(receipt).is_some_and(|record| {
                record.text("document") == Some(&document.to_string())
                    && record.text("sha256") == Some(&submitted.sha256.to_string())
            });
            if !is_right {
                wrong.push(format!("D13 receipt {receipt} does not prove {document}"));
            }
        }
    }
    let digests: BTreeMap<String, String> = traces
        .iter()
        .map(|trace| {
            (
                trace.document.id.to_string(),
                trace.document.content_sha256.to_string(),
            )
        })
        .collect();
    for (_, _, _, _, delivery, receipt) in &history.confirmed {
        let is_right = receipts.get(receipt).is_some_and(|record| {
            let document = record.text("document").unwrap_or_default();
            record.text("delivery") == Some(&delivery.to_string())
                && digests
                    .get(document)
                    .is_none_or(|digest| record.text("sha256") == Some(digest))
        });
        if !is_right {
            wrong.push(format!("D13 receipt {receipt} does not prove {delivery}"));
        }
    }
}
