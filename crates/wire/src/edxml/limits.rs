//! The limits of one reading, from `base::limits` unless a caller narrows them.

use lgsp_base::limits;

/// What a packet may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Nesting of elements.
    pub depth: usize,
    /// Elements, comments, processing instructions and CDATA sections together.
    pub elements: usize,
    /// Attributes of one element, namespace declarations included.
    pub attributes: usize,
    /// Bytes of one tag, comment or processing instruction.
    pub token_bytes: usize,
    /// Bytes of the text of one element outside an attachment.
    pub text_bytes: usize,
    /// Bytes of the packet without the attachments' base64 text.
    pub header_bytes: u64,
    /// Bytes tolerated before the XML declaration.
    pub junk_bytes: usize,
    /// Bytes of the whole packet.
    pub document_bytes: u64,
    /// Attachments.
    pub attachments: usize,
    /// Bytes of one attachment, decoded and, where it is zipped, unpacked.
    pub attachment_bytes: u64,
    /// Unpacked size divided by packed size.
    pub zip_ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: limits::XML_DEPTH_MAX,
            elements: limits::XML_ELEMENTS_MAX,
            attributes: limits::XML_ATTRIBUTES_MAX,
            token_bytes: limits::XML_TOKEN_BYTES_MAX,
            text_bytes: limits::XML_TEXT_BYTES_MAX,
            header_bytes: limits::XML_HEADER_BYTES_MAX as u64,
            junk_bytes: limits::XML_JUNK_BYTES_MAX,
            document_bytes: limits::DOCUMENT_BYTES_MAX,
            attachments: limits::ATTACHMENTS_MAX,
            attachment_bytes: limits::ATTACHMENT_BYTES_MAX,
            zip_ratio: limits::ZIP_RATIO_MAX,
        }
    }
}
