//! XM20: what our tokenizer accepts, a general parser reads the same.
//!
//! The other direction is not asked for: quick-xml accepts much that is not well-formed or that we refuse by policy
//! (document types, other encodings, unknown declarations).

use std::fmt::Write as _;

use proptest::prelude::*;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use super::kit::*;
use super::properties::scraps;
use crate::edxml::error::Cause;
use crate::edxml::limits::Limits;
use crate::edxml::tokenizer::{Handler, StartTag, Tokenizer};

/// What was read, one line per tag and joined text.
#[derive(Default)]
struct Story {
    lines: String,
    text: String,
    depth: usize,
}

impl Story {
    fn flush(&mut self) {
        if !self.text.is_empty() {
            writeln!(self.lines, "text {:?}", self.text).expect("String");
            self.text.clear();
        }
    }

    fn begin(&mut self, namespace: &str, local: &str, mut attributes: Vec<(String, String)>) {
        self.flush();
        self.depth += 1;
        attributes.sort();
        writeln!(self.lines, "start {namespace} {local} {attributes:?}").expect("String");
    }

    fn finish(&mut self) {
        self.flush();
        self.depth -= 1;
        self.lines.push_str("end\n");
    }

    fn say(&mut self, text: &str) {
        if self.depth > 0 {
            self.text.push_str(text);
        }
    }
}

impl Handler for Story {
    fn start(&mut self, tag: &StartTag<'_>, _at: u64) -> Result<(), Cause> {
        let attributes = tag
            .attributes
            .iter()
            .map(|attribute| (attribute.name.clone(), attribute.value.clone()))
            .collect();
        self.begin(tag.namespace, tag.local, attributes);
        Ok(())
    }

    fn end(&mut self, _at: u64) -> Result<(), Cause> {
        self.finish();
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Cause> {
        self.say(text);
        Ok(())
    }

    fn other(&mut self, _at: u64) -> Result<(), Cause> {
        Ok(())
    }
}

fn ours(text: &str) -> Option<String> {
    let mut tokenizer = Tokenizer::new(Limits::default());
    let mut story = Story::default();
    tokenizer.push(text, &mut story).ok()?;
    tokenizer.finish().ok()?;
    Some(story.lines)
}

fn attributes(start: &BytesStart<'_>) -> Vec<(String, String)> {
    start
        .attributes()
        .map(|attribute| {
            let attribute = attribute.expect("attribute");
            let value = attribute
                .normalized_value(XmlVersion::Explicit1_0)
                .expect("value");
            let key: &str = attribute.key.as_ref();
            (key.to_owned(), value.into_owned())
        })
        .collect()
}

fn theirs(text: &str) -> String {
    let mut reader = NsReader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    reader.config_mut().check_comments = true;
    let mut story = Story::default();
    loop {
        let (namespace, event) = reader.read_resolved_event().expect("accepted by quick-xml");
        match event {
            Event::Start(start) => {
                let namespace = match namespace {
                    // quick-xml does not normalise whitespace in namespace names, though they are attribute values.
                    ResolveResult::Bound(namespace) => namespace
                        .into_inner()
                        .replace("\r\n", " ")
                        .replace(['\r', '\n', '\t'], " "),
                    ResolveResult::Unbound => String::new(),
                    ResolveResult::Unknown(prefix) => panic!("unknown prefix {prefix:?}"),
                };
                let local = start.local_name();
                let local: &str = local.as_ref();
                story.begin(&namespace, local, attributes(&start));
            }
            Event::End(_) => story.finish(),
            Event::Text(text) => story.say(&text.xml10_content()),
            Event::CData(text) => story.say(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let c = match reference.resolve_char_ref().expect("reference") {
                    Some(c) => c.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&reference.into_inner())
                        .expect("predefined")
                        .to_owned(),
                };
                story.say(&c);
            }
            Event::Eof => return story.lines,
            Event::DocType(_) => panic!("a document type was accepted"),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::Empty(_) => {}
        }
    }
}

/// True if ours accepted, and then the two agreed.
fn agree(text: &str) -> bool {
    let Some(ours) = ours(text) else {
        return false;
    };
    // What we tolerate before the declaration is not XML and not shown to the other.
    let xml = text.get(text.find('<').unwrap_or(0)..).expect("boundary");
    assert_eq!(ours, theirs(xml), "{text}");
    true
}

#[test]
fn xm20_every_fixture_is_read_the_same() {
    for (name, bytes) in FIXTURES {
        assert!(agree(std::str::from_utf8(bytes).expect("UTF-8")), "{name}");
    }
}

#[test]
fn xm20_corners_are_read_the_same() {
    for text in [
        "<a b='x&#10;y\tz\r\nw'>1\r\n2\r3</a>",
        "<a><![CDATA[\r\n]]>]]&gt;</a>",
        "<p:a xmlns:p='u:u' xmlns='u:v'><b p:c='' xml:lang='vi'/><c xmlns=''/></p:a>",
        "12<?xml version='1.0' encoding='utf-8' standalone='yes'?> <!-- c --><a\n/> <?p q?>",
        "<a >&lt;&#x1EE9;&amp;<!-- x --><?p?></a >",
        "<a b=\"'\" c='\"' d = ''/>",
    ] {
        assert!(agree(text), "{text}");
    }
}

/// Pieces that, between a begin and an end tag, are often well-formed.
fn contents() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<b>".to_owned()),
        Just("</b>".to_owned()),
        Just("<b c='&lt;\r\n&#9;'/>".to_owned()),
        Just("<p:b xmlns:p='u:u' p:c=''/>".to_owned()),
        Just("<b xmlns='u:v'><c/></b>".to_owned()),
        Just("<![CDATA[".to_owned()),
        Just("]]>".to_owned()),
        Just("]".to_owned()),
        Just(">".to_owned()),
        Just("<!--".to_owned()),
        Just("-->".to_owned()),
        Just("-".to_owned()),
        Just("<?p".to_owned()),
        Just("?>".to_owned()),
        Just("&amp;&#x41;&#10;".to_owned()),
        Just("\r\n".to_owned()),
        Just("\r".to_owned()),
        "[a-zứ ]{0,4}",
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| format!("<a>{}</a>", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn xm20_random_contents_are_read_the_same(text in contents()) {
        agree(&text);
    }

    #[test]
    fn xm20_random_scraps_are_read_the_same(bytes in scraps()) {
        agree(std::str::from_utf8(&bytes).expect("UTF-8"));
    }

    #[test]
    fn xm20_bent_fixtures_are_read_the_same(at in any::<prop::sample::Index>(), c in "[<>&;'\"/=\\[\\]!?a \r-]") {
        let mut text = std::str::from_utf8(fixture("status_01_arrived")).expect("UTF-8").to_owned();
        let place = text
            .char_indices()
            .map(|(place, _)| place)
            .nth(at.index(text.chars().count()))
            .expect("place");
        text.insert_str(place, &c);
        agree(&text);
    }
}
