//! The national record of an administrative procedure, the answer of `LayThuTuc` (protocols §4.8), and the rows of
//! `LayDanhSachTTHC`.

use serde_json::Value;

use super::code::ProcedureCode;
use super::fields::{Item, Object, field, read_item, required};
use super::macros::object;
use super::model::{Channel, SHORT_CHARS_MAX};
use super::reply::Reply;

/// Characters of a description, which may be a page of a web site.
const PAGE_CHARS_MAX: usize = 100_000;

object! {
    /// A step of a procedure.
    #[derive(Default)]
    pub struct ProcedureStep {
        needed {}
        known {
            /// `TENTRINHTU`.
            text: String = field("TENTRINHTU").max(PAGE_CHARS_MAX);
        }
    }
}

object! {
    /// The steps of a procedure in one case.
    #[derive(Default)]
    pub struct ProcedureSteps {
        needed {}
        known {
            /// `TRUONGHOP`: the case; empty if there is one only.
            case: String = field("TRUONGHOP").max(PAGE_CHARS_MAX);
            /// `TRINHTU`.
            steps: Vec<ProcedureStep> = field("TRINHTU");
        }
    }
}

object! {
    /// A level at which a procedure is handled.
    #[derive(Default)]
    pub struct ProcedureLevel {
        needed {}
        known {
            /// `CAPTHUCHIEN`, a code.
            code: String = field("CAPTHUCHIEN").max(SHORT_CHARS_MAX);
            /// `TENCAP`.
            name: String = field("TENCAP");
        }
    }
}

object! {
    /// A sector of a procedure.
    #[derive(Default)]
    pub struct ProcedureSector {
        needed {}
        known {
            /// `MALINHVUC`.
            code: String = field("MALINHVUC").max(SHORT_CHARS_MAX);
            /// `TENLINHVUC`.
            name: String = field("TENLINHVUC");
        }
    }
}

object! {
    /// A fee of a procedure.
    #[derive(Default)]
    pub struct ProcedureFee {
        needed {}
        known {
            /// `MAPHILEPHI`.
            code: String = field("MAPHILEPHI").max(SHORT_CHARS_MAX);
            /// `SOTIEN`, in `DONVI`.
            amount: Option<u64> = field("SOTIEN");
            /// `DONVI`: the unit of the amount.
            unit: String = field("DONVI").max(SHORT_CHARS_MAX);
            /// `MOTA`.
            description: String = field("MOTA").max(PAGE_CHARS_MAX);
            /// `TENTEP`.
            file_name: String = field("TENTEP");
            /// `URL`.
            url: String = field("URL");
        }
    }
}

object! {
    /// How long a procedure takes, and what it costs then.
    #[derive(Default)]
    pub struct ProcedureTime {
        needed {}
        known {
            /// `THOIGIANGIAIQUYET`, in `DONVITINH`.
            amount: String = field("THOIGIANGIAIQUYET");
            /// `DONVITINH`: the unit of the time.
            unit: String = field("DONVITINH").max(SHORT_CHARS_MAX);
            /// `MOTA`.
            description: String = field("MOTA").max(PAGE_CHARS_MAX);
            /// `PHILEPHI`.
            fees: Vec<ProcedureFee> = field("PHILEPHI");
        }
    }
}

object! {
    /// A way to hand a dossier in.
    #[derive(Default)]
    pub struct ProcedureMethod {
        needed {}
        known {
            /// `KENH`.
            channel: Option<Channel> = field("KENH");
            /// `THOIGIAN`.
            times: Vec<ProcedureTime> = field("THOIGIAN");
        }
    }
}

object! {
    /// Whom a procedure is for.
    #[derive(Default)]
    pub struct ProcedureSubject {
        needed {}
        known {
            /// `MADOITUONG`.
            code: String = field("MADOITUONG").max(SHORT_CHARS_MAX);
            /// `TENDOITUONG`.
            name: String = field("TENDOITUONG");
        }
    }
}

object! {
    /// A paper that a dossier needs.
    #[derive(Default)]
    pub struct ProcedurePaper {
        needed {}
        known {
            /// `MAGIAYTO`.
            code: String = field("MAGIAYTO").max(SHORT_CHARS_MAX);
            /// `TENGIAYTO`.
            name: String = field("TENGIAYTO").max(PAGE_CHARS_MAX);
            /// `MA_KQ_THAYTHE`: results that stand in for it.
            replaced_by: String = field("MA_KQ_THAYTHE");
            /// `SOBANCHINH`: originals.
            originals: Option<u64> = field("SOBANCHINH");
            /// `SOBANSAO`: copies.
            copies: Option<u64> = field("SOBANSAO");
            /// `TENMAUDON`: the name of its form.
            form_name: String = field("TENMAUDON");
            /// `URL` of the form.
            url: String = field("URL");
        }
    }
}

object! {
    /// The papers of a dossier in one case.
    #[derive(Default)]
    pub struct ProcedurePapers {
        needed {}
        known {
            /// `TRUONGHOP`: the case; empty if there is one only.
            case: String = field("TRUONGHOP").max(PAGE_CHARS_MAX);
            /// `GIAYTO`.
            papers: Vec<ProcedurePaper> = field("GIAYTO");
        }
    }
}

object! {
    /// What a procedure ends with.
    #[derive(Default)]
    pub struct ProcedureResult {
        needed {}
        known {
            /// `MAKETQUA`.
            code: String = field("MAKETQUA").max(SHORT_CHARS_MAX);
            /// `TENKETQUA`.
            name: String = field("TENKETQUA");
            /// `TENTEP`.
            file_name: String = field("TENTEP");
            /// `URL`.
            url: String = field("URL");
        }
    }
}

object! {
    /// A legal basis. Its days are texts, as no source says their form.
    #[derive(Default)]
    pub struct LegalBasis {
        needed {}
        known {
            /// `SOVANBAN`: number and notation.
            number: String = field("SOVANBAN").max(SHORT_CHARS_MAX);
            /// `TENVANBAN`.
            title: String = field("TENVANBAN");
            /// `COQUANBANHANH`: who issued it.
            issuer: String = field("COQUANBANHANH");
            /// `NGAYBANHANH`: day of issue.
            issued: String = field("NGAYBANHANH").max(SHORT_CHARS_MAX);
            /// `NGAYHIEULUC`: in force from.
            in_force: String = field("NGAYHIEULUC").max(SHORT_CHARS_MAX);
            /// `DIACHITRUYCAP`.
            url: String = field("DIACHITRUYCAP");
        }
    }
}

object! {
    /// An agency that has to do with a procedure.
    #[derive(Default)]
    pub struct ProcedureAgency {
        needed {}
        known {
            /// `MADONVI`.
            code: String = field("MADONVI").max(SHORT_CHARS_MAX);
            /// `TENDONVI`.
            name: String = field("TENDONVI");
        }
    }
}

object! {
    /// A procedure as the national data base describes it. Related procedures (`TTHCLIENQUAN`, `TTHCLIENTHONG`) stay among the unknown
    /// fields, as no source says their members.
    pub struct Procedure {
        needed {
            /// `MATTHC`.
            code: ProcedureCode = required("MATTHC").max(SHORT_CHARS_MAX);
        }
        known {
            /// `ID` in the national data base.
            id: String = field("ID").max(SHORT_CHARS_MAX);
            /// `TENTTHC`.
            name: String = required("TENTTHC");
            /// `MACOQUANCONGBO`: the agency that published it.
            publisher: String = field("MACOQUANCONGBO").max(SHORT_CHARS_MAX);
            /// `LOAITTHC`: its kind, a code.
            kind: String = field("LOAITTHC").max(SHORT_CHARS_MAX);
            /// `MOTADOITUONGTHUCHIEN`: whom it is for, in words.
            subjects_text: String = field("MOTADOITUONGTHUCHIEN").max(PAGE_CHARS_MAX);
            /// `DIACHITIEPNHAN`: where dossiers are received.
            reception: String = field("DIACHITIEPNHAN").max(PAGE_CHARS_MAX);
            /// `YEUCAU`: requirements.
            requirements: String = field("YEUCAU").max(PAGE_CHARS_MAX);
            /// `TUKHOA`: key words.
            keywords: String = field("TUKHOA").max(PAGE_CHARS_MAX);
            /// `IDQUYETDINHCONGBO`: the decision that published it.
            decision_id: String = field("IDQUYETDINHCONGBO").max(SHORT_CHARS_MAX);
            /// `TRANGTHAI`, a code.
            state: String = field("TRANGTHAI").max(SHORT_CHARS_MAX);
            /// `TRINHTUTHUCHIEN`.
            steps: Vec<ProcedureSteps> = field("TRINHTUTHUCHIEN");
            /// `CAPTHUCHIEN`.
            levels: Vec<ProcedureLevel> = field("CAPTHUCHIEN");
            /// `LINHVUCTHUCHIEN`.
            sectors: Vec<ProcedureSector> = field("LINHVUCTHUCHIEN");
            /// `CACHTHUCTHUCHIEN`.
            methods: Vec<ProcedureMethod> = field("CACHTHUCTHUCHIEN");
            /// `DOITUONGTHUCHIEN`.
            subjects: Vec<ProcedureSubject> = field("DOITUONGTHUCHIEN");
            /// `THANHPHANHOSO`.
            papers: Vec<ProcedurePapers> = field("THANHPHANHOSO");
            /// `KETQUATHUCHIEN`.
            results: Vec<ProcedureResult> = field("KETQUATHUCHIEN");
            /// `CANCUPHAPLY`.
            legal_bases: Vec<LegalBasis> = field("CANCUPHAPLY");
            /// `COQUANTHUCHIEN`: who handles it.
            handlers: Vec<ProcedureAgency> = field("COQUANTHUCHIEN");
            /// `COQUANCOTHAMQUYEN`: who decides.
            deciders: Vec<ProcedureAgency> = field("COQUANCOTHAMQUYEN");
            /// `COQUANDUOCUYQUYEN`: who decides by delegation.
            delegates: Vec<ProcedureAgency> = field("COQUANDUOCUYQUYEN");
            /// `COQUANPHOIHOP`: who takes part.
            partners: Vec<ProcedureAgency> = field("COQUANPHOIHOP");
        }
    }
}

impl Procedure {
    /// Reads the portal's object; `path` is where it stands.
    pub fn from_portal(value: Value, path: &str) -> Item<Self> {
        read_item(value, path)
    }

    /// The portal's object, unknown fields as they came.
    pub fn to_portal(&self) -> Value {
        self.to_value()
    }

    /// The procedure of an answer of `LayThuTuc`; none if the answer holds none.
    pub fn of_reply(reply: &Reply) -> Option<Item<Self>> {
        reply.first()
    }
}

object! {
    /// A row of `LayDanhSachTTHC`.
    pub struct ProcedureRow {
        needed {
            /// `MATTHC`.
            code: ProcedureCode = required("MATTHC").max(SHORT_CHARS_MAX);
        }
        known {
            /// `TENTTHC`.
            name: String = field("TENTTHC");
        }
    }
}

impl ProcedureRow {
    /// The portal's object, unknown fields as they came.
    pub fn to_portal(&self) -> Value {
        self.to_value()
    }

    /// The rows of an answer of `LayDanhSachTTHC`, each on its own.
    pub fn of_reply(reply: &Reply) -> Vec<Item<Self>> {
        let rows = reply.rows().into_iter().enumerate();
        rows.map(|(index, row)| read_item(Value::Object(row.clone()), &format!("result[{index}]")))
            .collect()
    }
}
