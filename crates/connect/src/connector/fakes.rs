//! A foreign system that answers as it is told, and dossiers that are made up.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode, Uri};
use lgsp_base::entropy::SeededEntropy;
use lgsp_base::id::{DeliveryId, DocumentId, OrgId, SystemId};
use lgsp_base::{Actor, Secret, Sha256, Timestamp};
use lgsp_exchange::{Channel, ConnectorKind, DocumentKind, HandOver};
use lgsp_registry::NewConnector;
use lgsp_registry::model::{ConnectorSettings, Protocol};
use lgsp_wire::dossier::{Dossier, ProcedureCode, ProgressStep, read_dossiers, read_progress};
use serde_json::{Value, json};

use super::{Casework, CaseworkError, Message};
use crate::ministries::Ministries;
use crate::outbound::{Outbound, OutboundConfig, SystemResolver};
use crate::testkit::House;

/// What was asked of a foreign system.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Asked {
    /// A field of the body.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.body.get(name).and_then(Value::as_str).unwrap_or("")
    }
}

type Script = Box<dyn Fn(&Asked) -> Option<(u16, String)> + Send + Sync>;

/// A foreign system that answers by its script, and else with the next answer that was laid ready.
#[derive(Clone, Default)]
pub(crate) struct Foreign {
    asked: Arc<Mutex<Vec<Asked>>>,
    next: Arc<Mutex<VecDeque<(u16, String)>>>,
    script: Arc<Mutex<Option<Script>>>,
}

impl Foreign {
    /// Listens; gives its address.
    pub(crate) async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("bind");
        let address = listener.local_addr().expect("address");
        let router = Router::new().fallback(answer).with_state(self.clone());
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        drop(tokio::spawn(async move {
            axum::serve(listener, router).await.expect("served");
        }));
        format!("http://{address}")
    }

    pub(crate) fn will(&self, answers: &[(u16, &str)]) {
        let mut next = self.next.lock().expect("lock");
        next.extend(
            answers
                .iter()
                .map(|(status, text)| (*status, (*text).to_owned())),
        );
    }

    pub(crate) fn script(
        &self,
        script: impl Fn(&Asked) -> Option<(u16, String)> + Send + Sync + 'static,
    ) {
        *self.script.lock().expect("lock") = Some(Box::new(script));
    }

    /// What was asked since the last look.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().expect("lock"))
    }
}

async fn answer(
    State(foreign): State<Foreign>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = Asked {
        path: uri.to_string(),
        headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    foreign.asked.lock().expect("lock").push(asked.clone());
    let script = foreign.script.lock().expect("lock");
    let scripted = script.as_ref().and_then(|script| script(&asked));
    let (status, text) = scripted
        .or_else(|| foreign.next.lock().expect("lock").pop_front())
        .unwrap_or((404, "nothing laid ready".to_owned()));
    let status = StatusCode::from_u16(status).expect("a status");
    (status, text).into_response()
}

/// Dossiers that are made up.
#[derive(Debug, Default)]
pub(crate) struct FakeCasework {
    pub(crate) message: Mutex<Option<Message>>,
    pub(crate) state: Mutex<Option<Dossier>>,
    pub(crate) is_known: Mutex<bool>,
    pub(crate) notes: Mutex<Vec<(String, Result<(), String>)>>,
}

impl Casework for FakeCasework {
    fn read<'a>(&'a self, _: &'a HandOver) -> BoxFuture<'a, Result<Message, CaseworkError>> {
        let message = self.message.lock().expect("lock").clone();
        Box::pin(std::future::ready(
            message.ok_or(CaseworkError::NotADossier),
        ))
    }

    fn state(&self, _: DocumentId) -> BoxFuture<'_, Result<Dossier, CaseworkError>> {
        let state = self.state.lock().expect("lock").clone();
        Box::pin(std::future::ready(state.ok_or(CaseworkError::Erased)))
    }

    fn is_known_to(&self, _: OrgId, _: DocumentId) -> BoxFuture<'_, bool> {
        Box::pin(std::future::ready(*self.is_known.lock().expect("lock")))
    }

    fn national_code<'a>(
        &'a self,
        _: DocumentId,
        code: &'a ProcedureCode,
    ) -> BoxFuture<'a, Result<ProcedureCode, CaseworkError>> {
        let national = code.base().parse().map_err(|_| CaseworkError::Erased);
        Box::pin(std::future::ready(national))
    }

    fn links<'a>(
        &'a self,
        urls: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Option<String>>, CaseworkError>> {
        let links = urls
            .iter()
            .map(|url| {
                let name = url.strip_prefix("https://mot-cua.example/")?;
                Some(format!("https://lgsp.example/tep/{name}"))
            })
            .collect();
        Box::pin(std::future::ready(Ok(links)))
    }

    fn note<'a>(
        &'a self,
        _: SystemId,
        service: &'static str,
        outcome: Result<(), &'a str>,
    ) -> BoxFuture<'a, ()> {
        let note = (service.to_owned(), outcome.map_err(str::to_owned));
        self.notes.lock().expect("lock").push(note);
        Box::pin(std::future::ready(()))
    }
}

/// A way out to this machine alone.
pub(crate) fn outbound() -> Outbound {
    let config = OutboundConfig {
        allowed: vec!["127.0.0.1".parse().expect("entry")],
        ..OutboundConfig::default()
    };
    Outbound::new(config, Arc::new(SystemResolver)).expect("client")
}

/// The ministries' systems of a house, asked after a second.
pub(crate) fn ministries(house: &House, casework: Arc<dyn Casework>) -> Ministries {
    Ministries::new(
        outbound(),
        house.registry.clone(),
        casework,
        house.db.db().clone(),
        house.clock.clone(),
        house.entropy.clone(),
        Some(std::time::Duration::from_secs(1)),
    )
}

/// Connects a system of the province that is called at this address.
pub(crate) async fn connect(house: &House, protocol: Protocol, url: &str) -> SystemId {
    let org = house.registry.snapshot().lookup("H99").expect("org").id;
    let connector = NewConnector {
        url: url.to_owned(),
        user: "binhan".to_owned(),
        secret: Secret::new("mật khẩu".to_owned()),
        settings: ConnectorSettings {
            unit_code: "H99".to_owned(),
            ..ConnectorSettings::default()
        },
    };
    let actor = Actor::Platform { part: "test" };
    house
        .registry
        .add_connector(&actor, org, protocol.name(), protocol, connector)
        .await
        .expect("system")
        .system
}

/// A delivery on its way to a system that is called.
pub(crate) fn hand_over(system: SystemId, kind: ConnectorKind) -> HandOver {
    let entropy = SeededEntropy::new(1);
    let now = Timestamp::from_millis(1_000);
    HandOver {
        delivery: DeliveryId::generate(now, &entropy),
        document: DocumentId::generate(now, &entropy),
        channel: Channel::Connector { kind },
        system,
        sender_code: "H99.131".to_owned(),
        recipient_code: "H99".to_owned(),
        kind: DocumentKind::Plain,
        business_type: None,
        external_id: None,
        notation: None,
        subject: None,
        seq: 1,
        attempt: 1,
        content_type: "application/vnd.lgsp.dossier+json".to_owned(),
        content_bytes: 3,
        content_sha256: Sha256::of(b"abc"),
        accepted_at: now,
    }
}

/// A dossier as a commune's one-stop system writes it.
pub(crate) fn dossier() -> Dossier {
    let body = json!([{
        "MaHoSo": "H99.131-260312-0042",
        "MaTTHC": "2.000488.H99",
        "TenTTHC": "Thủ tục mẫu",
        "MaLinhVuc": "G99-LV01",
        "TenLinhVuc": "Lĩnh vực mẫu",
        "KenhThucHien": "1",
        "ChuHoSo": "Phạm Thị Thử Nghiệm",
        "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "000000000000"}],
        "NgayTiepNhan": "20260312081500",
        "TrangThaiHoSo": "2",
        "DonViXuLy": "UBND phường Trung Tâm",
        "TaiLieuNop": [
            {"TenTepDinhKem": "don.pdf", "DuongDanTaiTepTin": "https://mot-cua.example/don.pdf"},
            {"TenTepDinhKem": "khac.pdf", "DuongDanTaiTepTin": "https://khac.example/khac.pdf"},
            {"TenTepDinhKem": "giay.pdf", "DuongDanTaiTepTin": ""}
        ]
    }]);
    let mut read = read_dossiers(body.to_string().as_bytes()).expect("a batch");
    read.items.remove(0).result.expect("a dossier")
}

/// Steps of that dossier.
pub(crate) fn steps(count: usize) -> Vec<ProgressStep> {
    let body: Vec<Value> = (0..count)
        .map(|number| {
            json!({
                "MaHoSo": "H99.131-260312-0042",
                "NguoiXuLy": "Lê Thị Ví Dụ",
                "ThoiDiemXuLy": format!("202603120930{number:02}"),
                "NoiDungXuLy": format!("Bước {number}"),
                "TrangThai": "4",
            })
        })
        .collect();
    let read = read_progress(Value::Array(body).to_string().as_bytes()).expect("a batch");
    let items = read.items.into_iter();
    items.map(|item| item.result.expect("a step")).collect()
}
