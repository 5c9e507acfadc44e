//! What attachment bytes are, whether that fits what is declared, and names that are safe to show.

use lgsp_base::limits::FILE_NAME_CHARS_MAX;
use lgsp_base::vi;

use super::error::Cause;

/// How many first bytes are looked at.
pub(crate) const FIRST_BYTES: usize = 64;

/// What the first bytes of a file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Magic {
    /// `%PDF`.
    Pdf,
    /// A zip archive, and so also docx, xlsx, odt.
    Zip,
    /// An OLE container: doc, xls, ppt, and office files with a password.
    Ole,
    /// A program: Windows (MZ), ELF, Mach-O or a script with an interpreter line.
    Program,
    /// HTML.
    Html,
    /// Anything else.
    Other,
}

impl Magic {
    /// Looks at the first bytes, up to 64.
    pub fn of(first: &[u8]) -> Self {
        let is_windows_program = first.starts_with(b"MZ") && first.contains(&0);
        if first.starts_with(b"%PDF-") {
            Self::Pdf
        } else if [&b"PK\x03\x04"[..], b"PK\x05\x06"]
            .iter()
            .any(|start| first.starts_with(start))
        {
            Self::Zip
        } else if first.starts_with(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]) {
            Self::Ole
        } else if is_windows_program
            || [
                &b"\x7fELF"[..],
                b"#!",
                b"\xFE\xED\xFA\xCE",
                b"\xFE\xED\xFA\xCF",
                b"\xCE\xFA\xED\xFE",
                b"\xCF\xFA\xED\xFE",
            ]
            .iter()
            .any(|start| first.starts_with(start))
        {
            Self::Program
        } else if is_html(first) {
            Self::Html
        } else {
            Self::Other
        }
    }
}

fn is_html(first: &[u8]) -> bool {
    let text = first.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(first);
    let text = text.trim_ascii_start().to_ascii_lowercase();
    [
        &b"<!doctype html"[..],
        b"<html",
        b"<head",
        b"<body",
        b"<script",
        b"<iframe",
    ]
    .iter()
    .any(|start| text.starts_with(start))
}

/// The extension of a name in lower case, without the dot; empty if none.
pub(crate) fn extension(name: &str) -> String {
    match name.trim_end_matches(['.', ' ']).rsplit_once('.') {
        Some((_, extension)) => extension.to_ascii_lowercase(),
        None => String::new(),
    }
}

/// Extensions of files that a desktop runs; a document never ends in one.
const PROGRAM_EXTENSIONS: [&str; 14] = [
    "exe", "com", "scr", "bat", "cmd", "msi", "dll", "ps1", "vbs", "js", "jar", "hta", "lnk", "sh",
];

/// Compares declared type, extension and content (AF05); only contradictions that can hurt a receiver are refused.
///
/// - A program is refused under any name, and so is a name that ends like one.
/// - `.pdf` or type `application/pdf` must begin with `%PDF-`.
/// - `.docx`, `.xlsx`, `.pptx`, `.odt`, `.ods` and `.zip` must be zip archives; the first five may also be OLE containers
///   (with a password).
/// - HTML is refused under the extensions of office documents, archives and images.
pub(crate) fn check_type(name: &str, content_type: &str, first: &[u8]) -> Result<(), Cause> {
    let magic = Magic::of(first);
    let extension = extension(name);
    let extension = extension.as_str();
    if magic == Magic::Program || PROGRAM_EXTENSIONS.contains(&extension) {
        return Err(Cause::AttachmentType("a program is not a document"));
    }
    let is_pdf_declared = extension == "pdf" || media_type(content_type) == "application/pdf";
    if is_pdf_declared && magic != Magic::Pdf {
        return Err(Cause::AttachmentType(
            "declared as PDF, but the content is not",
        ));
    }
    let is_fitting = match extension {
        "zip" => magic == Magic::Zip,
        "docx" | "xlsx" | "pptx" | "odt" | "ods" => matches!(magic, Magic::Zip | Magic::Ole),
        "doc" | "xls" | "ppt" | "rtf" | "png" | "jpg" | "jpeg" | "gif" | "tif" | "tiff" | "rar"
        | "7z" => magic != Magic::Html,
        _ => true,
    };
    if is_fitting {
        Ok(())
    } else {
        Err(Cause::AttachmentType(
            "the extension does not fit the content",
        ))
    }
}

/// A media type in lower case without parameters.
pub(crate) fn media_type(content_type: &str) -> String {
    content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

/// A file name that is safe to show and to put into a header (AF04): the last part of a path in either notation, composed
/// (NFC), without control and direction characters, without characters that a file system forbids, without trailing dots
/// or spaces, no reserved device name, at most 255 characters with its extension kept. `tep-dinh-kem` if nothing remains.
///
/// Storage never uses it: content is stored under its digest.
///
/// ```
/// use lgsp_wire::edxml::display_name;
/// assert_eq!(display_name("..\\..\\a/b\u{202E}fdp.exe. "), "bfdp.exe");
/// assert_eq!(display_name("CON.txt"), "_CON.txt");
/// ```
pub fn display_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = vi::nfc(last)
        .chars()
        .filter(|c| !c.is_control() && !is_invisible(*c))
        .map(|c| match c {
            '<' | '>' | ':' | '"' | '|' | '?' | '*' => '_',
            other => other,
        })
        .collect();
    let clean = clean
        .trim_start()
        .trim_end_matches(|c: char| c == '.' || c.is_whitespace());
    let stem = clean.split('.').next().unwrap_or_default().trim_end();
    let name = if clean.is_empty() {
        "tep-dinh-kem".to_owned()
    } else if is_reserved(stem) {
        format!("_{clean}")
    } else {
        clean.to_owned()
    };
    shorten(&name)
}

/// Characters that change or hide what is read: direction marks and overrides, zero-width characters.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

fn is_reserved(stem: &str) -> bool {
    let stem = stem.to_ascii_uppercase();
    let is_numbered = |prefix: &str| {
        stem.strip_prefix(prefix)
            .is_some_and(|digit| matches!(digit.as_bytes(), [b'0'..=b'9']))
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || is_numbered("COM")
        || is_numbered("LPT")
}

fn shorten(name: &str) -> String {
    if name.chars().count() <= FILE_NAME_CHARS_MAX {
        return name.to_owned();
    }
    let tail: String = match name.rsplit_once('.') {
        Some((_, extension)) if extension.chars().count() <= 16 => format!(".{extension}"),
        _ => String::new(),
    };
    let room = FILE_NAME_CHARS_MAX - tail.chars().count();
    let head: String = name.chars().take(room).collect();
    format!("{}{tail}", head.trim_end_matches(['.', ' ']))
}
