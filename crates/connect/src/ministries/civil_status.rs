//! Civil status (hộ tịch): registering, and asking for the state.

use lgsp_base::vi;
use lgsp_wire::dossier::civil_status::{
    CivilDossierQuery, CivilRegistration, CivilStatusFault, CivilStatusOperation, CivilStatusReply,
};
use lgsp_wire::dossier::codec::DateForm;
use lgsp_wire::dossier::forms::{CIVIL_STATUS, Gender, PORTAL, PartialDate};
use lgsp_wire::dossier::{CivilRecord, Dossier, DossierCode};
use serde::Deserialize;
use serde_json::Value;

use super::{CIVIL_FORM, Ended, Ministries, RemoteState, Station, form_of, missing};
use crate::connector::{Fault, cause_of, scrub};

/// The kind of registration where the form names none.
const MODULE: &str = "KS";
/// Words of an answer to a registration that is there already.
const EXISTS: &str = "da ton tai";
/// Words of a fault of the system itself, which has the code of wrong data.
const DOWN: &str = "loi he thong";

/// What a dossier carries for the civil status system.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CivilForm {
    /// `maDonVi`; the place of the dossier's agency, or the connector's unit where it is not named.
    unit: String,
    /// `module`.
    module: String,
    /// `maHoSoLT`.
    linked_code: String,
    /// Fields of the record by the ministry's names, in canonical forms.
    record: CivilRecord,
}

impl Ministries {
    /// Registers a dossier. One that is there already is registered.
    pub(super) async fn register_civil(
        &self,
        station: &Station,
        dossier: &Dossier,
    ) -> Result<String, Ended> {
        let registration = self.civil_registration(station, dossier)?;
        let body = registration.to_bytes();
        // What was sent stands in a text inside a text: what comes back may repeat each part of it.
        let records = CivilRecord::read(&registration.data).unwrap_or_default();
        let sent = serde_json::to_value(records).unwrap_or_default();
        let operation = CivilStatusOperation::Register.code();
        let reply = self
            .ask(station, operation, body, |body| {
                CivilStatusReply::read(body).ok()
            })
            .await?;
        if reply.is_success(&CIVIL_STATUS) {
            return Ok(registration.unit);
        }
        let words = vi::fold(&reply.fault_description);
        if words.contains(EXISTS) {
            return Ok(registration.unit);
        }
        Err(judge(&reply, &words, &sent))
    }

    fn civil_registration(
        &self,
        station: &Station,
        dossier: &Dossier,
    ) -> Result<CivilRegistration, Ended> {
        let form: CivilForm = form_of(dossier, CIVIL_FORM)?;
        let candidates = [
            form.unit,
            self.place_of(&dossier.code),
            station.connector.settings.unit_code.clone(),
        ];
        let unit = candidates.into_iter().find(|unit| !unit.is_empty());
        let unit = unit.ok_or_else(|| missing("unit"))?;
        let applicant = &dossier.applicant;
        let identity = applicant.identities.first();
        let mut record = CivilRecord::default();
        for (name, text) in [
            ("nycHoTen", applicant.name.as_str()),
            (
                "nycSoGiayToTuyThan",
                identity.map_or("", |identity| identity.number.as_str()),
            ),
            ("nycSoDienThoai", applicant.phone.as_str()),
        ] {
            record.0.insert(name.to_owned(), text.to_owned());
        }
        for (name, text) in form.record.0 {
            let foreign = foreign(&name, &text).ok_or_else(|| Ended::Refused {
                cause: "form_invalid".to_owned(),
                detail: format!("{name} of the record is no day or gender"),
            })?;
            record.0.insert(name, foreign);
        }
        let data = CivilRecord::to_xml(&[record]).map_err(|error| Ended::Refused {
            cause: "form_invalid".to_owned(),
            detail: error.to_string(),
        })?;
        Ok(CivilRegistration {
            unit,
            module: if form.module.is_empty() {
                MODULE.to_owned()
            } else {
                form.module
            },
            code: dossier.code.to_string(),
            linked_code: form.linked_code,
            received_at: dossier.received_at,
            data,
            ..CivilRegistration::default()
        })
    }

    /// Asks for the state of a dossier.
    pub(super) async fn civil_state(
        &self,
        station: &Station,
        unit: &str,
        code: &DossierCode,
    ) -> Result<RemoteState, Ended> {
        let query = CivilDossierQuery {
            unit: unit.to_owned(),
            code: code.to_string(),
            ..CivilDossierQuery::default()
        };
        let operation = CivilStatusOperation::State.code();
        let reply = self
            .ask(station, operation, query.to_bytes(), |body| {
                CivilStatusReply::read(body).ok()
            })
            .await?;
        match reply.dossier_state() {
            Some(state) if state.dossier_status().is_some() => Ok(RemoteState {
                code: reply.state.clone(),
                status: state.dossier_status(),
                words: scrub(&reply.description, &Value::Null),
                id: String::new(),
            }),
            _ => Err(judge(
                &reply,
                &vi::fold(&reply.fault_description),
                &Value::Null,
            )),
        }
    }
}

/// What a failure means: later for what is the system's or our credential's fault, refused for what is the dossier's.
fn judge(reply: &CivilStatusReply, folded: &str, sent: &Value) -> Ended {
    let cause = cause_of("civil_status", &reply.fault);
    let is_ours = matches!(
        reply.known_fault(),
        Some(CivilStatusFault::Credential | CivilStatusFault::Address)
    );
    let is_temporary = reply
        .known_fault()
        .is_some_and(CivilStatusFault::is_temporary);
    if is_ours || is_temporary || folded.contains(DOWN) {
        return Fault::new(&cause, "the system reports a fault of its own").into();
    }
    Ended::Refused {
        cause,
        detail: scrub(&reply.fault_description, sent),
    }
}

/// A canonical value in the ministry's form, by the field's name; none if it has no such form.
fn foreign(name: &str, text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() {
        return Some(String::new());
    }
    if name.ends_with("NgaySinh") {
        let born: PartialDate = text
            .parse()
            .ok()
            .or_else(|| CIVIL_STATUS.birth.read_loosely(text))?;
        return Some(CIVIL_STATUS.birth.write(born));
    }
    if name.ends_with("GioiTinh") {
        let gender = match vi::fold(text).as_str() {
            "male" | "nam" => Gender::Male,
            "female" | "nu" => Gender::Female,
            _ => PORTAL.gender.read(text)?,
        };
        return CIVIL_STATUS.gender.write(gender).map(str::to_owned);
    }
    if name.starts_with("ngay") || name.contains("Ngay") {
        let (at, _) = DateForm::read_any(text)?;
        return Some(CIVIL_STATUS.day.write(at));
    }
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_genders_take_the_ministrys_forms() {
        for (name, text, written) in [
            ("nksNgaySinh", "2026-03-01", Some("01.03.2026")),
            ("meNgaySinh", "1990-05", Some("05.1990")),
            ("chaNgaySinh", "1989", Some("1989")),
            ("nksNgaySinh", "hôm qua", None),
            ("ngayDangKy", "2026-03-12", Some("12.03.2026")),
            ("ngayDangKy", "20260312081500", Some("12.03.2026")),
            ("nksGioiTinh", "male", Some("1")),
            ("nksGioiTinh", "Nữ", Some("2")),
            ("nksGioiTinh", "2", Some("2")),
            ("nksGioiTinh", "x", None),
            ("nksHoTen", " Phạm Văn Mẫu ", Some("Phạm Văn Mẫu")),
            ("nksNgaySinh", "", Some("")),
        ] {
            assert_eq!(foreign(name, text).as_deref(), written, "{name} {text}");
        }
    }
}
