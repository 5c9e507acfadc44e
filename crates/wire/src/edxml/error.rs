//! Why a packet was not read: the cause, where in the bytes, and in which element.

use lgsp_base::Problem;
use lgsp_base::problem::kinds;

use super::archive::ArchiveError;

/// A packet that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{cause} (byte {at}, element {path})")]
pub struct EdxmlError {
    /// What is wrong.
    #[source]
    pub cause: Cause,
    /// Offset of the tag or text in which it was noticed, in bytes from the start.
    pub at: u64,
    /// The open elements from the root, `edXML/edXMLEnvelope/…`; `-` before the root.
    pub path: String,
}

/// What is wrong with a packet.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// Not well-formed XML 1.0 in UTF-8 with namespaces; says which rule.
    #[error("not well-formed: {0}")]
    Malformed(&'static str),
    /// A document type declaration.
    #[error("a document type declaration")]
    Dtd,
    /// Larger than a limit; says which.
    #[error("over the limit: {0}")]
    Limit(&'static str),
    /// The whole packet is larger than the limit.
    #[error("the packet is too large")]
    TooLarge,
    /// An element of the packet in a namespace that is not edXML's; holds what was found.
    #[error("namespace {0:?} is not that of edXML")]
    Namespace(String),
    /// Well-formed, but not an edXML packet; says which rule.
    #[error("not an edXML packet: {0}")]
    Invalid(&'static str),
    /// The text of an attachment is not standard padded base64; says which rule.
    #[error("attachment is not base64: {0}")]
    AttachmentEncoding(&'static str),
    /// A zipped attachment breaks the one-entry rule.
    #[error("attachment cannot be unpacked")]
    AttachmentArchive(#[source] ArchiveError),
    /// Declared type, extension and content contradict each other; says how.
    #[error("attachment type: {0}")]
    AttachmentType(&'static str),
    /// An attachment is larger than the limit.
    #[error("the attachment is too large")]
    AttachmentTooLarge,
    /// The receiver of attachment bytes failed.
    #[error("the attachment could not be kept")]
    Sink(#[source] SinkError),
    /// The reader had failed before.
    #[error("the reader was used after an error")]
    Failed,
}

/// The receiver of attachment bytes could not take them.
#[derive(Debug, thiserror::Error)]
#[error("attachment bytes were not taken")]
pub struct SinkError(#[from] pub std::io::Error);

impl EdxmlError {
    /// The problem document of this error (catalogue kinds `xml.*`, `edxml.*`, `attachment.*`).
    pub fn to_problem(&self) -> Problem {
        let kind = match &self.cause {
            Cause::Malformed(_) => &kinds::XML_MALFORMED,
            Cause::Dtd => &kinds::XML_DTD,
            Cause::Limit(_) => &kinds::XML_LIMITS,
            Cause::TooLarge => &kinds::INPUT_TOO_LARGE,
            Cause::Namespace(_) => &kinds::EDXML_NAMESPACE,
            Cause::Invalid(_) => &kinds::EDXML_INVALID,
            Cause::AttachmentEncoding(_) => &kinds::ATTACHMENT_ENCODING,
            Cause::AttachmentArchive(ArchiveError::TooLarge) | Cause::AttachmentTooLarge => {
                &kinds::ATTACHMENT_TOO_LARGE
            }
            Cause::AttachmentArchive(_) => &kinds::ATTACHMENT_ARCHIVE,
            Cause::AttachmentType(_) => &kinds::ATTACHMENT_TYPE,
            Cause::Sink(SinkError(source)) if source.kind() == std::io::ErrorKind::StorageFull => {
                &kinds::STORAGE_FULL
            }
            Cause::Sink(_) => &kinds::STORAGE_UNAVAILABLE,
            Cause::Failed => &kinds::SYSTEM_INTERNAL,
        };
        let detail = match &self.cause {
            // The cause of a storage failure is for the log, not for the sender.
            Cause::Sink(_) | Cause::Failed => return kind.problem(),
            Cause::AttachmentArchive(source) => format!("{}: {source}", self.cause),
            cause => cause.to_string(),
        };
        kind.with(format!("{detail} (byte {})", self.at))
            .at(self.path.clone(), kind.code, detail)
    }
}
