//! The elements that the reader knows, as a tree (protocols §1.3–§1.8). What is not in it is skipped.

/// How the text of an element is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Holds elements; its own text is ignored.
    Container,
    /// Holds text.
    Leaf,
    /// Holds the base64 text of an attachment.
    Content,
    /// An XML signature: only its algorithms are noted.
    Signature,
}

/// One element at its place.
#[derive(Debug)]
pub(crate) struct Spec {
    /// Local name in the letter case in which it is written.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// True if it may stand more than once in its parent.
    pub(crate) is_many: bool,
    /// Attributes that are kept, by local name.
    pub(crate) attributes: &'static [&'static str],
    pub(crate) children: &'static [Spec],
}

const fn leaf(name: &'static str) -> Spec {
    Spec {
        name,
        kind: Kind::Leaf,
        is_many: false,
        attributes: &[],
        children: &[],
    }
}

const fn node(name: &'static str, children: &'static [Spec]) -> Spec {
    Spec {
        name,
        kind: Kind::Container,
        is_many: false,
        attributes: &[],
        children,
    }
}

const fn many(spec: Spec) -> Spec {
    Spec {
        is_many: true,
        ..spec
    }
}

const fn with(spec: Spec, attributes: &'static [&'static str]) -> Spec {
    Spec { attributes, ..spec }
}

const fn kind(spec: Spec, kind: Kind) -> Spec {
    Spec { kind, ..spec }
}

const ORGANIZATION: &[Spec] = &[
    leaf("OrganId"),
    leaf("OrganizationInCharge"),
    leaf("OrganName"),
    leaf("OrganAdd"),
    leaf("Email"),
    leaf("Telephone"),
    leaf("Fax"),
    leaf("Website"),
];

const STAFF: &[Spec] = &[
    leaf("Department"),
    leaf("DepartmentId"),
    leaf("Staff"),
    leaf("StaffId"),
    leaf("Email"),
    leaf("Mobile"),
];

const OTHER_INFO: &[Spec] = &[
    leaf("Priority"),
    leaf("SphereOfPromulgation"),
    leaf("TyperNotation"),
    leaf("PromulgationAmount"),
    leaf("PageAmount"),
    leaf("ReplyFors"),
    leaf("Direction"),
    leaf("ReferenceCodes"),
    node("Appendixes", &[many(leaf("Appendix"))]),
    // Not in the standard: read only to find documents that must not pass (R-DOC-09).
    many(leaf("SecurityLevel")),
    many(leaf("Secrecy")),
    many(leaf("DoMat")),
];

const MESSAGE_HEADER: &[Spec] = &[
    node("From", ORGANIZATION),
    many(node("To", ORGANIZATION)),
    leaf("DocumentId"),
    node("Code", &[leaf("CodeNumber"), leaf("CodeNotation")]),
    node(
        "PromulgationInfo",
        &[leaf("Place"), leaf("PromulgationDate")],
    ),
    node(
        "DocumentType",
        &[leaf("Type"), leaf("TypeDetail"), leaf("TypeName")],
    ),
    leaf("Subject"),
    leaf("Content"),
    node(
        "SignerInfo",
        &[leaf("Competence"), leaf("Position"), leaf("FullName")],
    ),
    leaf("DueDate"),
    node("OtherInfo", OTHER_INFO),
    many(node(
        "ResponseFor",
        &[
            leaf("OrganId"),
            leaf("Code"),
            leaf("PromulgationDate"),
            leaf("DocumentId"),
        ],
    )),
    leaf("SteeringType"),
    many(node("ResponseForTask", &[many(leaf("TaskCode"))])),
    leaf("ApplicationType"),
    node("ToPlaces", &[many(leaf("Place"))]),
    // The remaining four stand in status messages only.
    node("StaffInfo", STAFF),
    leaf("StatusCode"),
    leaf("Description"),
    leaf("Timestamp"),
];

const BUSINESS: &[Spec] = &[
    leaf("DocumentId"),
    leaf("BussinessDocType"),
    leaf("BussinessDocReason"),
    leaf("Paper"),
    many(node(
        "BussinessDocumentInfo",
        &[
            leaf("DocumentInfo"),
            leaf("DocumentReceiver"),
            node(
                "ReceiverList",
                &[many(node(
                    "Receiver",
                    &[leaf("OrganId"), leaf("ReceiverType")],
                ))],
            ),
        ],
    )),
    node(
        "ReplacementInfoList",
        &[many(node(
            "ReplacementInfo",
            &[
                leaf("DocumentId"),
                node("OrganIdList", &[many(leaf("OrganId"))]),
            ],
        ))],
    ),
    many(node("StaffInfo", STAFF)),
];

const HEADER: &[Spec] = &[
    node("MessageHeader", MESSAGE_HEADER),
    with(
        node(
            "TraceHeaderList",
            &[
                many(node("TraceHeader", &[leaf("OrganId"), leaf("Timestamp")])),
                node("Bussiness", BUSINESS),
            ],
        ),
        &["id", "version"],
    ),
    many(kind(leaf("Signature"), Kind::Signature)),
];

const BODY: &[Spec] = &[with(
    node(
        "edXMLManifest",
        &[many(with(
            node(
                "Reference",
                &[
                    leaf("ContentId"),
                    leaf("ContentType"),
                    leaf("Description"),
                    leaf("AttachmentName"),
                ],
            ),
            &["href"],
        ))],
    ),
    &["version"],
)];

const ATTACHMENT: &[Spec] = &[
    leaf("ContentId"),
    leaf("AttachmentName"),
    leaf("Description"),
    leaf("FieldName"),
    leaf("MimeType"),
    leaf("ContentType"),
    kind(leaf("ContentTransferEncoded"), Kind::Content),
];

/// The root element.
pub(crate) static ROOT: Spec = node(
    "edXML",
    &[
        node(
            "edXMLEnvelope",
            &[node("edXMLHeader", HEADER), node("edXMLBody", BODY)],
        ),
        node("AttachmentEncoded", &[many(node("Attachment", ATTACHMENT))]),
    ],
);

impl Spec {
    /// The child of this local name, in whatever letter case, and its place in the list.
    pub(crate) fn child(&self, local: &str) -> Option<(usize, &'static Spec)> {
        // Most names are told apart by their first letter.
        let first = local.as_bytes().first()?;
        self.children.iter().enumerate().find(|(_, spec)| {
            let begins_alike = |byte: &u8| byte.eq_ignore_ascii_case(first);
            spec.name.as_bytes().first().is_some_and(begins_alike)
                && spec.name.eq_ignore_ascii_case(local)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn check(spec: &Spec) {
        let mut names = BTreeSet::new();
        for child in spec.children {
            let name = child.name.to_ascii_lowercase();
            assert!(names.insert(name), "{} in {}", child.name, spec.name);
            check(child);
        }
    }

    #[test]
    fn no_two_children_differ_by_letter_case_only() {
        check(&ROOT);
    }
}
