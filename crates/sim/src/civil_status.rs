//! The Ministry of Justice's system of civil status (*hộ tịch*), as a one-stop system reaches it through a province (protocols
//! §4.11).
//!
//! Its habits are its own. Every answer has HTTP status 200 and the form `{trangThai, moTaTrangThai, giaTri, maLoi, moTaLoi}` with a
//! number in `trangThai`, 0 for every failure; `giaTri` of lists is JSON **inside a text**. Days are `dd.MM.yyyy`, the day of reception
//! may be `yyyy-MM-dd` too, as one client writes it; sexes are 1 and 2. `data` is a text with XML in it (`<hotich><hoso>…`), or with JSON since
//! 2025. `maDonVi` is a commune's number with 5 digits. The sources name fields and codes; the names of the fields of the answer and
//! these forms are ours where they are silent.
//!
//! A file moves on when it is asked for: received (1), complete (3), registered (4).

use std::sync::Arc;

use lgsp_base::Clock;
use lgsp_base::Secret;
use serde_json::{Map, Value, json};

use crate::control::Breakable;
use crate::fault::{Faults, How};
use crate::ministry::{Ministry, MinistryConfig, MinistryFile, QUESTIONS_PER_STATUS, is_dated};
use crate::platform::{Asked, Platform, Said, Visit};

/// Modules that are seen in calls.
const MODULES: [&str; 7] = ["BS", "KS", "KT", "CMC", "LTKS", "LTKT", "LTKH"];
/// Digits of a commune's number.
const UNIT_DIGITS: usize = 5;

/// An error of the system: number and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Authentication,
    Agency,
    Province,
    Incomplete,
    NotFound,
    DataType,
    Data,
}

impl Fault {
    const fn code(self) -> u32 {
        match self {
            Fault::Authentication => 100,
            Fault::Agency => 106,
            Fault::Province => 108,
            Fault::Incomplete => 200,
            Fault::NotFound => 201,
            Fault::DataType => 302,
            Fault::Data => 500,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Fault::Authentication => "AUTHEN_ERROR - Mã xác thực không chính xác",
            Fault::Agency => "AGENCY_ID_INCORRECT - Mã đơn vị không chính xác",
            Fault::Province => "PROVINCE_ID_INCORRECT - Mã tỉnh không chính xác",
            Fault::Incomplete => "RECORD_UNCOMPLETE - Hồ sơ chưa hoàn thành đăng ký",
            Fault::NotFound => "RECORD_NOT_FOUND - Hồ sơ không tồn tại",
            Fault::DataType => "DATA_TYPE_INVALID - Loại dữ liệu danh mục không hợp lệ",
            Fault::Data => "DATA_INCORRECT",
        }
    }
}

/// A failure, with words where the system has some of its own.
#[derive(Debug)]
struct Failed(Fault, String);

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self(fault, String::new())
    }
}

fn incorrect(words: &str) -> Failed {
    Failed(Fault::Data, words.to_owned())
}

/// Status, words for it, and a value.
type Answered = Result<(u32, String, Value), Failed>;

/// The system.
#[derive(Debug)]
pub struct CivilStatus(Ministry);

impl CivilStatus {
    /// A system that keeps nothing.
    pub fn new(config: MinistryConfig, clock: Arc<dyn Clock>) -> Self {
        Self(Ministry::new(config, clock))
    }

    /// Address and account of the demonstration's system.
    pub fn config(token: &str) -> MinistryConfig {
        MinistryConfig {
            code: "G99.02".to_owned(),
            name: "Hệ thống đăng ký hộ tịch (mô phỏng)".to_owned(),
            prefix: "/apiHoTichTuPhap/".to_owned(),
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

    /// Says that a file lacks something: status 2 until it is sent again. False if there is no such file.
    pub fn ask_for_more(&self, code: &str, what: &str) -> bool {
        self.0
            .change(code, |file| what.clone_into(&mut file.missing))
    }

    fn dispatch(&self, operation: &str, body: Map<String, Value>) -> Answered {
        match operation {
            "dangKyHoTich" | "nhanHoSoDKHT" => self.register(body),
            "danhMuc" => catalogue(&text(&body, "loaiDanhMuc")),
            "traTrangThaiHoSo" => {
                let code = self.named(&body)?;
                let file = self.0.ask(&code).ok_or(Fault::NotFound)?;
                let (status, words) = self.status(&file);
                Ok((status, words, Value::Null))
            }
            "ketQuaDangKyHS" => {
                let code = self.named(&body)?;
                let file = self.0.file(&code).ok_or(Fault::NotFound)?;
                if self.status(&file).0 < 4 {
                    return Err(Fault::Incomplete.into());
                }
                let record = self.record(&file).to_string();
                Ok((1, "Giao dịch thành công".to_owned(), record.into()))
            }
            "dsHoSoDangKy" => {
                let module = text(&body, "module");
                let rows: Value = self
                    .0
                    .all()
                    .into_iter()
                    .filter(|(_, file)| text(&file.request, "module") == module)
                    .flat_map(|(_, file)| {
                        let row = json!({
                            "id": file.id.to_string(),
                            "maDonVi": text(&file.request, "maDonVi"),
                        });
                        (0..file.copies).map(move |_| row.clone())
                    })
                    .collect();
                Ok((
                    1,
                    "Giao dịch thành công".to_owned(),
                    rows.to_string().into(),
                ))
            }
            "traHoSo" => self.records(&[text(&body, "maHoSo")]),
            "traDanhSachHoSo" => {
                if text(&body, "maTinh").is_empty() {
                    return Err(Fault::Province.into());
                }
                let wanted = body.get("dsMaHoSo").and_then(Value::as_array);
                let wanted: Vec<String> = wanted.into_iter().flatten().map(plain).collect();
                self.records(&wanted)
            }
            _ => Err(incorrect("không có dịch vụ này")),
        }
    }

    /// The dossier that a request names, of a unit that is known.
    fn named(&self, body: &Map<String, Value>) -> Result<String, Failed> {
        let unit = text(body, "maDonVi");
        if !is_unit(&unit) || !self.0.is_unit(&unit) {
            return Err(Fault::Agency.into());
        }
        match text(body, "maHoSo") {
            code if code.is_empty() => Err(Fault::NotFound.into()),
            code => Ok(code),
        }
    }

    fn register(&self, body: Map<String, Value>) -> Answered {
        let code = self.named(&body)?;
        if !MODULES.contains(&text(&body, "module").as_str()) {
            return Err(incorrect("module không hợp lệ"));
        }
        let received = text(&body, "ngayTiepNhan");
        if !is_dated(&received, '.', &[2, 2, 4]) && !is_dated(&received, '-', &[4, 2, 2]) {
            return Err(incorrect("ngayTiepNhan phải có dạng dd.MM.yyyy"));
        }
        check_data(&text(&body, "data"))?;
        match self.0.keep(&code, body) {
            Some(_) => Ok((1, "Gửi thông tin thành công".to_owned(), Value::Null)),
            None => Err(incorrect("hồ sơ đã tồn tại")),
        }
    }

    fn status(&self, file: &MinistryFile) -> (u32, String) {
        if !file.missing.is_empty() {
            let words = format!("Hồ sơ cần bổ sung thông tin: {}", file.missing);
            return (2, words);
        }
        let (status, words) = match self.0.moves(file) {
            0 => (1, "Đã tiếp nhận hồ sơ, chờ xử lý"),
            1 => (3, "Hồ sơ đủ điều kiện giải quyết"),
            _ => (4, "Đã hoàn thành đăng ký"),
        };
        (status, words.to_owned())
    }

    fn records(&self, ids: &[String]) -> Answered {
        let found: Vec<Value> = self
            .0
            .all()
            .into_iter()
            .filter(|(_, file)| ids.contains(&file.id.to_string()))
            .map(|(_, file)| self.record(&file))
            .collect();
        if found.is_empty() {
            return Err(Fault::NotFound.into());
        }
        let found = Value::from(found).to_string();
        Ok((1, "Giao dịch thành công".to_owned(), found.into()))
    }

    /// An entry of the register; whose it is stands in what was sent.
    fn record(&self, file: &MinistryFile) -> Value {
        let day = self.0.clock.now().to_civil_date();
        let day: Vec<&str> = day.split('-').rev().collect();
        let data = text(&file.request, "data");
        json!({
            "id": file.id.to_string(),
            "so": format!("{}/{}", file.id, day.last().copied().unwrap_or_default()),
            "quyenSo": "01",
            "trangSo": file.id.to_string(),
            "ngayDangKy": day.join("."),
            "loaiDangKy": "1",
            "noiDangKy": text(&file.request, "maDonVi"),
            "nksHoTen": field(&data, "nksHoTen"),
            "nksGioiTinh": field(&data, "nksGioiTinh"),
            "nksNgaySinh": field(&data, "nksNgaySinh"),
        })
    }
}

impl Breakable for CivilStatus {
    fn code(&self) -> &str {
        &self.0.config.code
    }

    fn name(&self) -> &str {
        &self.0.config.name
    }

    fn notation(&self) -> &'static str {
        "HOTICH"
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

impl Platform for CivilStatus {
    fn prefix(&self) -> &str {
        &self.0.config.prefix
    }

    fn answer(&self, asked: &Asked) -> Said {
        let body = asked.object().unwrap_or_default();
        let codes: Vec<String> = Some(text(&body, "maHoSo"))
            .into_iter()
            .filter(|code| !code.is_empty())
            .collect();
        let answered = if self.0.faults.is(How::Error200) {
            Err(incorrect("Lỗi hệ thống"))
        } else if self.0.is_known(asked) {
            self.dispatch(asked.operation(), body)
        } else {
            Err(Fault::Authentication.into())
        };
        let (status, value) = match answered {
            Ok((status, words, value)) => (
                status.to_string(),
                json!({
                    "trangThai": status,
                    "moTaTrangThai": words,
                    "giaTri": value,
                    "maLoi": null,
                    "moTaLoi": null,
                }),
            ),
            Err(Failed(fault, words)) => {
                let words = match words.is_empty() {
                    true => fault.name().to_owned(),
                    false => format!("{} - {words}", fault.name()),
                };
                (
                    fault.code().to_string(),
                    json!({
                        "trangThai": 0,
                        "moTaTrangThai": "Đã có lỗi xảy ra trong quá trình gửi thông tin",
                        "giaTri": null,
                        "maLoi": fault.code(),
                        "moTaLoi": words,
                    }),
                )
            }
        };
        self.0.visits.note(asked.operation(), codes, &status);
        Said::json(&value)
    }
}

/// A scalar as text: numbers are seen where texts are described.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

fn text(object: &Map<String, Value>, name: &str) -> String {
    object.get(name).map(plain).unwrap_or_default()
}

fn is_unit(code: &str) -> bool {
    code.len() == UNIT_DIGITS && code.bytes().all(|byte| byte.is_ascii_digit())
}

/// `data` is XML or JSON in a text; what it says of days and sexes has this system's forms.
fn check_data(data: &str) -> Result<(), Failed> {
    let trimmed = data.trim();
    let is_xml = trimmed.starts_with("<hotich><hoso>") && trimmed.ends_with("</hoso></hotich>");
    let is_json = serde_json::from_str::<Map<String, Value>>(trimmed).is_ok();
    if !is_xml && !is_json {
        return Err(incorrect("data không đọc được"));
    }
    for name in ["nksNgaySinh", "meNgaySinh", "chaNgaySinh"] {
        let day = field(data, name);
        let forms: [&[usize]; 3] = [&[2, 2, 4], &[2, 4], &[4]];
        if !day.is_empty() && !forms.iter().any(|form| is_dated(&day, '.', form)) {
            return Err(incorrect(&format!("{name} phải có dạng dd.MM.yyyy")));
        }
    }
    if !matches!(field(data, "nksGioiTinh").as_str(), "" | "1" | "2") {
        return Err(incorrect("nksGioiTinh phải là 1 hoặc 2"));
    }
    Ok(())
}

/// The value of a field of `data`; empty if it has none.
fn field(data: &str, name: &str) -> String {
    if let Ok(object) = serde_json::from_str::<Map<String, Value>>(data.trim()) {
        return text(&object, name);
    }
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let inside = data
        .split_once(&open)
        .and_then(|(_, rest)| rest.split_once(&close));
    inside
        .map(|(value, _)| value.trim().to_owned())
        .unwrap_or_default()
}

fn catalogue(kind: &str) -> Answered {
    let rows = match kind {
        "1" | "2" => json!([{"ma": "VN", "ten": "Việt Nam"}, {"ma": "LA", "ten": "Lào"}]),
        "3" => json!([{"ma": "01", "ten": "Kinh"}, {"ma": "02", "ten": "Tày"}]),
        "4" => json!([{"ma": "99", "ten": "Tỉnh Bình An"}]),
        "5" => json!([{"ma": "1", "ten": "Căn cước"}, {"ma": "2", "ten": "Hộ chiếu"}]),
        _ => return Err(Fault::DataType.into()),
    };
    Ok((
        1,
        "Giao dịch thành công".to_owned(),
        rows.to_string().into(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ministry::testkit;

    fn system() -> CivilStatus {
        CivilStatus::new(CivilStatus::config("t"), testkit::clock())
    }

    fn ask(system: &CivilStatus, operation: &str, body: &Value) -> Value {
        testkit::ask(system, operation, "t", body)
    }

    fn file(code: &str) -> Value {
        json!({
            "maDonVi": "99131",
            "module": "KS",
            "maHoSo": code,
            "ngayTiepNhan": "12.03.2026",
            "data": "<hotich><hoso><nksHoTen>Phạm Văn Mẫu</nksHoTen><nksGioiTinh>1</nksGioiTinh>\
                     <nksNgaySinh>01.03.2026</nksNgaySinh></hoso></hotich>",
        })
    }

    #[test]
    fn a_file_moves_on_as_it_is_asked_for_and_ends_in_the_register() {
        let system = system();
        let code = "H99.131-260312-0042";
        assert_eq!(ask(&system, "dangKyHoTich", &file(code))["trangThai"], 1);
        let again = ask(&system, "dangKyHoTich", &file(code));
        assert_eq!(
            (&again["trangThai"], &again["maLoi"]),
            (&json!(0), &json!(500))
        );
        let named = json!({"maDonVi": 99131, "maHoSo": code});
        let early = ask(&system, "ketQuaDangKyHS", &named);
        assert_eq!(early["maLoi"], 200);
        let statuses: Vec<u64> = (0..5)
            .map(|_| {
                ask(&system, "traTrangThaiHoSo", &named)["trangThai"]
                    .as_u64()
                    .expect("a number")
            })
            .collect();
        assert_eq!(statuses, [1, 3, 3, 4, 4]);
        let done = ask(&system, "ketQuaDangKyHS", &named);
        let record: Value =
            serde_json::from_str(done["giaTri"].as_str().expect("a text")).expect("JSON in it");
        assert_eq!(record["nksHoTen"], "Phạm Văn Mẫu");
        assert_eq!(record["ngayDangKy"], "12.03.2026");

        assert!(system.ask_for_more(code, "giấy chứng sinh"));
        assert_eq!(ask(&system, "traTrangThaiHoSo", &named)["trangThai"], 2);
        assert_eq!(ask(&system, "dangKyHoTich", &file(code))["trangThai"], 1);
        assert_eq!(ask(&system, "traTrangThaiHoSo", &named)["trangThai"], 1);
    }

    #[test]
    fn each_mistake_has_its_number() {
        let system = system();
        let with = |name: &str, value: Value| {
            let mut wrong = file("H99.131-260312-0001");
            wrong[name] = value;
            ask(&system, "dangKyHoTich", &wrong)["maLoi"].clone()
        };
        assert_eq!(with("maDonVi", json!("H99.131")), 106);
        assert_eq!(with("maHoSo", json!("")), 201);
        assert_eq!(with("module", json!("XX")), 500);
        assert_eq!(with("ngayTiepNhan", json!("12/03/2026")), 500);
        assert_eq!(with("data", json!("<hotich>")), 500);
        assert_eq!(with("data", json!("{\"nksGioiTinh\":\"0\"}")), 500);
        assert_eq!(with("data", json!("{\"nksNgaySinh\":\"01/03/2026\"}")), 500);
        assert_eq!(
            with("data", json!("{\"nksNgaySinh\":\"2026\"}")),
            Value::Null
        );
        assert!(system.ask_for_more("H99.131-260312-0001", "giấy chứng sinh"));
        assert_eq!(with("ngayTiepNhan", json!("2026-03-12")), Value::Null);
        assert_eq!(
            ask(&system, "danhMuc", &json!({"loaiDanhMuc": 6}))["maLoi"],
            302
        );
        assert_eq!(
            ask(&system, "danhMuc", &json!({"loaiDanhMuc": 3}))["trangThai"],
            1
        );
        assert_eq!(
            ask(&system, "traHoSo", &json!({"maHoSo": 77}))["maLoi"],
            201
        );
        let no_province = json!({"dsMaHoSo": [1]});
        assert_eq!(ask(&system, "traDanhSachHoSo", &no_province)["maLoi"], 108);
        let stranger = testkit::ask(&system, "danhMuc", "other", &json!({"loaiDanhMuc": 3}));
        assert_eq!(stranger["maLoi"], 100);
    }

    #[test]
    fn planted_faults_show() {
        let system = system();
        let named = |code: &str| json!({"maDonVi": "99131", "maHoSo": code});
        let under = |how, code: &str| {
            system.faults().start(crate::Fault::Platform(how));
            let answer = ask(&system, "dangKyHoTich", &file(code));
            system.faults().restore();
            answer["trangThai"].as_u64()
        };
        assert_eq!(under(How::Lose, "a"), Some(1));
        assert_eq!(ask(&system, "traTrangThaiHoSo", &named("a"))["maLoi"], 201);
        assert_eq!(under(How::Drift, "b"), Some(1));
        assert_eq!(
            ask(&system, "traTrangThaiHoSo", &named("b"))["trangThai"],
            2
        );
        assert_eq!(under(How::Duplicate, "c"), Some(1));
        let listed = ask(&system, "dsHoSoDangKy", &json!({"module": "KS"}));
        let listed: Vec<Value> =
            serde_json::from_str(listed["giaTri"].as_str().expect("a text")).expect("JSON in it");
        assert_eq!(listed.len(), 3);
        assert_eq!(under(How::Session, "d"), Some(0));
        assert_eq!(under(How::Error200, "d"), Some(0));
        assert!(system.file("d").is_none());
    }
}
