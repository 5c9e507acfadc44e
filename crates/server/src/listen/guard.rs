//! The socket as the HTTP library sees it: one judged message after the other, never slower than agreed.
//!
//! Reads stop at the end of each message, so that no byte of the next head reaches the library unjudged. Silence and
//! trickling are measured only while the server waits for the client, never while the client waits for the server.

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use lgsp_base::limits::{
    HTTP_BODY_BYTES_PER_SECOND_MIN, HTTP_BODY_IDLE_TIMEOUT, HTTP_BODY_RATE_GRACE,
    HTTP_HEAD_BYTES_MAX, HTTP_HEAD_TIMEOUT, HTTP_IDLE_TIMEOUT, HTTP_LINGER_BYTES_MAX,
    HTTP_LINGER_TIMEOUT, HTTP_TARGET_BYTES_MAX, HTTP_WRITE_TIMEOUT,
};
use lgsp_base::problem::kinds;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::chunks::Chunks;
use super::head::{self, Framing, Refusal};
use super::refusal::{self, STAND_IN, Verdict};

/// Bytes that must move within one grace period of waiting.
const RATE_BYTES_MIN: u64 = HTTP_BODY_BYTES_PER_SECOND_MIN * HTTP_BODY_RATE_GRACE.as_secs();
/// Bytes read at once while a head is awaited.
const HEAD_READ_BYTES: usize = 8 * 1024;

#[derive(Debug)]
enum State {
    /// Before or inside a head; so many bytes of the buffer were searched for its end.
    Head { searched: usize },
    /// So many judged bytes at the start of the buffer go to the library, then comes the body.
    Give { left: usize, then: Framing },
    /// Inside a body of known length.
    Length { left: u64 },
    /// Inside a chunked body.
    Chunked(Chunks),
    /// The stand-in request is given; nothing follows it.
    Refused { left: usize },
}

/// A deadline that is cheap to move: the timer behind it is set anew only when it would ring too late or rang too early.
#[derive(Debug, Default)]
struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Ready at the deadline; registers the task otherwise.
    fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let sleep = self
            .0
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

/// How many bytes came in how much waiting.
#[derive(Debug, Default)]
struct Rate {
    waiting_since: Option<Instant>,
    waited: Duration,
    bytes: u64,
}

impl Rate {
    fn reset(&mut self) {
        *self = Self::default();
    }

    fn moved(&mut self, bytes: usize) {
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
        }
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Ready when the other side was silent for `silence`, or slower than the least rate over its window.
    fn poll_too_slow(
        &mut self,
        cx: &mut Context<'_>,
        alarm: &mut Alarm,
        silence: Duration,
    ) -> Poll<()> {
        loop {
            let since = *self.waiting_since.get_or_insert_with(Instant::now);
            let window = HTTP_BODY_RATE_GRACE.saturating_sub(self.waited);
            ready!(alarm.poll(cx, since + silence.min(window)));
            if since.elapsed() >= silence || self.bytes < RATE_BYTES_MIN {
                return Poll::Ready(());
            }
            // Fast enough over this window: the next one begins, the silence goes on.
            self.waited = Duration::ZERO;
            self.bytes = 0;
            if window.is_zero() {
                continue;
            }
            self.waiting_since = Some(since + window);
        }
    }
}

/// A guarded socket.
#[derive(Debug)]
pub(crate) struct Guard<S> {
    socket: S,
    buffer: BytesMut,
    state: State,
    verdict: Arc<Verdict>,
    started: Instant,
    /// Since when a head is awaited or coming in.
    head_since: Instant,
    is_first: bool,
    is_at_end: bool,
    read_alarm: Alarm,
    write_alarm: Alarm,
    read_rate: Rate,
    write_rate: Rate,
    linger: Option<Linger>,
}

#[derive(Debug)]
struct Linger {
    deadline: Instant,
    bytes: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guard<S> {
    /// `started` is the listener's start, from which idle times count.
    pub(crate) fn new(socket: S, verdict: Arc<Verdict>, started: Instant) -> Self {
        let guard = Self {
            socket,
            buffer: BytesMut::new(),
            state: State::Head { searched: 0 },
            verdict,
            started,
            head_since: Instant::now(),
            is_first: true,
            is_at_end: false,
            read_alarm: Alarm::default(),
            write_alarm: Alarm::default(),
            read_rate: Rate::default(),
            write_rate: Rate::default(),
            linger: None,
        };
        guard.mark_idle();
        guard
    }

    fn mark_idle(&self) {
        let since = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.verdict
            .idle_since
            .store(since.max(1), Ordering::Relaxed);
    }

    fn expect_head(&mut self) {
        self.state = State::Head { searched: 0 };
        self.head_since = Instant::now();
        self.mark_idle();
    }

    fn refuse(&mut self, refusal: Refusal) {
        let _ = self.verdict.head.set(refusal);
        let _ = self.verdict.lang.set(refusal::language(&self.buffer));
        self.buffer.clear();
        self.buffer.extend_from_slice(STAND_IN);
        self.state = State::Refused {
            left: STAND_IN.len(),
        };
        self.verdict.idle_since.store(0, Ordering::Relaxed);
    }

    /// Copies judged bytes out of the buffer.
    fn give(&mut self, left: usize, out: &mut ReadBuf<'_>) -> usize {
        let step = left.min(out.remaining()).min(self.buffer.len());
        out.put_slice(self.buffer.get(..step).unwrap_or_default());
        self.buffer.advance(step);
        if self.buffer.is_empty() {
            // An idle connection keeps no buffer.
            self.buffer = BytesMut::new();
        }
        step
    }

    /// Looks for a whole head in the buffer; false if more bytes are needed.
    fn judge(&mut self, searched: usize) -> bool {
        // RFC 9112 §2.2: empty lines before a request line are skipped.
        let mut searched = searched;
        while self.buffer.starts_with(b"\r\n") {
            self.buffer.advance(2);
            searched = 0;
        }
        if let Some(end) = head::find_end(&self.buffer, searched) {
            match head::judge(self.buffer.get(..end).unwrap_or_default()) {
                Ok(_) if end > HTTP_HEAD_BYTES_MAX => self.refuse(too_large()),
                Ok(then) => {
                    self.state = State::Give { left: end, then };
                    self.verdict.idle_since.store(0, Ordering::Relaxed);
                    self.is_first = false;
                }
                Err(refusal) => self.refuse(refusal),
            }
            return true;
        }
        let has_line = self.buffer.contains(&b'\n');
        if head::has_bare_line_feed(&self.buffer, searched) {
            self.refuse(Refusal::new(
                &kinds::HTTP_SYNTAX,
                "a line does not end in CR LF",
            ));
            return true;
        }
        if !has_line && self.buffer.len() > HTTP_TARGET_BYTES_MAX + 64 {
            self.refuse(Refusal::new(
                &kinds::HTTP_TARGET_TOO_LONG,
                "the request line is longer than 16 KiB",
            ));
            return true;
        }
        if self.buffer.len() >= HTTP_HEAD_BYTES_MAX {
            self.refuse(too_large());
            return true;
        }
        self.state = State::Head {
            searched: self.buffer.len(),
        };
        false
    }

    /// Waits for bytes of a head: `Ready(true)` to go on, `Ready(false)` at the end of the connection.
    fn poll_head_bytes(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.is_at_end {
            return Poll::Ready(Ok(false));
        }
        // Not wiped first: this runs several times for each request.
        let mut bytes = [const { MaybeUninit::uninit() }; HEAD_READ_BYTES];
        let mut chunk = ReadBuf::uninit(&mut bytes);
        if let Poll::Ready(read) = Pin::new(&mut self.socket).poll_read(cx, &mut chunk) {
            read?;
            if chunk.filled().is_empty() {
                self.is_at_end = true;
                return Poll::Ready(Ok(false));
            }
            if self.buffer.is_empty() {
                self.head_since = Instant::now();
            }
            self.buffer.extend_from_slice(chunk.filled());
            return Poll::Ready(Ok(true));
        }
        loop {
            let limit = if self.buffer.is_empty() && !self.is_first {
                HTTP_IDLE_TIMEOUT
            } else {
                HTTP_HEAD_TIMEOUT
            };
            ready!(self.read_alarm.poll(cx, self.head_since + limit));
            if !self.verdict.is_idle() {
                // The client waits for its answer: this is not its silence.
                self.head_since = Instant::now();
                continue;
            }
            if self.buffer.is_empty() {
                self.is_at_end = true;
                return Poll::Ready(Ok(false));
            }
            self.refuse(Refusal::new(
                &kinds::HTTP_TIMEOUT,
                "the request head did not come within 10 seconds",
            ));
            return Poll::Ready(Ok(true));
        }
    }

    /// Reads body bytes straight into the library's buffer; bytes behind the message go back into ours.
    fn poll_body(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        if self.buffer.is_empty() {
            match Pin::new(&mut self.socket).poll_read(cx, out) {
                Poll::Ready(read) => read?,
                Poll::Pending => {
                    ready!(self.read_rate.poll_too_slow(
                        cx,
                        &mut self.read_alarm,
                        HTTP_BODY_IDLE_TIMEOUT
                    ));
                    let _ = self.verdict.body.set(Refusal::new(
                        &kinds::HTTP_TIMEOUT,
                        "the request body came too slowly",
                    ));
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
        } else {
            let all = self.buffer.len();
            self.give(all, out);
        }
        let new = out.filled().get(before..).unwrap_or_default();
        if new.is_empty() {
            self.is_at_end = true;
            return Poll::Ready(Ok(()));
        }
        self.read_rate.moved(new.len());
        let used = match &mut self.state {
            State::Length { left } => {
                let here = u64::try_from(new.len()).unwrap_or(u64::MAX).min(*left);
                *left -= here;
                usize::try_from(here).unwrap_or(new.len())
            }
            State::Chunked(chunks) => match chunks.follow(new) {
                Ok(used) => used,
                Err(_) => {
                    let _ = self.verdict.body.set(Refusal::new(
                        &kinds::HTTP_FRAMING,
                        "the chunked transfer coding is broken",
                    ));
                    out.set_filled(before);
                    return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                }
            },
            _ => new.len(),
        };
        if used < new.len() {
            let mut rest = BytesMut::from(new.get(used..).unwrap_or_default());
            rest.unsplit(std::mem::take(&mut self.buffer));
            self.buffer = rest;
            out.set_filled(before + used);
        }
        Poll::Ready(Ok(()))
    }

    fn is_body_at_end(&self) -> bool {
        match &self.state {
            State::Length { left } => *left == 0,
            State::Chunked(chunks) => chunks.is_end(),
            _ => false,
        }
    }

    /// Counts a write and its waiting; an error when the client takes nothing for too long.
    fn weigh_write(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.write_rate.moved(bytes);
                self.head_since = Instant::now();
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                ready!(self.write_rate.poll_too_slow(
                    cx,
                    &mut self.write_alarm,
                    HTTP_WRITE_TIMEOUT
                ));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }

    /// Reads and drops what a client still sends, so that the kernel does not reset the connection under its answer.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let is_quiet =
            self.is_at_end || (self.buffer.is_empty() && matches!(self.state, State::Head { .. }));
        if is_quiet {
            return Poll::Ready(());
        }
        let linger = self.linger.get_or_insert_with(|| Linger {
            deadline: Instant::now() + HTTP_LINGER_TIMEOUT,
            bytes: 0,
        });
        let mut bytes = [0u8; HEAD_READ_BYTES];
        while linger.bytes < HTTP_LINGER_BYTES_MAX {
            let mut chunk = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.socket).poll_read(cx, &mut chunk) {
                Poll::Ready(Ok(())) if !chunk.filled().is_empty() => {
                    linger.bytes += chunk.filled().len();
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.read_alarm.poll(cx, linger.deadline),
            }
        }
        Poll::Ready(())
    }
}

const fn too_large() -> Refusal {
    Refusal::new(
        &kinds::HTTP_HEAD_TOO_LARGE,
        "the request head is larger than 64 KiB",
    )
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if out.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            match this.state {
                State::Head { searched } => {
                    if this.buffer.len() > searched && this.judge(searched) {
                        continue;
                    }
                    if !ready!(this.poll_head_bytes(cx))? {
                        return Poll::Ready(Ok(()));
                    }
                }
                State::Give { left, then } => {
                    let left = left - this.give(left, out);
                    if left > 0 {
                        this.state = State::Give { left, then };
                    } else {
                        this.read_rate.reset();
                        this.state = match then {
                            Framing::Length(left) => State::Length { left },
                            Framing::Chunked => State::Chunked(Chunks::new()),
                        };
                        if this.is_body_at_end() {
                            this.expect_head();
                        }
                    }
                    return Poll::Ready(Ok(()));
                }
                State::Length { .. } | State::Chunked(_) => {
                    ready!(this.poll_body(cx, out))?;
                    if this.is_body_at_end() {
                        this.expect_head();
                    }
                    return Poll::Ready(Ok(()));
                }
                State::Refused { left: 0 } => return Poll::Pending,
                State::Refused { left } => {
                    let left = left - this.give(left, out);
                    this.state = State::Refused { left };
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.weigh_write(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.weigh_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.socket).poll_shutdown(cx))?;
        }
        this.poll_linger(cx).map(Ok)
    }
}
