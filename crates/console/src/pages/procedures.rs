//! `/thu-tuc`: administrative procedures as the national portal lists them, and the local codes that stand for them.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lgsp_base::{Permission, Timestamp, limits};
use lgsp_exchange::dossier::{DossierError, Procedure, ProcedureFilter};
use lgsp_wire::dossier::ProcedureCode;
use serde::Serialize;

use crate::Console;
use crate::error::{Failure, redirect};
use crate::form::encode;
use crate::page::{Page, Place};
use crate::visitor::{Posted, Visitor};

/// Names of the parameters.
const TEXT: &str = "q";
const CURSOR: &str = "trang";

/// The page.
#[derive(Debug, Serialize)]
pub(crate) struct ProceduresPage {
    text: String,
    rows: Vec<Row>,
    next: Option<String>,
    may_map: bool,
    /// The last part of a key `procedures.problem.…`.
    problem: Option<&'static str>,
}

/// One procedure.
#[derive(Debug, Clone, Serialize)]
struct Row {
    code: String,
    name: String,
    field: String,
    field_name: String,
    local_codes: Vec<String>,
    synced_at: Timestamp,
}

/// `GET /thu-tuc`.
pub(crate) async fn list(
    State(console): State<Console>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    let page = gather(&console, &visitor, None).await?;
    visitor.show(&console, &page)
}

/// `POST /thu-tuc/anh-xa`: says what a local code means.
pub(crate) async fn map(
    State(console): State<Console>,
    posted: Posted,
) -> Result<Response, Failure> {
    let Posted { visitor, form } = posted;
    visitor.permit(Permission::DossierAdmin)?;
    let local = form.required("dia_phuong")?;
    let mapped = match ProcedureCode::read(form.required("quoc_gia")?) {
        Ok(national) => {
            console
                .dossiers
                .mapping_put(&visitor.actor, local, None, &national)
                .await
        }
        Err(_) => Err(DossierError::ProcedureUnknown {
            code: String::new(),
        }),
    };
    let problem = match mapped {
        Ok(()) => return Ok(redirect("/thu-tuc?xong=procedure_mapped")),
        Err(DossierError::ProcedureUnknown { .. }) => "national",
        Err(DossierError::Invalid(_)) => "local",
        Err(error) => return Err(error.to_problem().into()),
    };
    let page = gather(&console, &visitor, Some(problem)).await?;
    let mut response = visitor.show(&console, &page)?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}

async fn gather(
    console: &Console,
    visitor: &Visitor,
    problem: Option<&'static str>,
) -> Result<ProceduresPage, Failure> {
    visitor.permit(Permission::DossierRead)?;
    let text = visitor.query.text(TEXT).unwrap_or("").to_owned();
    let after = visitor.query.text(CURSOR).map(|code| {
        let (code, agency) = code.split_once('~').unwrap_or((code, ""));
        (code.to_owned(), agency.to_owned())
    });
    let filter = ProcedureFilter {
        text: (!text.is_empty()).then(|| text.clone()),
        after,
        limit: limits::CONSOLE_PAGE_ROWS,
        ..ProcedureFilter::default()
    };
    let actor = &visitor.actor;
    let found = console.dossiers.procedures(actor, filter).await;
    let found = found.map_err(|error| error.to_problem())?;
    let mappings = console.dossiers.mappings(actor).await;
    let mut local_codes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for mapping in mappings.map_err(|error| error.to_problem())? {
        let codes = local_codes.entry(mapping.national_code).or_default();
        codes.push(mapping.local_code);
    }
    let next = found
        .last()
        .filter(|_| found.len() == limits::CONSOLE_PAGE_ROWS);
    let next = next.map(|last| {
        let cursor = encode(&format!("{}~{}", last.code, last.agency));
        format!("/thu-tuc?{TEXT}={}&{CURSOR}={cursor}", encode(&text))
    });
    Ok(ProceduresPage {
        text,
        next,
        rows: found
            .into_iter()
            .map(|procedure| Row::of(procedure, &mut local_codes))
            .collect(),
        may_map: actor.may(Permission::DossierAdmin),
        problem,
    })
}

impl Row {
    fn of(procedure: Procedure, local_codes: &mut BTreeMap<String, Vec<String>>) -> Self {
        Self {
            local_codes: local_codes.remove(&procedure.code).unwrap_or_default(),
            code: match procedure.agency.as_str() {
                "" => procedure.code,
                agency => format!("{}.{agency}", procedure.code),
            },
            name: procedure.name,
            field: procedure.field_code,
            field_name: procedure.field_name,
            synced_at: procedure.synced_at,
        }
    }
}

impl Page for ProceduresPage {
    const TEMPLATE: &'static str = "procedures.html";
    const PLACE: Place = Place::Dossiers;

    fn samples() -> Vec<(&'static str, Self)> {
        let at = Timestamp::from_micros(1_793_844_429_000_000);
        let row = |code: &str, local_codes: &[&str]| Row {
            code: code.to_owned(),
            name: "Thủ tục mẫu: cấp bản sao giấy tờ (giả định)".to_owned(),
            field: "G99-LV01".to_owned(),
            field_name: "Lĩnh vực mẫu".to_owned(),
            local_codes: local_codes.iter().map(|code| (*code).to_owned()).collect(),
            synced_at: at,
        };
        let page = |problem| Self {
            text: "bản sao".to_owned(),
            rows: vec![
                row("9.000001", &["BA-HT-01", "9.000001.H99"]),
                row("9.000002", &[]),
            ],
            next: Some("/thu-tuc?trang=9.000002".to_owned()),
            may_map: true,
            problem,
        };
        vec![
            (
                "empty",
                Self {
                    text: String::new(),
                    rows: Vec::new(),
                    next: None,
                    may_map: false,
                    problem: None,
                },
            ),
            ("full", page(None)),
            ("local", page(Some("local"))),
            ("national", page(Some("national"))),
        ]
    }
}
