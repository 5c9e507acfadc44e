//! Bodies that stream files from disk: a `multipart/form-data` form (RFC 7578), or one file alone.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use lgsp_base::Entropy;
use lgsp_base::hash::to_hex;

/// Bytes of a file that are in memory at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Fields and files in the order in which they were added.
#[derive(Debug)]
pub struct Form {
    boundary: String,
    parts: VecDeque<Part>,
}

#[derive(Debug)]
enum Part {
    Text(Bytes),
    File(PathBuf, u64),
    Open(File, u64),
}

impl Part {
    fn bytes(&self) -> u64 {
        match self {
            Part::Text(text) => u64::try_from(text.len()).unwrap_or(u64::MAX),
            Part::File(_, left) | Part::Open(_, left) => *left,
        }
    }
}

/// A value inside quotes of a header field (RFC 7578 §2, as browsers write it).
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

impl Form {
    /// An empty form.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let mut random = [0u8; 16];
        entropy.fill(&mut random);
        Self {
            boundary: format!("lgsp-{}", to_hex(&random)),
            parts: VecDeque::new(),
        }
    }

    fn push(&mut self, text: String) {
        self.parts.push_back(Part::Text(Bytes::from(text)));
    }

    /// Adds a field.
    pub fn text(&mut self, name: &str, value: &str) {
        self.push(format!(
            "--{}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n",
            self.boundary
        ));
    }

    /// Adds a file; it is opened when its turn comes.
    pub fn file(
        &mut self,
        name: &str,
        path: &Path,
        file_name: &str,
        content_type: &str,
    ) -> std::io::Result<()> {
        let bytes = std::fs::metadata(path)?.len();
        self.push(format!(
            "--{}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{}\"\r\nContent-Type: {content_type}\r\n\r\n",
            self.boundary,
            quoted(file_name)
        ));
        self.parts.push_back(Part::File(path.to_owned(), bytes));
        self.push("\r\n".to_owned());
        Ok(())
    }

    /// The request's content type.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// The finished form.
    pub fn into_body(mut self) -> FormBody {
        self.push(format!("--{}--\r\n", self.boundary));
        FormBody { parts: self.parts }
    }
}

/// The bytes of a form.
#[derive(Debug)]
pub struct FormBody {
    parts: VecDeque<Part>,
}

impl FormBody {
    /// One file as the whole body.
    pub fn of_file(path: PathBuf, bytes: u64) -> Self {
        Self {
            parts: VecDeque::from([Part::File(path, bytes)]),
        }
    }

    /// The next bytes; reading a local file blocks, which is fine in a command that does nothing else.
    fn next(&mut self) -> std::io::Result<Option<Bytes>> {
        while let Some(part) = self.parts.pop_front() {
            match part {
                Part::Text(text) => return Ok(Some(text)),
                Part::File(path, bytes) => {
                    self.parts.push_front(Part::Open(File::open(path)?, bytes));
                }
                Part::Open(_, 0) => {}
                Part::Open(mut file, left) => {
                    let size = usize::try_from(left)
                        .unwrap_or(CHUNK_BYTES)
                        .min(CHUNK_BYTES);
                    let mut chunk = vec![0u8; size];
                    file.read_exact(&mut chunk)?;
                    let read = u64::try_from(size).unwrap_or(left);
                    self.parts
                        .push_front(Part::Open(file, left.saturating_sub(read)));
                    return Ok(Some(Bytes::from(chunk)));
                }
            }
        }
        Ok(None)
    }
}

impl Body for FormBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(self.next().map(|bytes| bytes.map(Frame::data)).transpose())
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.parts.iter().map(Part::bytes).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lgsp_base::entropy::SeededEntropy;

    #[test]
    fn the_length_is_known_and_right() {
        let path = std::env::temp_dir().join(format!("lgsp-form-{}", std::process::id()));
        std::fs::write(&path, vec![7u8; 200_000]).expect("a file");
        let mut form = Form::new(&SeededEntropy::new(1));
        form.text("from", "H99");
        form.file("file", &path, "báo \"cáo\".pdf", "application/pdf")
            .expect("the file");
        let mut body = form.into_body();
        let promised = body.size_hint().exact().expect("exact");
        let mut all = Vec::new();
        while let Some(bytes) = body.next().expect("reads") {
            all.extend_from_slice(&bytes);
        }
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(all.len() as u64, promised);
        let text = String::from_utf8_lossy(&all);
        assert!(text.contains(
            "filename=\"báo %22cáo%22.pdf\"\r\nContent-Type: application/pdf\r\n\r\n\x07"
        ));
        assert!(text.ends_with("--\r\n"));
    }
}
