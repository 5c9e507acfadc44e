//! The answers of the axis (protocols §2.3, §2.4) and its result codes (§2.6). Field names are exactly those on the wire.

use serde::{Deserialize, Serialize};

/// The frame of every answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Response<T> {
    /// `OK` or `FAIL`.
    pub status: Outcome,
    /// The result code as text, `"0"` for success.
    #[serde(rename = "ErrorCode")]
    pub error_code: String,
    /// The result in words.
    #[serde(rename = "ErrorDesc", default)]
    pub error_desc: String,
    /// The id that the axis gave a packet (`sendEdoc`).
    #[serde(rename = "DocId", default, skip_serializing_if = "Option::is_none")]
    pub doc_id: Option<String>,
    /// A count (`countReceiveEdoc`, `countReceiveStatus`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The method's data.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub data: Option<T>,
}

/// Whether a call succeeded; the HTTP status does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Success.
    #[serde(rename = "OK")]
    Ok,
    /// Failure.
    #[serde(rename = "FAIL")]
    Fail,
}

impl<T> Response<T> {
    fn empty(code: AxisCode, desc: &str) -> Self {
        Self {
            status: if code == AxisCode::Ok {
                Outcome::Ok
            } else {
                Outcome::Fail
            },
            error_code: code.number().to_string(),
            error_desc: desc.to_owned(),
            doc_id: None,
            count: None,
            data: None,
        }
    }

    /// Success without data.
    pub fn ok() -> Self {
        Self::empty(AxisCode::Ok, AxisCode::Ok.text_vi())
    }

    /// Success with data.
    pub fn with_data(data: T) -> Self {
        Self {
            data: Some(data),
            ..Self::ok()
        }
    }

    /// Success of `sendEdoc`.
    pub fn with_doc_id(doc_id: &str) -> Self {
        Self {
            doc_id: Some(doc_id.to_owned()),
            ..Self::ok()
        }
    }

    /// Success of a counting method.
    pub fn with_count(count: u64) -> Self {
        Self {
            count: Some(count),
            ..Self::ok()
        }
    }

    /// Failure; an empty description becomes the code's own words.
    pub fn fail(code: AxisCode, desc: &str) -> Self {
        let desc = if desc.is_empty() {
            code.text_vi()
        } else {
            desc
        };
        Self {
            status: Outcome::Fail,
            ..Self::empty(code, desc)
        }
    }
}

/// The result codes of the axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AxisCode {
    /// 0, success.
    Ok,
    /// 10, the file or request is not valid.
    FileInvalid,
    /// 15, wrong system id or secret.
    WrongCredential,
    /// 18, the receiver does not exist.
    ReceiverUnknown,
    /// 19, the sender is not registered.
    SenderUnknown,
    /// 20, a fault of the system; the only code worth a retry.
    SystemFault,
    /// 21, the file could not be processed.
    FileProcessing,
    /// 22, not the edXML format.
    Format,
    /// 23, the receiver is closed.
    ReceiverClosed,
}

impl AxisCode {
    /// Every code in ascending order.
    pub const ALL: [AxisCode; 9] = [
        Self::Ok,
        Self::FileInvalid,
        Self::WrongCredential,
        Self::ReceiverUnknown,
        Self::SenderUnknown,
        Self::SystemFault,
        Self::FileProcessing,
        Self::Format,
        Self::ReceiverClosed,
    ];

    /// The number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::FileInvalid => 10,
            Self::WrongCredential => 15,
            Self::ReceiverUnknown => 18,
            Self::SenderUnknown => 19,
            Self::SystemFault => 20,
            Self::FileProcessing => 21,
            Self::Format => 22,
            Self::ReceiverClosed => 23,
        }
    }

    /// From the number of a problem kind or an answer.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }

    /// The words for people.
    pub const fn text_vi(self) -> &'static str {
        match self {
            Self::Ok => "Thành công",
            Self::FileInvalid => "File không hợp lệ",
            Self::WrongCredential => "Sai SystemId hoặc SecretKey",
            Self::ReceiverUnknown => "Đơn vị nhận không tồn tại",
            Self::SenderUnknown => "Đơn vị gửi chưa đăng ký",
            Self::SystemFault => "Lỗi hệ thống",
            Self::FileProcessing => "Lỗi xử lý file",
            Self::Format => "Sai định dạng edXML",
            Self::ReceiverClosed => "Đơn vị nhận đã khóa",
        }
    }

    /// True if the same request may succeed later.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::SystemFault)
    }
}

/// An item of `getReceivedEdocList`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EdocListItem {
    /// The axis's id of the packet.
    #[serde(rename = "docId")]
    pub doc_id: String,
    /// `eDoc`.
    #[serde(rename = "serviceType")]
    pub service_type: String,
    /// `edoc` or `status`.
    #[serde(rename = "messageType")]
    pub message_type: String,
    /// `yyyy-MM-dd HH:mm:ss` in Vietnamese time.
    pub created_time: String,
    /// As `created_time`.
    pub updated_time: String,
    /// Code of the sender.
    pub from: String,
    /// Code of the receiver.
    pub to: String,
    /// Transport state: `initial`, `processing`, `done`, `fail`.
    pub status: String,
    /// The state in words.
    pub status_desc: String,
}

/// An item of `getSentEdocList`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SentEdocItem {
    /// The id that the sender got.
    pub sender_doc_id: String,
    /// The id that the receiver sees.
    pub receiver_doc_id: String,
    /// Code of the sender.
    pub from_code: String,
    /// Code of the receiver.
    pub to_code: String,
    /// `eDoc`.
    pub service_type: String,
    /// `edoc` or `status`.
    pub message_type: String,
    /// Subject.
    pub title: String,
    /// Number and notation.
    pub notation: String,
    /// When it was sent.
    pub sent_time: String,
    /// When it was received; empty before.
    pub received_time: String,
    /// State on the sender's side.
    pub send_status: String,
    /// The same in words.
    pub send_status_desc: String,
    /// State on the receiver's side.
    pub receive_status: String,
    /// The same in words.
    pub receive_status_desc: String,
}

/// An item of `getAgenciesList`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgencyItem {
    /// Id on the axis.
    pub id: String,
    /// Id of the superior agency.
    pub pid: String,
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub mail: String,
    /// Former code.
    #[serde(rename = "oldCode")]
    pub old_code: String,
}

/// An item of `getAgenciesListQD20`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgencyQd20Item {
    /// Id on the axis.
    pub id: String,
    /// Code of QĐ 20/2020.
    pub code: String,
    /// Code of QCVN 102:2016.
    pub code102: String,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub mail: String,
}

/// An item of `getSynchronizeUnit`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SynchronizeUnitItem {
    /// Id on the axis.
    pub id: String,
    /// Id of the superior unit.
    pub pid: String,
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub mail: String,
    /// Code of the centre that keeps the unit.
    pub center_code: String,
    /// Version of the entry.
    pub version: String,
    /// `true` if it was removed.
    pub deleted: bool,
    /// When it was changed.
    pub modify_date: String,
    /// True for an agency, false for a part of one.
    pub is_agency: bool,
}

/// The body of `registerAgency`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RegisterAgency {
    /// Id on the axis; empty for a new agency.
    pub id: String,
    /// Code of the superior agency.
    pub pcode: String,
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub mail: String,
    /// Mobile number.
    pub mobile: String,
    /// Fax number.
    pub fax: String,
}
