//! What a verification found: stable codes, and the same in words.

use lgsp_base::{Lang, Timestamp};

use crate::record::Record;
use crate::tlog::merkle::ProofError;
use crate::tlog::note::NoteError;
use crate::tlog::printable;
use crate::tlog::timestamp::TimestampError;

/// What is checked, in the order in which it is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// The file is a bundle in its one canonical form.
    Form,
    /// The record is canonical.
    Record,
    /// The leaf leads to the root of the checkpoint.
    Inclusion,
    /// Every change of the log's key is signed by the key before.
    Succession,
    /// The checkpoint is signed by the log.
    Checkpoint,
    /// Every cosignature is by its witness.
    Cosignature,
    /// The time stamp is over this checkpoint.
    Timestamp,
    /// The log's newest key signed the whole bundle.
    Signature,
    /// The key that the reader trusts is one of the log's.
    Pin,
}

impl Name {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Form => "receipt.form",
            Self::Record => "receipt.record",
            Self::Inclusion => "receipt.inclusion",
            Self::Succession => "receipt.succession",
            Self::Checkpoint => "receipt.checkpoint",
            Self::Cosignature => "receipt.cosignature",
            Self::Timestamp => "receipt.timestamp",
            Self::Signature => "receipt.signature",
            Self::Pin => "receipt.pin",
        }
    }

    /// The sentence for a check that holds.
    const fn holds(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Form, Lang::Vi) => "Tệp biên nhận đúng định dạng chuẩn",
            (Self::Form, Lang::En) => "The file is a receipt bundle in its canonical form",
            (Self::Record, Lang::Vi) => "Bản ghi đọc được và đúng dạng chuẩn",
            (Self::Record, Lang::En) => "The record can be read and is in its canonical form",
            (Self::Inclusion, Lang::Vi) => "Bản ghi nằm trong sổ nhật ký",
            (Self::Inclusion, Lang::En) => "The record stands in the log",
            (Self::Succession, Lang::Vi) => "Mỗi lần đổi khóa của sổ đều do khóa trước ký",
            (Self::Succession, Lang::En) => {
                "Every change of the log's key is signed by the key before"
            }
            (Self::Checkpoint, Lang::Vi) => "Điểm chốt của sổ có chữ ký hợp lệ",
            (Self::Checkpoint, Lang::En) => "The checkpoint is signed by the log",
            (Self::Cosignature, Lang::Vi) => "Bên chứng kiến đã đồng ký điểm chốt",
            (Self::Cosignature, Lang::En) => "A witness cosigned the checkpoint",
            (Self::Timestamp, Lang::Vi) => "Dấu thời gian của điểm chốt hợp lệ",
            (Self::Timestamp, Lang::En) => "The time stamp on the checkpoint holds",
            (Self::Signature, Lang::Vi) => "Chữ ký trên toàn bộ biên nhận hợp lệ",
            (Self::Signature, Lang::En) => "The log signed the whole bundle",
            (Self::Pin, Lang::Vi) => "Khóa của sổ đúng là khóa bạn tin cậy",
            (Self::Pin, Lang::En) => "The log's key is the one you trust",
        }
    }

    /// The sentence for something that the bundle does not have, or that nobody asked for.
    const fn absent(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Succession, Lang::Vi) => "Biên nhận này không kèm lần đổi khóa nào",
            (Self::Succession, Lang::En) => "The bundle holds no change of key",
            (Self::Cosignature, Lang::Vi) => "Chưa có bên chứng kiến nào đồng ký",
            (Self::Cosignature, Lang::En) => "No witness has cosigned",
            (Self::Timestamp, Lang::Vi) => "Không có dấu thời gian",
            (Self::Timestamp, Lang::En) => "There is no time stamp",
            (Self::Pin, Lang::Vi) => {
                "Khóa đi kèm CHƯA ĐƯỢC GHIM: hãy so khóa này với khóa công bố qua kênh khác"
            }
            (Self::Pin, Lang::En) => {
                "The embedded key is NOT PINNED: compare it with the key published elsewhere"
            }
            (_, Lang::Vi) => "Không kiểm tra được",
            (_, Lang::En) => "Could not be checked",
        }
    }

    /// The sentence for a check that fails, before its reason.
    const fn fails(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Form, Lang::Vi) => "Tệp biên nhận hỏng hoặc đã bị sửa",
            (Self::Form, Lang::En) => "The file is damaged or was changed",
            (Self::Record, Lang::Vi) => "Bản ghi không đúng dạng chuẩn",
            (Self::Record, Lang::En) => "The record is not in its canonical form",
            (Self::Inclusion, Lang::Vi) => "Không chứng minh được bản ghi nằm trong sổ nhật ký",
            (Self::Inclusion, Lang::En) => "The record is not proved to stand in the log",
            (Self::Succession, Lang::Vi) => "Một lần đổi khóa của sổ không hợp lệ",
            (Self::Succession, Lang::En) => "A change of the log's key does not hold",
            (Self::Checkpoint, Lang::Vi) => "Điểm chốt của sổ không hợp lệ",
            (Self::Checkpoint, Lang::En) => "The checkpoint does not hold",
            (Self::Cosignature, Lang::Vi) => "Chữ ký của bên chứng kiến không hợp lệ",
            (Self::Cosignature, Lang::En) => "A cosignature does not hold",
            (Self::Timestamp, Lang::Vi) => "Dấu thời gian không hợp lệ",
            (Self::Timestamp, Lang::En) => "The time stamp does not hold",
            (Self::Signature, Lang::Vi) => "Chữ ký trên toàn bộ biên nhận không hợp lệ",
            (Self::Signature, Lang::En) => "The signature over the whole bundle does not hold",
            (Self::Pin, Lang::Vi) => "Khóa của sổ KHÔNG phải khóa bạn tin cậy",
            (Self::Pin, Lang::En) => "The log's key is NOT the one you trust",
        }
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Holds,
    /// There is nothing to check; no fault of the bundle.
    Absent,
    /// It does not hold.
    Fails(Reason),
}

/// Why a check fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// More than the limit, or not a bundle of a known version.
    NotABundle,
    /// Not in canonical form.
    NotCanonical,
    /// The leaf index or the number of hashes is impossible.
    ProofShape,
    /// The hashes lead to another root.
    OtherRoot,
    /// The text is not a checkpoint of this log.
    NotACheckpoint,
    /// Not signed by the key that signs at this size.
    NotSigned,
    /// A signature that does not fit.
    BadSignature,
    /// A signature line of somebody whose key is not in the bundle.
    UnknownWitness,
    /// A statement of succession that does not fit behind the one before.
    BrokenChain,
    /// A token that cannot be read.
    TokenUnreadable,
    /// A token over something else.
    OtherImprint,
    /// A token by another authority than the certificate's.
    OtherAuthority,
    /// A certificate that is not for time stamping.
    OtherPurpose,
    /// A certificate that was not valid at the time in the token.
    CertificateNotValid,
    /// An algorithm that is not accepted.
    UnknownAlgorithm,
    /// The trusted key is none of the log's.
    OtherKey,
}

impl Reason {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotABundle => "not_a_bundle",
            Self::NotCanonical => "not_canonical",
            Self::ProofShape => "proof_shape",
            Self::OtherRoot => "other_root",
            Self::NotACheckpoint => "not_a_checkpoint",
            Self::NotSigned => "not_signed",
            Self::BadSignature => "bad_signature",
            Self::UnknownWitness => "unknown_witness",
            Self::BrokenChain => "broken_chain",
            Self::TokenUnreadable => "token_unreadable",
            Self::OtherImprint => "other_imprint",
            Self::OtherAuthority => "other_authority",
            Self::OtherPurpose => "other_purpose",
            Self::CertificateNotValid => "certificate_not_valid",
            Self::UnknownAlgorithm => "unknown_algorithm",
            Self::OtherKey => "other_key",
        }
    }

    const fn text(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::NotABundle, Lang::Vi) => "không phải tệp biên nhận phiên bản 1",
            (Self::NotABundle, Lang::En) => "not a receipt bundle of version 1",
            (Self::NotCanonical, Lang::Vi) => "các byte không phải dạng chuẩn",
            (Self::NotCanonical, Lang::En) => "the bytes are not the canonical ones",
            (Self::ProofShape, Lang::Vi) => "vị trí hoặc số mã băm của chứng minh không thể có",
            (Self::ProofShape, Lang::En) => "the position or the number of hashes is impossible",
            (Self::OtherRoot, Lang::Vi) => "các mã băm dẫn tới một gốc khác",
            (Self::OtherRoot, Lang::En) => "the hashes lead to another root",
            (Self::NotACheckpoint, Lang::Vi) => "nội dung không phải điểm chốt của sổ này",
            (Self::NotACheckpoint, Lang::En) => "the text is not a checkpoint of this log",
            (Self::NotSigned, Lang::Vi) => {
                "không có chữ ký của khóa đang hiệu lực tại điểm chốt này"
            }
            (Self::NotSigned, Lang::En) => "not signed by the key in force at this size",
            (Self::BadSignature, Lang::Vi) => "chữ ký không khớp",
            (Self::BadSignature, Lang::En) => "the signature does not fit",
            (Self::UnknownWitness, Lang::Vi) => "có chữ ký của bên mà biên nhận không kèm khóa",
            (Self::UnknownWitness, Lang::En) => "signed by somebody whose key is not in the bundle",
            (Self::BrokenChain, Lang::Vi) => "tuyên bố đổi khóa không nối tiếp khóa trước",
            (Self::BrokenChain, Lang::En) => "a statement does not follow from the key before",
            (Self::TokenUnreadable, Lang::Vi) => "không đọc được dấu thời gian",
            (Self::TokenUnreadable, Lang::En) => "the token cannot be read",
            (Self::OtherImprint, Lang::Vi) => "dấu thời gian của nội dung khác",
            (Self::OtherImprint, Lang::En) => "the token stamps something else",
            (Self::OtherAuthority, Lang::Vi) => {
                "không do cơ quan cấp dấu thời gian nêu trong biên nhận ký"
            }
            (Self::OtherAuthority, Lang::En) => "not signed by the authority named in the bundle",
            (Self::OtherPurpose, Lang::Vi) => "chứng thư không dùng để cấp dấu thời gian",
            (Self::OtherPurpose, Lang::En) => "the certificate is not for time stamping",
            (Self::CertificateNotValid, Lang::Vi) => {
                "chứng thư không có hiệu lực tại thời điểm đóng dấu"
            }
            (Self::CertificateNotValid, Lang::En) => "the certificate was not valid at that time",
            (Self::UnknownAlgorithm, Lang::Vi) => "thuật toán không được chấp nhận",
            (Self::UnknownAlgorithm, Lang::En) => "an algorithm that is not accepted",
            (Self::OtherKey, Lang::Vi) => "khóa bạn đưa không có trong chuỗi khóa của sổ",
            (Self::OtherKey, Lang::En) => "the key you gave is none of the log's",
        }
    }
}

impl From<ProofError> for Reason {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Position | ProofError::Length => Self::ProofShape,
            ProofError::Root => Self::OtherRoot,
        }
    }
}

impl From<NoteError> for Reason {
    fn from(error: NoteError) -> Self {
        match error {
            NoteError::NotSigned | NoteError::WrongAlgorithm => Self::NotSigned,
            NoteError::BadSignature => Self::BadSignature,
            NoteError::Malformed | NoteError::TooLong | NoteError::TooManySignatures => {
                Self::NotACheckpoint
            }
        }
    }
}

impl From<&TimestampError> for Reason {
    fn from(error: &TimestampError) -> Self {
        match error {
            TimestampError::Malformed | TimestampError::Refused { .. } => Self::TokenUnreadable,
            TimestampError::WrongImprint | TimestampError::WrongNonce => Self::OtherImprint,
            TimestampError::WrongSigner | TimestampError::WrongAttributes => Self::OtherAuthority,
            TimestampError::WrongPurpose => Self::OtherPurpose,
            TimestampError::CertificateNotValid => Self::CertificateNotValid,
            TimestampError::UnknownAlgorithm => Self::UnknownAlgorithm,
            TimestampError::BadSignature => Self::BadSignature,
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was checked.
    pub name: Name,
    /// How it ended.
    pub outcome: Outcome,
    /// Whose signature, which key, when; empty where nothing needs to be added.
    pub about: String,
}

impl Check {
    /// True unless it fails.
    pub fn is_good(&self) -> bool {
        !matches!(self.outcome, Outcome::Fails(_))
    }

    /// What was found, in words: one sentence without its full stop.
    pub fn text(&self, lang: Lang) -> String {
        let sentence = match self.outcome {
            Outcome::Holds => self.name.holds(lang).to_owned(),
            Outcome::Absent => self.name.absent(lang).to_owned(),
            Outcome::Fails(reason) => {
                format!("{}: {}", self.name.fails(lang), reason.text(lang))
            }
        };
        if self.about.is_empty() {
            sentence
        } else {
            format!("{sentence} ({})", self.about)
        }
    }
}

/// What a receipt is about, as its record says; fit to be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The kind of entry: `document.accepted`.
    pub kind: Option<String>,
    /// When, by the platform's clock.
    pub at: Option<Timestamp>,
    /// The document's id.
    pub document: Option<String>,
    /// The receipt's id.
    pub receipt: Option<String>,
    /// The digest of the document's content, hexadecimal.
    pub sha256: Option<String>,
    /// The place in the log.
    pub leaf_index: Option<u64>,
}

impl Facts {
    pub(super) fn of(record: &Record, leaf_index: u64) -> Self {
        let text = |key: &str| record.text(key).map(printable);
        Self {
            kind: text("kind"),
            at: record.integer("at").map(Timestamp::from_micros),
            document: text("document"),
            receipt: text("receipt"),
            sha256: text("sha256"),
            leaf_index: Some(leaf_index),
        }
    }

    /// Which record, in words.
    pub fn text(&self, lang: Lang) -> String {
        let (document, receipt, leaf, nothing) = match lang {
            Lang::Vi => ("văn bản", "biên nhận", "dòng sổ số", "không rõ bản ghi nào"),
            Lang::En => ("document", "receipt", "leaf", "an unknown record"),
        };
        let parts: Vec<String> = [
            self.document.as_ref().map(|id| format!("{document} {id}")),
            self.receipt.as_ref().map(|id| format!("{receipt} {id}")),
            self.leaf_index.map(|index| format!("{leaf} {index}")),
        ]
        .into_iter()
        .flatten()
        .collect();
        if parts.is_empty() {
            nothing.to_owned()
        } else {
            parts.join(", ")
        }
    }
}

/// The verdict on a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What the receipt is about; from a damaged file, what can still be read, believed by nobody.
    pub facts: Facts,
    /// Every check, in the order of [`Name`].
    pub checks: Vec<Check>,
}

impl Report {
    /// True if no check fails.
    pub fn is_valid(&self) -> bool {
        self.checks.iter().all(Check::is_good)
    }

    /// True if the reader's own key was found among the log's.
    pub fn is_pinned(&self) -> bool {
        self.checks
            .iter()
            .any(|check| check.name == Name::Pin && check.outcome == Outcome::Holds)
    }

    /// The verdict in words, naming the record.
    pub fn text(&self, lang: Lang) -> String {
        let verdict = match (self.is_valid(), lang) {
            (true, Lang::Vi) => "HỢP LỆ",
            (true, Lang::En) => "VALID",
            (false, Lang::Vi) => "KHÔNG HỢP LỆ",
            (false, Lang::En) => "NOT VALID",
        };
        format!("{verdict}: {}", self.facts.text(lang))
    }
}
