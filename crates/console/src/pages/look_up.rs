//! `/tra-cuu`: the public look-up of a dossier by its code and four digits. It says where the dossier stands and nothing
//! about anybody; an unknown code and wrong digits get the same answer.

use std::net::IpAddr;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use lgsp_base::failures::{FailureBounds, Failures};
use lgsp_base::{Sha256, Timestamp, limits};
use lgsp_exchange::dossier::PublicView;
use lgsp_wire::dossier::{DossierCode, DossierStatus};
use serde::Serialize;

use super::dossier::StepView;
use super::dossiers::sign;
use crate::Console;
use crate::error::Failure;
use crate::form::Form;
use crate::login::{From, answer, is_ours};
use crate::page::{Page, Place};
use crate::visitor::Facts;

/// The page.
#[derive(Debug, Serialize)]
pub(crate) struct LookUpPage {
    /// As it was typed.
    code: String,
    found: Option<Found>,
    /// The last part of a key `look_up.problem.…`.
    problem: Option<&'static str>,
}

/// What everybody may know who holds the code and the digits.
#[derive(Debug, Clone, Serialize)]
struct Found {
    code: String,
    procedure_name: String,
    unit: String,
    status: &'static str,
    sign: &'static str,
    is_closed: bool,
    received_at: Option<Timestamp>,
    due_at: Option<Timestamp>,
    returned_at: Option<Timestamp>,
    steps: Vec<StepView>,
}

/// Look-ups that found nothing, counted by who asks and by what is asked for: neither can a visitor try codes, nor can many visitors
/// try the digits of one.
#[derive(Debug)]
pub(crate) struct Guesses {
    visitors: Failures<IpAddr>,
    codes: Failures<Sha256>,
}

impl Default for Guesses {
    fn default() -> Self {
        Self {
            visitors: Failures::new(FailureBounds {
                most: limits::LOOK_UP_FAILURES_PER_ADDRESS_MAX,
                window: limits::LOOK_UP_WINDOW,
                keys: limits::LOOK_UP_KEYS_MAX,
            }),
            codes: Failures::new(FailureBounds {
                most: limits::LOOK_UP_FAILURES_PER_CODE_MAX,
                window: limits::LOOK_UP_WINDOW,
                keys: limits::LOOK_UP_KEYS_MAX,
            }),
        }
    }
}

/// `GET /tra-cuu`.
pub(crate) async fn show(
    State(console): State<Console>,
    facts: Facts,
) -> Result<Response, Failure> {
    answer(&console, &facts, StatusCode::OK, &LookUpPage::empty(""))
}

/// `POST /tra-cuu`: a form, so that neither code nor digits stand in an address.
pub(crate) async fn look_up(
    State(console): State<Console>,
    facts: Facts,
    from: From,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Failure> {
    let code = form.text("ma").unwrap_or("").to_owned();
    let page = |problem| LookUpPage {
        problem: Some(problem),
        ..LookUpPage::empty(&code)
    };
    if !is_ours(&headers, &form) {
        return answer(&console, &facts, StatusCode::FORBIDDEN, &page("form"));
    }
    let Ok(asked) = DossierCode::read(&code) else {
        return answer(&console, &facts, StatusCode::NOT_FOUND, &page("unknown"));
    };
    let (now, guesses) = (console.clock.monotonic(), &console.guesses);
    let hash = Some(Sha256::of(asked.as_str().as_bytes()));
    let is_open = guesses.visitors.begin(now, from.address()) && guesses.codes.begin(now, hash);
    if !is_open {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let mut response = answer(&console, &facts, status, &page("too_many"))?;
        let seconds = limits::LOOK_UP_WINDOW.as_secs();
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        return Ok(response);
    }
    let check = form.text("kiem_tra").unwrap_or("");
    let found = console.dossiers.public(&asked, check).await;
    let Some(view) = found.map_err(|error| error.to_problem())? else {
        return answer(&console, &facts, StatusCode::NOT_FOUND, &page("unknown"));
    };
    guesses.visitors.forgive(now, from.address());
    guesses.codes.forgive(now, hash);
    let page = LookUpPage {
        found: Some(Found::of(view)),
        ..LookUpPage::empty(&code)
    };
    answer(&console, &facts, StatusCode::OK, &page)
}

impl LookUpPage {
    fn empty(code: &str) -> Self {
        Self {
            code: code.to_owned(),
            found: None,
            problem: None,
        }
    }
}

impl Found {
    fn of(view: PublicView) -> Self {
        let last = view.steps.len().saturating_sub(1);
        Self {
            code: view.code.to_string(),
            procedure_name: view.procedure,
            unit: view.unit,
            status: view.status.code(),
            sign: sign(view.status),
            is_closed: view.status.is_terminal(),
            received_at: view.received_at,
            due_at: view.due_at,
            returned_at: view.returned_at,
            steps: view
                .steps
                .into_iter()
                .enumerate()
                .map(|(index, step)| StepView {
                    at: step.at,
                    status: step.status.code(),
                    unit: Some(step.unit),
                    text: None,
                    due_at: None,
                    is_last: index == last,
                })
                .collect(),
        }
    }
}

impl Page for LookUpPage {
    const TEMPLATE: &'static str = "look_up.html";
    const PLACE: Place = Place::None;

    fn samples() -> Vec<(&'static str, Self)> {
        let at = Timestamp::from_micros(1_793_844_429_000_000);
        let page = |problem| Self {
            problem,
            ..Self::empty("")
        };
        let step = |status: DossierStatus, is_last| StepView {
            at,
            status: status.code(),
            unit: Some("Ủy ban nhân dân xã Phú Mẫu".to_owned()),
            text: None,
            due_at: None,
            is_last,
        };
        let found = |status: DossierStatus, is_closed| Found {
            code: "H99.131-260312-0042".to_owned(),
            procedure_name: "Thủ tục mẫu: cấp bản sao giấy tờ (giả định)".to_owned(),
            unit: "Ủy ban nhân dân xã Phú Mẫu".to_owned(),
            status: status.code(),
            sign: sign(status),
            is_closed,
            received_at: Some(at),
            due_at: Some(at),
            returned_at: is_closed.then_some(at),
            steps: vec![step(DossierStatus::Received, false), step(status, true)],
        };
        let with = |found: Found| Self {
            code: found.code.clone(),
            found: Some(found),
            problem: None,
        };
        vec![
            ("first", page(None)),
            ("under-way", with(found(DossierStatus::Processing, false))),
            ("finished", with(found(DossierStatus::Returned, true))),
            ("unknown", page(Some("unknown"))),
            ("too-many", page(Some("too_many"))),
            ("form", page(Some("form"))),
        ]
    }
}
