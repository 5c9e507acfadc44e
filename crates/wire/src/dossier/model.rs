//! The canonical dossier, and the portal's object `DongBoHoSoMC` (R-TTHC-04; protocols §4.6).

use lgsp_base::Timestamp;
use lgsp_base::problem::rules;
use serde_json::Value;

use super::code::{DossierCode, ProcedureCode};
use super::codec::BoolForm;
use super::error::{Habit, Violation};
use super::fields::{Fields, GROUP, Item, Member, Object, Out, Spec, field, read_item, required};
use super::macros::{coded, object};
use super::members::{Coded, read_code, take_exact};
use super::status::DossierStatus;

/// Characters of `TrichYeuHoSo`.
const ABSTRACT_CHARS_MAX: usize = 1_000;
/// Characters of a code, an e-mail address or a number in a field.
pub(super) const SHORT_CHARS_MAX: usize = 255;
/// Digits of the number of a citizen's identity card (căn cước).
const CITIZEN_DIGITS: usize = 12;
/// Digits of the number of the older identity card (chứng minh nhân dân).
const OLD_CARD_DIGITS: usize = 9;

coded! {
    /// `KenhThucHien`: how the dossier was handed in.
    pub enum Channel {
        /// At the counter.
        Counter = "1";
        /// Online.
        Online = "2";
        /// By the public postal service.
        Post = "3";
    }
}

coded! {
    /// `LoaiDoiTuong`: who the applicant is.
    pub enum SubjectKind {
        /// A citizen.
        Citizen = "1";
        /// An enterprise.
        Enterprise = "2";
        /// A state agency.
        StateAgency = "3";
        /// Another organisation.
        OtherOrganisation = "4";
    }
}

coded! {
    /// `HinhThuc`: how the result is handed over.
    pub enum ReturnForm {
        /// At the counter.
        Counter = "0";
        /// By post.
        Post = "1";
    }
}

coded! {
    /// `NoiNopHoSo`: where the dossier was handed in. The order of the codes is inferred (protocols §4.6).
    pub enum SubmissionPlace {
        /// The national portal.
        NationalPortal = "1";
        /// The province's own portal or system.
        Province = "2";
    }
}

coded! {
    /// `DuocThanhToanTrucTuyen`: whether it was paid online.
    pub enum OnlinePayment {
        /// No.
        No = "0";
        /// Paid online.
        Paid = "1";
        /// A third value that is seen and that no source explains.
        Other = "3";
    }
}

coded! {
    /// `LoaiDinhDanh`: the kind of an identity document.
    pub enum IdentityKind {
        /// Citizen's identity card (căn cước), 12 digits.
        CitizenCard = "1";
        /// The older identity card (chứng minh nhân dân), 9 digits.
        OldCard = "2";
    }
}

object! {
    /// An item of `DinhDanhCHS`: an identity document of the applicant.
    #[derive(Default)]
    pub struct Identity {
        needed {}
        known {
            /// `LoaiDinhDanh`; absent if unknown.
            kind: Option<IdentityKind> = field("LoaiDinhDanh");
            /// `SoDinhDanh`.
            number: String = field("SoDinhDanh").max(SHORT_CHARS_MAX);
        }
    }
}

impl Identity {
    /// From a number alone, the kind guessed from its length.
    fn from_number(number: &str) -> Self {
        let is_digits = number.bytes().all(|byte| byte.is_ascii_digit());
        let kind = match number.len() {
            CITIZEN_DIGITS if is_digits => Some(IdentityKind::CitizenCard),
            OLD_CARD_DIGITS if is_digits => Some(IdentityKind::OldCard),
            _ => None,
        };
        Self {
            kind,
            number: number.to_owned(),
            extra: Default::default(),
        }
    }

    /// True if the number has as many digits as its kind asks for; true for an unknown kind.
    pub fn is_well_formed(&self) -> bool {
        self.kind.is_none() || Self::from_number(&self.number).kind == self.kind
    }
}

object! {
    /// The owner of a dossier (*chủ hồ sơ*).
    #[derive(Default)]
    pub struct Applicant group {
        needed {}
        known {
            /// `ChuHoSo`: name of the person or body.
            name: String = field("ChuHoSo");
            /// `DinhDanhCHS`, and the older field `SoGiayToChuHoSo`.
            identities: Vec<Identity> = field("DinhDanhCHS");
            /// `LoaiDoiTuong`.
            kind: Option<SubjectKind> = field("LoaiDoiTuong");
            /// `MaDoiTuong`: the national account's id (TechID).
            tech_id: String = field("MaDoiTuong").max(SHORT_CHARS_MAX);
            /// `Email`.
            email: String = field("Email").max(SHORT_CHARS_MAX);
            /// `Fax`.
            fax: String = field("Fax").max(SHORT_CHARS_MAX);
            /// `SoDienThoai`.
            phone: String = field("SoDienThoai").max(SHORT_CHARS_MAX);
            /// `ThongTinKhac`.
            other: String = field("ThongTinKhac");
        }
    }
}

object! {
    /// The procedure that a dossier follows.
    pub struct ProcedureRef group {
        needed {
            /// `MaTTHC`.
            code: ProcedureCode = required("MaTTHC").max(SHORT_CHARS_MAX);
        }
        known {
            /// `TenTTHC`.
            name: String = required("TenTTHC");
        }
    }
}

object! {
    /// The sector (*lĩnh vực*) of the procedure.
    #[derive(Default)]
    pub struct Sector group {
        needed {}
        known {
            /// `MaLinhVuc`: `G03-GD10`.
            code: String = required("MaLinhVuc").max(SHORT_CHARS_MAX);
            /// `TenLinhVuc`.
            name: String = required("TenLinhVuc");
        }
    }
}

object! {
    /// An item of `TaiLieuNop`: a paper handed in. The file itself travels by its address.
    #[derive(Default)]
    pub struct Paper {
        needed {}
        known {
            /// `TepDinhKemId`.
            file_id: String = field("TepDinhKemId").max(SHORT_CHARS_MAX);
            /// `TenTepDinhKem`.
            file_name: String = field("TenTepDinhKem");
            /// `IsDeleted`.
            is_deleted: Option<bool> = field("IsDeleted").truth(BoolForm::Word);
            /// `MaThanhPhanHoSo`: which part of the dossier it is.
            component_code: String = field("MaThanhPhanHoSo").max(SHORT_CHARS_MAX);
            /// `DuongDanTaiTepTin`: the address to download it from.
            url: String = field("DuongDanTaiTepTin");
            /// `DuocSoHoa`.
            is_digitised: Option<bool> = field("DuocSoHoa");
            /// `DuocTaiSuDung`: 0, 1 or 2; no source explains the last.
            reuse: String = field("DuocTaiSuDung").max(SHORT_CHARS_MAX);
            /// `DuocLayTuKhoDMQG`: taken from the national store.
            is_from_national_store: Option<bool> = field("DuocLayTuKhoDMQG");
            /// `MaKetQuaThayThe`: the result that stands in for it.
            replaced_by: String = field("MaKetQuaThayThe").max(SHORT_CHARS_MAX);
        }
    }
}

object! {
    /// An item of `DanhSachLePhi`: a fee.
    #[derive(Default)]
    pub struct Fee {
        needed {}
        known {
            /// `MaPhiLePhi`.
            code: String = field("MaPhiLePhi").max(SHORT_CHARS_MAX);
            /// `TenPhiLePhi`.
            name: String = field("TenPhiLePhi");
            /// `HinhThucThu`: how it is collected, a code.
            collection: String = field("HinhThucThu").max(SHORT_CHARS_MAX);
            /// `Gia`, in đồng.
            amount: Option<u64> = field("Gia").max(SHORT_CHARS_MAX);
            /// `LoaiPhiLePhi`: its kind, a code.
            kind: String = field("LoaiPhiLePhi").max(SHORT_CHARS_MAX);
        }
    }
}

object! {
    /// An item of `DanhSachTepDinhKemKhac`: another paper, without a file.
    #[derive(Default)]
    pub struct OtherPaper {
        needed {}
        known {
            /// `TenGiayTo`.
            name: String = field("TenGiayTo");
            /// `SoLuong`: how many.
            count: Option<u64> = field("SoLuong").max(SHORT_CHARS_MAX);
            /// `LoaiGiayTo`: its kind, a code.
            kind: String = field("LoaiGiayTo").max(SHORT_CHARS_MAX);
        }
    }
}

object! {
    /// An item of `DanhSachHoSoBoSung`: a request for further papers and what came of it.
    #[derive(Default)]
    pub struct Supplement {
        needed {}
        known {
            /// `HoSoBoSungId`.
            id: String = field("HoSoBoSungId").max(SHORT_CHARS_MAX);
            /// `NguoiYeuCauBoSung`: who asked.
            asked_by: String = field("NguoiYeuCauBoSung");
            /// `NoiDungBoSung`: for what.
            content: String = field("NoiDungBoSung");
            /// `NgayBoSung`: when.
            asked_at: Option<Timestamp> = field("NgayBoSung");
            /// `NguoiTiepNhanBoSung`: who took what came.
            received_by: String = field("NguoiTiepNhanBoSung");
            /// `ThongTinTiepNhan`.
            note: String = field("ThongTinTiepNhan");
            /// `NgayTiepNhanBoSung`.
            received_at: Option<Timestamp> = field("NgayTiepNhanBoSung");
            /// `TrangThaiBoSung`, a code.
            state: String = field("TrangThaiBoSung").max(SHORT_CHARS_MAX);
            /// `DanhSachGiayToBoSung`.
            papers: Vec<OtherPaper> = field("DanhSachGiayToBoSung");
            /// `DanhSachLePhiBoSung`.
            fees: Vec<Fee> = field("DanhSachLePhiBoSung");
            /// `NgayHenTraTruoc`: due before.
            due_before_at: Option<Timestamp> = field("NgayHenTraTruoc");
            /// `NgayHenTraMoi`: due now.
            due_at: Option<Timestamp> = field("NgayHenTraMoi");
        }
    }
}

object! {
    /// An item of `DanhSachGiayToKetQua`: a result. The file itself travels by its address.
    #[derive(Default)]
    pub struct ResultPaper {
        needed {}
        known {
            /// `GiayToId`.
            id: String = field("GiayToId").max(SHORT_CHARS_MAX);
            /// `TenGiayTo`.
            name: String = field("TenGiayTo");
            /// `MaThanhPhanHoSo`.
            component_code: String = field("MaThanhPhanHoSo").max(SHORT_CHARS_MAX);
            /// `DuongDanTepTinKetQua`: the address to download it from.
            url: String = field("DuongDanTepTinKetQua");
            /// `MaGiayToKetQua`: `KQ.…`.
            code: String = field("MaGiayToKetQua").max(SHORT_CHARS_MAX);
        }
    }
}

object! {
    /// An item of `DSKetNoiCSDL`: a database that was asked instead of a paper.
    #[derive(Default)]
    pub struct DatabaseUse {
        needed {}
        known {
            /// `MaCSDL`.
            code: String = field("MaCSDL").max(SHORT_CHARS_MAX);
        }
    }
}

object! {
    /// A dossier of the one-stop shop. Texts are empty where unknown.
    pub struct Dossier {
        needed {
            /// `MaHoSo`.
            code: DossierCode = required("MaHoSo").max(SHORT_CHARS_MAX);
            /// `MaTTHC`, `TenTTHC`.
            procedure: ProcedureRef = GROUP;
            /// `MaLinhVuc`, `TenLinhVuc`.
            sector: Sector = GROUP;
            /// `TrangThaiHoSo`.
            status: DossierStatus = required("TrangThaiHoSo").max(SHORT_CHARS_MAX);
        }
        known {
            /// `KenhThucHien`.
            channel: Option<Channel> = field("KenhThucHien");
            /// `SoBienNhan`.
            receipt_number: String = field("SoBienNhan").max(SHORT_CHARS_MAX);
            /// The owner of the dossier.
            applicant: Applicant = GROUP;
            /// `TrichYeuHoSo`.
            summary: String = field("TrichYeuHoSo").max(ABSTRACT_CHARS_MAX);
            /// `NgayNopHoSo`: handed in.
            submitted_at: Option<Timestamp> = field("NgayNopHoSo");
            /// `NgayTiepNhan`: received; must be known in the statuses that come after reception alone: 2, 4, 8, 9, 10.
            received_at: Option<Timestamp> = field("NgayTiepNhan");
            /// `NgayHenTra`: due.
            due_at: Option<Timestamp> = field("NgayHenTra");
            /// `NgayTra`: result handed over.
            returned_at: Option<Timestamp> = field("NgayTra");
            /// `ThongTinTra`: about the handing over.
            return_note: String = field("ThongTinTra");
            /// `HinhThuc`.
            return_form: Option<ReturnForm> = field("HinhThuc");
            /// `NgayKetThucXuLy`.
            finished_at: Option<Timestamp> = field("NgayKetThucXuLy");
            /// `NgayTuChoi`.
            rejected_at: Option<Timestamp> = field("NgayTuChoi");
            /// `DonViXuLy`: the name of the unit that handles it.
            handling_unit: String = required("DonViXuLy");
            /// `GhiChu`.
            note: String = field("GhiChu");
            /// `NoiNopHoSo`.
            submission_place: Option<SubmissionPlace> = field("NoiNopHoSo");
            /// `HoSoCoThanhPhanSoHoa`: has digitised parts.
            has_digitised_papers: Option<bool> = field("HoSoCoThanhPhanSoHoa");
            /// `TaiKhoanDuocXacThucVoiVNeID`: the account is verified with VNeID.
            is_account_verified: Option<bool> = field("TaiKhoanDuocXacThucVoiVNeID");
            /// `DuocThanhToanTrucTuyen`.
            online_payment: Option<OnlinePayment> = field("DuocThanhToanTrucTuyen");
            /// `TaiLieuNop`.
            papers: Vec<Paper> = field("TaiLieuNop");
            /// `DanhSachLePhi`.
            fees: Vec<Fee> = field("DanhSachLePhi");
            /// `DanhSachTepDinhKemKhac`.
            other_papers: Vec<OtherPaper> = field("DanhSachTepDinhKemKhac");
            /// `DanhSachHoSoBoSung`.
            supplements: Vec<Supplement> = field("DanhSachHoSoBoSung");
            /// `DanhSachGiayToKetQua`.
            results: Vec<ResultPaper> = field("DanhSachGiayToKetQua");
            /// `DSKetNoiCSDL`.
            databases: Vec<DatabaseUse> = field("DSKetNoiCSDL");
        }
    }
    settle settle;
}

/// The older field for the identity number.
const OLDER_IDENTITY: Spec = field("SoGiayToChuHoSo").max(SHORT_CHARS_MAX);

/// Moves the older identity field to its new place and asks for what only some statuses need.
fn settle(dossier: &mut Dossier, fields: &mut Fields<'_>) {
    if let Some(number) = String::take(fields, &OLDER_IDENTITY)
        && !number.trim().is_empty()
    {
        fields.tolerates(OLDER_IDENTITY.name, Habit::OlderField);
        let number = number.trim();
        let identities = &mut dossier.applicant.identities;
        if !identities.iter().any(|known| known.number.trim() == number) {
            identities.push(Identity::from_number(number));
        }
    }
    if dossier.lacks_reception() {
        fields.breaks("NgayTiepNhan", rules::REQUIRED.plain());
    }
}

impl Dossier {
    /// Reads the portal's object; `path` is where it stands, `data[3]`.
    pub fn from_portal(value: Value, path: &str) -> Item<Self> {
        read_item(value, path)
    }

    /// The portal's object: every field of protocols §4.6, unknown fields as they came.
    pub fn to_portal(&self) -> Value {
        self.to_value()
    }

    /// The rules that a dossier from our own JSON breaks, with the portal's names of the fields.
    pub fn check(&self) -> Vec<Violation> {
        Self::from_portal(self.to_portal(), "")
            .result
            .err()
            .unwrap_or_default()
    }

    fn lacks_reception(&self) -> bool {
        use DossierStatus::{Finished, Processing, Received, Returned, Stopped};
        self.received_at.is_none()
            && matches!(
                self.status,
                Received | Processing | Stopped | Finished | Returned
            )
    }
}

impl Member for DossierCode {
    fn take(fields: &mut Fields<'_>, spec: &Spec) -> Option<Self> {
        let rule = rules::DOSSIER_CODE.plain();
        take_exact(
            fields,
            spec,
            rule,
            |text| Self::read(text).ok(),
            Self::to_string,
        )
    }

    fn put(&self, out: &mut Out<'_>, spec: &Spec) {
        out.set(spec, self.as_str().into());
    }
}

impl Member for ProcedureCode {
    fn take(fields: &mut Fields<'_>, spec: &Spec) -> Option<Self> {
        let rule = rules::PROCEDURE_CODE.plain();
        take_exact(
            fields,
            spec,
            rule,
            |text| Self::read(text).ok(),
            Self::to_string,
        )
    }

    fn put(&self, out: &mut Out<'_>, spec: &Spec) {
        out.set(spec, self.as_str().into());
    }
}

impl Coded for DossierStatus {
    const VALUES: &'static [Self] = &Self::ALL;

    fn text(self) -> &'static str {
        self.code()
    }
}

impl Member for DossierStatus {
    fn take(fields: &mut Fields<'_>, spec: &Spec) -> Option<Self> {
        let rule = rules::DOSSIER_STATUS.plain();
        let read = |text: &str| read_code(text).map(|(status, _)| status);
        take_exact(fields, spec, rule, read, Self::to_string)
    }

    fn put(&self, out: &mut Out<'_>, spec: &Spec) {
        out.set(spec, self.code().into());
    }
}
