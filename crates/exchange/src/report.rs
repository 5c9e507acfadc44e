//! Status reports: recording those that come in, and making the message of one reported through our API.

use lgsp_base::id::{DocumentId, OrgId, StatusId};
use lgsp_base::{Actor, Permission, Timestamp};
use lgsp_store::exchange::{Delivery, Document, DocumentKind, NewStatus, StatusTarget};
use lgsp_store::{StoreError, Tx};
use lgsp_wire::edxml::{
    self, Organization, Packet, ResponseFor, StaffInfo, StatusCode, StatusMessage,
};

use crate::error::SubmitError;
use crate::evidence::{self, Entry};
use crate::intake::Content;
use crate::lineage;
use crate::model::{Accepted, StatusReport, Submit};
use crate::packet::StatusFacts;
use crate::service::{Exchange, may};
use crate::status::{Standing, Step, step};
use crate::submit::Prepared;

/// Records what a status message says about a known document, for each delivery that it is about.
pub(crate) fn record(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    prepared: &Prepared,
    status: &StatusFacts,
    original: &Document,
) -> Result<(), StoreError> {
    let about: Vec<OrgId> = if status.code.is_from_sender() {
        prepared
            .recipients
            .iter()
            .map(|recipient| recipient.org)
            .collect()
    } else {
        vec![prepared.sender_org]
    };
    for org in about {
        for delivery in lineage::deliveries_to(tx, exchange, original.id, org)? {
            record_one(tx, exchange, prepared, status, &delivery)?;
        }
    }
    Ok(())
}

fn record_one(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    prepared: &Prepared,
    status: &StatusFacts,
    delivery: &Delivery,
) -> Result<(), StoreError> {
    let standing = Standing {
        code: delivery
            .status_code
            .as_deref()
            .and_then(StatusCode::from_text),
        at: delivery.status_at,
        side_at: tx.status_side_at(delivery.document, delivery.id)?,
    };
    let step = step(&standing, status.code, status.reported_at);
    tx.status_insert(&NewStatus {
        id: StatusId::generate(prepared.now, exchange.entropy()),
        document: delivery.document,
        delivery: Some(delivery.id),
        reporter: prepared.sender_org,
        message: Some(prepared.document),
        code: status.code.as_text(),
        reason: status.reason.as_deref(),
        reported_at: status.reported_at,
        received_at: prepared.now,
        moved: step != Step::Nothing,
    })?;
    let target = match step {
        Step::Main => Some(StatusTarget::Main),
        Step::Side => Some(StatusTarget::Side),
        Step::Nothing => None,
    };
    if let Some(target) = target {
        tx.status_move(
            delivery.id,
            target,
            status.code.as_text(),
            status.reported_at,
        )?;
    }
    crate::counters::count(&exchange.counters().statuses, 1);
    Entry::new(
        evidence::STATUS_REPORTED,
        prepared.now,
        &prepared.actor,
        exchange.salt(),
    )
    .about(delivery)
    .with("code", status.code.as_text())
    .with("message", prepared.document.to_string())
    .with("moved", target.is_some())
    .append(tx, prepared.now)
}

/// What a report needs of the document and its parties.
struct Subject {
    document: Document,
    deliveries: Vec<Delivery>,
}

impl Exchange {
    /// Reports a status about a document: makes the edXML status message and submits it like any other. A recipient
    /// reports to the sender; 13 goes from the sender to every recipient, one message each.
    ///
    /// # Errors
    /// As [`Exchange::submit`]; [`SubmitError::DocumentUnknown`] unless the actor takes part in the document,
    /// [`SubmitError::Status`] for an unknown code or a missing reason.
    pub async fn report_status(
        &self,
        actor: &Actor,
        document: DocumentId,
        report: StatusReport,
    ) -> Result<Vec<Accepted>, SubmitError> {
        if !may(actor, Permission::StatusReport) {
            return Err(SubmitError::Forbidden);
        }
        let code = check(&report)?;
        let subject = self
            .inner
            .db
            .read("status_subject", move |tx| {
                let Some(found) = tx.document_lookup(document)? else {
                    return Ok(None);
                };
                let deliveries = tx.delivery_list_by_document(document)?;
                Ok::<_, StoreError>(Some(Subject {
                    document: found,
                    deliveries,
                }))
            })
            .await?
            .ok_or(SubmitError::DocumentUnknown)?;
        let reporter = self.reporter(actor, &subject, code, report.reporter)?;
        let receivers = receivers(&subject, code);
        let mut answers = Vec::with_capacity(receivers.len());
        for (index, receiver) in receivers.iter().enumerate() {
            let message = self.message(&subject.document, reporter, receiver, code, &report);
            let mut submit = Submit::new(actor.clone(), report.door, content(message)?);
            submit.idempotency_key = report.idempotency_key.as_ref().map(|key| {
                if index == 0 {
                    key.clone()
                } else {
                    format!("{key}#{index}")
                }
            });
            submit.request_sha256 = submit
                .idempotency_key
                .as_ref()
                .map(|_| report_digest(document, receiver, code, &report));
            answers.push(self.submit(submit).await?);
        }
        Ok(answers)
    }

    /// In whose name the report goes: an organisation that takes part in the document on the right side.
    fn reporter(
        &self,
        actor: &Actor,
        subject: &Subject,
        code: StatusCode,
        named: Option<OrgId>,
    ) -> Result<OrgId, SubmitError> {
        let takes_part = |org: OrgId| {
            if code.is_from_sender() {
                self.stands_for(org, subject.document.sender_org)
            } else {
                subject
                    .deliveries
                    .iter()
                    .any(|delivery| self.stands_for(org, delivery.recipient_org))
            }
        };
        let speaks_for = match actor {
            Actor::System { system, .. } => self.inner.directory.acts_for(*system),
            // Who runs the platform reports for the organisation it names, or for the only one that can be meant.
            Actor::Operator { .. } | Actor::Platform { .. } => {
                let first = subject.deliveries.first();
                let meant = if code.is_from_sender() {
                    Some(subject.document.sender_org)
                } else {
                    first.map(|delivery| delivery.recipient_org)
                };
                named.or(meant).into_iter().collect()
            }
        };
        let is_reportable = subject.document.kind == DocumentKind::Edoc
            || subject.document.kind == DocumentKind::Plain;
        speaks_for
            .into_iter()
            .filter(|org| named.is_none_or(|named| named == *org))
            .find(|org| is_reportable && takes_part(*org))
            .ok_or(SubmitError::DocumentUnknown)
    }

    fn message(
        &self,
        document: &Document,
        reporter: OrgId,
        receiver: &str,
        code: StatusCode,
        report: &StatusReport,
    ) -> StatusMessage {
        let party = self.inner.directory.party(reporter);
        let at: Timestamp = report.at.unwrap_or_else(|| self.now());
        StatusMessage {
            from: Organization {
                organ_id: party
                    .as_ref()
                    .map(|party| party.code.clone())
                    .unwrap_or_default(),
                name: party.map(|party| party.name).unwrap_or_default(),
                ..Organization::default()
            },
            response_for: ResponseFor {
                organ_id: receiver.to_owned(),
                code: document
                    .notation
                    .clone()
                    .unwrap_or_else(|| document.id.to_string()),
                promulgation_date: document
                    .issued_on
                    .clone()
                    .unwrap_or_else(|| document.accepted_at.to_edxml().chars().take(10).collect()),
                document_id: document
                    .external_id
                    .clone()
                    .unwrap_or_else(|| document.id.to_string()),
            },
            staff: report.staff.as_ref().map(|staff| StaffInfo {
                department: staff.department.clone(),
                staff: staff.staff.clone(),
                email: staff.email.clone(),
                mobile: staff.mobile.clone(),
                ..StaffInfo::default()
            }),
            status_code: code.as_text().to_owned(),
            description: report
                .reason
                .clone()
                .unwrap_or_else(|| code.label_vi().to_owned()),
            timestamp: at.to_edxml(),
            signature: None,
        }
    }
}

fn check(report: &StatusReport) -> Result<StatusCode, SubmitError> {
    let code = StatusCode::from_text(&report.code)
        .ok_or_else(|| SubmitError::Status(format!("unknown code {:?}", report.code)))?;
    let has_reason = report
        .reason
        .as_ref()
        .is_some_and(|reason| !reason.trim().is_empty());
    if code.needs_reason() && !has_reason {
        return Err(SubmitError::Status(format!(
            "{} needs a reason",
            code.as_text()
        )));
    }
    Ok(code)
}

/// The codes to which the message goes: the sender, or for 13 every recipient.
fn receivers(subject: &Subject, code: StatusCode) -> Vec<String> {
    if !code.is_from_sender() {
        return vec![subject.document.sender_code.clone()];
    }
    let mut codes: Vec<String> = subject
        .deliveries
        .iter()
        .map(|delivery| delivery.recipient_code.clone())
        .collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

fn content(message: StatusMessage) -> Result<Content, SubmitError> {
    let mut bytes = Vec::new();
    edxml::write_status(&message, &mut bytes)
        .map_err(|error| SubmitError::Status(format!("a text cannot be written: {error}")))?;
    Ok(Content::of_packet(Packet::Status(Box::new(message)), bytes))
}

/// What a repeated key is compared by; the time of the message is not part of it unless the request names one.
fn report_digest(
    document: DocumentId,
    receiver: &str,
    code: StatusCode,
    report: &StatusReport,
) -> lgsp_base::Sha256 {
    let text = format!(
        "{document}\n{receiver}\n{}\n{:?}\n{:?}\n{:?}",
        code.as_text(),
        report.reason,
        report.at,
        report.staff
    );
    lgsp_base::Sha256::of(text.as_bytes())
}
