//! XML names and the namespaces in scope (XML 1.0 §2.3, Namespaces in XML 1.0).

use std::collections::BTreeMap;

use super::error::Cause;

const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS_NAMESPACE: &str = "http://www.w3.org/2000/xmlns/";

fn is_name_start(c: char) -> bool {
    matches!(c, 'A'..='Z' | 'a'..='z' | '_' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

fn is_name_char(c: char) -> bool {
    is_name_start(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// True for a name without colon (`NCName`).
pub(crate) fn is_plain_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(is_name_start) && chars.all(is_name_char)
}

/// True for whitespace in the sense of XML.
pub(crate) const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// Splits `prefix:local`; the prefix is empty when there is none.
pub(crate) fn split_name(name: &str) -> Result<(&str, &str), Cause> {
    let (prefix, local) = match name.split_once(':') {
        Some((prefix, _)) if !is_plain_name(prefix) => {
            return Err(Cause::Malformed("bad prefix in a name"));
        }
        Some(pair) => pair,
        None => ("", name),
    };
    if is_plain_name(local) {
        Ok((prefix, local))
    } else {
        Err(Cause::Malformed("bad name"))
    }
}

/// One attribute as written, its value decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attribute {
    /// Name with prefix.
    pub(crate) name: String,
    /// Value with references replaced and whitespace normalised.
    pub(crate) value: String,
}

/// The declarations in scope. A map of stacks: a lookup does not depend on the depth.
#[derive(Debug, Default)]
pub(crate) struct Namespaces {
    bound: BTreeMap<String, Vec<String>>,
    open: Vec<Vec<String>>,
}

impl Namespaces {
    /// Enters an element: takes its declarations, then checks that every prefix is known and no attribute doubled.
    pub(crate) fn enter(&mut self, attributes: &[Attribute]) -> Result<(), Cause> {
        let mut declared = Vec::new();
        for attribute in attributes {
            let prefix = match split_name(&attribute.name)? {
                ("", "xmlns") => "",
                ("xmlns", prefix) => prefix,
                _ => continue,
            };
            check_declaration(prefix, &attribute.value)?;
            self.bound
                .entry(prefix.to_owned())
                .or_default()
                .push(attribute.value.clone());
            declared.push(prefix.to_owned());
        }
        self.open.push(declared);
        self.check_unique(attributes)
    }

    fn check_unique(&self, attributes: &[Attribute]) -> Result<(), Cause> {
        let mut expanded = Vec::with_capacity(attributes.len());
        for attribute in attributes {
            let (prefix, local) = split_name(&attribute.name)?;
            let namespace = match prefix {
                "" => "",
                "xmlns" => XMLNS_NAMESPACE,
                prefix => self.resolve(prefix)?,
            };
            expanded.push((namespace, local));
        }
        expanded.sort_unstable();
        if expanded.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(Cause::Malformed("attribute given twice"));
        }
        Ok(())
    }

    /// Leaves the element entered last.
    pub(crate) fn leave(&mut self) {
        for prefix in self.open.pop().unwrap_or_default() {
            if let Some(stack) = self.bound.get_mut(&prefix) {
                stack.pop();
                if stack.is_empty() {
                    self.bound.remove(&prefix);
                }
            }
        }
    }

    /// The namespace of a prefix; the empty prefix gives the default namespace, or none.
    pub(crate) fn resolve(&self, prefix: &str) -> Result<&str, Cause> {
        match self.bound.get(prefix).and_then(|stack| stack.last()) {
            Some(uri) => Ok(uri),
            None if prefix.is_empty() => Ok(""),
            None if prefix == "xml" => Ok(XML_NAMESPACE),
            None => Err(Cause::Malformed("undeclared prefix")),
        }
    }
}

fn check_declaration(prefix: &str, uri: &str) -> Result<(), Cause> {
    if (prefix == "xml") != (uri == XML_NAMESPACE) || prefix == "xmlns" || uri == XMLNS_NAMESPACE {
        return Err(Cause::Malformed("reserved prefix or namespace redefined"));
    }
    if uri.is_empty() && !prefix.is_empty() {
        return Err(Cause::Malformed("prefix bound to nothing"));
    }
    // A relative name has no canonical form (Canonical XML §1.3), so a signature over it would prove nothing.
    if !uri.is_empty() && !uri.contains(':') {
        return Err(Cause::Malformed("relative namespace name"));
    }
    Ok(())
}
