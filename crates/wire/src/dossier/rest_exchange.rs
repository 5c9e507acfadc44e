//! Dossiers between the one-stop shop and the document system of a province over REST: drafts go one way, issued documents come back
//! (protocols §4.12).

use lgsp_base::Timestamp;
use lgsp_base::limits::DOSSIER_FILES_BODY_BYTES_MAX;
use serde_json::Value;

use super::error::DossierError;
use super::fields::{Item, field, read_item_in, required};
use super::file::FileBytes;
use super::forms::{ForeignForms, REST_EXCHANGE};
use super::json;
use super::macros::{body, coded, nested, object};
use super::model::SHORT_CHARS_MAX;

/// Operations and their paths.
pub const SEND_PATH: &str = "/GuiHoSo";
/// Lists what waits; query `maDonViCha`, `top`.
pub const LIST_PATH: &str = "/LayDanhSachGoiTinVanBan";
/// Takes one; query `MaVanBan`.
pub const TAKE_PATH: &str = "/LayGoiTinVanBan";
/// Confirms one.
pub const CONFIRM_PATH: &str = "/CapNhatTrangThaiVanBan";

coded! {
    /// `LoaiKetQua`: what became of a draft.
    pub enum DraftOutcome {
        /// Issued.
        Issued = "01";
        /// Signed and not issued.
        SignedOnly = "02";
        /// Not approved.
        Refused = "03";
        /// Signed, kept for the record.
        Kept = "04";
    }
}

coded! {
    /// `TrangThai` of a confirmation.
    pub enum TakeOutcome {
        /// Taken.
        Taken = "03";
        /// Not taken.
        Failed = "04";
    }
}

object! {
    /// A person or a body: `NguoiNop`, `ChuHoSo`.
    #[derive(Default)]
    pub struct Party {
        needed {}
        known {
            /// `Ten`.
            name: String = field("Ten");
            /// `CMND`: identity number.
            identity: String = field("CMND").max(SHORT_CHARS_MAX);
            /// `SoDienThoai`.
            phone: String = field("SoDienThoai").max(SHORT_CHARS_MAX);
            /// `DiaChi`.
            address: String = field("DiaChi");
        }
    }
}

object! {
    /// An official with an account: `NguoiKy`, `NguoiTrinhKy`.
    #[derive(Default)]
    pub struct Official {
        needed {}
        known {
            /// `Ten`.
            name: String = field("Ten");
            /// `TaiKhoan`.
            account: String = field("TaiKhoan").max(SHORT_CHARS_MAX);
            /// `Id`.
            id: String = field("Id").max(SHORT_CHARS_MAX);
        }
    }
}

object! {
    /// `DonVi`.
    #[derive(Default)]
    pub struct Unit {
        needed {}
        known {
            /// `Ten`.
            name: String = field("Ten");
            /// `MaDinhDanh`: organisation code.
            code: String = field("MaDinhDanh").max(SHORT_CHARS_MAX);
        }
    }
}

object! {
    /// A file with its bytes or its address: `DinhKem`, `ThanhPhanHoSo`.
    #[derive(Default)]
    pub struct ExchangeFile {
        needed {}
        known {
            /// `Ten`: never a path.
            name: String = field("Ten");
            /// `Base64`.
            content: FileBytes = field("Base64");
            /// `Link`.
            url: String = field("Link");
        }
    }
}

object! {
    /// `VanBanDuThao`: the draft to be signed.
    #[derive(Default)]
    pub struct Draft {
        needed {}
        known {
            /// `TrichYeu`.
            subject: String = field("TrichYeu");
            /// `LoaiVanBan`.
            kind: String = field("LoaiVanBan");
            /// `NgayTao`.
            created_at: Option<Timestamp> = field("NgayTao");
            /// `DinhKem`.
            files: Vec<ExchangeFile> = field("DinhKem");
        }
    }
}

object! {
    /// `GuiHoSo`: a dossier with its draft.
    #[derive(Default)]
    pub struct DraftDossier {
        needed {}
        known {
            /// `IDHoSo`: the sender's own id.
            id: String = required("IDHoSo").max(SHORT_CHARS_MAX);
            /// `MaHoSo`.
            code: String = required("MaHoSo").max(SHORT_CHARS_MAX);
            /// `TenHoSo`.
            name: String = field("TenHoSo");
            /// `ThuTuc`.
            procedure: String = field("ThuTuc");
            /// `ChuHoSo`.
            owner: Party = field("ChuHoSo");
            /// `NguoiNop`.
            submitter: Party = field("NguoiNop");
            /// `NguoiKy`.
            signer: Official = field("NguoiKy");
            /// `NguoiTrinhKy`.
            presenter: Official = field("NguoiTrinhKy");
            /// `DonVi`.
            unit: Unit = field("DonVi");
            /// `VanBanDuThao`.
            draft: Draft = field("VanBanDuThao");
            /// `ThanhPhanHoSo`.
            papers: Vec<ExchangeFile> = field("ThanhPhanHoSo");
            /// `HanXuLyVanBan`.
            due_at: Option<Timestamp> = field("HanXuLyVanBan");
        }
    }
}

body!(DraftDossier, REST_EXCHANGE, DOSSIER_FILES_BODY_BYTES_MAX);

object! {
    /// `VanBanDi`: the document that came of a draft.
    #[derive(Default)]
    pub struct IssuedDocument {
        needed {}
        known {
            /// `TrichYeu`.
            subject: String = field("TrichYeu");
            /// `LoaiVanBan`.
            kind: String = field("LoaiVanBan");
            /// `SoKyHieu`: number and notation.
            notation: String = field("SoKyHieu").max(SHORT_CHARS_MAX);
            /// `NgayBanHanh`.
            issued_at: Option<Timestamp> = field("NgayBanHanh");
            /// `NgayKy`.
            signed_at: Option<Timestamp> = field("NgayKy");
            /// `NguoiKy`.
            signer: String = field("NguoiKy");
            /// `ChucVu`: the signer's position.
            position: String = field("ChucVu");
            /// `DinhKem`.
            files: Vec<ExchangeFile> = field("DinhKem");
        }
    }
}

nested!(Party, Official, Unit, Draft, IssuedDocument);

object! {
    /// `data` of `LayGoiTinVanBan`.
    #[derive(Default)]
    pub struct DraftResult {
        needed {}
        known {
            /// `IDHoSo`.
            id: String = field("IDHoSo").max(SHORT_CHARS_MAX);
            /// `MaHoSo`.
            code: String = field("MaHoSo").max(SHORT_CHARS_MAX);
            /// `DonVi`.
            unit: Unit = field("DonVi");
            /// `VanBanDi`.
            document: IssuedDocument = field("VanBanDi");
            /// `LoaiKetQua`.
            outcome: Option<DraftOutcome> = field("LoaiKetQua");
        }
    }
}

object! {
    /// `CapNhatTrangThaiVanBan`: confirms that a document was taken.
    #[derive(Default)]
    pub struct TakeConfirmation {
        needed {}
        known {
            /// `MaVanBan`.
            document: String = required("MaVanBan").max(SHORT_CHARS_MAX);
            /// `TrangThai`.
            outcome: Option<TakeOutcome> = required("TrangThai").max(SHORT_CHARS_MAX);
        }
    }
}

body!(
    TakeConfirmation,
    REST_EXCHANGE,
    DOSSIER_FILES_BODY_BYTES_MAX
);

object! {
    /// `error` of an answer.
    #[derive(Default)]
    pub struct RestFault {
        needed {}
        known {
            /// `code`.
            code: String = field("code").max(SHORT_CHARS_MAX);
            /// `internalMessage`: for technicians.
            internal: String = field("internalMessage");
            /// `userMessage`: for people.
            message: String = field("userMessage");
        }
    }
}

/// An answer: `{data, error}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestAnswer {
    /// `data`, as it came; `Null` if there is none.
    pub data: Value,
    /// `error`, unless its code says success.
    pub fault: Option<RestFault>,
}

impl RestAnswer {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`DossierError`] for what has neither `data` nor `error`.
    pub fn read(bytes: &[u8], forms: &ForeignForms) -> Result<Self, DossierError> {
        let (value, _) = json::parse(bytes, DOSSIER_FILES_BODY_BYTES_MAX)?;
        let Value::Object(mut body) = value else {
            return Err(DossierError::Shape(
                "an object with data and error is asked for",
            ));
        };
        let (data, error) = (body.remove("data"), body.remove("error"));
        if data.is_none() && error.is_none() {
            return Err(DossierError::Shape(
                "an object with data and error is asked for",
            ));
        }
        let fault: Option<RestFault> = match error {
            None | Some(Value::Null) => None,
            Some(error) => Some(read_item_in(error, "error", forms).into_result()?),
        };
        Ok(Self {
            data: data.unwrap_or_default(),
            fault: fault.filter(|fault| {
                !fault.code.is_empty() && !forms.success.iter().any(|code| *code == fault.code)
            }),
        })
    }

    /// The document that came of a draft, as `LayGoiTinVanBan` answers.
    pub fn draft_result(&self, forms: &ForeignForms) -> Item<DraftResult> {
        read_item_in(self.data.clone(), "data", forms)
    }

    /// The objects of a list, as `LayDanhSachGoiTinVanBan` answers; what is no object is left out.
    pub fn rows(&self) -> Vec<&serde_json::Map<String, Value>> {
        let rows = self.data.as_array().map(Vec::as_slice).unwrap_or_default();
        rows.iter().filter_map(Value::as_object).collect()
    }
}
