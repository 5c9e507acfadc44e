//! Large bytes in and out without holding a thread: work on files is done in batches on the blocking pool, and between
//! two batches a slow peer costs memory for one batch and nothing else.

use std::io::Read;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use lgsp_base::problem::kinds;
use lgsp_base::{Problem, limits};
use lgsp_exchange::{Content, Intake, SubmitError};

use crate::body::BodyReader;

/// Bytes that are moved at once.
pub(crate) const BATCH_BYTES: usize = 256 * 1024;

/// Runs work that may block; a panic inside costs this request only.
///
/// # Errors
/// `system.internal` when the work panicked or the platform is going down.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| kinds::SYSTEM_INTERNAL.problem())
}

/// Takes a body in as content. A small one never leaves this task.
///
/// # Errors
/// Those of the body and of the intake.
pub(crate) async fn take_in(
    mut reader: BodyReader<'_>,
    mut intake: Intake,
) -> Result<Content, Problem> {
    let mut taken = 0usize;
    while let Some(piece) = reader.next().await? {
        taken = taken.saturating_add(piece.len());
        if taken > limits::INLINE_BODY_BYTES_MAX {
            return take_in_large(reader, intake, piece).await;
        }
        intake.push(&piece)?;
    }
    Ok(intake.finish()?)
}

async fn take_in_large(
    mut reader: BodyReader<'_>,
    mut intake: Intake,
    first: Bytes,
) -> Result<Content, Problem> {
    let mut waiting = first.len();
    let mut batch = vec![first];
    while let Some(piece) = reader.next().await? {
        waiting = waiting.saturating_add(piece.len());
        batch.push(piece);
        if waiting >= BATCH_BYTES {
            intake = push_batch(intake, std::mem::take(&mut batch)).await?;
            waiting = 0;
        }
    }
    Ok(blocking(move || {
        push_all(&mut intake, &batch)?;
        intake.finish()
    })
    .await??)
}

async fn push_batch(mut intake: Intake, batch: Vec<Bytes>) -> Result<Intake, Problem> {
    Ok(blocking(move || push_all(&mut intake, &batch).map(|()| intake)).await??)
}

fn push_all(intake: &mut Intake, batch: &[Bytes]) -> Result<(), SubmitError> {
    batch.iter().try_for_each(|piece| intake.push(piece))
}

/// Makes pieces of an answer one after the other; `None` at the end.
pub(crate) trait Produce: Send + 'static {
    /// The next piece.
    ///
    /// # Errors
    /// Ends the answer in the middle, so that the client sees that it is not whole.
    fn produce(&mut self) -> std::io::Result<Option<Bytes>>;
}

/// A body whose pieces are made on the blocking pool, one when the client has taken the one before.
pub(crate) fn streamed(source: impl Produce) -> Body {
    let pieces = stream::try_unfold(source, |mut source| async move {
        let made = tokio::task::spawn_blocking(move || {
            let piece = source.produce();
            (source, piece)
        });
        let (source, piece) = made.await.map_err(std::io::Error::other)?;
        Ok::<_, std::io::Error>(piece?.map(|piece| (piece, source)))
    });
    Body::from_stream(pieces)
}

/// Reads in batches; fills a batch as far as possible.
///
/// # Errors
/// Those of the source.
pub(crate) fn read_batch(source: &mut dyn Read) -> std::io::Result<Vec<u8>> {
    let mut batch = vec![0u8; BATCH_BYTES];
    let mut filled = 0;
    while let Some(rest) = batch.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest)? {
            0 => break,
            count => filled += count,
        }
    }
    batch.truncate(filled);
    Ok(batch)
}

/// Everything a source gives, as it is.
pub(crate) struct Verbatim(pub(crate) Box<dyn Read + Send>);

impl Produce for Verbatim {
    fn produce(&mut self) -> std::io::Result<Option<Bytes>> {
        let batch = read_batch(&mut self.0)?;
        Ok((!batch.is_empty()).then(|| batch.into()))
    }
}
