//! The system of criminal records (lý lịch tư pháp) of the Ministry of Justice, as a one-stop shop reaches it through a gateway
//! (protocols §4.11). Days are `dd/MM/yyyy`, men are 1 and women 0, ids and counts are JSON numbers.

use lgsp_base::Timestamp;
use lgsp_base::limits::DOSSIER_BODY_BYTES_MAX;

use super::fields::{field, required};
use super::forms::{CRIMINAL_RECORD, ForeignForms, Gender, PartialDate};
use super::macros::{body, coded, nested, object};
use super::model::SHORT_CHARS_MAX;
use super::status::DossierStatus;

coded! {
    /// An operation; the code is the end of its path.
    pub enum CriminalRecordOperation {
        /// Hands a declaration in.
        Register = "nhanHoSoDangKy";
        /// The state of a dossier.
        State = "traTrangThaiHs";
        /// The states that changed.
        States = "traDsTrangThaiHs";
        /// Dossiers that were handed in elsewhere.
        Dossiers = "traHoSo";
        /// A catalogue.
        Catalogue = "traDanhMuc";
        /// Confirms what was taken.
        Confirm = "danhDauHsThanhCong";
    }
}

coded! {
    /// `infoType` of `traDanhMuc`.
    pub enum CriminalRecordCatalogue {
        /// Administrative units.
        Places = "1";
        /// Nationalities.
        Nationalities = "2";
        /// Ethnic groups.
        EthnicGroups = "3";
        /// Agencies.
        Agencies = "4";
        /// Units.
        Units = "5";
    }
}

coded! {
    /// `DEC_STATUS_ID`.
    pub enum CriminalRecordState {
        /// Received by the department of justice.
        Received = "3";
        /// Being handled.
        Processing = "4";
        /// The record is issued.
        Issued = "5";
    }
}

impl CriminalRecordState {
    /// The status of the dossier that it means.
    pub const fn dossier_status(self) -> DossierStatus {
        match self {
            Self::Received => DossierStatus::Received,
            Self::Processing => DossierStatus::Processing,
            Self::Issued => DossierStatus::Finished,
        }
    }
}

coded! {
    /// `idTypeId`: the kind of an identity document; another coding than the portal's.
    pub enum CriminalRecordIdentity {
        /// Passport.
        Passport = "0";
        /// The older identity card.
        OldCard = "1";
        /// Permanent residence card.
        ResidenceCard = "2";
        /// Citizen's identity card.
        CitizenCard = "3";
    }
}

object! {
    /// `declarationWSForm`: who asks for a record, and for what. Fields that only some declarations have stay among the unknown ones.
    #[derive(Default)]
    pub struct Declaration {
        needed {}
        known {
            /// `fullName`.
            name: String = required("fullName");
            /// `genderId`.
            gender: Option<Gender> = required("genderId").number();
            /// `birthDateStr`.
            born: Option<PartialDate> = required("birthDateStr").max(SHORT_CHARS_MAX);
            /// `birthPlace`.
            birth_place: String = field("birthPlace");
            /// `nationalityId`, of the catalogue.
            nationality: String = required("nationalityId").number().max(SHORT_CHARS_MAX);
            /// `residence`: permanent address.
            residence: String = field("residence");
            /// `idTypeId`.
            identity_kind: Option<CriminalRecordIdentity> = required("idTypeId").number();
            /// `identifyNo`.
            identity: String = required("identifyNo").max(SHORT_CHARS_MAX);
            /// `idIssueDate`.
            identity_issued_at: Option<Timestamp> = field("idIssueDate").day();
            /// `idIssuePlace`.
            identity_issuer: String = field("idIssuePlace");
            /// `phone`.
            phone: String = required("phone").max(SHORT_CHARS_MAX);
            /// `email`.
            email: String = field("email").max(SHORT_CHARS_MAX);
            /// `declareDate`: day of the declaration.
            declared_at: Option<Timestamp> = required("declareDate").day();
            /// `declareTypeId`, a code: 3846 for oneself, 3845 by mandate, 3847 for an agency, 3844 for a court.
            kind: String = required("declareTypeId").number().max(SHORT_CHARS_MAX);
            /// `requestQty`: how many records.
            quantity: Option<u64> = required("requestQty").number();
            /// `objectRequestId`, a code: 72 Vietnamese, 71 foreigner, 74 court, 73 agency.
            subject: String = required("objectRequestId").number().max(SHORT_CHARS_MAX);
            /// `formType`: record number 1 or 2.
            form: String = required("formType").number().max(SHORT_CHARS_MAX);
            /// `purpose`.
            purpose: String = field("purpose");
            /// `receiveNo`: the one-stop shop's number of the dossier.
            receipt_number: String = field("receiveNo").max(SHORT_CHARS_MAX);
        }
    }
}

object! {
    /// An item of `residenceWSForm`: where somebody lived, and when.
    #[derive(Default)]
    pub struct ResidencePeriod {
        needed {}
        known {
            /// `fromDateStr`.
            from: Option<PartialDate> = required("fromDateStr").max(SHORT_CHARS_MAX);
            /// `toDateStr`.
            to: Option<PartialDate> = required("toDateStr").max(SHORT_CHARS_MAX);
            /// `residencePlace`.
            place: String = required("residencePlace");
            /// `jobName`.
            job: String = field("jobName");
            /// `workPlace`.
            work_place: String = field("workPlace");
        }
    }
}

object! {
    /// `mandatorWSForm`: who declares for another; all empty if nobody does.
    #[derive(Default)]
    pub struct Mandate {
        needed {}
        known {
            /// `fullName`.
            name: String = field("fullName");
            /// `genderId`.
            gender: Option<Gender> = field("genderId").number();
            /// `birthDateStr`.
            born: Option<PartialDate> = field("birthDateStr").max(SHORT_CHARS_MAX);
            /// `residence`.
            residence: String = field("residence");
            /// `idTypeId`.
            identity_kind: Option<CriminalRecordIdentity> = field("idTypeId").number();
            /// `identifyNo`.
            identity: String = field("identifyNo").max(SHORT_CHARS_MAX);
            /// `mandatorRelation`.
            relation: String = field("mandatorRelation");
            /// `mandatorDate`: day of the mandate.
            signed_at: Option<Timestamp> = field("mandatorDate").day();
        }
    }
}

nested!(Declaration, Mandate);

object! {
    /// The body of `nhanHoSoDangKy`.
    #[derive(Default)]
    pub struct CriminalRecordRequest {
        needed {}
        known {
            /// `idMinistryJustice`: the unit's code.
            unit: String = required("idMinistryJustice").max(SHORT_CHARS_MAX);
            /// `idReceivedDec`: the one-stop shop's number of the dossier.
            code: String = required("idReceivedDec").max(SHORT_CHARS_MAX);
            /// `dateReceivedDec`: day of reception.
            received_at: Option<Timestamp> = required("dateReceivedDec").day();
            /// `datePromissoryDec`: day on which it is due.
            due_at: Option<Timestamp> = field("datePromissoryDec").day();
            /// `idMoneyReceipt`: number of the payment receipt.
            payment_receipt: String = field("idMoneyReceipt").max(SHORT_CHARS_MAX);
            /// `declarationWSForm`.
            declaration: Declaration = required("declarationWSForm");
            /// `residenceWSForm`.
            residences: Vec<ResidencePeriod> = field("residenceWSForm");
            /// `mandatorWSForm`.
            mandate: Mandate = field("mandatorWSForm");
        }
    }
}

body!(
    CriminalRecordRequest,
    CRIMINAL_RECORD,
    DOSSIER_BODY_BYTES_MAX
);

object! {
    /// The body of `traTrangThaiHs`.
    #[derive(Default)]
    pub struct CriminalRecordQuery {
        needed {}
        known {
            /// `idReceivedDec`.
            code: String = required("idReceivedDec").max(SHORT_CHARS_MAX);
            /// `infoType`: 1 not through a one-stop shop, 2 through one.
            kind: String = required("infoType").max(SHORT_CHARS_MAX);
            /// `identifyNo`: asked for with kind 1.
            identity: String = field("identifyNo").max(SHORT_CHARS_MAX);
        }
    }
}

body!(CriminalRecordQuery, CRIMINAL_RECORD, DOSSIER_BODY_BYTES_MAX);

object! {
    /// The body of `danhDauHsThanhCong`.
    #[derive(Default)]
    pub struct CriminalRecordConfirmation {
        needed {}
        known {
            /// `declarationId`: ids between semicolons; see [`CriminalRecordConfirmation::of`].
            ids: String = required("declarationId");
            /// `infoType`: 1 dossiers handed in at the counter, 2 states, 3 dossiers handed in online.
            kind: String = required("infoType").max(SHORT_CHARS_MAX);
        }
    }
}

body!(
    CriminalRecordConfirmation,
    CRIMINAL_RECORD,
    DOSSIER_BODY_BYTES_MAX
);

impl CriminalRecordConfirmation {
    /// Confirms these ids. A semicolon inside an id would name two: such ids are left out.
    pub fn of(ids: &[String], kind: &str) -> Self {
        let ids: Vec<&str> = ids
            .iter()
            .map(String::as_str)
            .filter(|id| !id.contains(';'))
            .collect();
        Self {
            ids: ids.join(";"),
            kind: kind.to_owned(),
            extra: Default::default(),
        }
    }

    /// The ids.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids
            .split(';')
            .map(str::trim)
            .filter(|id| !id.is_empty())
    }
}

object! {
    /// The state of one dossier, alone or as an item of `LISTCONTENT`.
    #[derive(Default)]
    pub struct CriminalRecordStatus {
        needed {}
        known {
            /// `DECLARATION_ID`: the ministry's own id.
            id: String = field("DECLARATION_ID").max(SHORT_CHARS_MAX);
            /// `RECEIVE_NO`: the one-stop shop's number.
            receipt_number: String = field("RECEIVE_NO").max(SHORT_CHARS_MAX);
            /// `DEC_STATUS_ID`.
            state: Option<CriminalRecordState> = field("DEC_STATUS_ID");
            /// `DEC_STATUS_NAME`.
            state_name: String = field("DEC_STATUS_NAME");
            /// `APPROVE_DATE`.
            approved_at: Option<Timestamp> = field("APPROVE_DATE").day();
            /// `ISSUE_DATE`.
            issued_at: Option<Timestamp> = field("ISSUE_DATE").day();
        }
    }
}

object! {
    /// An answer.
    #[derive(Default)]
    pub struct CriminalRecordReply {
        needed {}
        known {
            /// `STATUS`: a code; see [`CriminalRecordReply::is_success`].
            status: String = required("STATUS").max(SHORT_CHARS_MAX);
            /// `DESCRIPTION`: words for an error.
            description: String = field("DESCRIPTION");
            /// `ID`: the ministry's own id of what was handed in.
            id: String = field("ID").max(SHORT_CHARS_MAX);
            /// `DEC_STATUS_ID`, for the state of one dossier.
            state: Option<CriminalRecordState> = field("DEC_STATUS_ID");
            /// `ISSUE_DATE`.
            issued_at: Option<Timestamp> = field("ISSUE_DATE").day();
            /// `LISTCONTENT`.
            states: Vec<CriminalRecordStatus> = field("LISTCONTENT");
        }
    }
}

body!(CriminalRecordReply, CRIMINAL_RECORD, DOSSIER_BODY_BYTES_MAX);

impl CriminalRecordReply {
    /// True if the call succeeded.
    pub fn is_success(&self, forms: &ForeignForms) -> bool {
        forms.success.iter().any(|code| *code == self.status)
    }
}
