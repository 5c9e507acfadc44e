//! A document as a multipart form: text fields first, then files; files wait on disk until the packet can be written.
//!
//! A packet names all its attachments before the bytes of the first one, so files cannot go straight through. Small ones
//! stay in memory, larger ones in a file without a name in the spool folder, which vanishes with the request.

use std::fs::{File, OpenOptions};
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;

use axum::body::Body;
use axum::extract::{FromRequest, Multipart};
use axum::http::Request;
use http::{HeaderMap, header};
use lgsp_base::hash::Sha256Hasher;
use lgsp_base::problem::kinds;
use lgsp_base::{Entropy, Problem, Sha256, limits};
use lgsp_exchange::{Content, Intake, SubmitError};
use lgsp_wire::edxml::{AttachmentBody, Document, write_document};
use lgsp_wire::multipart::{check_boundary, is_nested};

use crate::ApiState;
use crate::compose::attach;
use crate::form::{Disposition, FIELD_BYTES_MAX, Fields};
use crate::transfer::{BATCH_BYTES, blocking};

/// Bytes of one file that stay in memory.
const FILE_MEMORY_BYTES: usize = BATCH_BYTES;

/// A form that was read whole.
pub(crate) struct Form {
    /// Text fields.
    pub(crate) fields: Fields,
    /// Files in order.
    files: Vec<Spooled>,
    /// Digest over names and values, the same for a repetition whatever its boundary was.
    pub(crate) request_sha256: Sha256,
}

/// One file of the form.
struct Spooled {
    name: String,
    bytes: u64,
    memory: Vec<u8>,
    disk: Option<File>,
}

impl Spooled {
    fn into_reader(self) -> std::io::Result<Box<dyn Read + Send>> {
        let Some(mut disk) = self.disk else {
            return Ok(Box::new(Cursor::new(self.memory)));
        };
        disk.seek(SeekFrom::Start(0))?;
        Ok(Box::new(disk.chain(Cursor::new(self.memory))))
    }
}

fn refuse(what: impl std::fmt::Display) -> Problem {
    kinds::INPUT_MULTIPART.with(what)
}

/// Reads the form.
///
/// # Errors
/// `input.multipart` for anything that is not exactly the form described, `input.too_large`, `http.timeout`.
pub(crate) async fn read_form(
    headers: &HeaderMap,
    body: Body,
    state: &ApiState,
) -> Result<Form, Problem> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    check_boundary(content_type.unwrap_or(""))?;
    let mut request = Request::new(body);
    *request.headers_mut() = headers.clone();
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|_| refuse("the form is malformed"))?;
    let mut fields = Fields::default();
    let mut files: Vec<Spooled> = Vec::new();
    let mut digest = Sha256Hasher::new();
    let mut total = 0u64;
    while let Some(mut part) = in_time(parts.next_field()).await? {
        let disposition = disposition_of(part.headers())?;
        let Some(file_name) = disposition.file_name else {
            if !files.is_empty() {
                return Err(refuse("text fields come before the files"));
            }
            if disposition.name == "file" {
                return Err(refuse("a file has no file name"));
            }
            let mut value = Vec::new();
            while let Some(piece) = in_time(part.chunk()).await? {
                if value.len() + piece.len() > FIELD_BYTES_MAX {
                    return Err(refuse("a field is too long"));
                }
                value.extend_from_slice(&piece);
            }
            fields.add(&disposition.name, &value)?;
            measure(&mut digest, disposition.name.as_bytes());
            measure(&mut digest, &value);
            continue;
        };
        if disposition.name != "file" {
            return Err(refuse("a file stands under another name than `file`"));
        }
        if files.len() >= limits::ATTACHMENTS_MAX {
            return Err(refuse("too many files"));
        }
        let mut spool = Spool::new(file_name);
        while let Some(piece) = in_time(part.chunk()).await? {
            total = total.saturating_add(piece.len() as u64);
            if total > limits::DOCUMENT_BYTES_MAX / 4 * 3 {
                return Err(kinds::INPUT_TOO_LARGE.problem());
            }
            spool.take(&piece, state).await?;
        }
        let (file, sha256) = spool.finish();
        measure(&mut digest, file.name.as_bytes());
        measure(&mut digest, &sha256.0);
        files.push(file);
    }
    Ok(Form {
        fields,
        files,
        request_sha256: digest.finish(),
    })
}

/// Adds a value so that no two different lists of values give the same digest.
fn measure(digest: &mut Sha256Hasher, value: &[u8]) {
    digest.update(&(value.len() as u64).to_be_bytes());
    digest.update(value);
}

async fn in_time<T>(
    step: impl Future<Output = Result<T, axum::extract::multipart::MultipartError>>,
) -> Result<T, Problem> {
    tokio::time::timeout(limits::HTTP_BODY_IDLE_TIMEOUT, step)
        .await
        .map_err(|_| kinds::HTTP_TIMEOUT.problem())?
        .map_err(|error| {
            if error.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
                kinds::INPUT_TOO_LARGE.problem()
            } else {
                refuse("the form is malformed or broke off")
            }
        })
}

fn disposition_of(headers: &HeaderMap) -> Result<Disposition, Problem> {
    let mut found = headers.get_all(header::CONTENT_DISPOSITION).iter();
    let field = found.next().ok_or_else(|| refuse("a part has no name"))?;
    if found.next().is_some() {
        return Err(refuse("a part has two dispositions"));
    }
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if content_type.is_some_and(is_nested) {
        return Err(refuse("a form inside a form is not allowed"));
    }
    Disposition::parse(field.as_bytes())
}

/// A file on its way in.
struct Spool {
    file: Spooled,
    digest: Sha256Hasher,
}

impl Spool {
    fn new(name: String) -> Self {
        Self {
            file: Spooled {
                name,
                bytes: 0,
                memory: Vec::new(),
                disk: None,
            },
            digest: Sha256Hasher::new(),
        }
    }

    async fn take(&mut self, piece: &[u8], state: &ApiState) -> Result<(), Problem> {
        self.digest.update(piece);
        self.file.bytes = self.file.bytes.saturating_add(piece.len() as u64);
        self.file.memory.extend_from_slice(piece);
        if self.file.memory.len() < FILE_MEMORY_BYTES {
            return Ok(());
        }
        let memory = std::mem::take(&mut self.file.memory);
        let disk = self.file.disk.take();
        let (folder, entropy) = (state.spool.clone(), state.entropy.clone());
        let written = blocking(move || -> std::io::Result<File> {
            let mut disk = match disk {
                Some(disk) => disk,
                None => nameless_file(&folder, entropy.as_ref())?,
            };
            disk.write_all(&memory)?;
            Ok(disk)
        })
        .await?;
        self.file.disk = Some(written.map_err(spool_problem)?);
        Ok(())
    }

    fn finish(self) -> (Spooled, Sha256) {
        (self.file, self.digest.finish())
    }
}

fn spool_problem(error: std::io::Error) -> Problem {
    tracing::error!(%error, "the spool folder cannot be written");
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            kinds::STORAGE_FULL.problem().retry_after(30)
        }
        _ => kinds::STORAGE_UNAVAILABLE.problem(),
    }
}

/// A file that nobody can open by name and that needs no cleaning.
fn nameless_file(folder: &Path, entropy: &dyn Entropy) -> std::io::Result<File> {
    let mut random = [0u8; 16];
    entropy.fill(&mut random);
    let path = folder.join(lgsp_base::hash::to_hex(&random));
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

impl Form {
    /// Writes the packet with the form's files into an intake.
    ///
    /// # Errors
    /// Those of the intake; `input.invalid` for text that XML cannot hold.
    pub(crate) async fn write(
        self,
        mut document: Document,
        intake: Intake,
    ) -> Result<Content, Problem> {
        blocking(move || {
            let mut bodies = Vec::with_capacity(self.files.len());
            for file in self.files {
                let zip_entry = attach(&mut document, &file.name);
                let content = file.into_reader().map_err(spool_problem)?;
                bodies.push(AttachmentBody { content, zip_entry });
            }
            let mut sink = IntakeWriter {
                intake,
                failure: None,
            };
            let written = write_document(&document, &mut bodies.into_iter(), &mut sink);
            match (written, sink.failure) {
                (_, Some(failure)) => Err(failure.to_problem()),
                (Err(error), None) if error.kind() == std::io::ErrorKind::InvalidInput => {
                    Err(kinds::INPUT_INVALID.with(error))
                }
                (Err(error), None) => Err(spool_problem(error)),
                (Ok(()), None) => Ok(sink.intake.finish()?),
            }
        })
        .await?
    }
}

/// Writes a packet without files.
///
/// # Errors
/// As [`Form::write`].
pub(crate) async fn write_bare(document: Document, intake: Intake) -> Result<Content, Problem> {
    let form = Form {
        fields: Fields::default(),
        files: Vec::new(),
        request_sha256: Sha256([0; 32]),
    };
    form.write(document, intake).await
}

/// Lets the packet writer write into an intake and keeps the intake's own error.
struct IntakeWriter {
    intake: Intake,
    failure: Option<SubmitError>,
}

impl Write for IntakeWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.intake.push(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(failure) => {
                self.failure = Some(failure);
                Err(std::io::ErrorKind::Other.into())
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
