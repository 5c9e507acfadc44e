//! Writes packets in the form of the reference samples: two spaces per level, prefix `edXML`, no empty elements
//! (protocols §1.2–§1.8).
//!
//! Attachments are encoded while they are read, so memory stays flat. Signatures are not written: a packet that is passed
//! on is passed on as the bytes that came.

use std::io::{self, Read, Write};

use ::base64::engine::general_purpose::STANDARD;
use ::base64::write::EncoderWriter;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use super::NAMESPACE;
use super::content::extension;
use super::markup::is_xml_char;
use super::model::*;

/// How the bytes of an attachment stand in a packet (protocols §1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As they are, under this content type.
    Raw(&'static str),
    /// In a zip archive with one entry, under `application/zip`.
    Zipped,
}

impl Encoding {
    /// The text of `Attachment/ContentType`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Raw(content_type) => content_type,
            Self::Zipped => "application/zip",
        }
    }
}

/// How the reference producer encodes a file of this name; also `xls` and `xlsx` are zipped.
pub fn encoding_for(name: &str) -> Encoding {
    match extension(name).as_str() {
        "pdf" => Encoding::Raw("application/pdf"),
        "doc" => Encoding::Raw("application/doc"),
        "docx" => Encoding::Raw("application/docx"),
        "zip" => Encoding::Raw("application/zip"),
        _ => Encoding::Zipped,
    }
}

/// The bytes of one attachment.
pub struct AttachmentBody<'a> {
    /// Where they come from.
    pub content: Box<dyn Read + 'a>,
    /// `None` writes them as they are; a name (`<uuid>.<ext>`) packs them into an archive with one entry of that name.
    pub zip_entry: Option<String>,
}

impl std::fmt::Debug for AttachmentBody<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AttachmentBody")
            .field("zip_entry", &self.zip_entry)
            .finish_non_exhaustive()
    }
}

/// Writes a document packet. `bodies` gives the bytes of each attachment of the model, in order.
///
/// # Errors
/// Those of `out` and of the bodies; [`io::ErrorKind::InvalidInput`] for a text that XML cannot hold, for bodies that do
/// not match the attachments in number, and for a body too large for a zip archive.
pub fn write_document(
    document: &Document,
    bodies: &mut dyn Iterator<Item = AttachmentBody<'_>>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut xml = Xml { out, level: 0 };
    xml.envelope(|xml| {
        xml.parent("edXMLHeader", |xml| {
            xml.parent("MessageHeader", |xml| message_header(xml, document))?;
            trace(xml, &document.trace)
        })?;
        if document.references.is_empty() {
            return Ok(());
        }
        xml.parent("edXMLBody", |xml| {
            xml.open("edXML:edXMLManifest version=\"1.0\"")?;
            for reference in &document.references {
                xml.parent("Reference", |xml| {
                    xml.leaf("ContentId", &reference.content_id)?;
                    xml.leaf("ContentType", &reference.content_type)?;
                    xml.leaf("Description", &reference.description)?;
                    xml.leaf("AttachmentName", &reference.attachment_name)
                })?;
            }
            xml.close("edXML:edXMLManifest")
        })
    })?;
    if !document.attachments.is_empty() {
        xml.open("AttachmentEncoded")?;
        for item in &document.attachments {
            let body = bodies
                .next()
                .ok_or_else(|| invalid("an attachment without bytes"))?;
            attachment(&mut xml, item, body)?;
        }
        xml.close("AttachmentEncoded")?;
    }
    if bodies.next().is_some() {
        return Err(invalid("more bytes than attachments"));
    }
    xml.close("edXML")
}

/// Writes a status message.
///
/// # Errors
/// Those of `out`; [`io::ErrorKind::InvalidInput`] for a text that XML cannot hold.
pub fn write_status(status: &StatusMessage, out: &mut dyn Write) -> io::Result<()> {
    let mut xml = Xml { out, level: 0 };
    xml.envelope(|xml| {
        xml.parent("edXMLHeader", |xml| {
            xml.parent("MessageHeader", |xml| {
                xml.parent("From", |xml| organization(xml, &status.from))?;
                response_for(xml, &status.response_for)?;
                if let Some(info) = &status.staff {
                    // The samples put the mobile number first in a receiver's report and last in what a sender writes.
                    let code = StatusCode::from_text(&status.status_code);
                    let is_mobile_first = !code.is_some_and(StatusCode::is_from_sender);
                    staff(xml, info, is_mobile_first)?;
                }
                xml.leaf("StatusCode", &status.status_code)?;
                xml.leaf("Description", &status.description)?;
                xml.leaf("Timestamp", &status.timestamp)
            })
        })
    })?;
    xml.close("edXML")
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

struct Xml<'a> {
    out: &'a mut dyn Write,
    level: usize,
}

impl Xml<'_> {
    fn indent(&mut self) -> io::Result<()> {
        for _ in 0..self.level {
            self.out.write_all(b"  ")?;
        }
        Ok(())
    }

    fn open(&mut self, tag: &str) -> io::Result<()> {
        self.indent()?;
        writeln!(self.out, "<{tag}>")?;
        self.level += 1;
        Ok(())
    }

    fn close(&mut self, name: &str) -> io::Result<()> {
        self.level = self.level.saturating_sub(1);
        self.indent()?;
        writeln!(self.out, "</{name}>")
    }

    /// Declaration, root and envelope around `inner`; the root stays open.
    fn envelope(&mut self, inner: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        writeln!(self.out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        self.open(&format!("edXML xmlns=\"{NAMESPACE}\""))?;
        self.open(&format!("edXML:edXMLEnvelope xmlns:edXML=\"{NAMESPACE}\""))?;
        inner(self)?;
        self.close("edXML:edXMLEnvelope")
    }

    fn parent(
        &mut self,
        name: &str,
        inner: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        let name = format!("edXML:{name}");
        self.open(&name)?;
        inner(self)?;
        self.close(&name)
    }

    fn leaf(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.plain_leaf(&format!("edXML:{name}"), text)
    }

    /// A text element whose name is written as given; nothing if the text is empty.
    fn plain_leaf(&mut self, name: &str, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.indent()?;
        writeln!(self.out, "<{name}>{}</{name}>", escape(text)?)
    }

    fn leaves(&mut self, parent: &str, name: &str, texts: &[String]) -> io::Result<()> {
        if texts.is_empty() {
            return Ok(());
        }
        self.parent(parent, |xml| {
            texts.iter().try_for_each(|text| xml.leaf(name, text))
        })
    }
}

/// A text as it stands between tags.
pub(crate) fn escape(text: &str) -> io::Result<String> {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push('"'),
            '\r' => escaped.push_str("&#13;"),
            c if is_xml_char(c) => escaped.push(c),
            _ => return Err(invalid("a character that XML cannot hold")),
        }
    }
    Ok(escaped)
}

fn escape_attribute(text: &str) -> io::Result<String> {
    Ok(escape(text)?
        .replace('"', "&quot;")
        .replace('\n', "&#10;")
        .replace('\t', "&#9;"))
}

fn message_header(xml: &mut Xml<'_>, document: &Document) -> io::Result<()> {
    xml.parent("From", |xml| organization(xml, &document.from))?;
    for to in &document.to {
        xml.parent("To", |xml| organization(xml, to))?;
    }
    xml.leaf("DocumentId", &document.document_id)?;
    if document.code != Code::default() {
        xml.parent("Code", |xml| {
            xml.leaf("CodeNumber", &document.code.number)?;
            xml.leaf("CodeNotation", &document.code.notation)
        })?;
    }
    if document.promulgation != PromulgationInfo::default() {
        xml.parent("PromulgationInfo", |xml| {
            xml.leaf("Place", &document.promulgation.place)?;
            xml.leaf("PromulgationDate", &document.promulgation.date)
        })?;
    }
    if document.document_type != DocumentType::default() {
        xml.parent("DocumentType", |xml| {
            xml.leaf("Type", &document.document_type.group)?;
            xml.leaf("TypeDetail", &document.document_type.detail)?;
            xml.leaf("TypeName", &document.document_type.name)
        })?;
    }
    xml.leaf("Subject", &document.subject)?;
    xml.leaf("Content", &document.content)?;
    if document.signer != SignerInfo::default() {
        xml.parent("SignerInfo", |xml| {
            xml.leaf("Competence", &document.signer.competence)?;
            xml.leaf("Position", &document.signer.position)?;
            xml.leaf("FullName", &document.signer.full_name)
        })?;
    }
    xml.leaf("DueDate", &document.due_date)?;
    other_info(xml, &document.other)?;
    for response in &document.responses {
        response_for(xml, response)?;
    }
    xml.leaf("SteeringType", &document.steering_type)?;
    xml.leaves("ResponseForTask", "TaskCode", &document.task_codes)?;
    xml.leaf("ApplicationType", &document.application_type)?;
    xml.leaves("ToPlaces", "Place", &document.to_places)
}

fn organization(xml: &mut Xml<'_>, organization: &Organization) -> io::Result<()> {
    xml.leaf("OrganId", &organization.organ_id)?;
    xml.leaf("OrganizationInCharge", &organization.in_charge)?;
    xml.leaf("OrganName", &organization.name)?;
    xml.leaf("OrganAdd", &organization.address)?;
    xml.leaf("Email", &organization.email)?;
    xml.leaf("Telephone", &organization.telephone)?;
    xml.leaf("Fax", &organization.fax)?;
    xml.leaf("Website", &organization.website)
}

fn other_info(xml: &mut Xml<'_>, other: &OtherInfo) -> io::Result<()> {
    let unmarked = OtherInfo {
        secrecy_marks: Vec::new(),
        ..other.clone()
    };
    if unmarked == OtherInfo::default() {
        return Ok(());
    }
    xml.parent("OtherInfo", |xml| {
        xml.leaf("Priority", &other.priority)?;
        xml.leaf("SphereOfPromulgation", &other.sphere)?;
        xml.leaf("TyperNotation", &other.typist)?;
        xml.leaf("PromulgationAmount", &other.copies)?;
        xml.leaf("PageAmount", &other.pages)?;
        xml.leaf("ReplyFors", &other.reply_fors)?;
        xml.leaf("Direction", &other.direction)?;
        xml.leaf("ReferenceCodes", &other.reference_codes)?;
        xml.leaves("Appendixes", "Appendix", &other.appendixes)
    })
}

fn response_for(xml: &mut Xml<'_>, response: &ResponseFor) -> io::Result<()> {
    xml.parent("ResponseFor", |xml| {
        xml.leaf("OrganId", &response.organ_id)?;
        xml.leaf("Code", &response.code)?;
        xml.leaf("PromulgationDate", &response.promulgation_date)?;
        xml.leaf("DocumentId", &response.document_id)
    })
}

fn staff(xml: &mut Xml<'_>, staff: &StaffInfo, is_mobile_first: bool) -> io::Result<()> {
    xml.parent("StaffInfo", |xml| {
        xml.leaf("Department", &staff.department)?;
        xml.leaf("DepartmentId", &staff.department_id)?;
        xml.leaf("Staff", &staff.staff)?;
        xml.leaf("StaffId", &staff.staff_id)?;
        if is_mobile_first {
            xml.leaf("Mobile", &staff.mobile)?;
        }
        xml.leaf("Email", &staff.email)?;
        if is_mobile_first {
            Ok(())
        } else {
            xml.leaf("Mobile", &staff.mobile)
        }
    })
}

fn trace(xml: &mut Xml<'_>, trace: &Trace) -> io::Result<()> {
    if *trace == Trace::default() {
        return Ok(());
    }
    let mut tag = "edXML:TraceHeaderList".to_owned();
    for (name, value) in [("id", &trace.id), ("version", &trace.version)] {
        if !value.is_empty() {
            tag = format!("{tag} {name}=\"{}\"", escape_attribute(value)?);
        }
    }
    xml.open(&tag)?;
    for hop in &trace.hops {
        xml.parent("TraceHeader", |xml| {
            xml.leaf("OrganId", &hop.organ_id)?;
            xml.leaf("Timestamp", &hop.timestamp)
        })?;
    }
    if let Some(info) = &trace.business {
        xml.parent("Bussiness", |xml| business(xml, info))?;
    }
    xml.close("edXML:TraceHeaderList")
}

fn business(xml: &mut Xml<'_>, business: &Business) -> io::Result<()> {
    xml.leaf("DocumentId", &business.document_id)?;
    xml.leaf("BussinessDocType", business.business_type.as_text())?;
    xml.leaf("BussinessDocReason", &business.reason)?;
    xml.leaf("Paper", &business.paper)?;
    for update in &business.updates {
        xml.parent("BussinessDocumentInfo", |xml| {
            xml.leaf("DocumentInfo", &update.document_info)?;
            xml.leaf("DocumentReceiver", &update.document_receiver)?;
            if update.receivers.is_empty() {
                return Ok(());
            }
            xml.parent("ReceiverList", |xml| {
                update.receivers.iter().try_for_each(|receiver| {
                    xml.parent("Receiver", |xml| {
                        xml.leaf("OrganId", &receiver.organ_id)?;
                        xml.leaf("ReceiverType", &receiver.receiver_type)
                    })
                })
            })
        })?;
    }
    if !business.replacements.is_empty() {
        xml.parent("ReplacementInfoList", |xml| {
            business.replacements.iter().try_for_each(|info| {
                xml.parent("ReplacementInfo", |xml| {
                    xml.leaf("DocumentId", &info.document_id)?;
                    xml.leaves("OrganIdList", "OrganId", &info.organ_ids)
                })
            })
        })?;
    }
    business
        .staff
        .iter()
        .try_for_each(|info| staff(xml, info, false))
}

fn attachment(
    xml: &mut Xml<'_>,
    attachment: &Attachment,
    mut body: AttachmentBody<'_>,
) -> io::Result<()> {
    xml.open("Attachment")?;
    xml.plain_leaf("ContentId", &attachment.content_id)?;
    xml.plain_leaf("AttachmentName", &attachment.name)?;
    xml.plain_leaf("Description", &attachment.description)?;
    xml.plain_leaf("FieldName", &attachment.field_name)?;
    xml.plain_leaf("MimeType", &attachment.mime_type)?;
    xml.plain_leaf("ContentType", &attachment.content_type)?;
    xml.indent()?;
    write!(
        xml.out,
        "<edXML:ContentTransferEncoded xmlns:edXML=\"{NAMESPACE}\">"
    )?;
    let mut encoder = EncoderWriter::new(&mut *xml.out, &STANDARD);
    match &body.zip_entry {
        None => {
            io::copy(&mut body.content, &mut encoder)?;
        }
        Some(entry) => pack(&mut body.content, entry, &mut encoder)?,
    }
    encoder.finish()?;
    drop(encoder);
    writeln!(xml.out, "</edXML:ContentTransferEncoded>")?;
    xml.close("Attachment")
}

/// Bits 3 and 11: sizes stand behind the data, the name is UTF-8.
const ZIP_FLAGS: u16 = 0x0808;
/// 1980-01-01 00:00, the zero of zip time: the same input gives the same archive.
const ZIP_DATE: u16 = 0x0021;

/// Writes an archive with one deflated entry; its length need not be known beforehand.
fn pack(content: &mut dyn Read, entry: &str, out: &mut dyn Write) -> io::Result<()> {
    let name_bytes =
        u16::try_from(entry.len()).map_err(|_| invalid("name of a zip entry is too long"))?;
    let mut common = Vec::with_capacity(22);
    for field in [20, ZIP_FLAGS, 8, 0, ZIP_DATE] {
        common.extend_from_slice(&field.to_le_bytes());
    }
    let mut head = b"PK\x03\x04".to_vec();
    head.extend_from_slice(&common);
    head.extend_from_slice(&[0; 12]);
    head.extend_from_slice(&name_bytes.to_le_bytes());
    head.extend_from_slice(&[0; 2]);
    head.extend_from_slice(entry.as_bytes());
    out.write_all(&head)?;

    let mut crc = Crc::new();
    let mut deflate = DeflateEncoder::new(&mut *out, Compression::default());
    let mut block = vec![0; 32 * 1024];
    loop {
        let count = match content.read(&mut block) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = block.get(..count).unwrap_or_default();
        crc.update(bytes);
        deflate.write_all(bytes)?;
    }
    deflate.try_finish()?;
    let (packed, unpacked) = (deflate.total_out(), deflate.total_in());
    drop(deflate);

    let size = |bytes: u64| {
        u32::try_from(bytes)
            .ok()
            .filter(|bytes| *bytes < u32::MAX)
            .ok_or_else(|| invalid("attachment too large for a zip archive"))
    };
    let mut sizes = Vec::with_capacity(12);
    for field in [crc.sum(), size(packed)?, size(unpacked)?] {
        sizes.extend_from_slice(&field.to_le_bytes());
    }
    let mut tail = b"PK\x07\x08".to_vec();
    tail.extend_from_slice(&sizes);
    let central_at = size(head.len() as u64 + packed + tail.len() as u64)?;
    tail.extend_from_slice(b"PK\x01\x02\x14\x00");
    tail.extend_from_slice(&common);
    tail.extend_from_slice(&sizes);
    tail.extend_from_slice(&name_bytes.to_le_bytes());
    // Extra field, comment, disk, attributes and offset of the local header are all zero.
    tail.extend_from_slice(&[0; 16]);
    tail.extend_from_slice(entry.as_bytes());
    let central_bytes = 46 + u32::from(name_bytes);
    tail.extend_from_slice(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    tail.extend_from_slice(&central_bytes.to_le_bytes());
    tail.extend_from_slice(&central_at.to_le_bytes());
    tail.extend_from_slice(&[0; 2]);
    out.write_all(&tail)
}
