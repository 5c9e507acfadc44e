//! The ledger over HTTP: the public log in the form of C2SP tlog-tiles, receipts for parties, entries and proofs for operators.
//!
//! What is public are commitments, hashes and signatures: from them nobody learns what happened, and everybody can check that
//! it was not changed. Tiles never change, so they may be kept for ever; the checkpoint is asked for anew each time.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Uri, header};
use lgsp_base::hash::to_hex;
use lgsp_base::problem::kinds;
use lgsp_base::{Problem, Sha256, Timestamp};
use lgsp_exchange::OwnReceipt;
use lgsp_store::ledger::{Ledger, Proof, SealedEntry, Side, Subject};
use lgsp_wire::record::{Record, Value};
use lgsp_wire::tlog::receipt::{FILE_EXTENSION, MEDIA_TYPE};
use lgsp_wire::tlog::tile::{BundleId, TileId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::{DocumentRead, LedgerRead, Permitted};
use crate::download::{Download, respond};
use crate::page::PageRequest;
use crate::problem::{Failure, ProblemDocument};
use crate::query::Query;
use crate::respond::{Page, id, paged, tagged};

/// For what never changes (RFC 8246).
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// For what is asked for anew.
const NEVER: HeaderValue = HeaderValue::from_static("no-cache");
/// A note or a list of keys.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// Hashes or commitments.
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

impl ApiState {
    /// The ledger.
    ///
    /// # Errors
    /// `ledger.unavailable` on a node that was put together without one.
    pub(crate) fn ledger(&self) -> Result<&Ledger, Problem> {
        self.ledger
            .as_ref()
            .ok_or_else(|| kinds::LEDGER_UNAVAILABLE.problem())
    }
}

fn public(content_type: HeaderValue, caching: HeaderValue, body: impl Into<Body>) -> Response {
    let mut response = body.into().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CACHE_CONTROL, caching);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

fn unknown() -> Problem {
    kinds::LEDGER_UNKNOWN.problem()
}

/// Show the newest checkpoint
///
/// A signed note (C2SP tlog-checkpoint): name of the log, number of leaves, root, signature of the log, cosignatures.
#[utoipa::path(get, path = "/ledger/checkpoint", tag = "ledger", security(()),
    responses((status = 200, description = "The note", body = String, content_type = "text/plain"),
        (status = 404, description = "Nothing is sealed yet", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn checkpoint(State(state): State<ApiState>) -> Result<Response, Failure> {
    let newest = state.ledger()?.checkpoint().await?;
    let newest = newest.ok_or_else(unknown)?;
    Ok(public(TEXT, NEVER, newest.note))
}

/// Show the keys of the log
///
/// One verifier key (C2SP signed-note) in each line, the oldest first; the last one signs.
#[utoipa::path(get, path = "/ledger/keys", tag = "ledger", security(()),
    responses((status = 200, description = "The keys", body = String, content_type = "text/plain",
        example = json!("ledger.binhan.example+1a2b3c4d+AfD8…\n"))))]
pub(crate) async fn keys(State(state): State<ApiState>) -> Result<Response, Failure> {
    let mut text = String::new();
    for key in state.ledger()?.keys().await? {
        text.push_str(&key.verifier);
        text.push('\n');
    }
    Ok(public(TEXT, NEVER, text))
}

/// Fetch a tile or a bundle of entries
///
/// C2SP tlog-tiles: `<level>/<index>[.p/<width>]` holds hashes of 32 bytes, `entries/<index>[.p/<width>]` the commitments of entries
/// with their lengths; indexes in groups of three digits, `x001/234`.
#[utoipa::path(get, path = "/ledger/tile/{path}", tag = "ledger", security(()),
    params(("path" = String, Path, description = "Of the tile", example = "0/x001/234.p/5")),
    responses((status = 200, description = "The bytes, which never change", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 404, description = "Not a tile of the newest checkpoint", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn tile(
    State(state): State<ApiState>,
    Path(path): Path<String>,
) -> Result<Response, Failure> {
    let ledger = state.ledger()?;
    let bytes = match (path.parse::<TileId>(), path.parse::<BundleId>()) {
        (Ok(tile), _) => ledger.tile(tile).await?,
        (_, Ok(bundle)) => ledger.bundle(bundle).await?,
        _ => None,
    };
    let bytes = bytes.ok_or_else(unknown)?;
    Ok(public(BYTES, FOR_EVER, bytes))
}

/// Fetch the receipt of a document
///
/// One file that anybody verifies offline with `lgsp verify`: what was recorded, where it stands in the log, who signed and stamped
/// the log. For the sender of the acceptance, for a recipient of its own confirmation.
#[utoipa::path(get, path = "/api/v1/documents/{id}/receipt", tag = "ledger",
    params(("id" = String, Path, description = "The document")),
    responses((status = 200, description = "The bundle, in canonical bytes", body = Vec<u8>, content_type = "application/vnd.lgsp.receipt+json"),
        (status = 404, description = "Unknown, not the caller's, or nothing confirmed yet", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "Not sealed yet; `Retry-After` says when", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn receipt(
    State(state): State<ApiState>,
    permitted: Permitted<DocumentRead>,
    Path(document): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let document = id(&document, &kinds::EXCHANGE_DOCUMENT_UNKNOWN)?;
    let own = state
        .exchange
        .receipt_of(&permitted.actor, document)
        .await?;
    let subject = match own {
        OwnReceipt::Acceptance(_) => Subject::Document(document),
        OwnReceipt::Confirmation(receipt) => Subject::Receipt(receipt),
        OwnReceipt::Nothing => return Err(unknown().into()),
    };
    let bundle = state.ledger()?.receipt_bundle(subject).await?;
    let bytes = bundle.ok_or_else(unknown)?.encode();
    let download = Download {
        content_type: MEDIA_TYPE.to_owned(),
        bytes: Some(bytes.len() as u64),
        sha256: Some(Sha256::of(&bytes)),
        file_name: format!("{document}.{FILE_EXTENSION}"),
        body: Body::from(bytes),
    };
    Ok(respond(&headers, download))
}

/// An entry of the ledger and its place.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "leaf": 17, "at": "2026-11-05T03:10:00.000000Z", "kind": "delivery.confirmed",
    "receipt_id": "rcp_01jqcy4m9zh9y1a2b3c4d5e6f7",
    "record": {"actor": "sys_01jqcy4m9ze5b8q6p6b0w7h3tn", "document": "doc_01jqcy4m9ze5b8q6p6b0w7h3tn", "seq": 1},
    "salt": "00aa…", "commitment": "ac0d…", "is_erased": false
}))]
pub(crate) struct EntryView {
    /// Its place, from 0, without holes.
    leaf: u64,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What happened.
    kind: String,
    /// The receipt that names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    receipt_id: Option<lgsp_base::id::ReceiptId>,
    /// What was recorded.
    #[schema(value_type = Object)]
    record: serde_json::Value,
    /// The salt of the commitment, hexadecimal.
    salt: String,
    /// What the log holds: SHA-256 over domain, salt and record.
    #[schema(value_type = String)]
    commitment: Sha256,
    /// True if record and salt were erased and the commitment kept.
    is_erased: bool,
}

impl From<SealedEntry> for EntryView {
    fn from(sealed: SealedEntry) -> Self {
        let entry = sealed.entry;
        Self {
            leaf: sealed.leaf,
            is_erased: entry.is_erased(),
            record: Record::decode(&entry.record)
                .map_or(serde_json::Value::Null, |record| record_json(&record)),
            at: entry.at,
            kind: entry.kind,
            receipt_id: entry.receipt,
            salt: to_hex(&entry.salt),
            commitment: entry.commitment,
        }
    }
}

/// A record as JSON: times, which a record counts in microseconds, as the API writes them.
pub(crate) fn record_json(record: &Record) -> serde_json::Value {
    let members = record.iter().map(|(key, value)| {
        let shown = match value {
            Value::Integer(micros) if key == "at" || key.ends_with("_at") => {
                serde_json::json!(Timestamp::from_micros(*micros))
            }
            other => value_json(other),
        };
        (key.to_owned(), shown)
    });
    serde_json::Value::Object(members.collect())
}

fn value_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Text(text) => text.as_str().into(),
        Value::Integer(number) => (*number).into(),
        Value::Bool(flag) => (*flag).into(),
        Value::List(values) => values.iter().map(value_json).collect(),
        Value::Map(record) => record_json(record),
    }
}

/// List entries of the ledger
///
/// Sealed ones, in their order.
#[utoipa::path(get, path = "/api/v1/ledger/entries", tag = "ledger",
    params(("after" = Option<u64>, Query, description = "Only behind this leaf; from the first by default"),
        ("page_size" = Option<u32>, Query, description = "1 to 1000"),
        ("page_token" = Option<String>, Query, description = "From the page before")),
    responses((status = 200, description = "A page", body = Page<EntryView>)))]
pub(crate) async fn entries(
    State(state): State<ApiState>,
    _: Permitted<LedgerRead>,
    uri: Uri,
) -> Result<Response, Failure> {
    let query = Query::read(uri.query(), &["after", "page_size", "page_token"], &[])?;
    let page = PageRequest::of(&query)?;
    let after = match crate::inbox::cursor::<u64>(page.after.as_deref())? {
        Some(leaf) => Some(leaf),
        None => query.parse::<u64>("after")?,
    };
    let from = after.map_or(0, |leaf| leaf.saturating_add(1));
    let found = state.ledger()?.leaves(from, page.size).await?;
    let next = (found.len() >= page.size)
        .then(|| found.last().map(|sealed| sealed.leaf.to_string()))
        .flatten();
    let items: Vec<EntryView> = found.into_iter().map(Into::into).collect();
    Ok(paged(&uri, items, next)?)
}

/// Everything that shows one entry in the newest checkpoint.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProofView {
    /// The entry.
    entry: EntryView,
    /// SHA-256 over a zero byte and the commitment (RFC 9162 §2.1.1).
    #[schema(value_type = String)]
    leaf_hash: Sha256,
    /// The siblings on the way from the leaf to the root.
    path: Vec<PathStepView>,
    /// Leaves of the checkpoint.
    size: u64,
    /// Its root.
    #[schema(value_type = String)]
    root: Sha256,
    /// The signed note, with the cosignatures that are known.
    checkpoint: String,
    /// The witnesses that signed it.
    witnesses: Vec<String>,
    /// The earliest stamp of a checkpoint that holds the entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<StampView>,
}

/// One step from a leaf to the root.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PathStepView {
    /// `left` or `right`: where the sibling stands.
    side: &'static str,
    /// Its hash.
    #[schema(value_type = String)]
    hash: Sha256,
}

/// A timestamp (RFC 3161) of a checkpoint.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StampView {
    /// The time it states.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Leaves of the checkpoint that it stamps.
    size: u64,
}

impl From<Proof> for ProofView {
    fn from(proof: Proof) -> Self {
        let step = |step: lgsp_store::ledger::PathStep| PathStepView {
            side: match step.side {
                Side::Left => "left",
                Side::Right => "right",
            },
            hash: step.hash,
        };
        Self {
            entry: proof.sealed.into(),
            leaf_hash: proof.leaf_hash,
            path: proof.path.into_iter().map(step).collect(),
            size: proof.checkpoint.size,
            root: proof.checkpoint.root,
            checkpoint: proof.checkpoint.note,
            witnesses: proof
                .cosignatures
                .into_iter()
                .map(|one| one.key.name().to_owned())
                .collect(),
            timestamp: proof.timestamp.map(|stamp| StampView {
                at: stamp.gen_time,
                size: stamp.size,
            }),
        }
    }
}

/// Prove an entry
///
/// The path from its leaf to the root of the newest checkpoint, ready to be checked or drawn.
#[utoipa::path(get, path = "/api/v1/ledger/entries/{leaf}/proof", tag = "ledger",
    params(("leaf" = u64, Path, description = "Place in the log, from 0")),
    responses((status = 200, description = "The proof", body = ProofView),
        (status = 404, description = "Not sealed", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn proof(
    State(state): State<ApiState>,
    _: Permitted<LedgerRead>,
    Path(leaf): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let leaf: u64 = id(&leaf, &kinds::LEDGER_UNKNOWN)?;
    let proof = state.ledger()?.proof(leaf).await?.ok_or_else(unknown)?;
    Ok(tagged(&headers, &ProofView::from(proof), None)?)
}
