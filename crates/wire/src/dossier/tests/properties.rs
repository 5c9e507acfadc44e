//! Whatever comes: no panic, and what was read is written and read again as the same.

use lgsp_base::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::kit::*;
use crate::dossier::civil_status::{CivilRegistration, CivilStatusReply};
use crate::dossier::codec::DateForm;
use crate::dossier::criminal_record::{CriminalRecordReply, CriminalRecordRequest};
use crate::dossier::forms::{BirthForm, PartialDate};
use crate::dossier::rest_exchange::DraftDossier;
use crate::dossier::*;

/// Values that somebody might put in a field.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0u32..12).prop_map(Value::from),
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
        Just(json!(1e300)),
        "[0-9]{0,15}".prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "True",
            "False",
            "1",
            "0",
            "2",
            "01",
            "20260312081500",
            "20260312",
            "12/03/2026",
            "2026-03-12T08:15:00Z",
            "H99-260312-0001",
            "9.000001.h99",
            " "
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[A-Za-z]{1,8}", inner, 0..4)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// The new dossier of the samples with some of its fields changed.
fn bent() -> impl Strategy<Value = Value> {
    let names: Vec<String> = first("DongBoHoSoMC_new")
        .as_object()
        .expect("object")
        .keys()
        .cloned()
        .collect();
    let name = prop_oneof![prop::sample::select(names), "[A-Za-z]{1,10}"];
    proptest::collection::vec((name, value()), 0..5).prop_map(|changes| {
        let mut object = first("DongBoHoSoMC_new");
        for (name, value) in changes {
            object[name] = value;
        }
        object
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_read_is_read_again_as_the_same(object in bent()) {
        let item = Dossier::from_portal(object, "data[0]");
        if let Ok(dossier) = item.result {
            let written = dossier.to_portal();
            let again = Dossier::from_portal(written.clone(), "").result.expect("read again");
            prop_assert_eq!(&again, &dossier);
            prop_assert_eq!(again.to_portal(), written);
            let ours = serde_json::to_string(&dossier).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<Dossier>(&ours).expect("ours"), dossier);
        }
    }

    #[test]
    fn any_value_anywhere(value in value()) {
        let text = value.to_string();
        let bytes = text.as_bytes();
        let _batch = read_dossiers(bytes);
        let _reply = read_reply(bytes, &ReplyWords::default());
        let _request = PortalRequest::read(bytes);
        let _procedure = Procedure::from_portal(value.clone(), "");
        let _civil = (CivilRegistration::read(bytes), CivilStatusReply::read(bytes), CivilRecord::read(&text));
        let _criminal = (CriminalRecordRequest::read(bytes), CriminalRecordReply::read(bytes));
        let _rest = (DraftDossier::read(bytes), PortalNotice::read(bytes), ReuseReply::read(bytes));
        if let Ok(step) = ProgressStep::from_portal(value, "").result {
            prop_assert_eq!(ProgressStep::from_portal(step.to_portal(), "").result, Ok(step));
        }
    }

    #[test]
    fn times_of_every_form(micros in -2_208_988_800_000_000i64..253_402_200_000_000_000) {
        let at = Timestamp::from_micros(micros);
        for form in DateForm::ALL {
            if form == DateForm::EpochMillis && micros < 1_000_000_000_000_000 {
                continue;
            }
            if let Some(read) = form.read(&form.write(at)) {
                prop_assert!(read <= at && at.since(read) < std::time::Duration::from_secs(24 * 3600));
                prop_assert_eq!(form.read(&form.write(read)), Some(read));
            } else {
                prop_assert_eq!(form, DateForm::EpochMillis);
            }
        }
    }

    #[test]
    fn any_text_as_code_or_date(text in "\\PC{0,24}", codeish in "[Hh]?[0-9.]{0,8}[-–]?[0-9]{5,7}-[0-9]{3,6}") {
        for text in [text, codeish] {
            if let Ok(code) = DossierCode::read(&text) {
                prop_assert_eq!(code.as_str().parse(), Ok(code.clone()));
                prop_assert_eq!(format!("{}-{}-{}", code.agency(), code.date().to_string().replace('-', "").split_off(2), code.number()), code.to_string());
            }
            if let Ok(code) = ProcedureCode::read(&text) {
                prop_assert_eq!(code.as_str().parse(), Ok(code));
            }
            let _time = DateForm::read_any(&text);
            for form in BirthForm::ALL {
                if let Some(date) = form.read_loosely(&text) {
                    prop_assert_eq!(form.read(&form.write(date)), Some(date));
                    prop_assert_eq!(date.to_string().parse::<PartialDate>(), Ok(date));
                }
            }
        }
    }

    #[test]
    fn records_of_civil_status(fields in proptest::collection::btree_map("[A-Za-z][A-Za-z0-9_]{0,12}", "[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\u{FFFE}\u{FFFF}]{1,20}", 0..6)) {
        let record = CivilRecord(fields);
        let xml = CivilRecord::to_xml(std::slice::from_ref(&record)).expect("XML");
        prop_assert_eq!(CivilRecord::read(&xml).expect("records"), vec![record.clone()]);
        if record.0.keys().all(|name| name != "hotich" && name != "hoso") {
            prop_assert_eq!(CivilRecord::read(&record.to_json()).expect("records"), vec![record]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn bent_samples(
        which in 0..SAMPLES.len(),
        bends in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 1..4),
    ) {
        let mut bytes = SAMPLES[which].1.to_vec();
        for (at, byte, kind) in bends {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => { bytes.remove(at); }
                _ => bytes.truncate(at.max(1)),
            }
        }
        if let Ok(request) = PortalRequest::read(&bytes) {
            let again = PortalRequest::read(&request.to_bytes()).expect("read again");
            prop_assert_eq!(&again.data, &request.data);
            prop_assert_eq!(&again.parameters, &request.parameters);
            let _batches = (request.dossiers(), request.progress());
        }
    }
}

#[test]
fn a_number_that_stands_for_a_code_is_a_code() {
    for status in 1..=10 {
        let (dossier, _) = read(with("TrangThaiHoSo", json!(status)));
        assert_eq!(dossier.status.code(), status.to_string());
    }
}
