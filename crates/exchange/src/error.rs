//! Why an operation of the exchange did not succeed, by what the caller can do about it.

use lgsp_base::id::DeliveryId;
use lgsp_base::problem::{Sentence, kinds, rules};
use lgsp_base::{Problem, limits};
use lgsp_store::StoreError;

/// When to come back if too many bulk resends are under way.
const RESEND_RETRY_SECONDS: u64 = 30;

/// Why a document was not accepted. Nothing was stored, unless the variant is [`SubmitError::Store`] with a cause that
/// leaves it open: repeating with the same key is always safe.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SubmitError {
    /// The actor may not hand documents in.
    #[error("the actor may not submit")]
    Forbidden,
    /// The request itself is not valid; says where.
    #[error("the request is not valid: {0}")]
    Invalid(Problem),
    /// The content is larger than the limit.
    #[error("the content is larger than {} bytes", limits::DOCUMENT_BYTES_MAX)]
    TooLarge,
    /// The disk reserve is used up.
    #[error("the disk is nearly full")]
    Full,
    /// New documents are not taken for now, by the operator's rule.
    #[error("new documents are not taken for now")]
    Closed,
    /// The content is not the edXML packet it should be.
    #[error("the packet is not valid: {0}")]
    Packet(Problem),
    /// The actor may not send under this code.
    #[error("may not send as {code:?}")]
    Sender {
        /// The code, as named.
        code: String,
    },
    /// No such recipients.
    #[error("unknown recipients: {codes:?}")]
    RecipientUnknown {
        /// The codes, as named.
        codes: Vec<String>,
    },
    /// Codes that are closed and do not route.
    #[error("closed recipients: {recipients:?}")]
    RecipientClosed {
        /// Each code with code and name of its candidates.
        recipients: Vec<(String, Vec<(String, String)>)>,
    },
    /// Recipients whose system fetches from the document axis, which carries edXML only: they would never see this content.
    #[error("recipients that take edXML only: {codes:?}")]
    RecipientFormat {
        /// The codes, as named.
        codes: Vec<String>,
    },
    /// None, too many, one twice, or the sender itself.
    #[error("recipients: {0}")]
    Recipients(Sentence),
    /// A new document with this id but other content exists.
    #[error("document id {external_id:?} is taken by other content")]
    Conflict {
        /// The sender's id.
        external_id: String,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyConflict,
    /// Neither an idempotency key nor a document id: a repetition could not be recognised.
    #[error("neither idempotency key nor document id")]
    KeyRequired,
    /// The document is marked secret.
    #[error("marked secret")]
    Secret {
        /// Where the mark stands.
        field: String,
    },
    /// The status report is not valid.
    #[error("status: {0}")]
    Status(String),
    /// The document that is reported on is not known to this actor.
    #[error("unknown document")]
    DocumentUnknown,
    /// The store did not do it.
    #[error("the store did not accept it")]
    Store(#[from] StoreError),
}

impl SubmitError {
    /// True if the refusal says something about the content or its parties, so that both sides may want to talk about it.
    pub(crate) const fn is_noted(&self) -> bool {
        !matches!(
            self,
            SubmitError::Store(_)
                | SubmitError::Full
                | SubmitError::Closed
                | SubmitError::TooLarge
                | SubmitError::Forbidden
        )
    }

    /// The problem document; axis codes come with the kind.
    pub fn to_problem(&self) -> Problem {
        match self {
            SubmitError::Forbidden => kinds::AUTH_FORBIDDEN.problem(),
            SubmitError::Invalid(problem) | SubmitError::Packet(problem) => problem.clone(),
            SubmitError::TooLarge => kinds::INPUT_TOO_LARGE
                .says(rules::TOO_LARGE.with(&[("max", &limits::DOCUMENT_BYTES_MAX)])),
            SubmitError::Full => kinds::STORAGE_FULL.problem().retry_after(30),
            SubmitError::Closed => kinds::LEDGER_TIMESTAMP_MISSING.problem().retry_after(60),
            SubmitError::Sender { code } => kinds::EXCHANGE_SENDER.with(code),
            SubmitError::RecipientUnknown { codes } => codes.iter().fold(
                kinds::EXCHANGE_RECIPIENT_UNKNOWN.with(codes.join(", ")),
                |problem, code| problem.at("to", "recipient_unknown", code),
            ),
            SubmitError::RecipientFormat { codes } => codes.iter().fold(
                kinds::EXCHANGE_RECIPIENT_FORMAT.with(codes.join(", ")),
                |problem, code| problem.at("to", "recipient_format", code),
            ),
            SubmitError::RecipientClosed { recipients } => closed_problem(recipients),
            SubmitError::Recipients(sentence) => kinds::EXCHANGE_RECIPIENTS
                .says(sentence.clone())
                .breaks("to", sentence.clone()),
            SubmitError::Conflict { external_id } => kinds::EXCHANGE_CONFLICT.with(external_id),
            SubmitError::KeyConflict => kinds::EXCHANGE_IDEMPOTENCY_CONFLICT.problem(),
            SubmitError::KeyRequired => kinds::EXCHANGE_IDEMPOTENCY_REQUIRED.problem(),
            SubmitError::Secret { field } => kinds::EXCHANGE_SECRET
                .problem()
                .breaks(field.clone(), rules::SECRET.plain()),
            SubmitError::Status(detail) => kinds::EXCHANGE_STATUS.with(detail),
            SubmitError::DocumentUnknown => kinds::EXCHANGE_DOCUMENT_UNKNOWN.problem(),
            SubmitError::Store(error) => error.to_problem(),
        }
    }
}

fn closed_problem(recipients: &[(String, Vec<(String, String)>)]) -> Problem {
    let codes: Vec<&str> = recipients.iter().map(|(code, _)| code.as_str()).collect();
    recipients.iter().fold(
        kinds::EXCHANGE_RECIPIENT_CLOSED.with(codes.join(", ")),
        |problem, (code, candidates)| {
            let named: Vec<String> = candidates
                .iter()
                .map(|(candidate, name)| format!("{candidate} ({name})"))
                .collect();
            let sentence = if named.is_empty() {
                rules::NO_SUCCESSOR.with(&[("code", code)])
            } else {
                rules::SUCCESSORS.with(&[("code", code), ("successors", &named.join("; "))])
            };
            problem.breaks("to", sentence)
        },
    )
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        error.to_problem()
    }
}

/// Why a recipient's or a reader's operation did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReceiveError {
    /// The actor may not do that.
    #[error("the actor may not do that")]
    Forbidden,
    /// The request itself is not valid; says where.
    #[error("the request is not valid: {0}")]
    Invalid(Problem),
    /// No such document, or none that this actor may see: the same answer.
    #[error("unknown document")]
    DocumentUnknown,
    /// No such delivery, or none that this actor may see: the same answer.
    #[error("unknown delivery")]
    DeliveryUnknown,
    /// The delivery's state does not allow that.
    #[error("the delivery is {state}")]
    DeliveryState {
        /// The state it is in.
        state: &'static str,
    },
    /// An earlier delivery of the pair is still open.
    #[error("delivery {earlier} comes first")]
    Order {
        /// The one whose turn it is.
        earlier: DeliveryId,
    },
    /// The digest differs from that of the document.
    #[error("the digest differs")]
    ReceiptHash,
    /// The content was erased.
    #[error("the content was erased")]
    Erased,
    /// The store did not do it.
    #[error("the store did not do it")]
    Store(#[from] StoreError),
}

impl ReceiveError {
    /// The problem document.
    pub fn to_problem(&self) -> Problem {
        match self {
            ReceiveError::Forbidden => kinds::AUTH_FORBIDDEN.problem(),
            ReceiveError::Invalid(problem) => problem.clone(),
            ReceiveError::DocumentUnknown => kinds::EXCHANGE_DOCUMENT_UNKNOWN.problem(),
            ReceiveError::DeliveryUnknown => kinds::EXCHANGE_DELIVERY_UNKNOWN.problem(),
            ReceiveError::DeliveryState { state } => kinds::EXCHANGE_DELIVERY_STATE.with(state),
            ReceiveError::Order { earlier } => kinds::EXCHANGE_ORDER.with(earlier),
            ReceiveError::ReceiptHash => kinds::RECEIPT_HASH.problem(),
            ReceiveError::Erased => kinds::EXCHANGE_DOCUMENT_ERASED.problem(),
            ReceiveError::Store(error) => error.to_problem(),
        }
    }
}

impl From<ReceiveError> for Problem {
    fn from(error: ReceiveError) -> Self {
        error.to_problem()
    }
}

/// Why a bulk resend did not start, or cannot be looked at.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ResendError {
    /// The actor may not send again.
    #[error("the actor may not send again")]
    Forbidden,
    /// The request itself is not valid; says where.
    #[error("the request is not valid: {0}")]
    Invalid(Problem),
    /// Nothing fits the choice.
    #[error("nothing to send again")]
    Empty,
    /// `limits::RESEND_JOBS_MAX` are under way.
    #[error("too many bulk resends are under way")]
    TooMany,
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyConflict,
    /// No such job, or none that this actor may see: the same answer.
    #[error("unknown job")]
    JobUnknown,
    /// The store did not do it.
    #[error("the store did not do it")]
    Store(#[from] StoreError),
}

impl ResendError {
    /// The problem document.
    pub fn to_problem(&self) -> Problem {
        match self {
            ResendError::Forbidden => kinds::AUTH_FORBIDDEN.problem(),
            ResendError::Invalid(problem) => problem.clone(),
            ResendError::Empty => kinds::EXCHANGE_RESEND_EMPTY.problem(),
            ResendError::TooMany => kinds::JOB_LIMIT
                .with(limits::RESEND_JOBS_MAX)
                .retry_after(RESEND_RETRY_SECONDS),
            ResendError::KeyConflict => kinds::EXCHANGE_IDEMPOTENCY_CONFLICT.problem(),
            ResendError::JobUnknown => kinds::JOB_UNKNOWN.problem(),
            ResendError::Store(error) => error.to_problem(),
        }
    }
}

impl From<ResendError> for Problem {
    fn from(error: ResendError) -> Self {
        error.to_problem()
    }
}

/// Why a content was not erased.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EraseError {
    /// The actor may not erase.
    #[error("the actor may not erase")]
    Forbidden,
    /// No such document.
    #[error("unknown document")]
    DocumentUnknown,
    /// The document is still on its way.
    #[error("{} deliveries are open", deliveries.len())]
    Open {
        /// Some of the deliveries that are open.
        deliveries: Vec<DeliveryId>,
    },
    /// The store did not do it.
    #[error("the store did not do it")]
    Store(#[from] StoreError),
}

impl EraseError {
    /// The problem document.
    pub fn to_problem(&self) -> Problem {
        match self {
            EraseError::Forbidden => kinds::AUTH_FORBIDDEN.problem(),
            EraseError::DocumentUnknown => kinds::EXCHANGE_DOCUMENT_UNKNOWN.problem(),
            EraseError::Open { deliveries } => deliveries
                .iter()
                .fold(kinds::EXCHANGE_DOCUMENT_OPEN.problem(), |problem, id| {
                    problem.at("deliveries", "open", id)
                }),
            EraseError::Store(error) => error.to_problem(),
        }
    }
}

impl From<EraseError> for Problem {
    fn from(error: EraseError) -> Self {
        error.to_problem()
    }
}
