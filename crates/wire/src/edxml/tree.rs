//! From the known elements of a packet to its model.

use super::error::Cause;
use super::model::*;
use super::names::is_space;
use super::schema::Spec;

/// One known element with what was inside it.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) spec: &'static Spec,
    pub(crate) text: String,
    pub(crate) attributes: Vec<(&'static str, String)>,
    pub(crate) children: Vec<Node>,
    /// One bit per place in the schema's list of children: seen already.
    pub(crate) seen: u64,
}

impl Node {
    pub(crate) fn new(spec: &'static Spec, attributes: Vec<(&'static str, String)>) -> Self {
        Self {
            spec,
            text: String::new(),
            attributes,
            children: Vec::new(),
            seen: 0,
        }
    }

    fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.spec.name == name)
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children
            .iter()
            .filter(move |child| child.spec.name == name)
    }

    fn value(&self) -> String {
        self.text.trim_matches(is_space).to_owned()
    }

    fn text_of(&self, name: &str) -> String {
        self.child(name).map(Node::value).unwrap_or_default()
    }

    /// Texts of all `name` children, empty ones left out.
    fn texts(&self, name: &str) -> Vec<String> {
        self.all(name)
            .map(Node::value)
            .filter(|text| !text.is_empty())
            .collect()
    }

    fn attribute(&self, name: &str) -> String {
        self.attributes
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.clone())
            .unwrap_or_default()
    }

    fn map<T: Default>(&self, name: &str, read: fn(&Node) -> T) -> T {
        self.child(name).map(read).unwrap_or_default()
    }
}

/// Builds the packet from the closed root element.
pub(crate) fn packet(
    root: &Node,
    attachments: Vec<Attachment>,
    signature: Option<SignatureSummary>,
) -> Result<Packet, Cause> {
    let envelope = root
        .child("edXMLEnvelope")
        .ok_or(Cause::Invalid("no edXMLEnvelope"))?;
    let header = envelope
        .child("edXMLHeader")
        .ok_or(Cause::Invalid("no edXMLHeader"))?;
    let message = header
        .child("MessageHeader")
        .ok_or(Cause::Invalid("no MessageHeader"))?;
    if message.child("StatusCode").is_some() {
        if message.child("To").is_some()
            || envelope.child("edXMLBody").is_some()
            || !attachments.is_empty()
        {
            return Err(Cause::Invalid(
                "a status message with a document's elements",
            ));
        }
        return Ok(Packet::Status(Box::new(status(message, signature)?)));
    }
    let mut document = document(message);
    document.trace = header.map("TraceHeaderList", trace);
    document.references = envelope
        .child("edXMLBody")
        .and_then(|body| body.child("edXMLManifest"))
        .map(|manifest| manifest.all("Reference").map(reference).collect())
        .unwrap_or_default();
    document.attachments = attachments;
    document.signature = signature;
    Ok(Packet::Document(Box::new(document)))
}

fn status(message: &Node, signature: Option<SignatureSummary>) -> Result<StatusMessage, Cause> {
    if message.all("ResponseFor").nth(1).is_some() {
        return Err(Cause::Invalid("a status message about two documents"));
    }
    Ok(StatusMessage {
        from: message.map("From", organization),
        response_for: message.map("ResponseFor", response_for),
        staff: message.child("StaffInfo").map(staff),
        status_code: message.text_of("StatusCode"),
        description: message.text_of("Description"),
        timestamp: message.text_of("Timestamp"),
        signature,
    })
}

fn document(message: &Node) -> Document {
    Document {
        from: message.map("From", organization),
        to: message.all("To").map(organization).collect(),
        document_id: message.text_of("DocumentId"),
        code: message.map("Code", |node| Code {
            number: node.text_of("CodeNumber"),
            notation: node.text_of("CodeNotation"),
        }),
        promulgation: message.map("PromulgationInfo", |node| PromulgationInfo {
            place: node.text_of("Place"),
            date: node.text_of("PromulgationDate"),
        }),
        document_type: message.map("DocumentType", |node| DocumentType {
            group: node.text_of("Type"),
            detail: node.text_of("TypeDetail"),
            name: node.text_of("TypeName"),
        }),
        subject: message.text_of("Subject"),
        content: message.text_of("Content"),
        signer: message.map("SignerInfo", |node| SignerInfo {
            competence: node.text_of("Competence"),
            position: node.text_of("Position"),
            full_name: node.text_of("FullName"),
        }),
        due_date: message.text_of("DueDate"),
        other: message.map("OtherInfo", other_info),
        responses: message.all("ResponseFor").map(response_for).collect(),
        steering_type: message.text_of("SteeringType"),
        task_codes: message
            .all("ResponseForTask")
            .flat_map(|task| task.texts("TaskCode"))
            .collect(),
        application_type: message.text_of("ApplicationType"),
        to_places: message.map("ToPlaces", |node| node.texts("Place")),
        ..Document::default()
    }
}

fn organization(node: &Node) -> Organization {
    Organization {
        organ_id: node.text_of("OrganId"),
        in_charge: node.text_of("OrganizationInCharge"),
        name: node.text_of("OrganName"),
        address: node.text_of("OrganAdd"),
        email: node.text_of("Email"),
        telephone: node.text_of("Telephone"),
        fax: node.text_of("Fax"),
        website: node.text_of("Website"),
    }
}

fn other_info(node: &Node) -> OtherInfo {
    OtherInfo {
        priority: node.text_of("Priority"),
        sphere: node.text_of("SphereOfPromulgation"),
        typist: node.text_of("TyperNotation"),
        copies: node.text_of("PromulgationAmount"),
        pages: node.text_of("PageAmount"),
        reply_fors: node.text_of("ReplyFors"),
        direction: node.text_of("Direction"),
        reference_codes: node.text_of("ReferenceCodes"),
        appendixes: node.map("Appendixes", |list| list.texts("Appendix")),
        secrecy_marks: ["SecurityLevel", "Secrecy", "DoMat"]
            .iter()
            .flat_map(|name| node.texts(name))
            .collect(),
    }
}

fn response_for(node: &Node) -> ResponseFor {
    ResponseFor {
        organ_id: node.text_of("OrganId"),
        code: node.text_of("Code"),
        promulgation_date: node.text_of("PromulgationDate"),
        document_id: node.text_of("DocumentId"),
    }
}

fn staff(node: &Node) -> StaffInfo {
    StaffInfo {
        department: node.text_of("Department"),
        department_id: node.text_of("DepartmentId"),
        staff: node.text_of("Staff"),
        staff_id: node.text_of("StaffId"),
        email: node.text_of("Email"),
        mobile: node.text_of("Mobile"),
    }
}

fn trace(node: &Node) -> Trace {
    Trace {
        id: node.attribute("id"),
        version: node.attribute("version"),
        hops: node
            .all("TraceHeader")
            .map(|hop| TraceHeader {
                organ_id: hop.text_of("OrganId"),
                timestamp: hop.text_of("Timestamp"),
            })
            .collect(),
        business: node.child("Bussiness").map(business),
    }
}

fn business(node: &Node) -> Business {
    Business {
        document_id: node.text_of("DocumentId"),
        business_type: BusinessType::from_text(&node.text_of("BussinessDocType")),
        reason: node.text_of("BussinessDocReason"),
        paper: node.text_of("Paper"),
        updates: node
            .all("BussinessDocumentInfo")
            .map(|info| BusinessDocumentInfo {
                document_info: info.text_of("DocumentInfo"),
                document_receiver: info.text_of("DocumentReceiver"),
                receivers: info.map("ReceiverList", |list| {
                    list.all("Receiver")
                        .map(|receiver| Receiver {
                            organ_id: receiver.text_of("OrganId"),
                            receiver_type: receiver.text_of("ReceiverType"),
                        })
                        .collect()
                }),
            })
            .collect(),
        replacements: node.map("ReplacementInfoList", |list| {
            list.all("ReplacementInfo")
                .map(|info| ReplacementInfo {
                    document_id: info.text_of("DocumentId"),
                    organ_ids: info.map("OrganIdList", |ids| ids.texts("OrganId")),
                })
                .collect()
        }),
        staff: node.all("StaffInfo").map(staff).collect(),
    }
}

fn reference(node: &Node) -> Reference {
    let content_id = match node.text_of("ContentId") {
        text if text.is_empty() => node.attribute("href"),
        text => text,
    };
    Reference {
        content_id,
        content_type: node.text_of("ContentType"),
        description: node.text_of("Description"),
        attachment_name: node.text_of("AttachmentName"),
    }
}

/// An attachment from its closed element; its content is added by the reader.
pub(crate) fn attachment(node: &Node) -> Attachment {
    Attachment {
        content_id: node.text_of("ContentId"),
        name: node.text_of("AttachmentName"),
        description: node.text_of("Description"),
        field_name: node.text_of("FieldName"),
        mime_type: node.text_of("MimeType"),
        content_type: node.text_of("ContentType"),
        content: None,
    }
}
