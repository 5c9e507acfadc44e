//! Procedures and catalogues of the portal, all invented but those that everybody knows.

use serde_json::{Value, json};

/// A procedure as the national database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Procedure {
    /// `MATTHC`: `9.000001`.
    pub code: String,
    /// `TENTTHC`.
    pub name: String,
    /// `MALINHVUC`.
    pub sector_code: String,
    /// `TENLINHVUC`.
    pub sector_name: String,
    /// Working days in which it is handled.
    pub days: u8,
    /// The fee in đồng.
    pub fee: u32,
    /// The code of its result, `KQ.…`.
    pub result_code: String,
    /// The name of its result.
    pub result_name: String,
}

impl Procedure {
    /// True for the code with or without the code of an agency behind it.
    pub fn is_meant_by(&self, code: &str) -> bool {
        code.strip_prefix(self.code.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

/// Number, name, days and fee of a fictional procedure, its sector and its result.
struct Row(u32, &'static str, u8, u32, &'static str, &'static str);

const FICTIONAL: [Row; 4] = [
    Row(
        1,
        "cấp bản sao giấy tờ",
        2,
        8_000,
        "Lĩnh vực mẫu",
        "Bản sao (mẫu)",
    ),
    Row(
        2,
        "cấp giấy phép xây dựng nhà ở riêng lẻ",
        15,
        75_000,
        "Xây dựng (mẫu)",
        "Giấy phép (mẫu)",
    ),
    Row(
        3,
        "đăng ký khai sinh",
        1,
        0,
        "Hộ tịch (mẫu)",
        "Giấy khai sinh (mẫu)",
    ),
    Row(
        4,
        "cấp Phiếu lý lịch tư pháp",
        10,
        200_000,
        "Lý lịch tư pháp (mẫu)",
        "Phiếu lý lịch tư pháp (mẫu)",
    ),
];

/// The procedures of the fictional province: one that a commune handles alone, one of a department, one of each ministry system.
pub fn fictional() -> Vec<Procedure> {
    FICTIONAL
        .iter()
        .map(|Row(number, name, days, fee, sector, result)| Procedure {
            code: format!("9.{number:06}"),
            name: format!("Thủ tục mẫu: {name} (giả định)"),
            sector_code: format!("G99-LV{number:02}"),
            sector_name: (*sector).to_owned(),
            days: *days,
            fee: *fee,
            result_code: format!("KQ.G99.{number:06}"),
            result_name: (*result).to_owned(),
        })
        .collect()
}

/// `LayDanhSachTTHC`.
pub(super) fn list(procedures: &[Procedure]) -> Value {
    procedures
        .iter()
        .map(|procedure| {
            json!({
                "ID": id_of(procedure),
                "MATTHC": procedure.code,
                "TENTTHC": procedure.name,
                "MACOQUANCONGBO": "G99",
                "LOAITTHC": "1",
                "TRANGTHAI": "1",
                "LINHVUCTHUCHIEN": [sector(procedure)],
            })
        })
        .collect()
}

/// `LayThuTuc` (protocols §4.8): one record, or none.
pub(super) fn whole(procedures: &[Procedure], code: &str) -> Value {
    procedures
        .iter()
        .filter(|procedure| procedure.is_meant_by(code))
        .take(1)
        .map(record)
        .collect()
}

fn id_of(procedure: &Procedure) -> String {
    procedure
        .code
        .chars()
        .filter(char::is_ascii_digit)
        .collect()
}

fn sector(procedure: &Procedure) -> Value {
    json!({"MALINHVUC": procedure.sector_code, "TENLINHVUC": procedure.sector_name})
}

fn record(procedure: &Procedure) -> Value {
    let fee = json!({
        "MAPHILEPHI": "LP-0001",
        "SOTIEN": procedure.fee.to_string(),
        "DONVI": "Đồng",
        "MOTA": "",
        "TENTEP": "",
        "URL": "",
    });
    let time = |channel: &str| {
        json!({
            "KENH": channel,
            "THOIGIAN": [{
                "THOIGIANGIAIQUYET": procedure.days.to_string(),
                "DONVITINH": "Ngày làm việc",
                "MOTA": "",
                "PHILEPHI": [fee],
            }],
        })
    };
    json!({
        "ID": id_of(procedure),
        "MATTHC": procedure.code,
        "TENTTHC": procedure.name,
        "MACOQUANCONGBO": "G99",
        "LOAITTHC": "1",
        "MOTADOITUONGTHUCHIEN": "Công dân Việt Nam",
        "DIACHITIEPNHAN": "Trung tâm Phục vụ hành chính công",
        "YEUCAU": "Không",
        "TUKHOA": "",
        "IDQUYETDINHCONGBO": "1",
        "TRANGTHAI": "1",
        "TRINHTUTHUCHIEN": [{
            "TRUONGHOP": "",
            "TRINHTU": [
                {"TENTRINHTU": "Nộp hồ sơ"},
                {"TENTRINHTU": "Thẩm định hồ sơ"},
                {"TENTRINHTU": "Trả kết quả"},
            ],
        }],
        "CAPTHUCHIEN": [{"CAPTHUCHIEN": "3", "TENCAP": "Cấp xã"}],
        "LINHVUCTHUCHIEN": [sector(procedure)],
        "CACHTHUCTHUCHIEN": [time("1"), time("2"), time("3")],
        "DOITUONGTHUCHIEN": [{"MADOITUONG": "1", "TENDOITUONG": "Công dân"}],
        "THANHPHANHOSO": [{
            "TRUONGHOP": "",
            "GIAYTO": [{
                "MAGIAYTO": "TP-0001",
                "TENGIAYTO": "Đơn đề nghị",
                "MA_KQ_THAYTHE": "",
                "SOBANCHINH": "1",
                "SOBANSAO": "0",
                "TENMAUDON": "mau-01.docx",
                "URL": "",
            }],
        }],
        "KETQUATHUCHIEN": [{
            "MAKETQUA": procedure.result_code,
            "TENKETQUA": procedure.result_name,
            "TENTEP": "",
            "URL": "",
        }],
        "CANCUPHAPLY": [{
            "SOVANBAN": "01/2026/TT-MAU",
            "TENVANBAN": "Thông tư mẫu (giả định)",
            "COQUANBANHANH": "Bộ Mẫu",
            "NGAYBANHANH": "01/01/2026",
            "NGAYHIEULUC": "01/03/2026",
            "DIACHITRUYCAP": "",
        }],
        "COQUANTHUCHIEN": [{"MADONVI": "H99", "TENDONVI": "Ủy ban nhân dân tỉnh Bình An"}],
        "COQUANCOTHAMQUYEN": [],
        "COQUANDUOCUYQUYEN": [],
        "COQUANPHOIHOP": [],
        "TTHCLIENQUAN": [],
        "TTHCLIENTHONG": [],
    })
}

/// `LayDanhMuc…`; none for a name that is no catalogue.
pub(super) fn catalogue(service: &str, procedures: &[Procedure]) -> Option<Value> {
    let rows: &[(&str, &str)] = match service {
        "LayDanhMucCoQuan" => {
            return Some(json!([
                {"MADONVI": "H99", "TENDONVI": "Ủy ban nhân dân tỉnh Bình An"},
                {"MADONVI": "H99.05", "TENDONVI": "Sở Tư pháp tỉnh Bình An"},
                {"MADONVI": "H99.06", "TENDONVI": "Sở Xây dựng tỉnh Bình An"},
                {"MADONVI": "H99.131", "TENDONVI": "UBND xã Phú Mẫu"},
            ]));
        }
        "LayDanhMucLinhVuc" => return Some(procedures.iter().map(sector).collect()),
        "LayDanhMucCanCuPhapLy" => {
            return Some(json!([{
                "ID": "1",
                "SOVANBAN": "01/2026/TT-MAU",
                "TENVANBAN": "Thông tư mẫu (giả định)",
                "COQUANBANHANH": "Bộ Mẫu",
            }]));
        }
        "LayDanhMucLePhi" => {
            let fees = procedures.iter().filter(|procedure| procedure.fee > 0);
            return Some(
                fees.map(|procedure| {
                    json!({
                        "MA": "LP-0001",
                        "TEN": format!("Lệ phí: {}", procedure.name),
                        "SOTIEN": procedure.fee.to_string(),
                    })
                })
                .collect(),
            );
        }
        "LayDanhMucTinhThanh" => &[("99", "Tỉnh Bình An")],
        // None since 1 July 2025.
        "LayDanhMucQuanHuyen" => &[],
        "LayDanhMucPhuongXa" => &[
            ("99131", "Xã Phú Mẫu"),
            ("99132", "Xã Tân Mẫu"),
            ("99133", "Phường Bình Minh"),
            ("99134", "Phường Đông Hòa"),
            ("99135", "Xã Hải Thượng"),
        ],
        "LayDanhMucGioiTinh" => &[("1", "Nam"), ("2", "Nữ")],
        "LayDanhMucQuocGia" => &[("VN", "Việt Nam"), ("LA", "Lào"), ("KH", "Campuchia")],
        "LayDanhMucDanToc" => &[("01", "Kinh"), ("02", "Tày"), ("03", "Thái")],
        "LayDanhMucTonGiao" => &[("00", "Không"), ("01", "Phật giáo"), ("02", "Công giáo")],
        "LayDanhMucTinhTrangHonNhan" => &[("1", "Chưa kết hôn"), ("2", "Đã kết hôn")],
        "LayDanhMucDoiTuong" => &[
            ("1", "Công dân"),
            ("2", "Doanh nghiệp"),
            ("3", "Cơ quan nhà nước"),
            ("4", "Tổ chức khác"),
        ],
        "LayDanhMucCapThucHien" => &[("1", "Cấp bộ"), ("2", "Cấp tỉnh"), ("3", "Cấp xã")],
        _ => return None,
    };
    Some(
        rows.iter()
            .map(|(code, name)| json!({"MA": code, "TEN": name}))
            .collect(),
    )
}

/// Questions that wait for an answer.
pub(super) fn questions() -> Value {
    json!([{
        "ID": "1",
        "TIEUDE": "Thời gian làm việc của bộ phận một cửa",
        "NOIDUNG": "Bộ phận một cửa xã Phú Mẫu có làm việc sáng thứ Bảy không?",
        "NGUOIHOI": "Trần Văn Ví Dụ",
        "MADONVI": "H99.131",
        "NGAYGUI": "20260312081500",
    }])
}
