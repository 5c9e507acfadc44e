//! Asking the national store of results for papers that need not be handed in again (protocols §4.10). How `signature` is computed is
//! not published: it is kept as it came and proves nothing.

use lgsp_base::limits::DOSSIER_BODY_BYTES_MAX;

use super::code::ProcedureCode;
use super::fields::{field, required};
use super::forms::PORTAL;
use super::macros::{body, nested, object};
use super::model::{Channel, SHORT_CHARS_MAX};

object! {
    /// An item of `DanhSachDanhMucKetQua`: a result that is asked for.
    #[derive(Default)]
    pub struct WantedResult {
        needed {}
        known {
            /// `MaKetQua`: the kind of the result, `KQ.…`.
            code: String = field("MaKetQua").max(SHORT_CHARS_MAX);
            /// `SoKyHieu`: number and notation.
            notation: String = field("SoKyHieu").max(SHORT_CHARS_MAX);
        }
    }
}

object! {
    /// Asks for results of one owner.
    pub struct ReuseRequest {
        needed {
            /// `MaThuTuc`: the procedure for which they are needed.
            procedure: ProcedureCode = required("MaThuTuc").max(SHORT_CHARS_MAX);
        }
        known {
            /// `SoDinhDanhChuSoHuu`: identity number of the owner.
            owner_number: String = required("SoDinhDanhChuSoHuu").max(SHORT_CHARS_MAX);
            /// `HoTenNguoiYeuCau`: who asks.
            requester_name: String = field("HoTenNguoiYeuCau");
            /// `SoDinhDanhNguoiYeuCau`.
            requester_number: String = field("SoDinhDanhNguoiYeuCau").max(SHORT_CHARS_MAX);
            /// `KenhThucHien`.
            channel: Option<Channel> = field("KenhThucHien");
            /// `DanhSachDanhMucKetQua`.
            wanted: Vec<WantedResult> = field("DanhSachDanhMucKetQua");
        }
    }
}

body!(ReuseRequest, PORTAL, DOSSIER_BODY_BYTES_MAX);

object! {
    /// An item of `DanhSachTepDinhKem`: a file by its address.
    #[derive(Default)]
    pub struct StoredFile {
        needed {}
        known {
            /// `TenTep`: never a path.
            name: String = field("TenTep");
            /// `DuongDan`: the address to download it from.
            url: String = field("DuongDan");
        }
    }
}

object! {
    /// An item of `DanhSachGiayToKetQua`: a result in the national store.
    #[derive(Default)]
    pub struct StoredResult {
        needed {}
        known {
            /// `MaKetQua`.
            code: String = field("MaKetQua").max(SHORT_CHARS_MAX);
            /// `TenGiayTo`.
            name: String = field("TenGiayTo");
            /// `SoKyHieu`.
            notation: String = field("SoKyHieu").max(SHORT_CHARS_MAX);
            /// `CoQuanChuQuan`: the agency that issued it.
            agency: String = field("CoQuanChuQuan");
            /// `DanhSachTepDinhKem`.
            files: Vec<StoredFile> = field("DanhSachTepDinhKem");
        }
    }
}

object! {
    /// `result` of the answer.
    #[derive(Default)]
    pub struct StoredResults {
        needed {}
        known {
            /// `DanhSachGiayToKetQua`.
            papers: Vec<StoredResult> = field("DanhSachGiayToKetQua");
        }
    }
}

nested!(StoredResults);

object! {
    /// The answer. [`read_reply`](super::read_reply) says what its code means.
    #[derive(Default)]
    pub struct ReuseReply {
        needed {}
        known {
            /// `errorCode`.
            error_code: String = field("errorCode").max(SHORT_CHARS_MAX);
            /// `message`.
            message: String = field("message");
            /// `signature`, not checked.
            signature: String = field("signature");
            /// `result`.
            result: StoredResults = field("result");
        }
    }
}

body!(ReuseReply, PORTAL, DOSSIER_BODY_BYTES_MAX);
