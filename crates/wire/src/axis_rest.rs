//! The provincial REST flavour of the document axis (protocols §2.6): calls, words, requests and answers. Field names are
//! exactly those on the wire.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::edxml::{BusinessType, Packet, StatusCode};
use crate::vxp::{AxisCode, Verb};

/// One call of this flavour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Opens a session.
    Login,
    /// Sends a packet.
    SendEdoc,
    /// Lists packets that wait for the caller.
    SyncReceivedEdocList,
    /// Fetches a packet with its attachments.
    GetEdoc,
    /// Says what became of a packet.
    UpdateStatus,
    /// The directory.
    GetAgenciesList,
}

impl Call {
    /// Every call.
    pub const ALL: [Call; 6] = [
        Self::Login,
        Self::SendEdoc,
        Self::SyncReceivedEdocList,
        Self::GetEdoc,
        Self::UpdateStatus,
        Self::GetAgenciesList,
    ];

    /// What stands behind `/v1/`.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Login => "auth/login",
            Self::SendEdoc => "sendEdoc",
            Self::SyncReceivedEdocList => "syncReceivedEdocList",
            Self::GetEdoc => "getEdoc",
            Self::UpdateStatus => "updateStatus",
            Self::GetAgenciesList => "getAgenciesList",
        }
    }

    /// From what stands behind `/v1/`, which is compared exactly.
    pub fn from_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|call| call.path() == path)
    }

    /// The HTTP method.
    pub const fn verb(self) -> Verb {
        match self {
            Self::Login | Self::SendEdoc | Self::UpdateStatus => Verb::Post,
            Self::SyncReceivedEdocList | Self::GetEdoc | Self::GetAgenciesList => Verb::Get,
        }
    }
}

/// The body of the login. `applicationCode`, `otp`, `twoFactorProvider` and `typeObjs` belong to the user management of
/// another platform and are not looked at.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct LoginRequest {
    /// The system's id.
    pub username: String,
    /// The system's secret.
    pub password: String,
}

impl fmt::Debug for LoginRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginRequest")
    }
}

/// The `data` of a successful login.
#[derive(Clone, Serialize)]
pub struct LoginData {
    /// The session's token.
    pub token: String,
    /// The system's id again.
    pub username: String,
    /// The system's name.
    pub name: String,
}

impl fmt::Debug for LoginData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginData")
    }
}

/// The frame of every answer.
#[derive(Debug, Clone, Serialize)]
pub struct Reply<T> {
    /// Whether the call succeeded.
    pub success: bool,
    /// The result in words.
    pub message: String,
    /// The id that the axis gave a packet (`sendEdoc`).
    #[serde(rename = "docId", skip_serializing_if = "Option::is_none")]
    pub doc_id: Option<String>,
    /// Items in `data`, if it is a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// The call's data, or [`FailureData`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<T>,
}

impl<T> Reply<T> {
    /// Success without data.
    pub fn ok() -> Self {
        Self {
            success: true,
            message: AxisCode::Ok.text_vi().to_owned(),
            doc_id: None,
            count: None,
            data: None,
        }
    }

    /// Success with data.
    pub fn with_data(data: T) -> Self {
        Self {
            data: Some(data),
            ..Self::ok()
        }
    }
}

impl Reply<FailureData> {
    /// Failure: the code's own words, and what exactly.
    pub fn fail(code: AxisCode, desc: &str) -> Self {
        Self {
            success: false,
            message: code.text_vi().to_owned(),
            doc_id: None,
            count: None,
            data: Some(FailureData {
                doc_id: None,
                status: "error",
                error_code: code.number().to_string(),
                error_desc: desc.to_owned(),
            }),
        }
    }
}

/// The `data` of a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureData {
    /// Null: nothing was stored.
    pub doc_id: Option<String>,
    /// `error`.
    pub status: &'static str,
    /// The result code as text.
    pub error_code: String,
    /// What exactly.
    pub error_desc: String,
}

/// An item of `syncReceivedEdocList`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ReceivedItem {
    /// The axis's id of the packet.
    pub doc_id: String,
    /// `eDoc`.
    pub service_type: String,
    /// The word that was asked for.
    pub message_type: String,
    /// `yyyy-MM-dd HH:mm:ss` in Vietnamese time.
    pub created_time: String,
    /// As `created_time`.
    pub updated_time: String,
    /// Code of the sender.
    pub from: String,
    /// Code of the receiver.
    pub to: String,
    /// Transport state: `initial`, `processing`.
    pub status: String,
    /// The state in words.
    pub status_desc: String,
}

/// An item of `getAgenciesList`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OrgItem {
    /// Code.
    pub org_code: String,
    /// Name.
    pub org_name: String,
    /// Code of the superior agency; empty for none.
    pub parent_code: String,
    /// Address.
    pub address: String,
    /// E-mail address.
    pub email: String,
    /// Telephone number.
    pub phone: String,
}

/// The body of `updateStatus`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct UpdateRequest {
    /// The id from the list.
    pub doc_id: String,
    /// A code of §1.9 or a keyword.
    pub status: String,
    /// Why, for the codes that need a reason; not part of the described form.
    pub description: String,
}

/// What `updateStatus` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// The recipient has the packet, no more.
    Done,
    /// The recipient cannot take the packet.
    Fail,
    /// The recipient has the packet and reports a state of the document.
    Report(StatusCode),
}

impl Update {
    /// The keywords, beside the codes of §1.9.
    pub const WORDS: [(&'static str, Update); 8] = [
        ("inbox", Update::Report(StatusCode::Arrived)),
        ("acceptance", Update::Report(StatusCode::Received)),
        ("rejection", Update::Report(StatusCode::Rejected)),
        ("assignment", Update::Report(StatusCode::Assigned)),
        ("processing", Update::Report(StatusCode::Processing)),
        ("finish", Update::Report(StatusCode::Completed)),
        ("done", Update::Done),
        ("fail", Update::Fail),
    ];

    /// From a keyword or the two digits of a code.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::WORDS
            .into_iter()
            .find_map(|(known, update)| (known == word).then_some(update))
            .or_else(|| StatusCode::from_text(word).map(Update::Report))
    }
}

/// What a call is about, in the words of gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageType {
    /// A document of any business type.
    Edoc,
    /// A document that replaces another.
    Replacement,
    /// A document that recalls another.
    Revocation,
    /// A document that updates another.
    Update,
    /// A status message.
    Status,
}

impl MessageType {
    /// Every type.
    pub const ALL: [MessageType; 5] = [
        Self::Edoc,
        Self::Replacement,
        Self::Revocation,
        Self::Update,
        Self::Status,
    ];

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Edoc => "edoc",
            Self::Replacement => "replacement",
            Self::Revocation => "revocation",
            Self::Update => "update",
            Self::Status => "status",
        }
    }

    /// From the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The business type (§1.9) to which it is limited.
    pub const fn business_type(self) -> Option<u8> {
        match self {
            Self::Revocation => Some(1),
            Self::Update => Some(2),
            Self::Replacement => Some(3),
            Self::Edoc | Self::Status => None,
        }
    }

    /// True if a packet is of this type.
    pub fn fits(self, packet: &Packet) -> bool {
        match (self, packet) {
            (Self::Status, Packet::Status(_)) | (Self::Edoc, Packet::Document(_)) => true,
            (_, Packet::Document(document)) => match document.business_type() {
                BusinessType::Recall => self == Self::Revocation,
                BusinessType::Update => self == Self::Update,
                BusinessType::Replace => self == Self::Replacement,
                BusinessType::New | BusinessType::Other(_) => false,
            },
            (_, Packet::Status(_)) => false,
        }
    }
}

/// Appends the inside of a JSON string that decodes to exactly these UTF-8 bytes (RFC 8259 §7); they may be cut anywhere.
pub fn escape_json(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(*byte),
        }
    }
}

/// Base64 (RFC 4648 §4) of bytes that come in pieces of any size.
#[derive(Debug, Default)]
pub struct Base64Pieces {
    /// Bytes that are no group of three yet.
    rest: Vec<u8>,
}

impl Base64Pieces {
    /// Appends the text of a piece, as far as it makes whole groups.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let missing = (3 - self.rest.len()) % 3;
        let (head, body) = piece.split_at(missing.min(piece.len()));
        self.rest.extend_from_slice(head);
        if self.rest.len() == 3 {
            encode(&self.rest, out);
            self.rest.clear();
        }
        let (groups, tail) = body.split_at(body.len() / 3 * 3);
        encode(groups, out);
        self.rest.extend_from_slice(tail);
    }

    /// Appends the last group with its padding.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        encode(&self.rest, out);
        self.rest.clear();
    }
}

fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    if let Some(room) = out.get_mut(start..) {
        // The room is exactly that of the text.
        let _written = STANDARD.encode_slice(bytes, room);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_known_exactly() {
        for (word, code) in [
            ("inbox", "01"),
            ("rejection", "02"),
            ("acceptance", "03"),
            ("assignment", "04"),
            ("processing", "05"),
            ("finish", "06"),
        ] {
            assert_eq!(Update::from_word(word), Update::from_word(code), "{word}");
        }
        for bad in ["", "1", "Inbox", "07", "001", " 03", "successful"] {
            assert_eq!(Update::from_word(bad), None, "{bad:?}");
        }
        for kind in MessageType::ALL {
            assert_eq!(MessageType::from_word(kind.word()), Some(kind));
        }
        for call in Call::ALL {
            assert_eq!(Call::from_path(call.path()), Some(call));
        }
    }

    #[test]
    fn a_failure_has_the_described_form() {
        let reply = Reply::fail(AxisCode::ReceiverUnknown, "H99.7");
        assert_eq!(
            serde_json::to_value(&reply).expect("json"),
            serde_json::json!({
                "success": false,
                "message": "Đơn vị nhận không tồn tại",
                "data": {"docId": null, "status": "error", "errorCode": "18", "errorDesc": "H99.7"},
            })
        );
    }

    #[test]
    fn a_login_may_hold_what_is_not_looked_at() {
        let body = r#"{"username":"A","password":"b","applicationCode":"X","otp":null,"twoFactorProvider":null,"typeObjs":[0,1]}"#;
        let login: LoginRequest = serde_json::from_str(body).expect("a login");
        assert_eq!(
            (login.username.as_str(), login.password.as_str()),
            ("A", "b")
        );
        assert_eq!(format!("{login:?}"), "LoginRequest");
    }

    proptest! {
        #[test]
        fn an_escaped_text_is_read_back(text in any::<String>(), cut in any::<prop::sample::Index>()) {
            let mut json = vec![b'"'];
            let (head, tail) = text.as_bytes().split_at(cut.index(text.len() + 1));
            escape_json(head, &mut json);
            escape_json(tail, &mut json);
            json.push(b'"');
            prop_assert_eq!(serde_json::from_slice::<String>(&json).expect("json"), text);
        }

        #[test]
        fn pieces_encode_like_the_whole(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..9)) {
            let (mut encoder, mut text) = (Base64Pieces::default(), Vec::new());
            for piece in &pieces {
                encoder.push(piece, &mut text);
            }
            encoder.finish(&mut text);
            prop_assert_eq!(String::from_utf8(text).expect("ascii"), STANDARD.encode(pieces.concat()));
        }
    }
}
