//! Request bodies of the axis: bounded in size and silence; the file of `sendEdoc` without what the transport adds.

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use lgsp_base::hash::Sha256Hasher;
use lgsp_base::problem::kinds;
use lgsp_base::{Clock, Problem, limits};
use lgsp_exchange::{Content, Intake};
use lgsp_wire::vxp::file_hash_matches;

/// Bytes that are handed to the blocking pool at once.
const BATCH_BYTES: usize = 256 * 1024;

/// The next piece of a body; `None` at the end.
async fn piece(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    loop {
        let frame = tokio::time::timeout(limits::HTTP_BODY_IDLE_TIMEOUT, body.frame())
            .await
            .map_err(|_| kinds::HTTP_TIMEOUT.problem())?;
        let Some(frame) = frame else { return Ok(None) };
        let frame = frame.map_err(|_| kinds::HTTP_FRAMING.with("the body broke off"))?;
        if let Ok(bytes) = frame.into_data() {
            return Ok(Some(bytes));
        }
    }
}

/// Ends bodies that come more slowly than a working line.
pub(super) struct Pace<'c> {
    clock: &'c dyn Clock,
    started: std::time::Duration,
    received: u64,
}

impl<'c> Pace<'c> {
    pub(super) fn new(clock: &'c dyn Clock) -> Self {
        Self {
            clock,
            started: clock.monotonic(),
            received: 0,
        }
    }

    /// Counts what came.
    ///
    /// # Errors
    /// `http.timeout`.
    pub(super) fn count(&mut self, bytes: usize) -> Result<(), Problem> {
        self.received = self
            .received
            .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        let elapsed = self.clock.monotonic().saturating_sub(self.started);
        let is_slow = elapsed > limits::HTTP_BODY_RATE_GRACE
            && self.received < elapsed.as_secs() * limits::HTTP_BODY_BYTES_PER_SECOND_MIN;
        if is_slow {
            Err(kinds::HTTP_TIMEOUT.problem())
        } else {
            Ok(())
        }
    }
}

/// A whole small body. Reading it also answers `Expect: 100-continue`.
///
/// # Errors
/// `input.too_large`, `http.timeout`, `http.framing`.
pub(super) async fn small(mut body: Body, clock: &dyn Clock) -> Result<Vec<u8>, Problem> {
    let mut pace = Pace::new(clock);
    let mut whole = Vec::new();
    while let Some(bytes) = piece(&mut body).await? {
        pace.count(bytes.len())?;
        if whole.len() + bytes.len() > limits::JSON_BODY_BYTES_MAX {
            return Err(kinds::INPUT_TOO_LARGE.problem());
        }
        whole.extend_from_slice(&bytes);
    }
    Ok(whole)
}

/// A file on its way in. The SDK writes CR LF behind the file and signs the hash of the file alone; the last two bytes
/// are held back until the hash decides whether they belong to it.
struct File {
    intake: Intake,
    digest: Sha256Hasher,
    held: Vec<u8>,
}

impl File {
    fn push(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let keep_from = bytes.len().saturating_sub(2);
        if bytes.len() >= 2 {
            let held = std::mem::take(&mut self.held);
            self.pass(&held)?;
        } else if let ([first, second], [_]) = (self.held.as_slice(), bytes) {
            let (first, second) = (*first, *second);
            self.pass(&[first])?;
            self.held = vec![second];
        }
        let (front, back) = bytes.split_at_checked(keep_from).unwrap_or((bytes, &[]));
        self.pass(front)?;
        self.held.extend_from_slice(back);
        Ok(())
    }

    fn pass(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        self.digest.update(bytes);
        Ok(self.intake.push(bytes)?)
    }

    fn finish(mut self, hash_file: &str) -> Result<Content, Problem> {
        let is_framed =
            self.held == b"\r\n" && file_hash_matches(hash_file, &self.digest.clone().finish());
        if !is_framed {
            let held = std::mem::take(&mut self.held);
            self.pass(&held)?;
            if !file_hash_matches(hash_file, &self.digest.finish()) {
                return Err(kinds::AXIS_HASH.problem());
            }
        }
        Ok(self.intake.finish()?)
    }
}

/// Takes the file of a request in.
///
/// # Errors
/// Those of the body and of the intake, `axis.hash`.
pub(super) async fn file(
    mut body: Body,
    intake: Intake,
    hash_file: &str,
    clock: &dyn Clock,
) -> Result<Content, Problem> {
    let mut pace = Pace::new(clock);
    let mut pouring = Pouring::into(File {
        intake,
        digest: Sha256Hasher::new(),
        held: Vec::with_capacity(4),
    });
    while let Some(bytes) = piece(&mut body).await? {
        pace.count(bytes.len())?;
        pouring = pouring.take(bytes).await?;
    }
    let hash_file = hash_file.to_owned();
    pouring.end(move |file| file.finish(&hash_file)).await
}

/// Where the bytes of a body go.
pub(super) trait Sink: Send + 'static {
    /// Takes the next bytes; may block once there are many.
    fn push(&mut self, bytes: &[u8]) -> Result<(), Problem>;
}

impl Sink for File {
    fn push(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        Self::push(self, bytes)
    }
}

impl Sink for Intake {
    fn push(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        Ok(Self::push(self, bytes)?)
    }
}

/// Pours pieces into a sink. Small bodies never leave the task; of larger ones batches go to the blocking pool.
pub(super) struct Pouring<S> {
    sink: S,
    batch: Vec<Bytes>,
    waiting: usize,
    is_large: bool,
}

impl<S: Sink> Pouring<S> {
    pub(super) fn into(sink: S) -> Self {
        Self {
            sink,
            batch: Vec::new(),
            waiting: 0,
            is_large: false,
        }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// Those of the sink.
    pub(super) async fn take(mut self, bytes: Bytes) -> Result<Self, Problem> {
        self.waiting += bytes.len();
        self.batch.push(bytes);
        if self.waiting < BATCH_BYTES {
            return Ok(self);
        }
        let (sink, batch) = (self.sink, self.batch);
        Ok(Self {
            sink: blocking(move || push_all(sink, &batch)).await??,
            batch: Vec::new(),
            waiting: 0,
            is_large: true,
        })
    }

    /// Pours what waits and ends.
    ///
    /// # Errors
    /// Those of the sink and of `finish`.
    pub(super) async fn end<T: Send + 'static>(
        self,
        finish: impl FnOnce(S) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let (sink, batch) = (self.sink, self.batch);
        let end = move || finish(push_all(sink, &batch)?);
        if self.is_large || self.waiting > limits::INLINE_BODY_BYTES_MAX {
            blocking(end).await?
        } else {
            end()
        }
    }
}

fn push_all<S: Sink>(mut sink: S, batch: &[Bytes]) -> Result<S, Problem> {
    for bytes in batch {
        sink.push(bytes)?;
    }
    Ok(sink)
}

/// Runs work that may block.
///
/// # Errors
/// `system.internal` when the work panicked or the platform is going down.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| kinds::SYSTEM_INTERNAL.problem())
}
