//! Rows XM01–XM19 of the attack table, as far as they concern reading; named by row.

use super::kit::*;
use crate::edxml::*;

#[test]
fn xm01_a_document_type_declaration_ends_the_reading() {
    for text in [
        "<!DOCTYPE edXML><edXML/>",
        "<?xml version=\"1.0\"?><!DOCTYPE edXML [<!ENTITY a \"b\">]><edXML/>",
        "<?xml version=\"1.0\"?>\n<!-- c --><!DOCTYPE",
    ] {
        assert_eq!(code(text.as_bytes()), "xml.dtd", "{text}");
    }
    assert_eq!(code(&with_header("<!DOCTYPE edXML>")), "xml.dtd");
    assert_eq!(code(b"<!ENTITY a 'b'><edXML/>"), "xml.malformed");
    assert_eq!(code(b"<!doctype html><html/>"), "xml.malformed");
}

#[test]
fn xm02_nothing_outside_the_packet_is_referred_to() {
    assert_eq!(
        code(&with_header("<Subject>&xxe;</Subject>")),
        "xml.malformed"
    );
    assert_eq!(code(&with_header("<Subject>%xxe;</Subject>")), "accepted");
    let sheet =
        b"<?xml version=\"1.0\"?><?xml-stylesheet href=\"http://x.example/a.xsl\"?><edXML/>";
    assert_eq!(code(sheet), "xml.malformed");
    let include =
        "<xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" href=\"file:///etc/passwd\"/>";
    for packet in [
        format!("<Subject>a{include}b</Subject>"),
        include.to_owned(),
        format!("<Unknown>{include}</Unknown>"),
        "<Subject xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"http://x.example a\">s</Subject>".to_owned(),
        "<Unknown xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" i:noNamespaceSchemaLocation=\"a.xsd\"/>".to_owned(),
    ] {
        assert_eq!(code(&with_header(&packet)), "edxml.invalid", "{packet}");
    }
}

#[test]
fn xm16_a_value_holds_no_elements() {
    for value in [
        "<Subject>a<Unknown/>b</Subject>",
        "<Subject>a<Unknown xmlns=\"urn:x\">c</Unknown>b</Subject>",
        "<DocumentId>H99<Subject>.04</Subject>.08</DocumentId>",
    ] {
        assert_eq!(code(&with_header(value)), "edxml.invalid", "{value}");
    }
    let (split, _) = document(&with_header(
        "<Subject>a<!-- c --><![CDATA[b]]><?p i?>c</Subject>",
    ));
    assert_eq!(split.subject, "abc");
}

#[test]
fn xm04_too_many_attributes_and_declarations() {
    let many = |make: fn(usize) -> String, count: usize| {
        let attributes: String = (0..count).map(make).collect();
        with_header(&format!("<Subject{attributes}>s</Subject>"))
    };
    let plain: fn(usize) -> String = |n| format!(" a{n}=\"\"");
    let declared: fn(usize) -> String = |n| format!(" xmlns:a{n}=\"u:{n}\"");
    for make in [plain, declared] {
        assert_eq!(code(&many(make, 64)), "accepted");
        assert_eq!(code(&many(make, 65)), "xml.limits");
        assert_eq!(code(&many(make, 100_000)), "xml.limits");
    }
}

#[test]
fn xm05_depth_long_tokens_floods() {
    let nested = |depth: usize| {
        // Root, envelope, header and message header stand around it.
        let depth = depth - 4;
        with_header(&format!("{}{}", "<x>".repeat(depth), "</x>".repeat(depth)))
    };
    assert_eq!(code(&nested(32)), "accepted");
    assert_eq!(code(&nested(33)), "xml.limits");
    assert_eq!(code(&nested(100_000)), "xml.limits");

    let name = "a".repeat(1 << 20);
    assert_eq!(code(&with_header(&format!("<{name}/>"))), "xml.limits");
    let comment = |bytes: usize| with_header(&format!("<!--{}-->", "c".repeat(bytes)));
    assert_eq!(code(&comment(60_000)), "accepted");
    assert_eq!(code(&comment(100_000)), "xml.limits");
    let instruction = with_header(&format!("<?p {}?>", "i".repeat(100_000)));
    assert_eq!(code(&instruction), "xml.limits");
    let section = with_header(&format!(
        "<Subject><![CDATA[{}]]></Subject>",
        "d".repeat(300_000)
    ));
    assert_eq!(code(&section), "xml.limits");
    let text = |bytes: usize| with_header(&format!("<Subject>{}</Subject>", "t".repeat(bytes)));
    assert_eq!(code(&text(256 * 1024)), "accepted");
    assert_eq!(code(&text(256 * 1024 + 1)), "xml.limits");
    for flood in ["<?p?>", "<!---->", "<x/>", "<![CDATA[]]>"] {
        assert_eq!(
            code(&with_header(&flood.repeat(19_990))),
            "accepted",
            "{flood}"
        );
        assert_eq!(
            code(&with_header(&flood.repeat(20_001))),
            "xml.limits",
            "{flood}"
        );
    }
    let texts = format!("<x>{}</x>", "t".repeat(200_000)).repeat(25);
    assert_eq!(code(&with_header(&texts)), "xml.limits");
}

#[test]
fn xm05_section_and_comment_tricks() {
    for (inner, subject) in [
        ("<![CDATA[a]]]]><![CDATA[>b]]>", "a]]>b"),
        ("<![CDATA[]]]]>", "]]"),
        ("<![CDATA[]]]>", "]"),
        ("<![CDATA[a]b]]c]]>", "a]b]]c"),
        ("<![CDATA[<!-- <x> &amp;]]>", "<!-- <x> &amp;"),
        ("<![CDATA[a\r\nb\rc]]>", "a\nb\nc"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("]] > ]&gt;", "]] > ]>"),
    ] {
        let bytes = with_header(&format!("<Subject>{inner}</Subject>"));
        assert_eq!(document(&bytes).0.subject, subject, "{inner}");
        let Packet::Document(cut) = read_cut(&bytes, &[1], Limits::default())
            .expect(inner)
            .packet
        else {
            panic!("a document")
        };
        assert_eq!(cut.subject, subject, "{inner}");
    }
    for inner in [
        "a]]>b",
        "<!-- a -- b -->",
        "<!-- a --->",
        "<![cdata[a]]>",
        "<!->",
    ] {
        let bytes = with_header(&format!("<Subject>{inner}</Subject>"));
        assert_eq!(code(&bytes), "xml.malformed", "{inner}");
    }
}

#[test]
fn xm07_namespaces_and_attributes_must_be_well_formed() {
    for inner in [
        "<Subject a=\"1\" a=\"2\"/>",
        "<Subject xmlns:p=\"u:u\" xmlns:q=\"u:u\" p:a=\"1\" q:a=\"2\"/>",
        "<p:Subject/>",
        "<Subject p:a=\"1\"/>",
        "<Subject xmlns:xml=\"u:u\"/>",
        "<Subject xmlns:xmlns=\"u:u\"/>",
        "<Subject xmlns:p=\"http://www.w3.org/XML/1998/namespace\"/>",
        "<Subject xmlns:p=\"\"/>",
        "<Subject xmlns=\"relative\"/>",
        "<Subject a/>",
        "<Subject a=1/>",
        "<Subject a=\"1\"b=\"2\"/>",
        "<Subject a=\"<\"/>",
        "<Subject a=\"&nbsp;\"/>",
        "<Subject></Content>",
        "<Subject>",
        "</Subject>",
        "< Subject/>",
        "<a:b:c/>",
        "<1a/>",
        "<Subject>&#0;</Subject>",
        "<Subject>&#xD800;</Subject>",
        "<Subject>&#x110000;</Subject>",
        "<Subject>&amp</Subject>",
        "<Subject>&;</Subject>",
        "<Subject>\u{1}</Subject>",
        "<Subject>\u{FFFE}</Subject>",
        "<?xml version=\"1.0\"?>",
        "<?XML a?>",
        "<? a?>",
    ] {
        assert_eq!(code(&with_header(inner)), "xml.malformed", "{inner}");
    }
    let (fine, _) = document(&with_header(
        "<Subject xml:lang=\"vi\" a=\"&lt;&#10;'\">&#x1EE9;&amp;&quot;&apos;&lt;&gt;</Subject>",
    ));
    assert_eq!(fine.subject, "ứ&\"'<>");
}

#[test]
fn xm07_what_stands_around_the_root() {
    let status = fixture("status_01_arrived");
    let with = |before: &[u8], after: &[u8]| [before, status, after].concat();
    assert_eq!(code(&with(b"", b"\r\n")), "accepted");
    assert_eq!(code(&with(b"", b"<!-- c --><?p?> ")), "accepted");
    for after in [
        &b"x"[..],
        b"&#32;",
        b"<edXML/>",
        b"\0",
        b"<![CDATA[ ]]>",
        b"<",
    ] {
        assert_eq!(code(&with(b"", after)), "xml.malformed", "{after:?}");
    }
    for cut in [0, 1, 30, 40, 100, status.len() - 3] {
        assert_eq!(code(&status[..cut]), "xml.malformed", "{cut}");
    }
    assert_eq!(code(b"<?xml version=\"1.1\"?><edXML/>"), "xml.malformed");
    assert_eq!(code(b"<?xml encoding=\"UTF-8\"?><edXML/>"), "xml.malformed");
    assert_eq!(
        code(b"<?xml version=\"1.0\" encoding=\"UTF-16\"?><edXML/>"),
        "xml.malformed"
    );
    assert_eq!(code(b"\xFF\xFE<\0e\0"), "xml.malformed");
    assert_eq!(
        code(&with_header("<Subject>\u{e1}</Subject>").replace_bytes()),
        "xml.malformed"
    );
}

trait ReplaceBytes {
    fn replace_bytes(self) -> Vec<u8>;
}

impl ReplaceBytes for Vec<u8> {
    /// Turns the first two-byte character into a cut one.
    fn replace_bytes(mut self) -> Vec<u8> {
        let at = self
            .iter()
            .position(|byte| *byte == 0xC3)
            .expect("a character");
        self.remove(at + 1);
        self
    }
}

#[test]
fn xm08_right_names_in_a_wrong_namespace() {
    assert_eq!(code(b"<edXML/>"), "edxml.namespace");
    assert_eq!(
        code(b"<edXML xmlns=\"http://evil.example/\"/>"),
        "edxml.namespace"
    );
    for namespace in ["http://www.go.vn/eDoc", "http://www.e-doc.vn/Schema/"] {
        let text = format!("<edXML xmlns=\"{namespace}\"><edXMLEnvelope/></edXML>");
        let error = read(text.as_bytes()).expect_err("refused");
        assert!(matches!(&error.cause, Cause::Namespace(found) if found == namespace));
        let inner = format!("<x xmlns=\"{namespace}\"/>");
        assert_eq!(code(&with_header(&inner)), "edxml.namespace");
    }
    let evil = "<e:Subject xmlns:e=\"http://evil.example/\">x</e:Subject>";
    assert_eq!(code(&with_header(evil)), "edxml.namespace");
    assert_eq!(
        code(&with_header("<Subject xmlns=\"\">x</Subject>")),
        "edxml.namespace"
    );
    // What nobody reads may come in any namespace.
    let other = "<e:Extra xmlns:e=\"http://vendor.example/\"><e:Subject>x</e:Subject></e:Extra>";
    assert_eq!(document(&with_header(other)).0.subject, "");
    // Any prefix may be bound to the right one.
    let prefixed = format!("<q:Subject xmlns:q=\"{NAMESPACE}\">x</q:Subject>");
    assert_eq!(document(&with_header(&prefixed)).0.subject, "x");
}

#[test]
fn xm11_receivers_none_and_too_many() {
    let mut document = document(fixture("edoc_recall")).0;
    let paths = |document: &Document| -> Vec<(String, &'static str)> {
        validate(&Packet::Document(Box::new(document.clone())))
            .into_iter()
            .map(|violation| (violation.path, violation.rule))
            .collect()
    };
    document.to[0].organ_id = "null".to_owned();
    assert_eq!(
        paths(&document),
        [("MessageHeader/To[1]/OrganId".to_owned(), "required")]
    );
    document.to = vec![document.from.clone(); 1_001];
    assert_eq!(
        paths(&document),
        [("MessageHeader/To".to_owned(), "too_many")]
    );
    document.to.clear();
    assert_eq!(
        paths(&document),
        [("MessageHeader/To".to_owned(), "required")]
    );
}

#[test]
fn xm13_junk_before_the_declaration_is_tolerated_and_recorded() {
    let status = fixture("status_01_arrived");
    let with = |junk: &str| [junk.as_bytes(), status].concat();
    for (junk, tolerance) in [
        ("12", Tolerance::Junk(2)),
        ("\r\n", Tolerance::Junk(2)),
        ("\u{FEFF}", Tolerance::ByteOrderMark),
    ] {
        let parsed = read_cut(&with(junk), &[1], Limits::default()).expect("tolerated");
        assert_eq!(parsed.tolerances, [tolerance]);
    }
    assert_eq!(code(&with(&"1".repeat(64))), "accepted");
    assert_eq!(code(&with(&"1".repeat(65))), "xml.malformed");
    let bare = with_header("");
    assert_eq!(code(&[b"1", bare.as_slice()].concat()), "xml.malformed");
    assert_eq!(
        code(&[b"1<!-- -->", bare.as_slice()].concat()),
        "xml.malformed"
    );
    assert_eq!(code(&[b" \n", bare.as_slice()].concat()), "accepted");
}

#[test]
fn xm16_a_value_is_the_whole_text_of_its_element() {
    for inner in [
        "ab",
        "a<!-- -->b",
        "a<?p?>b",
        "a&#98;",
        "<![CDATA[a]]>b",
        "  ab\n",
        "<!--x-->a<![CDATA[b]]><?p x?>",
    ] {
        let bytes = with_header(&format!("<DocumentId>{inner}</DocumentId>"));
        assert_eq!(document(&bytes).0.document_id, "ab", "{inner}");
    }
}

#[test]
fn line_ends_are_normalised_before_anything_else() {
    for (inner, read) in [
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ("<![CDATA[a\r\nb\rc]]>", "a\nb\nc"),
        ("a<![CDATA[\r]\n]]>b", "a\n]\nb"),
        ("a<![CDATA[\r]]>\nb", "a\n\nb"),
        ("a&#13;\nb", "a\r\nb"),
    ] {
        let bytes = with_header(&format!("<Subject>{inner}</Subject>"));
        for sizes in [[1], [usize::MAX]] {
            let parsed = read_cut(&bytes, &sizes, Limits::default()).expect("readable");
            let Packet::Document(document) = parsed.packet else {
                panic!("a document")
            };
            assert_eq!(document.subject, read, "{inner:?}");
        }
    }
}

#[test]
fn xm19_sha1_signatures_are_legacy() {
    let signed = |namespace: &str, algorithm: &str| {
        format!(
            "<edXML xmlns=\"{NAMESPACE}\"><edXMLEnvelope><edXMLHeader><MessageHeader/>\
             <s:Signature xmlns:s=\"{namespace}\"><s:SignedInfo><s:SignatureMethod Algorithm=\"{algorithm}\"/>\
             </s:SignedInfo></s:Signature></edXMLHeader></edXMLEnvelope></edXML>"
        )
    };
    let dsig = "http://www.w3.org/2000/09/xmldsig#";
    let old = signed(dsig, "http://www.w3.org/2000/09/xmldsig#rsa-sha1");
    let summary = document(old.as_bytes()).0.signature.expect("signature");
    assert!(summary.is_legacy && summary.is_dsig);
    let new = signed(
        NAMESPACE,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    );
    let summary = document(new.as_bytes()).0.signature.expect("signature");
    assert!(!summary.is_legacy && !summary.is_dsig);
    assert_eq!(
        read(new.as_bytes()).expect("read").tolerances,
        [Tolerance::SignatureNamespace]
    );
    let evil = signed("http://evil.example/", "x");
    assert_eq!(code(evil.as_bytes()), "edxml.namespace");
}

#[test]
fn an_element_that_stands_once_may_not_stand_twice() {
    for inner in [
        "<Subject>a</Subject><Subject>b</Subject>",
        "<DocumentId>a</DocumentId><documentid>b</documentid>",
        "<From><OrganId>a</OrganId><OrganId>b</OrganId></From>",
    ] {
        assert_eq!(code(&with_header(inner)), "edxml.invalid", "{inner}");
    }
}

#[test]
fn packets_without_their_frame() {
    let root = |inner: &str| format!("<edXML xmlns=\"{NAMESPACE}\">{inner}</edXML>");
    for text in [
        root(""),
        root("<edXMLEnvelope/>"),
        root("<edXMLEnvelope><edXMLHeader/></edXMLEnvelope>"),
        format!("<Envelope xmlns=\"{NAMESPACE}\"/>"),
        root(
            "<edXMLEnvelope><edXMLHeader><MessageHeader><StatusCode>01</StatusCode><To/></MessageHeader></edXMLHeader></edXMLEnvelope>",
        ),
    ] {
        assert_eq!(code(text.as_bytes()), "edxml.invalid", "{text}");
    }
}

#[test]
fn letter_case_and_prefixes_are_tolerated_and_recorded() {
    let odd = String::from_utf8(fixture("edoc_new_department_to_commune").to_vec())
        .expect("UTF-8")
        .replace("Subject>", "SUBJECT>")
        .replace(
            "<AttachmentEncoded>",
            &format!("<e:AttachmentEncoded xmlns:e=\"{NAMESPACE}\">"),
        )
        .replace("</AttachmentEncoded>", "</e:AttachmentEncoded>");
    let parsed = read(odd.as_bytes()).expect("tolerated");
    assert_eq!(
        parsed.tolerances,
        [
            Tolerance::LetterCase("Subject"),
            Tolerance::Prefixed("AttachmentEncoded")
        ]
    );
    let Packet::Document(odd) = parsed.packet else {
        panic!("a document")
    };
    assert_eq!(*odd, document(fixture("edoc_new_department_to_commune")).0);
}

#[test]
fn a_failed_reader_stays_failed_and_errors_name_their_place() {
    let mut reader = Reader::new(Limits::default(), Discard);
    let bytes = with_header("<Code><CodeNumber>&bad;</CodeNumber></Code>");
    let error = reader.push(&bytes).expect_err("bad reference");
    assert_eq!(
        error.path,
        "edXML/edXMLEnvelope/edXMLHeader/MessageHeader/Code/CodeNumber"
    );
    let at = usize::try_from(error.at).expect("small");
    assert!(bytes[at..].starts_with(b"&bad;"));
    assert_eq!(error.to_problem().fields[0].pointer, error.path);
    assert!(matches!(
        reader.push(b"x").expect_err("failed").cause,
        Cause::Failed
    ));
    assert!(matches!(
        reader.finish().expect_err("failed").cause,
        Cause::Failed
    ));
}

#[test]
fn the_work_grows_with_the_size_and_not_faster() {
    // Many prefixes in scope, many children, one long tag: what a quadratic reader would choke on.
    let scopes = |count: usize| {
        let declarations: String = (0..60).map(|n| format!(" xmlns:p{n}=\"u:{n}\"")).collect();
        let uses: String = (0..60).map(|n| format!(" p{n}:a=\"\"")).collect();
        with_header(&format!(
            "<x{declarations}>{}</x>",
            format!("<y{uses}/>").repeat(count)
        ))
    };
    let children = |count: usize| with_header(&"<To/>".repeat(count));
    for make in [&scopes as &dyn Fn(usize) -> Vec<u8>, &children] {
        let bytes = make(4_000);
        // One byte at a time: a reader that looks again at what it holds would take the square of a tag's length.
        let mut reader = Reader::new(Limits::default(), Discard);
        let mut held = 0;
        for byte in &bytes {
            reader.push(std::slice::from_ref(byte)).expect("readable");
            held = held.max(reader.buffered_bytes());
        }
        assert!(held < 16 * 1024, "{held}");
        assert!(
            reader.steps() <= 4 * bytes.len() as u64,
            "{}",
            reader.steps()
        );
        assert!(reader.finish().is_ok());
    }
}
