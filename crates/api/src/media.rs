//! The `Content-Type` of a request: present once, well-formed, and in an encoding that we read.

use http::{HeaderMap, header};
use lgsp_base::Problem;
use lgsp_base::problem::{Rule, kinds, rules};

/// Characters of a `Content-Type` field that is kept with a document.
const FIELD_CHARS_MAX: usize = 255;

/// A media type of a request body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MediaType {
    /// `type/subtype` in lower case.
    pub(crate) essence: String,
    /// The whole field as sent.
    pub(crate) field: String,
}

impl MediaType {
    /// Reads the field.
    ///
    /// # Errors
    /// `input.media_type` when it is absent, stands twice, is malformed, or names a charset other than UTF-8 for text
    /// that we read ourselves.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let refuse = |rule: &'static Rule| kinds::INPUT_MEDIA_TYPE.says(rule.plain());
        let mut fields = headers.get_all(header::CONTENT_TYPE).iter();
        let field = fields.next().ok_or_else(|| refuse(&rules::TYPE_MISSING))?;
        if fields.next().is_some() {
            return Err(refuse(&rules::TYPE_TWICE));
        }
        let field = field
            .to_str()
            .ok()
            .filter(|text| text.len() <= FIELD_CHARS_MAX)
            .ok_or_else(|| refuse(&rules::TYPE_MALFORMED))?;
        let mut parts = field.split(';');
        let essence = parts.next().unwrap_or("").trim().to_ascii_lowercase();
        let is_token = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
        };
        match essence.split_once('/') {
            Some((kind, sub)) if is_token(kind) && is_token(sub) => {}
            _ => return Err(refuse(&rules::TYPE_MALFORMED)),
        }
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim().trim_matches('"');
            if name.trim().eq_ignore_ascii_case("charset")
                && !["utf-8", "utf8", "us-ascii"]
                    .iter()
                    .any(|known| value.eq_ignore_ascii_case(known))
            {
                return Err(refuse(&rules::TYPE_CHARSET));
            }
        }
        Ok(Self {
            essence,
            field: field.to_owned(),
        })
    }

    /// True for edXML in any of the names under which it travels.
    pub(crate) fn is_edxml(&self) -> bool {
        matches!(
            self.essence.as_str(),
            "application/edxml+xml" | "application/xml" | "text/xml"
        )
    }

    /// Refuses every other type than this one.
    ///
    /// # Errors
    /// `input.media_type` naming the wanted type.
    pub(crate) fn require(&self, essence: &str) -> Result<(), Problem> {
        if self.essence == essence {
            Ok(())
        } else {
            Err(kinds::INPUT_MEDIA_TYPE.says(rules::TYPE_WANTED.with(&[("wanted", &essence)])))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn one_type_in_an_encoding_that_we_read() {
        let read = |fields: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(header::CONTENT_TYPE, HeaderValue::from_static(field));
            }
            MediaType::of(&headers)
        };
        assert!(
            read(&["Application/XML; charset=\"UTF-8\""])
                .expect("valid")
                .is_edxml()
        );
        assert_eq!(
            read(&["application/json"]).expect("valid").essence,
            "application/json"
        );
        for bad in [
            &[][..],
            &["text/xml", "text/xml"],
            &["json"],
            &["application/json; charset=utf-16"],
            &["application/json; charset=utf-7"],
            &["a/b c"],
            &[""],
        ] {
            assert_eq!(read(bad).expect_err("refused").code(), "input.media_type");
        }
    }
}
