//! What the portal refuses: its own reading of protocols §4.6 and §4.7.

use lgsp_base::Timestamp;
use serde_json::{Map, Value};

use super::{Procedure, Refused, text_of};

/// Characters of `TrichYeuHoSo`.
const ABSTRACT_CHARS_MAX: usize = 1_000;
/// Characters of `NguoiXuLy`.
const HANDLER_CHARS_MAX: usize = 50;
/// Digits of the number of a citizen's identity card.
const CITIZEN_DIGITS: usize = 12;

const DOSSIER_NEEDS: [&str; 7] = [
    "MaHoSo",
    "MaTTHC",
    "TenTTHC",
    "MaLinhVuc",
    "TenLinhVuc",
    "TrangThaiHoSo",
    "DonViXuLy",
];
const DOSSIER_TIMES: [&str; 6] = [
    "NgayNopHoSo",
    "NgayTiepNhan",
    "NgayHenTra",
    "NgayTra",
    "NgayKetThucXuLy",
    "NgayTuChoi",
];
const DOSSIER_LISTS: [&str; 7] = [
    "DinhDanhCHS",
    "TaiLieuNop",
    "DanhSachLePhi",
    "DanhSachTepDinhKemKhac",
    "DanhSachHoSoBoSung",
    "DanhSachGiayToKetQua",
    "DSKetNoiCSDL",
];
const STEP_TIMES: [&str; 3] = ["ThoiDiemXuLy", "NgayBatDau", "NgayKetThucTheoQuyDinh"];

pub(super) fn dossier(
    object: &Map<String, Value>,
    procedures: &[Procedure],
) -> Result<(), Refused> {
    let code = text_of(object, "MaHoSo");
    scalars_are_texts(object, &DOSSIER_LISTS, code)?;
    for name in DOSSIER_NEEDS {
        need(object, name, code)?;
    }
    if !is_dossier_code(code) {
        return Err(Refused::form(format!("MaHoSo {code} không đúng định dạng")));
    }
    status(object, "TrangThaiHoSo", code)?;
    // What was never received has no day of reception.
    if !matches!(text_of(object, "TrangThaiHoSo"), "1" | "3" | "7") {
        need(object, "NgayTiepNhan", code)?;
    }
    times(object, &DOSSIER_TIMES, code)?;
    if text_of(object, "TrichYeuHoSo").chars().count() > ABSTRACT_CHARS_MAX {
        return Err(Refused::rule(format!(
            "TrichYeuHoSo của hồ sơ {code} dài quá {ABSTRACT_CHARS_MAX} ký tự"
        )));
    }
    identities(object, code)?;
    let procedure = text_of(object, "MaTTHC");
    if !procedures.is_empty() && !procedures.iter().any(|known| known.is_meant_by(procedure)) {
        return Err(Refused::rule(format!(
            "MaTTHC {procedure} của hồ sơ {code} không có trong danh mục"
        )));
    }
    Ok(())
}

pub(super) fn step(object: &Map<String, Value>) -> Result<(), Refused> {
    let code = text_of(object, "MaHoSo");
    scalars_are_texts(object, &[], code)?;
    need(object, "MaHoSo", code)?;
    need(object, "TrangThai", code)?;
    status(object, "TrangThai", code)?;
    times(object, &STEP_TIMES, code)?;
    if text_of(object, "NguoiXuLy").chars().count() > HANDLER_CHARS_MAX {
        return Err(Refused::rule(format!(
            "NguoiXuLy của hồ sơ {code} dài quá {HANDLER_CHARS_MAX} ký tự"
        )));
    }
    Ok(())
}

fn need(object: &Map<String, Value>, name: &str, code: &str) -> Result<(), Refused> {
    if text_of(object, name).trim().is_empty() {
        return Err(Refused::rule(format!("Hồ sơ {code}: thiếu {name}")));
    }
    Ok(())
}

/// Every value is a text, a list where one belongs, or null.
fn scalars_are_texts(
    object: &Map<String, Value>,
    lists: &[&str],
    code: &str,
) -> Result<(), Refused> {
    for (name, value) in object {
        let is_list = lists.contains(&name.as_str());
        let is_good = match value {
            Value::String(_) => !is_list,
            Value::Array(items) => is_list && items.iter().all(Value::is_object),
            Value::Null => true,
            _ => false,
        };
        if !is_good {
            let wanted = if is_list { "một mảng" } else { "chuỗi" };
            return Err(Refused::form(format!(
                "Hồ sơ {code}: {name} phải là {wanted}"
            )));
        }
    }
    Ok(())
}

fn status(object: &Map<String, Value>, name: &str, code: &str) -> Result<(), Refused> {
    let text = text_of(object, name);
    let is_known = text
        .parse::<u8>()
        .is_ok_and(|status| (1..=10).contains(&status))
        && !text.starts_with('0');
    if is_known {
        return Ok(());
    }
    Err(Refused::rule(format!(
        "Hồ sơ {code}: {name} {text} không có trong danh mục"
    )))
}

fn times(object: &Map<String, Value>, names: &[&str], code: &str) -> Result<(), Refused> {
    for name in names {
        let text = text_of(object, name);
        if !text.is_empty() && !is_time(text) {
            return Err(Refused::form(format!(
                "Hồ sơ {code}: {name} không đúng định dạng yyyyMMddHHmmss"
            )));
        }
    }
    Ok(())
}

/// `yyyyMMddHHmmss`, of a day that exists.
fn is_time(text: &str) -> bool {
    if text.len() != 14 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let civil = format!(
        "{}/{}/{} {}:{}:{}",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    );
    Timestamp::from_edxml(&civil).is_some()
}

/// `<agency code>-YYMMDD-XXXX` with 4 or 5 digits at the end.
fn is_dossier_code(code: &str) -> bool {
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = code.split('-').collect();
    match parts.as_slice() {
        [agency, day, number] => {
            !agency.is_empty()
                && day.len() == 6
                && are_digits(day)
                && is_time(&format!("20{day}000000"))
                && matches!(number.len(), 4 | 5)
                && are_digits(number)
        }
        _ => false,
    }
}

/// A citizen's number has twelve digits; the number itself stays out of the words.
fn identities(object: &Map<String, Value>, code: &str) -> Result<(), Refused> {
    let listed = object.get("DinhDanhCHS").and_then(Value::as_array);
    for identity in listed.into_iter().flatten().filter_map(Value::as_object) {
        let number = text_of(identity, "SoDinhDanh");
        let is_citizen = text_of(identity, "LoaiDinhDanh") == "1";
        let is_good =
            number.len() == CITIZEN_DIGITS && number.bytes().all(|byte| byte.is_ascii_digit());
        if is_citizen && !is_good {
            return Err(Refused::rule(format!(
                "Hồ sơ {code}: SoDinhDanh không đủ {CITIZEN_DIGITS} chữ số"
            )));
        }
    }
    Ok(())
}
