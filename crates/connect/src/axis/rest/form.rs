//! The form of `sendEdoc`: one file `edocFile` and the text field `messageType`, in any order. The file is read while it comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, StatusCode, header};
use lgsp_base::problem::kinds;
use lgsp_base::{Clock, Problem, limits};
use lgsp_exchange::{Content, Intake};
use lgsp_wire::multipart::{Disposition, check_boundary, is_nested};

use crate::axis::upload::{Pace, Pouring};

/// The name of the file's part.
const FILE: &str = "edocFile";
/// The text fields there are.
const FIELDS: [&str; 2] = ["messageType", "serviceType"];
/// What a packet's file is called.
const EXTENSIONS: [&str; 2] = [".edxml", ".xml"];

/// A form that was read whole.
#[derive(Debug)]
pub(super) struct Form {
    /// The packet.
    pub(super) content: Content,
    fields: Vec<(String, String)>,
}

impl Form {
    /// A text field; an empty one counts as absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }
}

fn refuse(what: impl std::fmt::Display) -> Problem {
    kinds::INPUT_MULTIPART.with(what)
}

/// Reads the form; the file goes into the intake.
///
/// # Errors
/// `input.multipart` for anything that is not exactly the form described, those of the intake, `http.timeout`.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    intake: Intake,
    clock: &dyn Clock,
) -> Result<Form, Problem> {
    let ahead = Ahead::default();
    let mut parts = open(headers, body, &ahead).await?;
    let mut progress = Progress {
        pace: Pace::new(clock),
        ahead,
    };
    let mut intake = Some(intake);
    let mut content = None;
    let mut fields: Vec<(String, String)> = Vec::new();
    while let Some(part) = in_time(parts.next_field()).await? {
        progress.made(0)?;
        let disposition = disposition_of(part.headers())?;
        if disposition.name == FILE {
            check_file_name(&disposition)?;
            let intake = intake.take().ok_or_else(|| refuse("more than one file"))?;
            content = Some(pour(part, intake, &mut progress).await?);
            continue;
        }
        if disposition.file_name.is_some() || !FIELDS.contains(&disposition.name.as_str()) {
            return Err(refuse(format_args!(
                "there is no such field; the form has {FILE}, {}",
                FIELDS.join(", ")
            )));
        }
        let is_twice = fields.iter().any(|(name, _)| *name == disposition.name);
        if is_twice || fields.len() >= limits::AXIS_FORM_FIELDS_MAX {
            return Err(refuse("a field stands twice"));
        }
        let value = text_of(part, &mut progress).await?;
        fields.push((disposition.name, value));
    }
    Ok(Form {
        content: content.ok_or_else(|| refuse(format_args!("{FILE} is missing")))?,
        fields,
    })
}

async fn open(headers: &HeaderMap, body: Body, ahead: &Ahead) -> Result<Multipart, Problem> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    check_boundary(content_type.unwrap_or(""))?;
    let mut request = Request::new(one_by_one(body, ahead.clone()));
    *request.headers_mut() = headers.clone();
    // The intake has the limit of a document.
    DefaultBodyLimit::disable().apply(&mut request);
    Multipart::from_request(request, &())
        .await
        .map_err(|_| refuse("the form is malformed"))
}

/// Bytes that the form's reader took since it last found something.
type Ahead = Arc<AtomicUsize>;

/// What tells a form that goes on from one that only fills memory or time.
struct Progress<'c> {
    pace: Pace<'c>,
    ahead: Ahead,
}

impl Progress<'_> {
    /// The reader found a part, or these bytes of one.
    fn made(&mut self, bytes: usize) -> Result<(), Problem> {
        self.ahead.store(0, Ordering::Relaxed);
        self.pace.count(bytes)
    }
}

/// The form's reader takes all that is there at once, and keeps what it cannot read yet, however long that gets. So there is
/// one piece at a time, and an end when it finds nothing.
fn one_by_one(body: Body, ahead: Ahead) -> Body {
    let start = (body.into_data_stream(), ahead);
    let pieces = stream::try_unfold(start, |(mut pieces, ahead)| async move {
        tokio::task::yield_now().await;
        if ahead.load(Ordering::Relaxed) > limits::AXIS_FORM_HEAD_BYTES_MAX {
            return Err(axum::Error::new("the form has a part without an end"));
        }
        let Some(piece) = pieces.next().await.transpose()? else {
            return Ok(None);
        };
        ahead.fetch_add(piece.len(), Ordering::Relaxed);
        Ok(Some((piece, (pieces, ahead))))
    });
    Body::from_stream(pieces)
}

async fn pour(
    mut part: Field<'_>,
    intake: Intake,
    progress: &mut Progress<'_>,
) -> Result<Content, Problem> {
    let mut pouring = Pouring::into(intake);
    while let Some(piece) = next(&mut part, progress).await? {
        pouring = pouring.take(piece).await?;
    }
    pouring.end(|intake| Ok(intake.finish()?)).await
}

async fn text_of(mut part: Field<'_>, progress: &mut Progress<'_>) -> Result<String, Problem> {
    let mut value = Vec::new();
    while let Some(piece) = next(&mut part, progress).await? {
        if value.len() + piece.len() > limits::AXIS_FORM_FIELD_BYTES_MAX {
            return Err(refuse("a field is too long"));
        }
        value.extend_from_slice(&piece);
    }
    let text = String::from_utf8(value).map_err(|_| refuse("a field is not UTF-8"))?;
    Ok(text.trim().to_owned())
}

async fn next(part: &mut Field<'_>, progress: &mut Progress<'_>) -> Result<Option<Bytes>, Problem> {
    let piece = in_time(part.chunk()).await?;
    progress.made(piece.as_ref().map_or(0, Bytes::len))?;
    Ok(piece)
}

async fn in_time<T>(step: impl Future<Output = Result<T, MultipartError>>) -> Result<T, Problem> {
    tokio::time::timeout(limits::HTTP_BODY_IDLE_TIMEOUT, step)
        .await
        .map_err(|_| kinds::HTTP_TIMEOUT.problem())?
        .map_err(|error| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => kinds::INPUT_TOO_LARGE.problem(),
            _ => refuse("the form is malformed or broke off"),
        })
}

fn disposition_of(headers: &HeaderMap) -> Result<Disposition, Problem> {
    let mut found = headers.get_all(header::CONTENT_DISPOSITION).iter();
    let (Some(field), None) = (found.next(), found.next()) else {
        return Err(refuse("a part has no name, or two"));
    };
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if content_type.is_some_and(is_nested) {
        return Err(refuse("a form inside a form is not allowed"));
    }
    Disposition::parse(field.as_bytes())
}

fn check_file_name(disposition: &Disposition) -> Result<(), Problem> {
    let name = disposition
        .file_name
        .as_deref()
        .ok_or_else(|| refuse("the file has no file name"))?
        .to_ascii_lowercase();
    if EXTENSIONS.iter().any(|extension| name.ends_with(extension)) {
        Ok(())
    } else {
        Err(refuse("the file's name does not end in .edxml"))
    }
}
