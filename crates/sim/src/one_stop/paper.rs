//! What an office writes: dossiers, steps and results in the national form, about people who do not exist.

use lgsp_base::{Entropy, Timestamp};
use serde_json::{Map, Value, json};

use super::{OfficeWorld, text_of};
use crate::catalogue;
use crate::portal::Procedure;

/// What stands on the receipt.
pub(super) struct Intake<'a> {
    pub(super) code: &'a str,
    pub(super) number: u32,
    pub(super) procedure: &'a Procedure,
    pub(super) unit: &'a str,
    pub(super) now: Timestamp,
    pub(super) due: Timestamp,
    pub(super) entropy: &'a dyn Entropy,
}

/// `yyyyMMddHHmmss` in Vietnam.
pub(super) fn compact(at: Timestamp) -> String {
    at.to_edxml().chars().filter(char::is_ascii_digit).collect()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// A dossier that was taken in (status 2).
pub(super) fn dossier(intake: &Intake<'_>) -> Map<String, Value> {
    let procedure = intake.procedure;
    let now = compact(intake.now);
    let person = catalogue::some_citizen(intake.entropy);
    let fees = match procedure.fee {
        0 => json!([]),
        fee => json!([{
            "TenPhiLePhi": "Lệ phí",
            "MaPhiLePhi": "LP-0001",
            "HinhThucThu": "1",
            "Gia": fee.to_string(),
            "LoaiPhiLePhi": "1",
        }]),
    };
    let file = format!("{}-1", intake.number);
    let papers = json!([{
        "TepDinhKemId": file,
        "TenTepDinhKem": "don-de-nghi.pdf",
        "IsDeleted": "False",
        "MaThanhPhanHoSo": "TP-0001",
        "DuongDanTaiTepTin": format!("https://motcua.binhan.example/tep/{}/{file}", intake.code),
        "DuocSoHoa": "1",
        "DuocTaiSuDung": "0",
        "DuocLayTuKhoDMQG": "0",
        "MaKetQuaThayThe": "",
    }]);
    let texts = [
        ("MaHoSo", intake.code),
        ("MaTTHC", &procedure.code),
        ("TenTTHC", &procedure.name),
        ("MaLinhVuc", &procedure.sector_code),
        ("TenLinhVuc", &procedure.sector_name),
        ("KenhThucHien", "1"),
        ("SoBienNhan", &format!("BN-{}", intake.code)),
        ("ChuHoSo", person),
        ("LoaiDoiTuong", "1"),
        ("MaDoiTuong", ""),
        ("ThongTinKhac", ""),
        ("Email", "congdan.mau@example.com"),
        ("Fax", ""),
        ("SoDienThoai", "0000000000"),
        ("TrichYeuHoSo", &format!("{} - hồ sơ mẫu", procedure.name)),
        ("NgayNopHoSo", &now),
        ("NgayTiepNhan", &now),
        ("NgayHenTra", &compact(intake.due)),
        ("TrangThaiHoSo", "2"),
        ("NgayTra", ""),
        ("ThongTinTra", ""),
        ("HinhThuc", "0"),
        ("NgayKetThucXuLy", ""),
        ("NgayTuChoi", ""),
        ("DonViXuLy", intake.unit),
        ("GhiChu", ""),
        ("NoiNopHoSo", "2"),
        ("HoSoCoThanhPhanSoHoa", "1"),
        ("TaiKhoanDuocXacThucVoiVNeID", "1"),
        ("DuocThanhToanTrucTuyen", "0"),
    ];
    let lists = [
        (
            "DinhDanhCHS",
            json!([{"LoaiDinhDanh": "1", "SoDinhDanh": "000000000000"}]),
        ),
        ("TaiLieuNop", papers),
        ("DanhSachLePhi", fees),
        ("DanhSachTepDinhKemKhac", json!([])),
        ("DanhSachHoSoBoSung", json!([])),
        ("DanhSachGiayToKetQua", json!([])),
        ("DSKetNoiCSDL", json!([{"MaCSDL": "CSDL-DANCU"}])),
    ];
    let texts = texts.map(|(name, text)| (name.to_owned(), text.into()));
    let lists = lists.map(|(name, list)| (name.to_owned(), list));
    texts.into_iter().chain(lists).collect()
}

/// A step by somebody of the office.
pub(super) fn step(
    dossier: &Map<String, Value>,
    status: &str,
    what: &str,
    world: &OfficeWorld,
) -> Map<String, Value> {
    let now = compact(world.clock.now());
    object(json!({
        "MaHoSo": text_of(dossier, "MaHoSo"),
        "NguoiXuLy": catalogue::some_clerk(&*world.entropy),
        "ChucDanh": "Công chức một cửa",
        "ThoiDiemXuLy": now,
        "PhongBanXuLy": format!("Bộ phận một cửa, {}", text_of(dossier, "DonViXuLy")),
        "NoiDungXuLy": what,
        "TrangThai": status,
        "NgayBatDau": now,
        "NgayKetThucTheoQuyDinh": text_of(dossier, "NgayHenTra"),
    }))
}

/// Handled to its end (status 9), with its result.
pub(super) fn finish(
    dossier: &mut Map<String, Value>,
    procedure: Option<&Procedure>,
    now: Timestamp,
) {
    let (code, name) = procedure.map_or(("", "Kết quả"), |procedure| {
        (
            procedure.result_code.as_str(),
            procedure.result_name.as_str(),
        )
    });
    let dossier_code = text_of(dossier, "MaHoSo").to_owned();
    let result = json!([{
        "TenGiayTo": name,
        "MaThanhPhanHoSo": "",
        "GiayToId": format!("KQ-{dossier_code}"),
        "DuongDanTepTinKetQua": format!("https://motcua.binhan.example/ketqua/{dossier_code}"),
        "MaGiayToKetQua": code,
    }]);
    dossier.insert("TrangThaiHoSo".to_owned(), "9".into());
    dossier.insert("NgayKetThucXuLy".to_owned(), compact(now).into());
    dossier.insert("DanhSachGiayToKetQua".to_owned(), result);
}

/// Handed back to the citizen (status 10).
pub(super) fn hand_back(dossier: &mut Map<String, Value>, now: Timestamp) {
    dossier.insert("TrangThaiHoSo".to_owned(), "10".into());
    dossier.insert("NgayTra".to_owned(), compact(now).into());
    dossier.insert(
        "ThongTinTra".to_owned(),
        "Trả kết quả trực tiếp tại quầy".into(),
    );
}
