//! What the portal has: asked when our dossiers are compared with it.

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};
use lgsp_base::id::SystemId;
use lgsp_base::limits;
use lgsp_exchange::dossier::reconcile::{Portal, PortalUnavailable, RemoteDossier};
use lgsp_wire::dossier::{DossierCode, PortalRequest, ReplyOutcome};
use serde_json::{Map, Value};

use super::deliver::is_missing;
use super::{NationalPortal, PortalError};
use crate::connector::cause_of;

/// One connected portal, asked what it has.
#[derive(Debug, Clone)]
pub struct PortalRecords {
    portal: NationalPortal,
    system: SystemId,
}

impl PortalRecords {
    /// The records of the portal that this system stands for.
    pub const fn new(portal: NationalPortal, system: SystemId) -> Self {
        Self { portal, system }
    }

    async fn records_of(&self, code: DossierCode) -> Result<Vec<RemoteDossier>, PortalUnavailable> {
        let answer = self
            .portal
            .call(self.system, |session, agency| {
                PortalRequest::find_dossier(session, agency, &code)
            })
            .await
            .map_err(unavailable)?;
        match answer.reply.outcome {
            ReplyOutcome::Ok => Ok(answer
                .reply
                .rows()
                .into_iter()
                .filter(|row| text(row, "MaHoSo").eq_ignore_ascii_case(code.as_str()))
                .map(|row| RemoteDossier {
                    code: code.clone(),
                    status: text(row, "TrangThaiHoSo").parse().ok(),
                })
                .collect()),
            _ if is_missing(&answer.reply.message) => Ok(Vec::new()),
            _ => Err(PortalUnavailable {
                cause: cause_of("portal", &answer.reply.code),
            }),
        }
    }
}

fn unavailable(error: PortalError) -> PortalUnavailable {
    PortalUnavailable {
        cause: error.cause().to_owned(),
    }
}

/// A text, or a number as text; the name in any letter case.
fn text(row: &Map<String, Value>, name: &str) -> String {
    let value = row
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value);
    match value {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

impl Portal for PortalRecords {
    fn look_up(
        &self,
        codes: Vec<DossierCode>,
    ) -> BoxFuture<'_, Result<Vec<RemoteDossier>, PortalUnavailable>> {
        Box::pin(async move {
            let mut asked = stream::iter(codes)
                .map(|code| self.records_of(code))
                .buffered(limits::CONNECTOR_LOOK_UPS_AT_ONCE);
            let mut records = Vec::new();
            while let Some(found) = asked.next().await {
                records.extend(found?);
            }
            Ok(records)
        })
    }
}
