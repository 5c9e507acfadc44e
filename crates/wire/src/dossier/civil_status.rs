//! The civil status system (hộ tịch) of the Ministry of Justice, as a one-stop shop reaches it through a gateway (protocols §4.11).
//! The names of the fields around an answer are not published: those that are seen are read.

use lgsp_base::Timestamp;
use lgsp_base::limits::DOSSIER_BODY_BYTES_MAX;
use serde_json::{Map, Value};

use super::error::DossierError;
use super::fields::{field, required};
use super::forms::{CIVIL_STATUS, ForeignForms};
use super::json;
use super::macros::{body, coded, object};
use super::model::SHORT_CHARS_MAX;
use super::reply::take_first;
use super::status::DossierStatus;

/// Characters of the record inside a message.
const RECORD_CHARS_MAX: usize = 1024 * 1024;

coded! {
    /// An operation; the code is the end of its path.
    pub enum CivilStatusOperation {
        /// Registers.
        Register = "dangKyHoTich";
        /// Registers in a linked procedure; a separate interface.
        RegisterLinked = "nhanHoSoDKHT";
        /// A catalogue.
        Catalogue = "danhMuc";
        /// The state of a dossier.
        State = "traTrangThaiHoSo";
        /// The result of a dossier.
        Result = "ketQuaDangKyHS";
        /// What was registered on a day.
        Registered = "dsHoSoDangKy";
        /// One record.
        Record = "traHoSo";
        /// Many records.
        Records = "traDanhSachHoSo";
    }
}

coded! {
    /// `loaiDanhMuc`.
    pub enum CivilStatusCatalogue {
        /// Nationalities.
        Nationalities = "1";
        /// Countries.
        Countries = "2";
        /// Ethnic groups.
        EthnicGroups = "3";
        /// Places, to the province.
        Places = "4";
        /// Kinds of identity documents.
        IdentityDocuments = "5";
    }
}

coded! {
    /// The state that `traTrangThaiHoSo` answers.
    pub enum CivilStatusState {
        /// An error; see the fault.
        Failed = "0";
        /// Received, waits.
        Received = "1";
        /// Needs further information.
        SupplementAsked = "2";
        /// May be registered.
        Eligible = "3";
        /// Registered.
        Finished = "4";
    }
}

impl CivilStatusState {
    /// The status of the dossier that it means; none for an error.
    pub const fn dossier_status(self) -> Option<DossierStatus> {
        match self {
            Self::Failed => None,
            Self::Received => Some(DossierStatus::Received),
            Self::SupplementAsked => Some(DossierStatus::SupplementAsked),
            Self::Eligible => Some(DossierStatus::Processing),
            Self::Finished => Some(DossierStatus::Finished),
        }
    }
}

coded! {
    /// The code of an error.
    pub enum CivilStatusFault {
        /// AUTHEN_ERROR.
        Credential = "100";
        /// IP_DISALLOWED.
        Address = "101";
        /// AGENCY_ID_INCORRECT.
        Agency = "106";
        /// PROVINCE_ID_INCORRECT.
        Province = "108";
        /// RECORD_UNCOMPLETE.
        NotFinished = "200";
        /// RECORD_NOT_FOUND.
        NotFound = "201";
        /// DATA_TYPE_INVALID.
        DataType = "302";
        /// DATA_INCORRECT.
        Data = "500";
    }
}

impl CivilStatusFault {
    /// True if the same question may be answered later without a change.
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::NotFinished)
    }
}

object! {
    /// The body of `dangKyHoTich` and `nhanHoSoDKHT`.
    #[derive(Default)]
    pub struct CivilRegistration {
        needed {}
        known {
            /// `maDonVi`: the commune's five digits.
            unit: String = required("maDonVi").max(SHORT_CHARS_MAX);
            /// `module`: the kind of registration, `LTKS` and so on; no full list is published.
            module: String = required("module").max(SHORT_CHARS_MAX);
            /// `maHoSo`: the one-stop shop's number of the dossier.
            code: String = required("maHoSo").max(SHORT_CHARS_MAX);
            /// `maHoSoLT`: the number of the linked dossier.
            linked_code: String = field("maHoSoLT").max(SHORT_CHARS_MAX);
            /// `ngayTiepNhan`: day of reception.
            received_at: Option<Timestamp> = field("ngayTiepNhan").day();
            /// `data`: a [`CivilRecord`](super::CivilRecord) as text.
            data: String = required("data").max(RECORD_CHARS_MAX);
        }
    }
}

body!(CivilRegistration, CIVIL_STATUS, DOSSIER_BODY_BYTES_MAX);

object! {
    /// The body of `danhMuc`.
    #[derive(Default)]
    pub struct CivilCatalogueQuery {
        needed {}
        known {
            /// `loaiDanhMuc`.
            catalogue: Option<CivilStatusCatalogue> = required("loaiDanhMuc").max(SHORT_CHARS_MAX);
        }
    }
}

body!(CivilCatalogueQuery, CIVIL_STATUS, DOSSIER_BODY_BYTES_MAX);

object! {
    /// The body of `traTrangThaiHoSo` and `ketQuaDangKyHS`.
    #[derive(Default)]
    pub struct CivilDossierQuery {
        needed {}
        known {
            /// `maDonVi`.
            unit: String = required("maDonVi").max(SHORT_CHARS_MAX);
            /// `maHoSo`.
            code: String = required("maHoSo").max(SHORT_CHARS_MAX);
        }
    }
}

body!(CivilDossierQuery, CIVIL_STATUS, DOSSIER_BODY_BYTES_MAX);

object! {
    /// The body of `dsHoSoDangKy`.
    #[derive(Default)]
    pub struct CivilDayQuery {
        needed {}
        known {
            /// `module`.
            module: String = required("module").max(SHORT_CHARS_MAX);
            /// `ngayCapNhat`: the day of the last change.
            changed_at: Option<Timestamp> = required("ngayCapNhat").day();
        }
    }
}

body!(CivilDayQuery, CIVIL_STATUS, DOSSIER_BODY_BYTES_MAX);

object! {
    /// The body of `traHoSo`.
    #[derive(Default)]
    pub struct CivilRecordQuery {
        needed {}
        known {
            /// `module`.
            module: String = required("module").max(SHORT_CHARS_MAX);
            /// `maHoSo`: the ministry's own id of the record.
            id: String = required("maHoSo").max(SHORT_CHARS_MAX);
        }
    }
}

body!(CivilRecordQuery, CIVIL_STATUS, DOSSIER_BODY_BYTES_MAX);

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CivilStatusReply {
    /// The state's code as it came: of the call, or of the dossier for `traTrangThaiHoSo`.
    pub state: String,
    /// The words for the state.
    pub description: String,
    /// The error's code as it came; empty if there was none.
    pub fault: String,
    /// The words for the error.
    pub fault_description: String,
    /// The value; JSON text inside a text is read.
    pub value: Value,
}

const STATE_NAMES: [&str; 3] = ["status", "trangThai", "state"];
const DESCRIPTION_NAMES: [&str; 4] = ["statusDescription", "moTaTrangThai", "moTa", "message"];
const FAULT_NAMES: [&str; 3] = ["errorCode", "error_code", "maLoi"];
const FAULT_DESCRIPTION_NAMES: [&str; 4] = [
    "errorDescription",
    "error_description",
    "moTaLoi",
    "errorMessage",
];
const VALUE_NAMES: [&str; 4] = ["value", "giaTri", "data", "result"];

impl CivilStatusReply {
    /// Reads an answer; a number alone is the state.
    ///
    /// # Errors
    /// [`DossierError`] for what names no state.
    pub fn read(bytes: &[u8]) -> Result<Self, DossierError> {
        const SHAPE: DossierError = DossierError::Shape("an answer with its state is asked for");
        let mut body = match json::parse(bytes, DOSSIER_BODY_BYTES_MAX)?.0 {
            Value::Object(body) => body,
            state @ (Value::Number(_) | Value::String(_)) => {
                Map::from_iter([("status".to_owned(), state)])
            }
            _ => return Err(SHAPE),
        };
        let mut text = |names: &[&str]| take_first(&mut body, names);
        let fault = text(&FAULT_NAMES).unwrap_or_default();
        let fault_description = text(&FAULT_DESCRIPTION_NAMES).unwrap_or_default();
        let description = text(&DESCRIPTION_NAMES).unwrap_or_default();
        let state = text(&STATE_NAMES).ok_or(SHAPE)?;
        let value = VALUE_NAMES.iter().find_map(|name| body.remove(*name));
        Ok(Self {
            state,
            description,
            fault,
            fault_description,
            value: unfolded(value.unwrap_or_default()),
        })
    }

    /// True if the call succeeded, for every operation but [`CivilStatusOperation::State`].
    pub fn is_success(&self, forms: &ForeignForms) -> bool {
        forms.success.iter().any(|code| *code == self.state)
    }

    /// The state of a dossier, for [`CivilStatusOperation::State`].
    pub fn dossier_state(&self) -> Option<CivilStatusState> {
        CivilStatusState::from_code(&self.state)
    }

    /// The error, if its code is known.
    pub fn known_fault(&self) -> Option<CivilStatusFault> {
        CivilStatusFault::from_code(&self.fault)
    }

    /// The objects of the value; what is no object is left out.
    pub fn rows(&self) -> Vec<&Map<String, Value>> {
        match &self.value {
            Value::Array(rows) => rows.iter().filter_map(Value::as_object).collect(),
            Value::Object(row) => vec![row],
            _ => Vec::new(),
        }
    }

    /// The body, as a simulated ministry writes it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let texts = [
            ("status", &self.state),
            ("statusDescription", &self.description),
            ("errorCode", &self.fault),
            ("errorDescription", &self.fault_description),
        ];
        let mut body: Map<String, Value> = texts
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text.as_str().into()))
            .collect();
        body.insert("value".to_owned(), self.value.clone());
        Value::Object(body).to_string().into_bytes()
    }
}

/// The tree of a JSON text that holds a list or an object; everything else as it is.
fn unfolded(value: Value) -> Value {
    match &value {
        Value::String(text) if text.trim_start().starts_with(['[', '{']) => {
            json::parse(text.as_bytes(), DOSSIER_BODY_BYTES_MAX).map_or(value, |(tree, _)| tree)
        }
        _ => value,
    }
}
