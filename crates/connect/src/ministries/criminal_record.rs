//! Criminal records (lý lịch tư pháp): registering, asking for the state, confirming that it was taken.

use lgsp_base::vi;
use lgsp_wire::dossier::criminal_record::{
    CriminalRecordConfirmation, CriminalRecordIdentity, CriminalRecordOperation,
    CriminalRecordQuery, CriminalRecordReply, CriminalRecordRequest,
};
use lgsp_wire::dossier::forms::CRIMINAL_RECORD;
use lgsp_wire::dossier::{Dossier, DossierCode, IdentityKind};
use serde_json::Value;

use super::{CRIMINAL_FORM, Ended, Ministries, RemoteState, Station, form_of, missing};
use crate::connector::{Fault, cause_of, scrub};

/// `infoType`: through a one-stop shop.
const ONE_STOP: &str = "2";
/// `infoType` of a confirmation: states.
const STATES: &str = "2";
/// Words of an answer to a dossier that is there already.
const EXISTS: &str = "da ton tai";
/// Words of a fault of the system itself.
const DOWN: &str = "loi he thong";

impl Ministries {
    /// Hands a declaration in; gives the ministry's own id, empty where it tells none. One that is there already is handed in.
    pub(super) async fn register_criminal(
        &self,
        station: &Station,
        dossier: &Dossier,
    ) -> Result<String, Ended> {
        let request = declaration(station, dossier)?;
        let body = without_gaps(&request.to_bytes());
        let sent = serde_json::from_slice(&body).unwrap_or_default();
        let operation = CriminalRecordOperation::Register.code();
        let reply = self.ask(station, operation, body, read).await?;
        if reply.is_success(&CRIMINAL_RECORD) || vi::fold(&reply.description).contains(EXISTS) {
            return Ok(reply.id);
        }
        Err(judge(&reply, &sent))
    }

    /// Asks for the state of a dossier.
    pub(super) async fn criminal_state(
        &self,
        station: &Station,
        code: &DossierCode,
    ) -> Result<RemoteState, Ended> {
        let query = CriminalRecordQuery {
            code: code.to_string(),
            kind: ONE_STOP.to_owned(),
            ..CriminalRecordQuery::default()
        };
        let operation = CriminalRecordOperation::State.code();
        let reply = self.ask(station, operation, query.to_bytes(), read).await?;
        if !reply.is_success(&CRIMINAL_RECORD) {
            return Err(judge(&reply, &Value::Null));
        }
        let state = reply
            .state
            .ok_or_else(|| Fault::new("no_state", "no state in the answer"))?;
        let issued = reply.issued_at.map(|at| vi::date(at, lgsp_base::Lang::Vi));
        Ok(RemoteState {
            code: state.code().to_owned(),
            status: Some(state.dossier_status()),
            words: issued.map_or_else(String::new, |day| format!("Đã có phiếu, ngày {day}")),
            id: reply.id,
        })
    }

    /// Says that a state was taken, so that the ministry lists it no more.
    pub(super) async fn confirm_criminal(&self, station: &Station, id: &str) -> Result<(), Ended> {
        if id.is_empty() {
            return Ok(());
        }
        let confirmation = CriminalRecordConfirmation::of(&[id.to_owned()], STATES);
        let operation = CriminalRecordOperation::Confirm.code();
        self.ask(station, operation, confirmation.to_bytes(), read)
            .await?;
        // An id that is not known any more was confirmed before.
        Ok(())
    }
}

fn read(body: &[u8]) -> Option<CriminalRecordReply> {
    CriminalRecordReply::read(body).ok()?.result.ok()
}

/// The declaration that a dossier carries, filled in from the dossier where it is silent.
fn declaration(station: &Station, dossier: &Dossier) -> Result<CriminalRecordRequest, Ended> {
    let mut request: CriminalRecordRequest = form_of(dossier, CRIMINAL_FORM)?;
    request.code = dossier.code.to_string();
    request.received_at = request.received_at.or(dossier.received_at);
    request.due_at = request.due_at.or(dossier.due_at);
    let applicant = &dossier.applicant;
    let identity = applicant.identities.first();
    let declared = &mut request.declaration;
    for (place, usual) in [
        (&mut request.unit, &station.connector.settings.unit_code),
        (&mut declared.name, &applicant.name),
        (&mut declared.phone, &applicant.phone),
        (&mut declared.email, &applicant.email),
        (&mut declared.receipt_number, &dossier.receipt_number),
    ] {
        if place.is_empty() {
            usual.clone_into(place);
        }
    }
    if let Some(identity) = identity.filter(|_| declared.identity.is_empty()) {
        identity.number.clone_into(&mut declared.identity);
        declared.identity_kind = identity.kind.map(|kind| match kind {
            IdentityKind::CitizenCard => CriminalRecordIdentity::CitizenCard,
            IdentityKind::OldCard => CriminalRecordIdentity::OldCard,
        });
    }
    declared.declared_at = declared
        .declared_at
        .or(dossier.submitted_at)
        .or(dossier.received_at);
    for (name, value) in [("unit", &request.unit), ("name", &declared.name)] {
        if value.is_empty() {
            return Err(missing(name));
        }
    }
    Ok(request)
}

/// The body without fields that say nothing: an empty text is not the number that is asked for.
fn without_gaps(body: &[u8]) -> Vec<u8> {
    fn prune(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.values_mut().for_each(prune);
                fields.retain(|_, value| !matches!(value, Value::Null) && *value != "");
            }
            Value::Array(items) => items.iter_mut().for_each(prune),
            _ => {}
        }
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(mut value) => {
            prune(&mut value);
            value.to_string().into_bytes()
        }
        Err(_) => body.to_vec(),
    }
}

fn judge(reply: &CriminalRecordReply, sent: &Value) -> Ended {
    let cause = cause_of("criminal_record", &reply.status);
    if vi::fold(&reply.description).contains(DOWN) {
        return Fault::new(&cause, "the system reports a fault of its own").into();
    }
    Ended::Refused {
        cause,
        detail: scrub(&reply.description, sent),
    }
}
