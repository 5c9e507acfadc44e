//! The ledger: its newest checkpoint, who vouches for it, its entries in sentences, and the proof of each.

use axum::extract::{Path, State};
use axum::response::Response;
use lgsp_base::id::{OrgId, SystemId};
use lgsp_base::problem::kinds;
use lgsp_base::{Permission, Sha256, Timestamp, limits};
use lgsp_registry::Snapshot;
use lgsp_store::ledger::{Entry, Proof, SealedEntry, Side};
use lgsp_wire::record::Record;
use lgsp_wire::tlog::checkpoint::Checkpoint;
use lgsp_wire::tlog::merkle::{leaf_hash, node_hash};
use lgsp_wire::tlog::note::{SignedNote, VerifierKey};
use serde::Serialize;

use super::cause::Cause;
use super::organisations::Party;
use crate::Console;
use crate::error::Failure;
use crate::page::{Page, Place};
use crate::proof::{Ladder, Rung};
use crate::visitor::Visitor;

/// The page of entries below this leaf.
const BELOW: &str = "truoc";

/// Kinds that have a sentence in the texts, `event.…`; others are shown by their name.
const KINDS: &[&str] = &[
    "agency.deleted",
    "agency.registered",
    "delivery.attempt_failed",
    "delivery.cancelled",
    "delivery.confirmed",
    "delivery.dead",
    "delivery.expired",
    "delivery.parked",
    "delivery.refused",
    "delivery.resent",
    "document.accepted",
    "document.erased",
    "ledger.clock_accepted",
    "ledger.clock_stepped",
    "ledger.key_rotated",
    "ledger.record_erased",
    "organisation.event",
    "organisations.imported",
    "registry.transition_set",
    "resend.cancelled",
    "resend.started",
    "session.closed",
    "session.opened",
    "session.refused",
    "status.reported",
    "submit.refused",
    "system.added",
    "system.closed",
    "system.receiver_set",
    "token.issued",
    "token.revoked",
    "webhook.approved",
    "webhook.disabled",
    "webhook.proposed",
];

/// The ledger as a whole.
#[derive(Debug, Serialize)]
pub(crate) struct LedgerPage {
    checkpoint: Option<Stood>,
    origin: String,
    key: String,
    witnesses: Vec<Witness>,
    stamped_at: Option<Timestamp>,
    entries: Vec<Line>,
    next: Option<String>,
    waiting: u64,
}

/// A checkpoint for people.
#[derive(Debug, Clone, Serialize)]
struct Stood {
    size: u64,
    root: String,
    at: Timestamp,
    cosignatures: Vec<String>,
    note: String,
}

/// A witness for people.
#[derive(Debug, Clone, Serialize)]
struct Witness {
    name: String,
    size: u64,
    cosigned_at: Option<Timestamp>,
    failure: Option<String>,
    is_behind: bool,
}

/// An entry in a sentence.
#[derive(Debug, Clone, Serialize)]
struct Line {
    leaf: u64,
    at: Timestamp,
    /// The last part of a text's key; `other` for a kind without a sentence, `erased` for a record that is gone.
    word: &'static str,
    kind: String,
    actor: String,
    document: Option<String>,
    unit: Option<String>,
    cause: Option<Cause>,
}

impl Line {
    fn of(sealed: &SealedEntry, snapshot: &Snapshot) -> Self {
        let entry = &sealed.entry;
        let record = Record::decode(&entry.record).unwrap_or_default();
        let known = KINDS.iter().copied().find(|kind| *kind == entry.kind);
        Self {
            leaf: sealed.leaf,
            at: entry.at,
            word: if entry.is_erased() {
                "erased"
            } else {
                known.unwrap_or("other")
            },
            kind: entry.kind.clone(),
            actor: actor(record.text("actor").unwrap_or_default(), snapshot, entry.at),
            document: record.text("document").map(ToOwned::to_owned),
            unit: ["recipient", "org", "organisation", "sender"]
                .iter()
                .find_map(|key| record.text(key))
                .and_then(|id| id.parse::<OrgId>().ok())
                .and_then(|org| Party::of(snapshot, org, entry.at))
                .map(|party| party.name),
            cause: record.text("cause").map(Cause::of),
        }
    }
}

/// Who acted: the name of a system, or what the ledger says.
fn actor(label: &str, snapshot: &Snapshot, at: Timestamp) -> String {
    label
        .parse::<SystemId>()
        .ok()
        .and_then(|id| snapshot.connections().system(id))
        .map_or_else(
            || label.to_owned(),
            |system| match Party::of(snapshot, system.org, at) {
                Some(org) => format!("{} ({})", system.name, org.name),
                None => system.name.clone(),
            },
        )
}

/// `GET /nhat-ky`.
pub(crate) async fn list(
    State(console): State<Console>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    visitor.permit(Permission::LedgerRead)?;
    let ledger = &console.ledger;
    let failed = |error: lgsp_store::ledger::LedgerError| Failure::from(error.to_problem());
    let checkpoint = ledger.checkpoint().await.map_err(failed)?;
    let size = checkpoint.as_ref().map_or(0, |found| found.size);
    let end = visitor
        .query
        .text(BELOW)
        .and_then(|text| text.parse::<u64>().ok())
        .unwrap_or(size)
        .min(size);
    let rows = limits::CONSOLE_PAGE_ROWS;
    let from = end.saturating_sub(rows as u64);
    let wanted = usize::try_from(end - from).unwrap_or(rows);
    let snapshot = console.registry.snapshot();
    let sealed = if wanted == 0 {
        Vec::new()
    } else {
        ledger.leaves(from, wanted).await.map_err(failed)?
    };
    let page = LedgerPage {
        origin: ledger.origin().to_owned(),
        key: ledger.verifier_key().to_string(),
        witnesses: ledger
            .witnesses()
            .await
            .map_err(failed)?
            .into_iter()
            .map(|state| Witness {
                is_behind: state.failure.is_some(),
                name: state.name,
                size: state.size,
                cosigned_at: state.cosigned_at,
                failure: state.failure,
            })
            .collect(),
        stamped_at: ledger
            .newest_timestamp()
            .await
            .map_err(failed)?
            .map(|stamp| stamp.gen_time),
        entries: sealed
            .iter()
            .rev()
            .map(|entry| Line::of(entry, &snapshot))
            .collect(),
        next: (from > 0).then(|| format!("/nhat-ky?{BELOW}={from}")),
        waiting: ledger.waiting(rows).await.map_err(failed)?,
        checkpoint: checkpoint.map(|found| Stood {
            size: found.size,
            root: found.root.to_string(),
            at: found.at,
            cosignatures: cosigners(&found.note, &ledger.verifier_key()),
            note: found.note,
        }),
    };
    visitor.show(&console, &page)
}

/// The names under a note besides the log's own.
fn cosigners(note: &str, key: &VerifierKey) -> Vec<String> {
    SignedNote::parse(note)
        .map(|note| {
            note.signatures
                .into_iter()
                .filter(|signature| !signature.is_by(key))
                .map(|signature| signature.name)
                .collect()
        })
        .unwrap_or_default()
}

/// One entry with its proof.
#[derive(Debug, Serialize)]
pub(crate) struct EntryPage {
    line: Line,
    leaf: u64,
    record: Option<String>,
    receipt: Option<String>,
    commitment: String,
    checkpoint: Stood,
    stamped_at: Option<Timestamp>,
    ladder: Ladder,
    checks: Vec<Check>,
    is_valid: bool,
    siblings: Vec<Sibling>,
}

/// Something that was checked.
#[derive(Debug, Clone, Serialize)]
struct Check {
    /// `commitment`, `path`, `signature`, `witnesses`, `timestamp`.
    word: &'static str,
    /// `holds`, `fails`, `absent`.
    outcome: &'static str,
}

/// One hash of the proof in full.
#[derive(Debug, Clone, Serialize)]
struct Sibling {
    level: usize,
    is_left: bool,
    hash: String,
}

/// `GET /nhat-ky/{leaf}`: the proof is computed anew each time, from what is stored.
pub(crate) async fn show(
    State(console): State<Console>,
    Path(leaf): Path<u64>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    visitor.permit(Permission::LedgerRead)?;
    let proof = console
        .ledger
        .proof(leaf)
        .await
        .map_err(|error| error.to_problem())?
        .ok_or_else(|| kinds::HTTP_NOT_FOUND.problem())?;
    let keys = console
        .ledger
        .keys()
        .await
        .map_err(|error| error.to_problem())?;
    let key = keys
        .iter()
        .find(|key| key.number == proof.checkpoint.key_number)
        .and_then(|key| key.verifier.parse().ok());
    let snapshot = console.registry.snapshot();
    let line = Line::of(&proof.sealed, &snapshot);
    visitor.show(&console, &EntryPage::of(&proof, key.as_ref(), line))
}

impl EntryPage {
    fn of(proof: &Proof, key: Option<&VerifierKey>, line: Line) -> Self {
        let entry = &proof.sealed.entry;
        let ladder = climb(proof);
        let signed = key.and_then(|key| {
            let note = SignedNote::parse(&proof.checkpoint.note).ok()?;
            Checkpoint::open(&note, key).ok()
        });
        let is_signed = signed.is_some_and(|signed| {
            signed.root == proof.checkpoint.root && signed.size == proof.checkpoint.size
        });
        let word = |is_good| if is_good { "holds" } else { "fails" };
        let present = |is_there| if is_there { "holds" } else { "absent" };
        let checks = vec![
            Check {
                word: "commitment",
                outcome: if entry.is_erased() {
                    "absent"
                } else {
                    word(is_committed(entry))
                },
            },
            Check {
                word: "path",
                outcome: word(ladder.is_root),
            },
            Check {
                word: "signature",
                outcome: word(is_signed),
            },
            Check {
                word: "witnesses",
                outcome: present(!proof.cosignatures.is_empty()),
            },
            Check {
                word: "timestamp",
                outcome: present(proof.timestamp.is_some()),
            },
        ];
        Self {
            leaf: proof.sealed.leaf,
            record: (!entry.is_erased()).then(|| pretty(&entry.record)),
            receipt: entry.receipt.map(|receipt| receipt.to_string()),
            commitment: entry.commitment.to_string(),
            checkpoint: Stood {
                size: proof.checkpoint.size,
                root: proof.checkpoint.root.to_string(),
                at: proof.checkpoint.at,
                cosignatures: proof
                    .cosignatures
                    .iter()
                    .map(|line| line.key.name().to_owned())
                    .collect(),
                note: proof.checkpoint.note.clone(),
            },
            stamped_at: proof.timestamp.as_ref().map(|stamp| stamp.gen_time),
            siblings: proof
                .path
                .iter()
                .enumerate()
                .map(|(level, step)| Sibling {
                    level,
                    is_left: step.side == Side::Left,
                    hash: step.hash.to_string(),
                })
                .collect(),
            is_valid: checks.iter().all(|check| check.outcome != "fails"),
            checks,
            ladder,
            line,
        }
    }
}

fn is_committed(entry: &Entry) -> bool {
    entry.is_intact()
}

/// Hashes from the entry's commitment up; nothing that is stored about the tree is believed but the siblings.
fn climb(proof: &Proof) -> Ladder {
    let leaf = leaf_hash(&proof.sealed.entry.commitment.0);
    let mut hash: Sha256 = leaf;
    let rungs: Vec<Rung> = proof
        .path
        .iter()
        .map(|step| {
            hash = match step.side {
                Side::Left => node_hash(&step.hash, &hash),
                Side::Right => node_hash(&hash, &step.hash),
            };
            Rung {
                hash,
                sibling: step.hash,
                is_left: step.side == Side::Left,
            }
        })
        .collect();
    Ladder {
        leaf,
        is_root: hash == proof.checkpoint.root,
        rungs,
    }
}

/// The record with a line for each value.
fn pretty(record: &[u8]) -> String {
    serde_json::from_slice::<serde_json::Value>(record)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| String::from_utf8_lossy(record).into_owned())
}

fn sample_at() -> Timestamp {
    Timestamp::from_micros(1_793_844_429_000_000)
}

fn sample_line(leaf: u64, word: &'static str) -> Line {
    Line {
        leaf,
        at: sample_at(),
        word,
        kind: word.to_owned(),
        actor: "QLVB Sở Y tế (Sở Y tế tỉnh Bình An)".to_owned(),
        document: leaf
            .is_multiple_of(2)
            .then(|| lgsp_base::id::DocumentId::from_bits(1).to_string()),
        unit: (!leaf.is_multiple_of(3)).then(|| "Sở Tài chính tỉnh Bình An".to_owned()),
        cause: word.contains("failed").then(|| Cause::of("http_503")),
    }
}

fn sample_checkpoint(cosignatures: Vec<String>) -> Stood {
    Stood {
        size: 184_222,
        root: Sha256::of(b"root").to_string(),
        at: sample_at(),
        cosignatures,
        note: "lgsp.example/H99\n184222\nAAAA\n\n— lgsp.example/H99 AAAA\n".to_owned(),
    }
}

impl Page for LedgerPage {
    const TEMPLATE: &'static str = "ledger.html";
    const PLACE: Place = Place::Ledger;
    const FRAGMENTS: &'static [&'static str] = &["head", "entries"];

    fn samples() -> Vec<(&'static str, Self)> {
        let empty = || Self {
            checkpoint: None,
            origin: "lgsp.example/H99".to_owned(),
            key: "lgsp.example/H99+1a2b3c4d+AbCd".to_owned(),
            witnesses: Vec::new(),
            stamped_at: None,
            entries: Vec::new(),
            next: None,
            waiting: 0,
        };
        let words = KINDS.iter().copied().chain(["other", "erased"]);
        vec![
            ("empty", empty()),
            (
                "alone",
                Self {
                    checkpoint: Some(sample_checkpoint(Vec::new())),
                    ..empty()
                },
            ),
            (
                "full",
                Self {
                    checkpoint: Some(sample_checkpoint(vec!["witness.example".to_owned()])),
                    witnesses: vec![
                        Witness {
                            name: "witness.example".to_owned(),
                            size: 184_222,
                            cosigned_at: Some(sample_at()),
                            failure: None,
                            is_behind: false,
                        },
                        Witness {
                            name: "other.example".to_owned(),
                            size: 0,
                            cosigned_at: None,
                            failure: Some("connection refused".to_owned()),
                            is_behind: true,
                        },
                    ],
                    stamped_at: Some(sample_at()),
                    entries: words
                        .zip(184_200_u64..)
                        .map(|(word, leaf)| sample_line(leaf, word))
                        .collect(),
                    next: Some("/nhat-ky?truoc=184172".to_owned()),
                    waiting: 3,
                    ..empty()
                },
            ),
        ]
    }
}

impl Page for EntryPage {
    const TEMPLATE: &'static str = "ledger_entry.html";
    const PLACE: Place = Place::Ledger;

    fn samples() -> Vec<(&'static str, Self)> {
        let hash = |text: &str| Sha256::of(text.as_bytes());
        let page = |outcomes: [&'static str; 5], is_valid: bool| Self {
            line: sample_line(184_222, "document.accepted"),
            leaf: 184_221,
            record: (outcomes[0] != "absent")
                .then(|| "{\n  \"kind\": \"document.accepted\"\n}".to_owned()),
            receipt: is_valid.then(|| lgsp_base::id::ReceiptId::from_bits(1).to_string()),
            commitment: hash("commitment").to_string(),
            checkpoint: sample_checkpoint(vec!["witness.example".to_owned()]),
            stamped_at: is_valid.then(sample_at),
            ladder: Ladder {
                leaf: hash("leaf"),
                rungs: (0..18)
                    .map(|level| Rung {
                        hash: hash(&format!("hash {level}")),
                        sibling: hash(&format!("sibling {level}")),
                        is_left: level % 3 == 0,
                    })
                    .collect(),
                is_root: is_valid,
            },
            checks: ["commitment", "path", "signature", "witnesses", "timestamp"]
                .into_iter()
                .zip(outcomes)
                .map(|(word, outcome)| Check { word, outcome })
                .collect(),
            is_valid,
            siblings: (0..18)
                .map(|level| Sibling {
                    level,
                    is_left: level % 3 == 0,
                    hash: hash(&format!("sibling {level}")).to_string(),
                })
                .collect(),
        };
        vec![
            ("valid", page(["holds"; 5], true)),
            (
                "plain",
                page(["absent", "holds", "holds", "absent", "absent"], true),
            ),
            (
                "broken",
                page(["fails", "fails", "fails", "absent", "absent"], false),
            ),
        ]
    }
}
