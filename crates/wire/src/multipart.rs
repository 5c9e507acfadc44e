//! What stands around the parts of a multipart form (RFC 7578, RFC 2046 §5.1), read strictly: nothing is guessed.

use lgsp_base::Problem;
use lgsp_base::limits;
use lgsp_base::problem::kinds;

/// Characters of a boundary (RFC 2046 §5.1.1).
const BOUNDARY_CHARS_MAX: usize = 70;
/// Characters of a part's name.
const NAME_CHARS_MAX: usize = 64;

fn refuse(what: impl std::fmt::Display) -> Problem {
    kinds::INPUT_MULTIPART.with(what)
}

/// Checks a form's `Content-Type`: it names one boundary that is not absurd.
///
/// # Errors
/// `input.multipart`.
pub fn check_boundary(content_type: &str) -> Result<(), Problem> {
    let mut boundaries = content_type.split(';').skip(1).filter_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("boundary")
            .then(|| value.trim().trim_matches('"'))
    });
    match (boundaries.next(), boundaries.next()) {
        (Some(one), None) if (1..=BOUNDARY_CHARS_MAX).contains(&one.len()) => Ok(()),
        _ => Err(refuse("the boundary is missing, repeated or too long")),
    }
}

/// True if a part's `Content-Type` says that it is a form itself.
pub fn is_nested(content_type: &str) -> bool {
    content_type
        .trim()
        .to_ascii_lowercase()
        .starts_with("multipart/")
}

/// What `Content-Disposition` of a part says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disposition {
    /// The field's name.
    pub name: String,
    /// The file's name, when the part is a file.
    pub file_name: Option<String>,
}

impl Disposition {
    /// Reads `form-data; name="…"[; filename="…"]`. Quoted strings may hold `\"`, `\\` and `%22`, as browsers and curl
    /// write them.
    ///
    /// # Errors
    /// `input.multipart` for another disposition, a parameter twice, `filename*` (forbidden by RFC 7578 §4.2), an empty
    /// or over-long name, control characters, or text that is not UTF-8.
    pub fn parse(field: &[u8]) -> Result<Self, Problem> {
        let text =
            std::str::from_utf8(field).map_err(|_| refuse("a part's header is not UTF-8"))?;
        if text.chars().any(char::is_control) {
            return Err(refuse("a part's header has control characters"));
        }
        let (kind, mut rest) = text.split_once(';').unwrap_or((text, ""));
        if !kind.trim().eq_ignore_ascii_case("form-data") {
            return Err(refuse("a part is not form-data"));
        }
        let (mut name, mut file_name) = (None, None);
        while !rest.trim().is_empty() {
            let (key, after) = rest
                .split_once('=')
                .ok_or_else(|| refuse("a part's header is malformed"))?;
            let (value, after) = read_value(after)?;
            rest = after;
            let slot = match key.trim().to_ascii_lowercase().as_str() {
                "name" => &mut name,
                "filename" => &mut file_name,
                "filename*" => return Err(refuse("filename* is not allowed in a form")),
                _ => return Err(refuse("a part's header has an unknown parameter")),
            };
            if slot.replace(value).is_some() {
                return Err(refuse("a part's header names one parameter twice"));
            }
        }
        let name = name.ok_or_else(|| refuse("a part has no name"))?;
        let is_bad = |text: &str, most| text.is_empty() || text.chars().count() > most;
        if is_bad(&name, NAME_CHARS_MAX) {
            return Err(refuse("a part's name is empty or too long"));
        }
        if file_name
            .as_deref()
            .is_some_and(|file| is_bad(file, limits::FILE_NAME_CHARS_MAX))
        {
            return Err(refuse("a file's name is empty or too long"));
        }
        Ok(Self { name, file_name })
    }
}

/// A token or a quoted string, and what stands behind the next semicolon.
fn read_value(text: &str) -> Result<(String, &str), Problem> {
    let text = text.trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_once(';').unwrap_or((text, ""));
        return Ok((value.trim().to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let rest = quoted.get(at + 1..).unwrap_or("").trim_start();
                let rest = match rest.strip_prefix(';') {
                    Some(rest) => rest,
                    None if rest.is_empty() => rest,
                    None => return Err(refuse("a part's header is malformed")),
                };
                return Ok((value.replace("%22", "\""), rest));
            }
            '\\' => match chars.clone().next() {
                Some((_, escaped @ ('"' | '\\'))) => {
                    value.push(escaped);
                    chars.next();
                }
                // Some browsers send Windows paths unescaped.
                _ => value.push('\\'),
            },
            c => value.push(c),
        }
    }
    Err(refuse("a part's header is malformed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_plain_name_per_part() {
        let read = |text: &str| Disposition::parse(text.as_bytes());
        let part = read("form-data; name=\"file\"; filename=\"Công văn \\\"số 1\\\".pdf\"")
            .expect("valid");
        assert_eq!(part.name, "file");
        assert_eq!(part.file_name.as_deref(), Some("Công văn \"số 1\".pdf"));
        assert_eq!(read("Form-Data; name=to").expect("valid").file_name, None);
        for bad in [
            "attachment; name=\"a\"",
            "form-data",
            "form-data; name=\"\"",
            "form-data; name=\"a\"; name=\"b\"",
            "form-data; name=\"a\"; filename=\"x\"; filename=\"y\"",
            "form-data; name=\"a\"; filename*=utf-8''x",
            "form-data; name=\"a\"; filename=\"\"",
            "form-data; name=\"a",
            "form-data; name=\"a\" junk",
            "form-data; name=\"a\"; other=1",
            "form-data; name=\"a\r\nX: y\"",
            &format!("form-data; name=\"a\"; filename=\"{}\"", "x".repeat(256)),
        ] {
            assert_eq!(read(bad).expect_err(bad).code(), "input.multipart", "{bad}");
        }
        assert!(Disposition::parse(b"form-data; name=\"\xff\"").is_err());
    }

    #[test]
    fn one_boundary_of_bounded_length() {
        let long = format!("multipart/form-data; boundary={}", "b".repeat(71));
        for (field, is_right) in [
            ("multipart/form-data; boundary=abc", true),
            ("multipart/form-data; BOUNDARY=\"abc\"", true),
            ("multipart/form-data", false),
            ("multipart/form-data; boundary=", false),
            ("multipart/form-data; boundary=a; boundary=b", false),
            (long.as_str(), false),
        ] {
            assert_eq!(check_boundary(field).is_ok(), is_right, "{field}");
        }
        assert!(is_nested(" Multipart/mixed; boundary=x") && !is_nested("text/plain"));
    }
}
