//! Sending a dossier again to one party, and erasing one before its time.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use lgsp_base::id::{DossierId, ReceiptId};
use lgsp_base::problem::{kinds, rules};
use lgsp_exchange::EraseReason;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view::DossierAcceptedView;
use super::{accepted_answer, id_of, word_of};
use crate::ApiState;
use crate::auth::{DossierAdmin, Permitted};
use crate::json::read_json;
use crate::organisations::find;
use crate::problem::{Failure, ProblemDocument};
use crate::query::Query;
use crate::respond::{idempotency_key, json};

/// To whom a dossier is sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to": "H99"}))]
pub(crate) struct Replay {
    /// A party of the dossier: id or code.
    to: String,
}

/// Send a dossier again
///
/// Its state as it is now, to one party, in the owner's name: for what a portal or a system has lost. Repeating it with the same key sends nothing again.
#[utoipa::path(post, path = "/api/v1/dossiers/{id}/replay", tag = "dossiers", request_body = Replay,
    params(("id" = String, Path, description = "Its id or its code"),
        ("Idempotency-Key" = String, Header, description = "Required: up to 255 printable characters")),
    responses((status = 202, description = "On its way", body = DossierAcceptedView),
        (status = 404, description = "Unknown", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 410, description = "Erased", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "Not a party", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn replay(
    State(state): State<ApiState>,
    permitted: Permitted<DossierAdmin>,
    Path(dossier): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let key = idempotency_key(&headers)?.ok_or_else(|| {
        let problem = kinds::INPUT_INVALID.problem();
        problem.breaks("Idempotency-Key", rules::REQUIRED.plain())
    })?;
    let request: Replay = read_json(&headers, body, state.clock.as_ref()).await?;
    let to = find(&state.registry.snapshot(), &request.to)?.id;
    let id = id_of(&state, &permitted.actor, &dossier).await?;
    let accepted = Box::pin(state.dossiers.replay(&permitted.actor, id, to, key)).await?;
    accepted_answer(DossierAcceptedView::from(accepted))
}

/// What became of an erasure.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DossierErasureView {
    #[schema(value_type = String)]
    id: DossierId,
    /// The ledger entry that proves it; null if it was erased before, or has a message on its way.
    #[schema(value_type = Option<String>)]
    receipt_id: Option<ReceiptId>,
}

/// Erase a dossier before its time
///
/// Its key, its state, the bodies of its messages and its files go for good; row, statuses, deliveries and receipts stay. One with a message on its way waits.
#[utoipa::path(delete, path = "/api/v1/dossiers/{id}/content", tag = "dossiers",
    params(("id" = String, Path, description = "Its id or its code"),
        ("reason" = String, Query, description = "`retention_ended`, `legal_order`, `personal_data` or `sent_in_error`")),
    responses((status = 200, description = "What became of it", body = DossierErasureView),
        (status = 404, description = "Unknown", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn erase(
    State(state): State<ApiState>,
    permitted: Permitted<DossierAdmin>,
    Path(dossier): Path<String>,
    uri: Uri,
) -> Result<Response, Failure> {
    let query = Query::read(uri.query(), &["reason"], &[])?;
    let words = EraseReason::ALL.into_iter().map(EraseReason::name);
    let reason = word_of(query.text("reason").unwrap_or_default(), "reason", words)?;
    let id = id_of(&state, &permitted.actor, &dossier).await?;
    let receipt_id = state.dossiers.erase(&permitted.actor, id, reason).await?;
    Ok(json(
        StatusCode::OK,
        &DossierErasureView { id, receipt_id },
    )?)
}
