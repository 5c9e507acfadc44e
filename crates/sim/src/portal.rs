//! The national public service portal (Cổng DVCQG) behind its adapter: log in, then one endpoint with many services (protocols §4.4,
//! §4.5).
//!
//! It reads what it is sent with eyes of its own, not with the codecs of the platform under test, and keeps every object as it came.
//! Where the sources give no behaviour it has a plain one, stated at its place: the answer of `TraCuuHoSo` (a list `result`, empty for
//! an unknown dossier), which codes go with which words, and that a push is taken as a whole or not at all.
//!
//! | What | Answer |
//! | --- | --- |
//! | Success | `error_code` in turn `"0"`, `"00"` and the number `0` |
//! | A dossier that is known, with `isUpdating` `"False"` | 3, "… đã tồn tại trên hệ thống" |
//! | A dossier that is unknown, with `isUpdating` `"True"`; a step of an unknown dossier | 3, "… chưa có trên hệ thống" |
//! | A missing field, an unknown code, more than 10 items | 3 with the name of the field |
//! | A value in another form, for instance `isUpdating` as a truth value | -3 with the name of the field |
//! | No session, or one that has run out | -1, "Session không hợp lệ hoặc đã hết hạn" |
//! | No destination, or another one | HTTP status 500 and an error of the adapter, without `error_code` |

mod catalogues;
mod check;
pub mod client;
mod memory;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::{Method, StatusCode};
use lgsp_base::hash::to_hex;
use lgsp_base::{Clock, Entropy, Secret};
use serde_json::{Map, Value, json};

use crate::control::Breakable;
use crate::fault::{Faults, How};
use crate::platform::{Asked, Platform, Said, Visit, Visits};

pub use catalogues::{Procedure, fictional};
pub use memory::{Record, Remembered};

use memory::Memory;

/// Items of one push.
pub const ITEMS_MAX: usize = 10;
/// How long a session is good after its log-in.
pub const SESSION_FOR: Duration = Duration::from_secs(30 * 60);
/// Sessions that are open at once; the oldest ends first.
const SESSIONS_MAX: usize = 64;
/// The name under which the adapter knows the portal.
pub const DESTINATION: &str = "VN:GOV:000.00.00.G22:vpcpdvcprovider";

/// Address, account and memory of a portal at its beginning.
#[derive(Debug, Clone)]
pub struct PortalConfig {
    /// The organisation's code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// `username` of the one account.
    pub username: String,
    /// `password` of the one account.
    pub password: Secret<String>,
    /// The path of the log-in.
    pub auth_path: String,
    /// The path of the services.
    pub service_path: String,
    /// How long a session is good.
    pub session_for: Duration,
    /// The procedures that it knows; a dossier of another one is refused. Empty if it takes any.
    pub procedures: Vec<Procedure>,
}

impl PortalConfig {
    /// The portal of the demonstration, with the fictional procedures.
    pub fn new(username: &str, password: &str) -> Self {
        Self {
            code: "G99.01".to_owned(),
            name: "Cổng Dịch vụ công quốc gia (mô phỏng)".to_owned(),
            username: username.to_owned(),
            password: Secret::new(password.to_owned()),
            auth_path: "/XrdAdapter/RestService/forward/mapi/login".to_owned(),
            service_path: "/XrdAdapter/RestService/forward/mapi/g".to_owned(),
            session_for: SESSION_FOR,
            procedures: fictional(),
        }
    }
}

/// Why a request failed: `error_code` and `message`.
#[derive(Debug)]
struct Refused {
    code: Value,
    message: String,
}

impl Refused {
    /// What is missing, unknown or too much.
    fn rule(message: impl Into<String>) -> Self {
        Self {
            code: json!("3"),
            message: message.into(),
        }
    }

    /// What has another form than it must have; the code is a number, as is seen.
    fn form(message: impl Into<String>) -> Self {
        Self {
            code: json!(-3),
            message: message.into(),
        }
    }
}

/// What a service answers beside `error_code` and `message`.
type Answered = Result<Map<String, Value>, Refused>;

/// The portal.
#[derive(Debug)]
pub struct Portal {
    config: PortalConfig,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    faults: Faults,
    /// Sessions and the monotonic reading at which each ends.
    sessions: Mutex<BTreeMap<String, Duration>>,
    memory: Mutex<Memory>,
    visits: Visits,
    answers: AtomicU32,
}

impl Portal {
    /// A portal that knows no dossier.
    pub fn new(config: PortalConfig, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            config,
            clock,
            entropy,
            faults: Faults::default(),
            sessions: Mutex::default(),
            memory: Mutex::default(),
            visits: Visits::default(),
            answers: AtomicU32::new(0),
        }
    }

    /// Address and account.
    pub fn config(&self) -> &PortalConfig {
        &self.config
    }

    /// What it remembers of a dossier.
    pub fn remembered(&self, code: &str) -> Remembered {
        self.memory().remembered(code)
    }

    /// The codes of the dossiers that it knows, in order.
    pub fn codes(&self) -> Vec<String> {
        self.memory().codes()
    }

    /// The requests that it saw, oldest first.
    pub fn visits(&self) -> Vec<Visit> {
        self.visits.all()
    }

    /// The ratings and answers that it was sent, by service, as they came.
    pub fn sent_to(&self, service: &str) -> Vec<Value> {
        self.memory().sent_to(service)
    }

    /// Plants a loss: the dossier is gone. False if there was none.
    pub fn forget(&self, code: &str) -> bool {
        self.memory().forget(code)
    }

    /// Plants a duplicate: the dossier is there once more. False if there was none.
    pub fn duplicate(&self, code: &str) -> bool {
        self.memory().duplicate(code)
    }

    /// Plants a drift: the dossier has this status. False if there was none.
    pub fn set_status(&self, code: &str, status: &str) -> bool {
        self.memory().set_status(code, status)
    }

    /// Ends every session, as a restart of the portal does.
    pub fn end_sessions(&self) {
        self.sessions().clear();
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<String, Duration>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log_in(&self, asked: &Asked) -> Said {
        let body = asked.object().unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let is_known = text("username") == self.config.username
            && text("password") == self.config.password.expose().as_str();
        if !is_known {
            self.visits.note("login", Vec::new(), "1");
            return Said::json(
                &json!({"error_code": 1, "message": "Sai tên đăng nhập hoặc mật khẩu"}),
            );
        }
        let mut random = [0u8; 16];
        self.entropy.fill(&mut random);
        let session = to_hex(&random);
        let now = self.clock.monotonic();
        let mut sessions = self.sessions();
        sessions.retain(|_, ends| *ends > now);
        if sessions.len() >= SESSIONS_MAX {
            let oldest = sessions.iter().min_by_key(|(_, ends)| **ends);
            if let Some(oldest) = oldest.map(|(session, _)| session.clone()) {
                sessions.remove(&oldest);
            }
        }
        sessions.insert(session.clone(), now.saturating_add(self.config.session_for));
        drop(sessions);
        self.visits.note("login", Vec::new(), "0");
        Said::json(&json!({"error_code": 0, "message": "", "session": session}))
    }

    fn is_session(&self, session: &str) -> bool {
        if self.faults.is(How::Session) {
            self.end_sessions();
        }
        let now = self.clock.monotonic();
        self.sessions().get(session).is_some_and(|ends| *ends > now)
    }

    fn serve(&self, asked: &Asked) -> Said {
        if self.faults.is(How::Error200) {
            self.visits.note("", Vec::new(), "500");
            return Said::json(&json!({
                "error_code": "500",
                "message": "Lỗi hệ thống: ORA-03113: end-of-file on communication channel",
            }));
        }
        let Some(body) = asked.object() else {
            return self.say(
                "",
                &body_codes(&Map::new()),
                Err(Refused::form("Dữ liệu không phải JSON")),
            );
        };
        let service = text_of(&body, "service").to_owned();
        let answered = if !self.is_session(text_of(&body, "session")) {
            Err(Refused {
                code: json!("-1"),
                message: "Session không hợp lệ hoặc đã hết hạn".to_owned(),
            })
        } else if text_of(&body, "madonvi").is_empty() {
            Err(Refused::rule("Thiếu madonvi"))
        } else {
            self.dispatch(&service, &body)
        };
        self.say(&service, &body_codes(&body), answered)
    }

    /// Puts an answer into words and notes it.
    fn say(&self, service: &str, codes: &[String], answered: Answered) -> Said {
        let mut body = Map::new();
        match answered {
            Ok(more) => {
                let turn = self.answers.fetch_add(1, Ordering::Relaxed);
                let code = match turn % 3 {
                    0 => json!("0"),
                    1 => json!("00"),
                    _ => json!(0),
                };
                body.insert("error_code".to_owned(), code);
                body.insert("message".to_owned(), "Thành công".into());
                body.extend(more);
            }
            Err(refused) => {
                body.insert("error_code".to_owned(), refused.code);
                body.insert("message".to_owned(), refused.message.into());
            }
        }
        let code = match body.get("error_code") {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        self.visits.note(service, codes.to_vec(), &code);
        Said::json(&Value::Object(body))
    }

    fn dispatch(&self, service: &str, body: &Map<String, Value>) -> Answered {
        match service {
            "DongBoHoSoMC" => self.take_dossiers(body),
            "CapNhatTienDoHoSoMC" => self.take_progress(body),
            "TraCuuHoSo" => {
                let code = needed(body, "mahoso")?;
                Ok(result(self.memory().found(code).into()))
            }
            "LayDanhSachTTHC" => Ok(result(catalogues::list(&self.config.procedures))),
            "LayThuTuc" => {
                let code = needed(body, "maTTHC")?;
                Ok(result(catalogues::whole(&self.config.procedures, code)))
            }
            "TraCuuTechID" => {
                needed(body, "provider")?;
                let number = needed(body, "mstorcmnd")?;
                // The same number has the same account; who it is stands nowhere here.
                let digest = lgsp_base::Sha256::of(number.as_bytes()).to_string();
                let account = digest.get(..12).unwrap_or_default();
                Ok(result(json!([{"MaDoiTuong": format!("TECHID-{account}")}])))
            }
            "LayDanhSachHoiDapGuiTuDVCQG" | "LayDanhSachHoiDapBoCoQuan" => {
                Ok(result(catalogues::questions()))
            }
            "LayNoiDungTraLoiTheoCauHoi" => {
                let question = needed(body, "id")?;
                Ok(result(self.memory().answers_to(question).into()))
            }
            "DongBoHoiDap" | "DongBoKetQuaHoiDapGuiTuDVCQG" | "DongBoDanhGia" => {
                self.memory().keep_sent(service, items(body)?)?;
                Ok(Map::new())
            }
            other => match catalogues::catalogue(other, &self.config.procedures) {
                Some(rows) => Ok(result(rows)),
                None => Err(Refused::rule(format!("Không có dịch vụ {other}"))),
            },
        }
    }

    fn take_dossiers(&self, body: &Map<String, Value>) -> Answered {
        let is_updating = is_updating(body)?;
        let items = items(body)?;
        for item in &items {
            check::dossier(item, &self.config.procedures)?;
        }
        let mut memory = self.memory();
        for item in &items {
            let code = text_of(item, "MaHoSo");
            match (memory.knows(code), is_updating) {
                (true, false) => {
                    return Err(Refused::rule(format!(
                        "Hồ sơ {code} đã tồn tại trên hệ thống"
                    )));
                }
                (false, true) => {
                    return Err(Refused::rule(format!("Hồ sơ {code} chưa có trên hệ thống")));
                }
                _ => {}
            }
        }
        if self.faults.is(How::Lose) {
            return Ok(Map::new());
        }
        for item in items {
            let mut kept = item.clone();
            if self.faults.is(How::Drift) {
                let other = if text_of(item, "TrangThaiHoSo") == "2" {
                    "1"
                } else {
                    "2"
                };
                kept.insert("TrangThaiHoSo".to_owned(), other.into());
            }
            memory.keep(&kept, self.clock.now())?;
            if self.faults.is(How::Duplicate) {
                memory.duplicate(text_of(item, "MaHoSo"));
            }
        }
        Ok(Map::new())
    }

    fn take_progress(&self, body: &Map<String, Value>) -> Answered {
        is_updating(body)?;
        let items = items(body)?;
        for item in &items {
            check::step(item)?;
        }
        let mut memory = self.memory();
        if let Some(code) = items
            .iter()
            .map(|item| text_of(item, "MaHoSo"))
            .find(|code| !memory.knows(code))
        {
            return Err(Refused::rule(format!("Hồ sơ {code} chưa có trên hệ thống")));
        }
        if self.faults.is(How::Lose) {
            return Ok(Map::new());
        }
        let is_drifting = self.faults.is(How::Drift);
        for item in items {
            memory.keep_step(item, is_drifting, false)?;
            if self.faults.is(How::Duplicate) {
                memory.keep_step(item, is_drifting, true)?;
            }
        }
        Ok(Map::new())
    }
}

impl Breakable for Portal {
    fn code(&self) -> &str {
        &self.config.code
    }

    fn name(&self) -> &str {
        &self.config.name
    }

    fn notation(&self) -> &'static str {
        "PORTAL"
    }

    fn receives(&self) -> &'static str {
        "call"
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    fn ways(&self) -> &'static [How] {
        &How::ALL
    }
}

impl Platform for Portal {
    fn prefix(&self) -> &'static str {
        "/XrdAdapter/"
    }

    fn answer(&self, asked: &Asked) -> Said {
        let destination = asked.header("dstcode").map(ToOwned::to_owned).or_else(|| {
            asked
                .parameter("dstcode")
                .map(|text| text.replace("%3A", ":"))
        });
        if destination.as_deref() != Some(DESTINATION) {
            return Said::json_with(
                StatusCode::INTERNAL_SERVER_ERROR,
                &json!({
                    "type": "Server.ClientProxy.UnknownMember",
                    "message": "Could not find addresses for service provider",
                    "detail": "dstcode",
                }),
            );
        }
        match (&asked.method, asked.path.as_str()) {
            (&Method::POST, path) if path == self.config.auth_path => self.log_in(asked),
            (&Method::POST, path) if path == self.config.service_path => self.serve(asked),
            _ => Said::json_with(
                StatusCode::NOT_FOUND,
                &json!({"type": "Server.ServerProxy.UnknownService", "message": "not found"}),
            ),
        }
    }
}

/// A field as text; empty if it is missing or none.
fn text_of<'a>(object: &'a Map<String, Value>, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn needed<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refused> {
    match text_of(body, name) {
        "" => Err(Refused::rule(format!("Thiếu {name}"))),
        text => Ok(text),
    }
}

fn result(rows: Value) -> Map<String, Value> {
    Map::from_iter([("result".to_owned(), rows)])
}

/// `isUpdating` is a text with a capital letter and nothing else.
fn is_updating(body: &Map<String, Value>) -> Result<bool, Refused> {
    match body.get("isUpdating") {
        Some(Value::String(text)) if text == "True" => Ok(true),
        Some(Value::String(text)) if text == "False" => Ok(false),
        Some(_) => Err(Refused::form("isUpdating phải là \"True\" hoặc \"False\"")),
        None => Err(Refused::rule("Thiếu isUpdating")),
    }
}

/// The objects of `data`.
fn items(body: &Map<String, Value>) -> Result<Vec<&Map<String, Value>>, Refused> {
    let Some(Value::Array(data)) = body.get("data") else {
        return Err(Refused::form("data phải là một mảng"));
    };
    if data.is_empty() {
        return Err(Refused::rule("data không có bản ghi nào"));
    }
    if data.len() > ITEMS_MAX {
        return Err(Refused::rule(format!(
            "Mỗi lần gửi tối đa {ITEMS_MAX} bản ghi"
        )));
    }
    data.iter()
        .map(|item| {
            item.as_object()
                .ok_or_else(|| Refused::form("bản ghi không phải đối tượng"))
        })
        .collect()
}

/// The dossiers that a request is about.
fn body_codes(body: &Map<String, Value>) -> Vec<String> {
    let looked_up = text_of(body, "mahoso");
    let pushed = body.get("data").and_then(Value::as_array);
    let pushed = pushed.into_iter().flatten().filter_map(|item| {
        let code = item.get("MaHoSo")?.as_str()?;
        Some(code.to_owned())
    });
    let mut codes: Vec<String> = pushed.take(ITEMS_MAX).collect();
    if !looked_up.is_empty() {
        codes.push(looked_up.to_owned());
    }
    codes
}

#[cfg(test)]
mod tests;
