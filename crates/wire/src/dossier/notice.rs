//! What the national portal sends to a province: one kind is known, the notice of a promotion programme (protocols §4.9).

use lgsp_base::limits::DOSSIER_FILES_BODY_BYTES_MAX;

use super::code::{DossierCode, ProcedureCode};
use super::fields::{GROUP, field, required};
use super::file::FileBytes;
use super::forms::PORTAL;
use super::macros::{body, nested, object};
use super::model::{Applicant, SHORT_CHARS_MAX};

object! {
    /// `DiaChiDoanhNghiep`. District codes are still asked for, although districts are no more.
    #[derive(Default)]
    pub struct EnterpriseAddress {
        needed {}
        known {
            /// `MaTinh`.
            province: String = field("MaTinh").max(SHORT_CHARS_MAX);
            /// `MaHuyen`.
            district: String = field("MaHuyen").max(SHORT_CHARS_MAX);
            /// `MaXa`.
            commune: String = field("MaXa").max(SHORT_CHARS_MAX);
            /// `DiaChiChiTiet`.
            detail: String = field("DiaChiChiTiet");
        }
    }
}

nested!(EnterpriseAddress);

object! {
    /// An item of `TaiLieuNop`: a file with its bytes.
    #[derive(Default)]
    pub struct NoticeFile {
        needed {}
        known {
            /// `TenTepDinhKem`: never a path.
            name: String = field("TenTepDinhKem");
            /// `Base64`.
            content: FileBytes = field("Base64");
        }
    }
}

object! {
    /// A notice from the national portal.
    pub struct PortalNotice {
        needed {
            /// `MaHoSo`.
            code: DossierCode = required("MaHoSo").max(SHORT_CHARS_MAX);
            /// `MaTTHC`.
            procedure: ProcedureCode = required("MaTTHC").max(SHORT_CHARS_MAX);
        }
        known {
            /// The applicant.
            applicant: Applicant = GROUP;
            /// `DiaChiDoanhNghiep`.
            address: EnterpriseAddress = field("DiaChiDoanhNghiep");
            /// `TaiLieuNop`.
            files: Vec<NoticeFile> = field("TaiLieuNop");
        }
    }
}

body!(PortalNotice, PORTAL, DOSSIER_FILES_BODY_BYTES_MAX);
