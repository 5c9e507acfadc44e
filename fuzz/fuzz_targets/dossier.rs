//! Whatever the body: no dossier format panics, findings stay few, and what is accepted is read the same after it was written.
#![no_main]

use lgsp_base::limits::DOSSIER_VIOLATIONS_MAX;
use lgsp_wire::dossier::civil_status::{CivilRegistration, CivilStatusReply};
use lgsp_wire::dossier::codec::DateForm;
use lgsp_wire::dossier::criminal_record::{CriminalRecordReply, CriminalRecordRequest};
use lgsp_wire::dossier::forms::{BirthForm, REST_EXCHANGE};
use lgsp_wire::dossier::rest_exchange::{DraftDossier, RestAnswer, TakeConfirmation};
use lgsp_wire::dossier::{
    CivilRecord, Dossier, DossierCode, DossierError, Item, LoginRequest, PortalNotice,
    PortalRequest, Procedure, ProcedureCode, ProcedureRow, ProgressStep, ReplyWords, ReuseReply,
    ReuseRequest, read_dossiers, read_progress, read_reply, to_problem,
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// Fractions are not kept to the last digit.
fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_fraction),
        Value::Object(fields) => fields.values().any(has_fraction),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

fn settled<T>(item: Item<T>) -> Option<T> {
    assert!(item.tolerances.len() <= DOSSIER_VIOLATIONS_MAX + 1);
    match item.result {
        Ok(value) => Some(value),
        Err(violations) => {
            assert!(!violations.is_empty() && violations.len() <= DOSSIER_VIOLATIONS_MAX);
            let _problem = to_problem(&violations);
            None
        }
    }
}

/// Reads a body; what was accepted is written and read again as the same.
fn body<T: PartialEq + std::fmt::Debug>(
    bytes: &[u8],
    read: fn(&[u8]) -> Result<Item<T>, DossierError>,
    write: fn(&T) -> Vec<u8>,
) {
    match read(bytes) {
        Ok(item) => {
            if let Some(value) = settled(item) {
                let written = write(&value);
                let tree: Value = serde_json::from_slice(&written).expect("JSON");
                if !has_fraction(&tree) {
                    let again = read(&written).expect("read back").into_result();
                    assert_eq!(again.expect("read back"), value);
                }
            }
        }
        Err(error) => {
            let _problem = error.to_problem();
        }
    }
}

fn dossier(dossier: &Dossier) {
    let written = dossier.to_portal();
    if !has_fraction(&written) {
        let again = Dossier::from_portal(written.clone(), "")
            .into_result()
            .expect("read back");
        assert_eq!(&again, dossier);
        assert_eq!(again.to_portal(), written);
        let ours = serde_json::to_string(dossier).expect("JSON");
        assert_eq!(
            &serde_json::from_str::<Dossier>(&ours).expect("ours"),
            dossier
        );
    }
}

fn step(step: &ProgressStep) {
    let written = step.to_portal();
    if !has_fraction(&written) {
        let again = ProgressStep::from_portal(written, "").into_result();
        assert_eq!(&again.expect("read back"), step);
    }
}

fn request(bytes: &[u8]) {
    let _login = LoginRequest::read(bytes);
    let Ok(request) = PortalRequest::read(bytes) else {
        return;
    };
    let again = PortalRequest::read(&request.to_bytes()).expect("read back");
    assert_eq!(
        (&again.agency, again.service),
        (&request.agency, request.service)
    );
    if let Ok(batch) = request.dossiers() {
        batch
            .items
            .into_iter()
            .filter_map(settled)
            .for_each(|read| dossier(&read));
    }
    if let Ok(batch) = request.progress() {
        batch
            .items
            .into_iter()
            .filter_map(settled)
            .for_each(|read| step(&read));
    }
}

fn reply(bytes: &[u8]) {
    let words = ReplyWords::default();
    let Ok(reply) = read_reply(bytes, &words) else {
        return;
    };
    let _items = reply.items(&words);
    let _dossiers = reply.dossiers();
    let _rows = ProcedureRow::of_reply(&reply);
    if let Some(procedure) = Procedure::of_reply(&reply).and_then(settled) {
        let written = procedure.to_portal();
        if !has_fraction(&written) {
            let again = Procedure::from_portal(written, "").into_result();
            assert_eq!(again.expect("read back"), procedure);
        }
    }
}

fn words(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(code) = DossierCode::read(text) {
        assert_eq!(code.as_str().parse(), Ok(code));
    }
    if let Ok(code) = ProcedureCode::read(text) {
        assert!(code.as_str().starts_with(code.base()));
    }
    if let Some((at, form)) = DateForm::read_any(text) {
        assert_eq!(form.read(&form.write(at)), Some(at));
    }
    for form in BirthForm::ALL {
        if let Some(date) = form.read_loosely(text) {
            assert_eq!(form.read(&form.write(date)), Some(date));
        }
    }
    if let Ok(records) = CivilRecord::read(text)
        && let Ok(xml) = CivilRecord::to_xml(&records)
    {
        let again = CivilRecord::read(&xml).expect("read back");
        assert_eq!(again.len(), records.len());
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((which, bytes)) = data.split_first() else {
        return;
    };
    match which % 14 {
        0 => request(bytes),
        1 => reply(bytes),
        2 => {
            if let Ok(batch) = read_dossiers(bytes) {
                batch
                    .items
                    .into_iter()
                    .filter_map(settled)
                    .for_each(|read| dossier(&read));
            }
        }
        3 => {
            if let Ok(batch) = read_progress(bytes) {
                batch
                    .items
                    .into_iter()
                    .filter_map(settled)
                    .for_each(|read| step(&read));
            }
        }
        4 => words(bytes),
        5 => {
            let _reply = CivilStatusReply::read(bytes);
            let _answer = RestAnswer::read(bytes, &REST_EXCHANGE);
        }
        6 => body(bytes, CivilRegistration::read, CivilRegistration::to_bytes),
        7 => body(
            bytes,
            CriminalRecordRequest::read,
            CriminalRecordRequest::to_bytes,
        ),
        8 => body(
            bytes,
            CriminalRecordReply::read,
            CriminalRecordReply::to_bytes,
        ),
        9 => body(bytes, DraftDossier::read, DraftDossier::to_bytes),
        10 => body(bytes, TakeConfirmation::read, TakeConfirmation::to_bytes),
        11 => body(bytes, PortalNotice::read, PortalNotice::to_bytes),
        12 => body(bytes, ReuseRequest::read, ReuseRequest::to_bytes),
        _ => body(bytes, ReuseReply::read, ReuseReply::to_bytes),
    }
});
