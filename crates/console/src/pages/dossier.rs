//! `/ho-so/{id}`: one dossier: where it stands, its way, what was sent about it and who has it.
//!
//! A look at this page is an entry of the ledger, made before the page is shown. Those who run the platform see masked names,
//! and never the content of papers.

use axum::extract::{Path, State};
use axum::response::Response;
use lgsp_base::id::{DocumentId, DossierId, OrgId};
use lgsp_base::problem::kinds;
use lgsp_base::{Permission, Timestamp};
use lgsp_exchange::dossier::{
    ClockState, DossierRef, DossierView, Look, MessageView as Message, PartyRole, PortalState,
    Purpose, StepView as Step,
};
use lgsp_store::exchange::DeliveryState;
use lgsp_wire::dossier::{Channel, Dossier, DossierStatus, IdentityKind};
use serde::Serialize;

use super::cause::Cause;
use super::dossiers::{ClockView, sign};
use super::trace::stand_of;
use crate::Console;
use crate::error::Failure;
use crate::page::{Page, Place};
use crate::visitor::Visitor;

/// The page.
#[derive(Debug, Serialize)]
pub(crate) struct DossierPage {
    id: DossierId,
    code: String,
    procedure: String,
    procedure_name: String,
    field: Option<String>,
    field_name: Option<String>,
    /// The last part of a key `dossier_status.…`.
    status: &'static str,
    sign: &'static str,
    /// True behind the last status.
    is_closed: bool,
    /// Who handles it.
    unit: Option<String>,
    owner: String,
    clock: ClockView,
    portal: Option<PortalView>,
    steps: Vec<StepView>,
    messages: Vec<MessageView>,
    supplements: Vec<SupplementView>,
    papers: Vec<PaperView>,
    applicant: Option<String>,
    identities: Vec<IdentityView>,
    is_masked: bool,
    /// The last part of a key `dossier_channel.…`.
    channel: Option<&'static str>,
    submitted_at: Option<Timestamp>,
    received_at: Option<Timestamp>,
    stated_due_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    returned_at: Option<Timestamp>,
    keep_until: Option<Timestamp>,
    erased_at: Option<Timestamp>,
    parties: Vec<PartyView>,
    /// None where the visitor may not see them.
    looks: Option<Vec<LookView>>,
}

/// Where it stands at the national portal.
#[derive(Debug, Clone, Serialize)]
struct PortalView {
    /// The last part of a key `dossier_portal.…`.
    word: &'static str,
    sign: &'static str,
    accepted_at: Option<Timestamp>,
}

/// One step of the way.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StepView {
    pub(crate) at: Timestamp,
    pub(crate) status: &'static str,
    pub(crate) unit: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) is_last: bool,
}

/// One message about the dossier and where it went.
#[derive(Debug, Clone, Serialize)]
struct MessageView {
    version: i64,
    document: DocumentId,
    /// `dossier` or `progress`.
    kind: &'static str,
    sender: String,
    at: Timestamp,
    recipients: Vec<RecipientView>,
}

/// One recipient of a message.
#[derive(Debug, Clone, Serialize)]
struct RecipientView {
    name: String,
    /// The last part of a key `transport.…`.
    state: &'static str,
    sign: &'static str,
    cause: Option<Cause>,
}

/// A request for papers.
#[derive(Debug, Clone, Serialize)]
struct SupplementView {
    /// The last part of a key `dossier_supplement.…`.
    word: &'static str,
    sign: &'static str,
    asked_at: Option<Timestamp>,
    text: String,
    new_due_at: Option<Timestamp>,
}

/// The name of a paper or a result.
#[derive(Debug, Clone, Serialize)]
struct PaperView {
    name: String,
    /// The last part of a key `dossier_paper.…`.
    kind: &'static str,
    code: Option<String>,
    /// Last parts of keys `dossier_flag.…`.
    flags: Vec<&'static str>,
}

/// An identity paper, its number masked by role.
#[derive(Debug, Clone, Serialize)]
struct IdentityView {
    /// The last part of a key `dossier_identity.…`.
    kind: &'static str,
    number: String,
}

/// An organisation that takes part.
#[derive(Debug, Clone, Serialize)]
struct PartyView {
    id: OrgId,
    name: String,
    /// The last part of a key `dossier_role.…`.
    role: &'static str,
}

/// Somebody looked at it.
#[derive(Debug, Clone, Serialize)]
struct LookView {
    at: Timestamp,
    who: String,
    /// The last part of a key `dossier_purpose.…`.
    purpose: String,
}

/// `GET /ho-so/{id}`.
pub(crate) async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    visitor.permit(Permission::DossierRead)?;
    let id: DossierId = id.parse().map_err(|_| kinds::DOSSIER_UNKNOWN.problem())?;
    let view = console
        .dossiers
        .view(&visitor.actor, &DossierRef::Id(id), Purpose::Supervision)
        .await
        .map_err(|error| error.to_problem())?;
    let looks = if visitor.actor.may(Permission::DossierReadAll) {
        let looks = console.dossiers.looks_at(&visitor.actor, id).await;
        Some(looks.map_err(|error| error.to_problem())?)
    } else {
        None
    };
    let page = DossierPage::of(view, looks, visitor.now());
    visitor.show(&console, &page)
}

impl DossierPage {
    fn of(view: DossierView, looks: Option<Vec<Look>>, now: Timestamp) -> Self {
        let dossier = view.dossier.as_ref();
        let given = |text: &String| (!text.is_empty()).then(|| text.clone());
        let unit = match (&view.handling, dossier) {
            (Some(org), _) => Some(org.name.clone()),
            (None, Some(dossier)) => given(&dossier.handling_unit),
            (None, None) => None,
        };
        Self {
            id: view.id,
            code: view.code.to_string(),
            procedure: dossier
                .map(|dossier| dossier.procedure.code.to_string())
                .unwrap_or_default(),
            procedure_name: dossier
                .map(|dossier| dossier.procedure.name.clone())
                .unwrap_or_default(),
            field: dossier.and_then(|dossier| given(&dossier.sector.code)),
            field_name: dossier.and_then(|dossier| given(&dossier.sector.name)),
            status: view.status.code(),
            sign: sign(view.status),
            is_closed: view.status.is_terminal(),
            unit,
            owner: view.owner.name,
            clock: ClockView::of(
                &view.clock,
                dossier.and_then(|dossier| dossier.received_at),
                now,
            ),
            portal: view.portals.first().map(PortalView::of),
            steps: step_views(&view.steps, view.is_masked),
            messages: view.messages.into_iter().map(MessageView::of).collect(),
            supplements: dossier.map(supplements).unwrap_or_default(),
            papers: dossier.map(papers).unwrap_or_default(),
            applicant: dossier.and_then(|dossier| given(&dossier.applicant.name)),
            identities: dossier.map(identities).unwrap_or_default(),
            is_masked: view.is_masked,
            channel: dossier
                .and_then(|dossier| dossier.channel)
                .map(channel_word),
            submitted_at: dossier.and_then(|dossier| dossier.submitted_at),
            received_at: dossier.and_then(|dossier| dossier.received_at),
            stated_due_at: view.clock.stated_due_at,
            finished_at: view.clock.finished_at,
            returned_at: dossier.and_then(|dossier| dossier.returned_at),
            keep_until: view.keep_until,
            erased_at: view.erased_at,
            parties: view
                .parties
                .into_iter()
                .map(|party| PartyView {
                    id: party.org.org,
                    name: party.org.name,
                    role: party.role.name(),
                })
                .collect(),
            looks: looks.map(|looks| looks.into_iter().map(LookView::of).collect()),
        }
    }
}

/// The steps as a way: the last one is the present. What was done is told to parties only.
fn step_views(steps: &[Step], is_masked: bool) -> Vec<StepView> {
    let last = steps.len().saturating_sub(1);
    steps
        .iter()
        .enumerate()
        .map(|(index, step)| StepView {
            at: step.at,
            status: step.status.code(),
            unit: step
                .step
                .as_ref()
                .map(|step| step.department.clone())
                .filter(|department| !department.is_empty())
                .or_else(|| Some(step.org.name.clone())),
            text: step
                .step
                .as_ref()
                .map(|step| step.content.clone())
                .filter(|content| !content.is_empty() && !is_masked),
            due_at: step.due_at,
            is_last: index == last,
        })
        .collect()
}

impl PortalView {
    fn of(state: &PortalState) -> Self {
        let is_taken =
            state.accepted_version.is_some() && state.accepted_version >= state.sent_version;
        let (word, sign) = match (state.finding, is_taken) {
            (Some(finding), _) => (finding.name(), "down"),
            (None, true) => ("accepted", "ok"),
            (None, false) => ("waiting", "unknown"),
        };
        Self {
            word,
            sign,
            accepted_at: state.accepted_at,
        }
    }
}

impl MessageView {
    fn of(message: Message) -> Self {
        let recipient = |one: lgsp_exchange::dossier::MessageDelivery| {
            let (state, sign) = stand_of(&one.delivery, false);
            RecipientView {
                name: one.recipient.name,
                state,
                sign,
                cause: one
                    .delivery
                    .cause
                    .as_deref()
                    .filter(|_| one.delivery.state != DeliveryState::Delivered)
                    .map(Cause::of),
            }
        };
        Self {
            version: message.version,
            document: message.document,
            kind: message.kind.name(),
            sender: message.sender.name,
            at: message.at,
            recipients: message.deliveries.into_iter().map(recipient).collect(),
        }
    }
}

impl LookView {
    fn of(look: Look) -> Self {
        Self {
            at: look.at,
            who: match look.org {
                Some(org) => org.name,
                None => look.actor,
            },
            purpose: look.purpose,
        }
    }
}

fn supplements(dossier: &Dossier) -> Vec<SupplementView> {
    let view = |one: &lgsp_wire::dossier::Supplement| {
        let (word, sign) = match one.received_at {
            Some(_) => ("answered", "ok"),
            None => ("open", "slow"),
        };
        SupplementView {
            word,
            sign,
            asked_at: one.asked_at,
            text: one.content.clone(),
            new_due_at: one.due_at,
        }
    };
    dossier.supplements.iter().map(view).collect()
}

fn papers(dossier: &Dossier) -> Vec<PaperView> {
    let given = |text: &String| (!text.is_empty()).then(|| text.clone());
    let papers = dossier.papers.iter().map(|paper| PaperView {
        name: paper.file_name.clone(),
        kind: "paper",
        code: given(&paper.component_code),
        flags: [
            (paper.is_digitised == Some(true), "digitised"),
            (!matches!(paper.reuse.as_str(), "" | "0"), "reused"),
            (paper.is_from_national_store == Some(true), "national_store"),
        ]
        .into_iter()
        .filter_map(|(is_set, flag)| is_set.then_some(flag))
        .collect(),
    });
    let others = dossier.other_papers.iter().map(|paper| PaperView {
        name: paper.name.clone(),
        kind: "other",
        code: given(&paper.kind),
        flags: Vec::new(),
    });
    let results = dossier.results.iter().map(|paper| PaperView {
        name: paper.name.clone(),
        kind: "result",
        code: given(&paper.code),
        flags: Vec::new(),
    });
    papers.chain(others).chain(results).collect()
}

fn identities(dossier: &Dossier) -> Vec<IdentityView> {
    let view = |one: &lgsp_wire::dossier::Identity| IdentityView {
        kind: match one.kind {
            Some(IdentityKind::CitizenCard) => "citizen_card",
            Some(IdentityKind::OldCard) => "id_card",
            None => "other",
        },
        number: one.number.clone(),
    };
    dossier.applicant.identities.iter().map(view).collect()
}

const fn channel_word(channel: Channel) -> &'static str {
    match channel {
        Channel::Counter => "direct",
        Channel::Online => "online",
        Channel::Post => "post",
    }
}

impl Page for DossierPage {
    const TEMPLATE: &'static str = "dossier.html";
    const PLACE: Place = Place::Dossiers;
    const FRAGMENTS: &'static [&'static str] = &["head", "way", "messages"];

    fn samples() -> Vec<(&'static str, Self)> {
        vec![
            ("under-way", Self::sample(DossierStatus::Processing)),
            (
                "registered",
                Self::at_the_portal(DossierStatus::Registered, "waiting", "unknown"),
            ),
            (
                "twice",
                Self::at_the_portal(DossierStatus::Finished, "duplicate", "down"),
            ),
            ("supplement", Self::stopped()),
            ("finished", Self::finished()),
            ("erased", Self::erased()),
        ]
    }
}

/// Samples.
impl DossierPage {
    fn sample(status: DossierStatus) -> Self {
        let at = Timestamp::from_micros(1_793_844_429_000_000);
        let step = |status: DossierStatus, is_last| StepView {
            at,
            status: status.code(),
            unit: Some("Trung tâm Phục vụ hành chính công xã Phú Mẫu".to_owned()),
            text: Some("Chuyển hồ sơ tới bộ phận chuyên môn".to_owned()),
            due_at: Some(at),
            is_last,
        };
        let recipient = |name: &str, state, sign| RecipientView {
            name: name.to_owned(),
            state,
            sign,
            cause: (sign == "down").then(|| Cause::of("http_503")),
        };
        let message = |version, kind| MessageView {
            version,
            document: DocumentId::from_bits(1),
            kind,
            sender: "Ủy ban nhân dân xã Phú Mẫu".to_owned(),
            at,
            recipients: vec![
                recipient("Sở Tư pháp tỉnh Bình An", "delivered", "ok"),
                recipient("Cổng Dịch vụ công quốc gia", "dead", "down"),
            ],
        };
        Self {
            id: DossierId::from_bits(1),
            code: "H99.131-260312-0042".to_owned(),
            procedure: "9.000001".to_owned(),
            procedure_name: "Thủ tục mẫu: cấp bản sao giấy tờ (giả định)".to_owned(),
            field: Some("G99-LV01".to_owned()),
            field_name: Some("Lĩnh vực mẫu".to_owned()),
            status: status.code(),
            sign: sign(status),
            is_closed: false,
            unit: Some("Ủy ban nhân dân xã Phú Mẫu".to_owned()),
            owner: "Ủy ban nhân dân xã Phú Mẫu".to_owned(),
            clock: ClockView::sample(ClockState::OnTime),
            portal: Some(PortalView {
                word: "accepted",
                sign: "ok",
                accepted_at: Some(at),
            }),
            steps: vec![
                step(DossierStatus::Registered, false),
                step(DossierStatus::Received, false),
                step(status, true),
            ],
            messages: vec![message(1, "dossier"), message(2, "progress")],
            supplements: Vec::new(),
            papers: vec![
                PaperView {
                    name: "don-de-nghi.pdf".to_owned(),
                    kind: "paper",
                    code: Some("TP-0001".to_owned()),
                    flags: vec!["digitised", "reused", "national_store"],
                },
                PaperView {
                    name: "Ảnh chân dung".to_owned(),
                    kind: "other",
                    code: None,
                    flags: Vec::new(),
                },
            ],
            applicant: Some("P*** T*** T*** N***".to_owned()),
            identities: ["citizen_card", "id_card", "other"]
                .map(|kind| IdentityView {
                    kind,
                    number: "********0000".to_owned(),
                })
                .to_vec(),
            is_masked: true,
            channel: Some("online"),
            submitted_at: Some(at),
            received_at: Some(at),
            stated_due_at: Some(at),
            finished_at: None,
            returned_at: None,
            keep_until: None,
            erased_at: None,
            parties: PartyRole::ALL
                .iter()
                .map(|role| PartyView {
                    id: OrgId::from_bits(3),
                    name: "Sở Tư pháp tỉnh Bình An".to_owned(),
                    role: role.name(),
                })
                .collect(),
            looks: Some(
                Purpose::ALL
                    .iter()
                    .map(|purpose| LookView {
                        at,
                        who: "Trực ca".to_owned(),
                        purpose: purpose.name().to_owned(),
                    })
                    .collect(),
            ),
        }
    }

    fn at_the_portal(status: DossierStatus, word: &'static str, sign: &'static str) -> Self {
        Self {
            portal: Some(PortalView {
                word,
                sign,
                accepted_at: None,
            }),
            ..Self::sample(status)
        }
    }

    fn stopped() -> Self {
        let at = Timestamp::from_micros(1_793_844_429_000_000);
        let supplement = |word, sign| SupplementView {
            word,
            sign,
            asked_at: Some(at),
            text: "Bổ sung bản sao giấy tờ chứng minh nơi ở".to_owned(),
            new_due_at: Some(at),
        };
        let mut page = Self {
            clock: ClockView::sample(ClockState::Stopped),
            channel: Some("post"),
            portal: Some(PortalView {
                word: "drift",
                sign: "down",
                accepted_at: Some(at),
            }),
            supplements: vec![supplement("open", "slow"), supplement("answered", "ok")],
            looks: None,
            is_masked: false,
            ..Self::sample(DossierStatus::SupplementAsked)
        };
        if let Some(first) = page.messages.first_mut() {
            first.recipients.clear();
        }
        page
    }

    fn finished() -> Self {
        let at = Timestamp::from_micros(1_793_844_429_000_000);
        Self {
            is_closed: true,
            clock: ClockView::sample(ClockState::DoneLate),
            channel: Some("direct"),
            portal: Some(PortalView {
                word: "missing",
                sign: "down",
                accepted_at: None,
            }),
            papers: vec![PaperView {
                name: "Bản sao (mẫu)".to_owned(),
                kind: "result",
                code: Some("KQ.G99.000001".to_owned()),
                flags: Vec::new(),
            }],
            finished_at: Some(at),
            returned_at: Some(at),
            keep_until: Some(at),
            ..Self::sample(DossierStatus::Returned)
        }
    }

    fn erased() -> Self {
        let at = Timestamp::from_micros(1_793_844_429_000_000);
        Self {
            is_closed: true,
            clock: ClockView::sample(ClockState::DoneOnTime),
            portal: None,
            steps: Vec::new(),
            papers: Vec::new(),
            applicant: None,
            identities: Vec::new(),
            channel: None,
            field: None,
            field_name: None,
            unit: None,
            looks: Some(Vec::new()),
            erased_at: Some(at),
            ..Self::sample(DossierStatus::Returned)
        }
    }
}
