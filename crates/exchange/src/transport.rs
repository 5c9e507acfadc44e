//! How a push delivery leaves the house; implemented by `connect`.

use std::time::Duration;

use futures_util::future::BoxFuture;
use lgsp_base::id::{DeliveryId, DocumentId, SystemId, WebhookId};
use lgsp_base::{Sha256, Timestamp};
use lgsp_store::exchange::DocumentKind;

use crate::directory::Channel;

/// One delivery to be pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    /// The delivery; the receiver recognises repetitions by it.
    pub delivery: DeliveryId,
    /// The document; a webhook's receiver fetches its content from the API, a connector reads it for itself.
    pub document: DocumentId,
    /// The way; one that is pushed over.
    pub channel: Channel,
    /// The receiver's system.
    pub system: SystemId,
    /// The sender's code.
    pub sender_code: String,
    /// The recipient's code.
    pub recipient_code: String,
    /// What it is.
    pub kind: DocumentKind,
    /// 0 new, 1 recall, 2 update, 3 replace.
    pub business_type: Option<u8>,
    /// The sender's own id.
    pub external_id: Option<String>,
    /// Number and notation.
    pub notation: Option<String>,
    /// Trích yếu.
    pub subject: Option<String>,
    /// Number within the pair.
    pub seq: i64,
    /// Which hand-over this is, from 1.
    pub attempt: i64,
    /// Media type of the content.
    pub content_type: String,
    /// Bytes of the content.
    pub content_bytes: u64,
    /// Digest of the content.
    pub content_sha256: Sha256,
    /// When the document was accepted.
    pub accepted_at: Timestamp,
}

/// What came of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandOverOutcome {
    /// The receiver took it (2xx, or its protocol's word for that): the delivery is confirmed.
    Confirmed,
    /// The receiver answered that it will not take this document (4xx, except those that mean "later", or its protocol's
    /// word for that).
    Refused {
        /// A stable word: `http_422`.
        cause: String,
        /// More about it, without personal data.
        detail: String,
    },
    /// The receiver cannot be reached or says "later" (no connection, time-out, 5xx, 408, 429, a redirect).
    Unreachable {
        /// A stable word: `connect`, `timeout`, `http_503`.
        cause: String,
        /// More about it.
        detail: String,
        /// When the receiver asks to come back.
        retry_after: Option<Duration>,
    },
    /// The endpoint is gone for good (410): it is to be disabled.
    Gone,
}

/// Pushes deliveries to their receivers.
pub trait Transport: Send + Sync + std::fmt::Debug {
    /// Hands one delivery over under its own deadline, which is shorter than the lease.
    fn hand_over(&self, item: HandOver) -> BoxFuture<'_, HandOverOutcome>;
    /// The endpoint answered that it is gone: disable it. Deliveries wait until the recipient has another channel.
    fn endpoint_gone(&self, webhook: WebhookId, system: SystemId) -> BoxFuture<'_, ()>;
}
