//! The connector: resolve, judge each address, connect to one that was judged.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::address::{Guard, Host, Target};

/// Time for one TCP connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Turns a name into addresses.
pub trait Resolve: Send + Sync + std::fmt::Debug {
    /// The addresses of a name, now.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The operating system's resolver.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            Ok(tokio::net::lookup_host((name, 0))
                .await?
                .map(|address| address.ip())
                .collect())
        })
    }
}

/// The judge's refusal, recognisable inside the HTTP client's error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(&'static str);

/// The reason of a refusal, if the client's error is one.
pub(super) fn refusal(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    inside(error, |inner| {
        let Refused(reason) = inner.downcast_ref::<Refused>()?;
        Some((*reason).to_owned())
    })
}

/// What is wrong with the other side's certificate, if the client's error is about that.
pub(super) fn bad_certificate(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    inside(error, |inner| {
        match inner.downcast_ref::<rustls::Error>()? {
            rustls::Error::InvalidCertificate(reason) => Some(reason.to_string()),
            _ => None,
        }
    })
}

/// The first finding in an error or its causes.
fn inside<T>(
    error: &(dyn std::error::Error + 'static),
    find: fn(&(dyn std::error::Error + 'static)) -> Option<T>,
) -> Option<T> {
    let mut current = Some(error);
    while let Some(inner) = current {
        // An `io::Error` answers `source` with the source of what it wraps: look into the wrapped value, itself perhaps such an error.
        let wrapped = inner
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        let found = find(inner).or_else(|| wrapped.and_then(|wrapped| inside(wrapped, find)));
        if found.is_some() {
            return found;
        }
        current = inner.source();
    }
    None
}

/// Makes TCP connections to judged addresses only.
#[derive(Debug, Clone)]
pub(super) struct GuardedConnector {
    guard: Arc<Guard>,
    resolver: Arc<dyn Resolve>,
}

impl GuardedConnector {
    pub(super) fn new(guard: Arc<Guard>, resolver: Arc<dyn Resolve>) -> Self {
        Self { guard, resolver }
    }

    async fn connect(self, uri: Uri) -> io::Result<TokioIo<TcpStream>> {
        let target = Target::parse(&uri.to_string()).map_err(refuse)?;
        let addresses = match &target.host {
            Host::Ip(ip) => vec![*ip],
            Host::Name(name) => self.resolver.resolve(name).await?,
        };
        // One forbidden address among several condemns the name: it would only wait for its turn.
        for ip in &addresses {
            self.guard.check(&target, *ip).map_err(refuse)?;
        }
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for ip in addresses {
            let attempt = TcpStream::connect(SocketAddr::new(ip, target.port));
            match tokio::time::timeout(CONNECT_TIMEOUT, attempt).await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true)?;
                    return Ok(TokioIo::new(stream));
                }
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(last)
    }
}

fn refuse(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, Refused(reason))
}

impl tower::Service<Uri> for GuardedConnector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}
