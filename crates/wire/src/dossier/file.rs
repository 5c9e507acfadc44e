//! A file that stands as base64 in a JSON text.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lgsp_base::limits::DOSSIER_INLINE_FILE_BYTES_MAX;
use lgsp_base::problem::rules;
use serde::{Deserialize, Serialize};

use super::error::Habit;
use super::fields::{Fields, Member, Out, Spec};

/// Characters of the base64 text of the largest file, with room for line breaks.
pub(super) const BASE64_CHARS_MAX: usize =
    DOSSIER_INLINE_FILE_BYTES_MAX / 3 * 4 + DOSSIER_INLINE_FILE_BYTES_MAX / 20;

/// The bytes of a file, at most `DOSSIER_INLINE_FILE_BYTES_MAX`; empty where there was none.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileBytes(pub Vec<u8>);

/// The text is no base64 of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not standard base64 of a file within the limit")]
pub struct NotAFile;

impl FileBytes {
    fn read(text: &str) -> Result<Self, NotAFile> {
        let text = match text.split_once(";base64,") {
            Some((head, rest)) if head.starts_with("data:") => rest,
            _ => text,
        };
        let bytes = if text.bytes().any(|byte| byte.is_ascii_whitespace()) {
            let joined: String = text.split_ascii_whitespace().collect();
            STANDARD.decode(joined)
        } else {
            STANDARD.decode(text)
        };
        match bytes {
            Ok(bytes) if bytes.len() <= DOSSIER_INLINE_FILE_BYTES_MAX => Ok(Self(bytes)),
            _ => Err(NotAFile),
        }
    }
}

impl fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileBytes({} bytes)", self.0.len())
    }
}

impl TryFrom<String> for FileBytes {
    type Error = NotAFile;

    fn try_from(text: String) -> Result<Self, NotAFile> {
        Self::read(&text)
    }
}

impl From<FileBytes> for String {
    fn from(file: FileBytes) -> Self {
        STANDARD.encode(file.0)
    }
}

impl Member for FileBytes {
    fn take(fields: &mut Fields<'_>, spec: &Spec) -> Option<Self> {
        let text = fields.text(&spec.max(BASE64_CHARS_MAX))?;
        match Self::read(&text) {
            Ok(file) => {
                if text.len() != file.0.len().div_ceil(3) * 4 {
                    fields.tolerates(spec.name, Habit::Spelling);
                }
                Some(file)
            }
            Err(NotAFile) if text.len() / 4 * 3 > DOSSIER_INLINE_FILE_BYTES_MAX => {
                let sentence =
                    rules::FILE_TOO_LARGE.with(&[("max", &DOSSIER_INLINE_FILE_BYTES_MAX)]);
                fields.breaks(spec.name, sentence);
                None
            }
            Err(NotAFile) => {
                fields.breaks(spec.name, rules::BASE64.plain());
                None
            }
        }
    }

    fn put(&self, out: &mut Out<'_>, spec: &Spec) {
        out.text(spec, &STANDARD.encode(&self.0));
    }
}
