//! The Ministry of Justice's system of criminal records (*lý lịch tư pháp*), as a one-stop system reaches it through a province
//! (protocols §4.11).
//!
//! Its habits differ from those of the system of civil status next to it. Answers are `{STATUS, DESCRIPTION, …}` in capitals, all
//! texts: `STATUS` is `"1"` for success and a negative number for failures, which have HTTP status 200 too, but a wrong token has
//! 401. Days are `dd/MM/yyyy`, also `MM/yyyy` and `yyyy` for days of birth; sexes are the numbers 1 (male) and 0 (female). Operations
//! are also called with `LLTP-API-` before their name. Which number `STATUS` has is ours, as the sources are silent.
//!
//! A file moves on when it is asked for: received (3), in work (4), the certificate is there (5). A change of status stays in the list
//! of changes until the caller marks it as fetched.

use std::sync::Arc;

use hyper::StatusCode;
use lgsp_base::{Clock, Secret};
use serde_json::{Map, Value, json};

use crate::control::Breakable;
use crate::fault::{Faults, How};
use crate::ministry::{Ministry, MinistryConfig, MinistryFile, QUESTIONS_PER_STATUS, is_dated};
use crate::platform::{Asked, Platform, Said, Visit};

const DAY: [usize; 3] = [2, 2, 4];

/// A failure: `STATUS` and `DESCRIPTION`.
#[derive(Debug)]
struct Failed(&'static str, String);

fn failed(status: &'static str, words: impl Into<String>) -> Failed {
    Failed(status, words.into())
}

type Answered = Result<Map<String, Value>, Failed>;

/// The system.
#[derive(Debug)]
pub struct CriminalRecord(Ministry);

impl CriminalRecord {
    /// A system that keeps nothing.
    pub fn new(config: MinistryConfig, clock: Arc<dyn Clock>) -> Self {
        Self(Ministry::new(config, clock))
    }

    /// Address and account of the demonstration's system.
    pub fn config(token: &str) -> MinistryConfig {
        MinistryConfig {
            code: "G99.03".to_owned(),
            name: "Hệ thống quản lý lý lịch tư pháp (mô phỏng)".to_owned(),
            prefix: "/apiLyLichTuPhap/".to_owned(),
            token: Secret::new(token.to_owned()),
            units: Vec::new(),
            questions_per_status: QUESTIONS_PER_STATUS,
        }
    }

    /// What it keeps under a dossier's code.
    pub fn file(&self, code: &str) -> Option<MinistryFile> {
        self.0.file(code)
    }

    /// The requests that it saw, oldest first.
    pub fn visits(&self) -> Vec<Visit> {
        self.0.visits.all()
    }

    fn dispatch(&self, operation: &str, body: Map<String, Value>) -> Answered {
        match operation {
            "nhanHoSoDangKy" => self.take(body),
            "traTrangThaiHs" => {
                let code = text(&body, "idReceivedDec");
                let file = self
                    .0
                    .ask(&code)
                    .ok_or_else(|| failed("-4", "Không tìm thấy hồ sơ"))?;
                Ok(self.status(&file))
            }
            "traDsTrangThaiHs" => {
                let rows: Vec<Value> = self
                    .0
                    .all()
                    .into_iter()
                    .filter(|(_, file)| !file.is_fetched)
                    .flat_map(|(code, file)| {
                        let mut row = self.status(&file);
                        row.insert("DECLARATION_ID".to_owned(), secret_id(&file).into());
                        row.insert("RECEIVE_NO".to_owned(), code.into());
                        (0..file.copies).map(move |_| Value::Object(row.clone()))
                    })
                    .collect();
                Ok(Map::from_iter([("LISTCONTENT".to_owned(), rows.into())]))
            }
            "danhDauHsThanhCong" => {
                let ids = text(&body, "declarationId");
                let mut marked = 0u32;
                for (code, file) in self.0.all() {
                    if ids.split(';').any(|id| id.trim() == secret_id(&file)) {
                        marked += 1;
                        self.0.change(&code, |file| file.is_fetched = true);
                    }
                }
                match marked {
                    0 => Err(failed("-4", "Không tìm thấy hồ sơ")),
                    _ => Ok(Map::new()),
                }
            }
            "traHoSo" => {
                let rows: Vec<Value> = self
                    .0
                    .all()
                    .into_iter()
                    .filter_map(|(_, file)| file.request.get("declarationWSForm").cloned())
                    .collect();
                Ok(Map::from_iter([(
                    "declarationTraHoSoForm".to_owned(),
                    rows.into(),
                )]))
            }
            "traDanhMuc" => catalogue(&text(&body, "infoType")),
            other => Err(failed("-1", format!("Không có hàm {other}"))),
        }
    }

    fn take(&self, body: Map<String, Value>) -> Answered {
        if !self.0.is_unit(&text(&body, "idMinistryJustice")) {
            return Err(failed("-2", "idMinistryJustice không hợp lệ"));
        }
        let code = text(&body, "idReceivedDec");
        if code.is_empty() {
            return Err(failed("-2", "Thiếu idReceivedDec"));
        }
        for name in ["dateReceivedDec", "datePromissoryDec"] {
            let day = text(&body, name);
            let may_lack = name == "datePromissoryDec" && day.is_empty();
            if !may_lack && !is_dated(&day, '/', &DAY) {
                return Err(failed("-3", format!("{name} phải có dạng dd/MM/yyyy")));
            }
        }
        let Some(Value::Object(form)) = body.get("declarationWSForm") else {
            return Err(failed("-2", "Thiếu declarationWSForm"));
        };
        check_form(form)?;
        match self.0.keep(&code, body) {
            Some(id) => Ok(Map::from_iter([("ID".to_owned(), hidden(id).into())])),
            None => Err(failed("-5", format!("Hồ sơ {code} đã tồn tại"))),
        }
    }

    fn status(&self, file: &MinistryFile) -> Map<String, Value> {
        let (status, name) = match (file.missing.is_empty(), self.0.moves(file)) {
            (false, _) | (_, 0) => ("3", "STP đã tiếp nhận"),
            (_, 1) => ("4", "Đang xử lý"),
            _ => ("5", "Đã có phiếu"),
        };
        let day = match status {
            "5" => {
                let day = self.0.clock.now().to_civil_date();
                day.split('-').rev().collect::<Vec<_>>().join("/")
            }
            _ => String::new(),
        };
        Map::from_iter([
            ("DEC_STATUS_ID".to_owned(), status.into()),
            ("DEC_STATUS_NAME".to_owned(), name.into()),
            ("APPROVE_DATE".to_owned(), day.clone().into()),
            ("ISSUE_DATE".to_owned(), day.into()),
        ])
    }
}

impl Breakable for CriminalRecord {
    fn code(&self) -> &str {
        &self.0.config.code
    }

    fn name(&self) -> &str {
        &self.0.config.name
    }

    fn notation(&self) -> &'static str {
        "LLTP"
    }

    fn receives(&self) -> &'static str {
        "call"
    }

    fn faults(&self) -> &Faults {
        &self.0.faults
    }

    fn ways(&self) -> &'static [How] {
        &How::ALL
    }
}

impl Platform for CriminalRecord {
    fn prefix(&self) -> &str {
        &self.0.config.prefix
    }

    fn answer(&self, asked: &Asked) -> Said {
        let name = asked.operation();
        let operation = name.strip_prefix("LLTP-API-").unwrap_or(name);
        let body = asked.object().unwrap_or_default();
        let codes: Vec<String> = Some(text(&body, "idReceivedDec"))
            .into_iter()
            .filter(|code| !code.is_empty())
            .collect();
        if !self.0.is_known(asked) {
            self.0.visits.note(operation, codes, "401");
            let value = json!({"STATUS": "-1", "DESCRIPTION": "Invalid Credentials"});
            return Said::json_with(StatusCode::UNAUTHORIZED, &value);
        }
        let answered = match self.0.faults.is(How::Error200) {
            true => Err(failed("-99", "Lỗi hệ thống")),
            false => self.dispatch(operation, body),
        };
        let (status, words, more) = match answered {
            Ok(more) => ("1", String::new(), more),
            Err(Failed(status, words)) => (status, words, Map::new()),
        };
        let mut value = Map::from_iter([
            ("STATUS".to_owned(), status.into()),
            ("DESCRIPTION".to_owned(), words.into()),
        ]);
        value.extend(more);
        self.0.visits.note(operation, codes, status);
        Said::json(&Value::Object(value))
    }
}

fn text(object: &Map<String, Value>, name: &str) -> String {
    let value = object.get(name).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}

/// The id as the system gives it out: not the one that it counts by.
fn hidden(id: u64) -> String {
    format!("LLTP{:08x}", id.wrapping_mul(0x9e37_79b9))
}

fn secret_id(file: &MinistryFile) -> String {
    hidden(file.id)
}

/// What the declaration says has this system's forms; that the name is there is asked for.
fn check_form(form: &Map<String, Value>) -> Result<(), Failed> {
    if text(form, "fullName").trim().is_empty() {
        return Err(failed("-2", "Thiếu fullName"));
    }
    let gender = form.get("genderId");
    if gender.is_some_and(|value| !matches!(value.as_u64(), Some(0 | 1))) {
        return Err(failed("-3", "genderId phải là số 1 hoặc 0"));
    }
    let birth = text(form, "birthDateStr");
    let forms: [&[usize]; 3] = [&DAY, &[2, 4], &[4]];
    if !birth.is_empty() && !forms.iter().any(|form| is_dated(&birth, '/', form)) {
        return Err(failed("-3", "birthDateStr phải có dạng dd/MM/yyyy"));
    }
    for name in ["declareDate", "idIssueDate"] {
        let day = text(form, name);
        if !day.is_empty() && !is_dated(&day, '/', &DAY) {
            return Err(failed("-3", format!("{name} phải có dạng dd/MM/yyyy")));
        }
    }
    Ok(())
}

fn catalogue(kind: &str) -> Answered {
    let rows = match kind {
        "1" => json!([{"ID": "99", "NAME": "Tỉnh Bình An"}]),
        "2" => json!([{"ID": "1", "NAME": "Việt Nam"}]),
        "3" => json!([{"ID": "1", "NAME": "Kinh"}]),
        "4" => json!([{"ID": "1", "NAME": "Cơ quan mẫu"}]),
        "5" => json!([{"ID": "99", "NAME": "Sở Tư pháp tỉnh Bình An"}]),
        _ => return Err(failed("-2", "infoType phải từ 1 đến 5")),
    };
    Ok(Map::from_iter([("LISTCONTENT".to_owned(), rows)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ministry::testkit;

    fn system() -> CriminalRecord {
        CriminalRecord::new(CriminalRecord::config("t"), testkit::clock())
    }

    fn ask(system: &CriminalRecord, operation: &str, body: &Value) -> Value {
        testkit::ask(system, operation, "t", body)
    }

    fn file(code: &str) -> Value {
        json!({
            "idMinistryJustice": "99",
            "idReceivedDec": code,
            "dateReceivedDec": "12/03/2026",
            "datePromissoryDec": "26/03/2026",
            "idMoneyReceipt": "",
            "declarationWSForm": {
                "fullName": "Phạm Thị Thử Nghiệm",
                "genderId": 0,
                "birthDateStr": "1990",
                "identifyNo": "000000000000",
                "declareDate": "12/03/2026",
            },
        })
    }

    #[test]
    fn a_file_moves_on_and_its_change_is_listed_until_it_is_marked() {
        let system = system();
        let code = "H99.05-260312-0042";
        let taken = ask(&system, "nhanHoSoDangKy", &file(code));
        assert_eq!(taken["STATUS"], "1");
        let id = taken["ID"].as_str().expect("an id").to_owned();
        assert_eq!(ask(&system, "nhanHoSoDangKy", &file(code))["STATUS"], "-5");
        let named = json!({"idReceivedDec": code, "infoType": "2"});
        let statuses: Vec<String> = (0..4)
            .map(|_| {
                let answer = ask(&system, "LLTP-API-traTrangThaiHs", &named);
                answer["DEC_STATUS_ID"].as_str().expect("a text").to_owned()
            })
            .collect();
        assert_eq!(statuses, ["3", "4", "4", "5"]);
        let listed = ask(&system, "traDsTrangThaiHs", &json!({"infoType": "2"}));
        assert_eq!(listed["LISTCONTENT"][0]["DECLARATION_ID"], id.as_str());
        assert_eq!(listed["LISTCONTENT"][0]["ISSUE_DATE"], "12/03/2026");
        let mark = json!({"declarationId": format!("x;{id}"), "infoType": "2"});
        assert_eq!(ask(&system, "danhDauHsThanhCong", &mark)["STATUS"], "1");
        let listed = ask(&system, "traDsTrangThaiHs", &json!({"infoType": "2"}));
        assert_eq!(listed["LISTCONTENT"], json!([]));
    }

    #[test]
    fn each_mistake_is_told() {
        let system = system();
        let with = |pointer: &str, value: Value| {
            let mut wrong = file("H99.05-260312-0001");
            *wrong.pointer_mut(pointer).expect("there") = value;
            ask(&system, "nhanHoSoDangKy", &wrong)["STATUS"].clone()
        };
        assert_eq!(with("/idMinistryJustice", json!("")), "-2");
        assert_eq!(with("/idReceivedDec", json!("")), "-2");
        assert_eq!(with("/dateReceivedDec", json!("2026-03-12")), "-3");
        assert_eq!(with("/declarationWSForm/genderId", json!(2)), "-3");
        assert_eq!(with("/declarationWSForm/genderId", json!("1")), "-3");
        assert_eq!(
            with("/declarationWSForm/birthDateStr", json!("19900101")),
            "-3"
        );
        assert_eq!(with("/declarationWSForm/fullName", json!(" ")), "-2");
        assert_eq!(with("/declarationWSForm", Value::Null), "-2");
        assert_eq!(
            ask(&system, "traDanhMuc", &json!({"infoType": "6"}))["STATUS"],
            "-2"
        );
        assert_eq!(
            ask(&system, "traDanhMuc", &json!({"infoType": "5"}))["STATUS"],
            "1"
        );
        assert_eq!(
            ask(&system, "traHoSo", &json!({"infoType": "2"}))["STATUS"],
            "1"
        );
        assert_eq!(ask(&system, "khac", &json!({}))["STATUS"], "-1");
    }

    #[test]
    fn planted_faults_show() {
        let system = system();
        let under = |how, code: &str| {
            system.faults().start(crate::Fault::Platform(how));
            let answer = ask(&system, "nhanHoSoDangKy", &file(code));
            system.faults().restore();
            answer["STATUS"].as_str().map(ToOwned::to_owned)
        };
        assert_eq!(under(How::Lose, "a").as_deref(), Some("1"));
        let named = json!({"idReceivedDec": "a", "infoType": "2"});
        assert_eq!(ask(&system, "traTrangThaiHs", &named)["STATUS"], "-4");
        assert_eq!(under(How::Duplicate, "b").as_deref(), Some("1"));
        let listed = ask(&system, "traDsTrangThaiHs", &json!({}));
        assert_eq!(listed["LISTCONTENT"].as_array().map(Vec::len), Some(2));
        assert_eq!(under(How::Session, "c").as_deref(), Some("-1"));
        assert_eq!(under(How::Error200, "c").as_deref(), Some("-99"));
        assert!(system.file("c").is_none());
    }
}
