//! A step in the handling of a dossier, and the portal's object `CapNhatTienDoHoSoMC` (protocols §4.7).

use lgsp_base::Timestamp;
use serde_json::Value;

use super::code::DossierCode;
use super::error::Violation;
use super::fields::{Item, Object, field, read_item, required};
use super::macros::object;
use super::model::SHORT_CHARS_MAX;
use super::status::DossierStatus;

/// Characters of `NguoiXuLy`.
const HANDLER_CHARS_MAX: usize = 50;

object! {
    /// Who did what with a dossier, and when. Texts are empty where unknown.
    pub struct ProgressStep {
        needed {
            /// `MaHoSo`.
            code: DossierCode = required("MaHoSo").max(SHORT_CHARS_MAX);
            /// `TrangThai`: the dossier's status after the step.
            status: DossierStatus = required("TrangThai").max(SHORT_CHARS_MAX);
        }
        known {
            /// `NguoiXuLy`: who handled it.
            handler: String = field("NguoiXuLy").max(HANDLER_CHARS_MAX);
            /// `ChucDanh`: the handler's position.
            position: String = field("ChucDanh");
            /// `ThoiDiemXuLy`: when.
            handled_at: Option<Timestamp> = field("ThoiDiemXuLy");
            /// `PhongBanXuLy`: in which department.
            department: String = field("PhongBanXuLy");
            /// `NoiDungXuLy`: what was done.
            content: String = field("NoiDungXuLy");
            /// `NgayBatDau`: the step began.
            started_at: Option<Timestamp> = field("NgayBatDau");
            /// `NgayKetThucTheoQuyDinh`: the step must end.
            due_at: Option<Timestamp> = field("NgayKetThucTheoQuyDinh");
        }
    }
}

impl ProgressStep {
    /// Reads the portal's object; `path` is where it stands, `data[3]`.
    pub fn from_portal(value: Value, path: &str) -> Item<Self> {
        read_item(value, path)
    }

    /// The portal's object: every field of protocols §4.7, unknown fields as they came.
    pub fn to_portal(&self) -> Value {
        self.to_value()
    }

    /// The rules that a step from our own JSON breaks, with the portal's names of the fields.
    pub fn check(&self) -> Vec<Violation> {
        Self::from_portal(self.to_portal(), "")
            .result
            .err()
            .unwrap_or_default()
    }
}
