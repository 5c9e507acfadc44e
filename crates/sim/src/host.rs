//! Small HTTP/1.1 listeners of the simulated world: endpoints of agencies and the control listener.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Connections of one listener at a time; the next one waits in the backlog.
const CONNECTIONS_MAX: usize = 256;
/// How long a client may take for the head of a request, also between two requests of one connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// The first byte of a TLS connection: a record of the handshake (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 22;
/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The handler wants the connection broken without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is broken on purpose")]
pub(crate) struct Broken;

/// A connection, plain or over TLS.
trait Line: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

/// Begins TLS where the client does and there is a certificate; none if the handshake fails.
async fn begin(stream: TcpStream, tls: Option<TlsAcceptor>) -> Option<Box<dyn Line>> {
    let Some(tls) = tls else {
        return Some(Box::new(stream));
    };
    let opened = async {
        let mut first = [0];
        stream.peek(&mut first).await.ok()?;
        if first != [TLS_HANDSHAKE] {
            return Some(Box::new(stream) as Box<dyn Line>);
        }
        match tls.accept(stream).await {
            Ok(stream) => Some(Box::new(stream) as Box<dyn Line>),
            Err(error) => {
                tracing::debug!(%error, "a TLS handshake with a simulated endpoint failed");
                None
            }
        }
    };
    tokio::time::timeout(HEAD_TIMEOUT, opened).await.ok()?
}

/// Accepts connections and answers requests until told to stop; connections that are open then are cut. With `tls` a client chooses between TLS
/// and plain HTTP.
pub(crate) async fn serve<F, R>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    handler: Arc<F>,
    mut stop: watch::Receiver<bool>,
) where
    F: Fn(Request<Incoming>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Response<Full<Bytes>>, Broken>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    while !*stop.borrow() {
        if connections.len() >= CONNECTIONS_MAX {
            // One of them ends by its own deadline at the latest.
            tokio::select! {
                _ = connections.join_next() => continue,
                _ = stop.changed() => break,
            }
        }
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => break,
        };
        // A failed accept is that connection's loss; the next one may succeed.
        let Ok((stream, _)) = accepted else { continue };
        let (handler, tls) = (Arc::clone(&handler), tls.clone());
        connections.spawn(async move {
            let Some(stream) = begin(stream, tls).await else {
                return;
            };
            let service = service_fn(move |request| {
                let handler = Arc::clone(&handler);
                async move { handler(request).await }
            });
            // The other side sees a broken connection too and tries again.
            let _ended = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// The body of a request, if it is no longer than `bytes_max` and comes in time.
pub(crate) async fn body(body: Incoming, bytes_max: usize) -> Option<Bytes> {
    let whole = Limited::new(body, bytes_max).collect();
    let whole = tokio::time::timeout(BODY_TIMEOUT, whole).await.ok()?.ok()?;
    Some(whole.to_bytes())
}
