//! What a packet says (protocols §1.4–§1.8).
//!
//! Texts are kept as received, without the whitespace around them; numbers, dates and codes stay text, because real
//! packets carry letters in numbers and leading zeros in codes. An empty text means that the element was absent or empty:
//! the reference producer writes no empty elements, and neither does our writer. Identifiers are opaque.

use lgsp_base::Sha256;

/// One edXML packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// A document: new, recall, update or replacement.
    Document(Box<Document>),
    /// A status report about a document.
    Status(Box<StatusMessage>),
}

/// `From` and `To`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Organization {
    /// `OrganId`, the organisation code (protocols §3); some producers write `null`.
    pub organ_id: String,
    /// `OrganizationInCharge`, the superior organisation.
    pub in_charge: String,
    /// `OrganName`.
    pub name: String,
    /// `OrganAdd`, the postal address.
    pub address: String,
    /// `Email`.
    pub email: String,
    /// `Telephone`.
    pub telephone: String,
    /// `Fax`.
    pub fax: String,
    /// `Website`.
    pub website: String,
}

/// `Code` of a document; that of [`ResponseFor`] is flat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Code {
    /// `CodeNumber`; may contain letters.
    pub number: String,
    /// `CodeNotation`.
    pub notation: String,
}

/// `PromulgationInfo`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PromulgationInfo {
    /// `Place` of issue.
    pub place: String,
    /// `PromulgationDate`, `yyyy/MM/dd`.
    pub date: String,
}

/// `DocumentType`; only the name is reliable (protocols §1.9).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentType {
    /// `Type`, the group.
    pub group: String,
    /// `TypeDetail`, the kind inside the group.
    pub detail: String,
    /// `TypeName`, the kind in words.
    pub name: String,
}

/// `SignerInfo`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignerInfo {
    /// `Competence`: TM., KT., TL. and so on.
    pub competence: String,
    /// `Position`.
    pub position: String,
    /// `FullName`.
    pub full_name: String,
}

/// `OtherInfo`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OtherInfo {
    /// `Priority`: 0 normal to 4 at a fixed hour.
    pub priority: String,
    /// `SphereOfPromulgation`.
    pub sphere: String,
    /// `TyperNotation` (sic), the typist's initials.
    pub typist: String,
    /// `PromulgationAmount`, number of copies.
    pub copies: String,
    /// `PageAmount`.
    pub pages: String,
    /// `ReplyFors`.
    pub reply_fors: String,
    /// `Direction`: `true` or `false`.
    pub direction: String,
    /// `ReferenceCodes`, related codes such as dossier numbers.
    pub reference_codes: String,
    /// `Appendixes/Appendix`.
    pub appendixes: Vec<String>,
    /// Texts of `SecurityLevel`, `Secrecy` and `DoMat`, which no standard defines; never written.
    pub secrecy_marks: Vec<String>,
}

/// `ResponseFor`: the document that is answered or reported on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResponseFor {
    /// `OrganId`.
    pub organ_id: String,
    /// `Code`, flat: `7816/VPCP-TTĐT`.
    pub code: String,
    /// `PromulgationDate`, `yyyy/MM/dd`.
    pub promulgation_date: String,
    /// `DocumentId` of that document.
    pub document_id: String,
}

/// `StaffInfo`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StaffInfo {
    /// `Department`.
    pub department: String,
    /// `DepartmentId`.
    pub department_id: String,
    /// `Staff`, a person's name.
    pub staff: String,
    /// `StaffId`.
    pub staff_id: String,
    /// `Email`.
    pub email: String,
    /// `Mobile`.
    pub mobile: String,
}

/// `TraceHeaderList`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// Attribute `id`.
    pub id: String,
    /// Attribute `version`.
    pub version: String,
    /// `TraceHeader`, one per hop.
    pub hops: Vec<TraceHeader>,
    /// `Bussiness` (sic).
    pub business: Option<Business>,
}

/// `TraceHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceHeader {
    /// `OrganId` of the hop.
    pub organ_id: String,
    /// `Timestamp`, `yyyy/MM/dd HH:mm:ss` in Vietnamese time.
    pub timestamp: String,
}

/// `BussinessDocType`: what the packet does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BusinessType {
    /// 0, a new document.
    New,
    /// 1, a recall.
    Recall,
    /// 2, an update.
    Update,
    /// 3, a replacement.
    Replace,
    /// Any other text, as received; empty if the element was absent.
    Other(String),
}

impl BusinessType {
    /// From the text of the element.
    pub fn from_text(text: &str) -> Self {
        match text {
            "0" => Self::New,
            "1" => Self::Recall,
            "2" => Self::Update,
            "3" => Self::Replace,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The text of the element.
    pub fn as_text(&self) -> &str {
        match self {
            Self::New => "0",
            Self::Recall => "1",
            Self::Update => "2",
            Self::Replace => "3",
            Self::Other(text) => text,
        }
    }
}

/// `Bussiness` (sic).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Business {
    /// `DocumentId` acted upon; often absent.
    pub document_id: String,
    /// `BussinessDocType`.
    pub business_type: BusinessType,
    /// `BussinessDocReason`.
    pub reason: String,
    /// `Paper`: 0 no paper copy, 1 a paper copy is sent as well.
    pub paper: String,
    /// `BussinessDocumentInfo`, in updates.
    pub updates: Vec<BusinessDocumentInfo>,
    /// `ReplacementInfoList/ReplacementInfo`, in replacements.
    pub replacements: Vec<ReplacementInfo>,
    /// `StaffInfo`.
    pub staff: Vec<StaffInfo>,
}

/// `BussinessDocumentInfo` (sic).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BusinessDocumentInfo {
    /// `DocumentInfo`: 1 if document data changed.
    pub document_info: String,
    /// `DocumentReceiver`: 1 if the list of receivers changed.
    pub document_receiver: String,
    /// `ReceiverList/Receiver`.
    pub receivers: Vec<Receiver>,
}

/// A changed receiver of an update.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receiver {
    /// `OrganId`.
    pub organ_id: String,
    /// `ReceiverType`: 0 removed, 1 added.
    pub receiver_type: String,
}

/// `ReplacementInfo`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplacementInfo {
    /// `DocumentId` that is replaced.
    pub document_id: String,
    /// `OrganIdList/OrganId` concerned.
    pub organ_ids: Vec<String>,
}

/// `Reference` of the manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reference {
    /// `ContentId` as received, or the attribute `xlink:href` where a producer uses that; usually `cid:<id>`.
    pub content_id: String,
    /// `ContentType`; the reference producer writes `application/zip` for everything, so it decides nothing.
    pub content_type: String,
    /// `Description`.
    pub description: String,
    /// `AttachmentName`.
    pub attachment_name: String,
}

/// `Attachment`, without its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attachment {
    /// `ContentId` as received.
    pub content_id: String,
    /// `AttachmentName` as received; never a path: see [`display_name`](super::display_name).
    pub name: String,
    /// `Description`.
    pub description: String,
    /// `FieldName`.
    pub field_name: String,
    /// `MimeType`.
    pub mime_type: String,
    /// `ContentType`.
    pub content_type: String,
    /// What its bytes are; `None` only while a packet is being composed.
    pub content: Option<AttachmentContent>,
}

/// What the reader found out about an attachment's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentContent {
    /// Bytes after decoding the base64 text.
    pub bytes: u64,
    /// Digest of these bytes.
    pub sha256: Sha256,
    /// The first bytes, at most 64.
    pub first_bytes: Vec<u8>,
    /// Bytes of the one entry, where the attachment was zipped only for transport (protocols §1.6).
    pub unpacked_bytes: Option<u64>,
}

/// The id inside a content id, without `cid:`.
pub fn content_key(content_id: &str) -> &str {
    match content_id.split_at_checked(4) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("cid:") => rest,
        _ => content_id,
    }
}

/// What is known of a packet's own signature; its cryptography is not checked here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignatureSummary {
    /// True if it stands in the XML signature namespace; the SDK copies it into the edXML one.
    pub is_dsig: bool,
    /// Values of `Algorithm` attributes in document order.
    pub algorithms: Vec<String>,
    /// True if SHA-1 takes part: *legacy, not relied on*, never counted as proof.
    pub is_legacy: bool,
}

/// A document packet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// `From`, the sender.
    pub from: Organization,
    /// `To`, the receivers.
    pub to: Vec<Organization>,
    /// `DocumentId`, unique and opaque.
    pub document_id: String,
    /// `Code`.
    pub code: Code,
    /// `PromulgationInfo`.
    pub promulgation: PromulgationInfo,
    /// `DocumentType`.
    pub document_type: DocumentType,
    /// `Subject`.
    pub subject: String,
    /// `Content`, a summary.
    pub content: String,
    /// `SignerInfo`.
    pub signer: SignerInfo,
    /// `DueDate`, `yyyy/MM/dd`.
    pub due_date: String,
    /// `OtherInfo`.
    pub other: OtherInfo,
    /// `ResponseFor`, documents answered.
    pub responses: Vec<ResponseFor>,
    /// `SteeringType`.
    pub steering_type: String,
    /// `ResponseForTask/TaskCode`.
    pub task_codes: Vec<String>,
    /// `ApplicationType`, set for payloads that are no documents.
    pub application_type: String,
    /// `ToPlaces/Place`, the lines under "Nơi nhận".
    pub to_places: Vec<String>,
    /// `TraceHeaderList`.
    pub trace: Trace,
    /// Manifest references.
    pub references: Vec<Reference>,
    /// Attachments in order.
    pub attachments: Vec<Attachment>,
    /// `Signature`, if there was one; never written.
    pub signature: Option<SignatureSummary>,
}

impl Document {
    /// What the packet does; [`BusinessType::Other`] with an empty text if it does not say.
    pub fn business_type(&self) -> BusinessType {
        self.trace
            .business
            .as_ref()
            .map_or(BusinessType::Other(String::new()), |b| {
                b.business_type.clone()
            })
    }
}

/// A status message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusMessage {
    /// `From`, who reports.
    pub from: Organization,
    /// `ResponseFor`: whom it is for (`organ_id`) and about which document.
    pub response_for: ResponseFor,
    /// `StaffInfo`.
    pub staff: Option<StaffInfo>,
    /// `StatusCode` as received, two digits; see [`StatusCode::from_text`].
    pub status_code: String,
    /// `Description`; the reason for 02, 13 and 16.
    pub description: String,
    /// `Timestamp`, `yyyy/MM/dd HH:mm:ss` in Vietnamese time.
    pub timestamp: String,
    /// `Signature`, if there was one; never written.
    pub signature: Option<SignatureSummary>,
}

/// The status codes in use (protocols §1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusCode {
    /// 01, in the receiving system's inbox.
    Arrived,
    /// 02, refused with a reason.
    Rejected,
    /// 03, entered in the register.
    Received,
    /// 04, assigned.
    Assigned,
    /// 05, being handled.
    Processing,
    /// 06, completed.
    Completed,
    /// 13, the sender asks to take it back.
    TakeBack,
    /// 15, the request to take back or update is granted.
    RequestGranted,
    /// 16, the request to take back or update is refused.
    RequestRefused,
}

impl StatusCode {
    /// Every code in ascending order.
    pub const ALL: [StatusCode; 9] = [
        Self::Arrived,
        Self::Rejected,
        Self::Received,
        Self::Assigned,
        Self::Processing,
        Self::Completed,
        Self::TakeBack,
        Self::RequestGranted,
        Self::RequestRefused,
    ];

    /// From the two digits; the leading zero is part of the code.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_text() == text)
    }

    /// The two digits.
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::Arrived => "01",
            Self::Rejected => "02",
            Self::Received => "03",
            Self::Assigned => "04",
            Self::Processing => "05",
            Self::Completed => "06",
            Self::TakeBack => "13",
            Self::RequestGranted => "15",
            Self::RequestRefused => "16",
        }
    }

    /// The words for people.
    pub const fn label_vi(self) -> &'static str {
        match self {
            Self::Arrived => "Đã đến",
            Self::Rejected => "Từ chối tiếp nhận",
            Self::Received => "Đã tiếp nhận",
            Self::Assigned => "Phân công xử lý",
            Self::Processing => "Đang xử lý",
            Self::Completed => "Hoàn thành",
            Self::TakeBack => "Lấy lại",
            Self::RequestGranted => "Đồng ý yêu cầu lấy lại / cập nhật",
            Self::RequestRefused => "Từ chối yêu cầu lấy lại / cập nhật",
        }
    }

    /// True if the message must give a reason in `Description`.
    pub const fn needs_reason(self) -> bool {
        matches!(self, Self::Rejected | Self::TakeBack | Self::RequestRefused)
    }

    /// True if the original sender sends it, not a receiver.
    pub const fn is_from_sender(self) -> bool {
        matches!(self, Self::TakeBack)
    }
}
