//! What stands between the HTTP library and the router, for one connection.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::header::{ACCEPT_LANGUAGE, CONNECTION, CONTENT_TYPE};
use axum::http::{HeaderValue, Request, Response, StatusCode};
use futures_util::FutureExt;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use lgsp_base::Lang;
use lgsp_base::id::RequestId;
use lgsp_base::problem::kinds;
use tower::ServiceExt;

use super::Listening;
use super::head::Refusal;
use super::refusal::{METHOD, Verdict, problem_json};

/// The router behind the guard's verdicts.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    listening: Listening,
    verdict: Arc<Verdict>,
    peer: Option<SocketAddr>,
}

impl Service {
    pub(crate) fn new(
        listening: Listening,
        verdict: Arc<Verdict>,
        peer: Option<SocketAddr>,
    ) -> Self {
        Self {
            listening,
            verdict,
            peer,
        }
    }

    /// An answer that no handler made; the connection closes behind it.
    fn refuse(&self, refusal: Refusal, lang: Lang) -> Response<Body> {
        self.listening
            .counters
            .refused
            .fetch_add(1, Ordering::Relaxed);
        let instance =
            RequestId::generate(self.listening.clock.now(), self.listening.entropy.as_ref())
                .to_string();
        tracing::info!(code = refusal.kind.code, detail = refusal.detail, request.id = %instance, "request refused");
        let mut response = Response::new(Body::from(problem_json(refusal, &instance, lang)));
        *response.status_mut() =
            StatusCode::from_u16(refusal.kind.status).unwrap_or(StatusCode::BAD_REQUEST);
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }

    async fn answer(self, request: Request<Incoming>) -> Response<Body> {
        if request.method().as_str() == METHOD {
            let refusal = self.verdict.head.get().copied();
            return self.refuse(
                refusal.unwrap_or(Refusal::new(&kinds::HTTP_SYNTAX, "")),
                self.verdict.lang.get().copied().unwrap_or_default(),
            );
        }
        let lang = request
            .headers()
            .get(ACCEPT_LANGUAGE)
            .and_then(|field| field.to_str().ok())
            .map_or(Lang::Vi, Lang::from_accept_language);
        let mut request = request.map(Body::new);
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        let handled = self.listening.router.clone().oneshot(request);
        let answer = match AssertUnwindSafe(handled).catch_unwind().await {
            Ok(Ok(answer)) => answer,
            Ok(Err(never)) => match never {},
            Err(_) => {
                self.listening
                    .counters
                    .panics
                    .fetch_add(1, Ordering::Relaxed);
                tracing::error!("a handler panicked");
                return self.refuse(Refusal::new(&kinds::SYSTEM_INTERNAL, ""), lang);
            }
        };
        match self.verdict.body.get() {
            // The handler saw only that its body broke; the guard knows why.
            Some(refusal) if !answer.status().is_success() => self.refuse(*refusal, lang),
            _ => answer,
        }
    }
}

impl hyper::service::Service<Request<Incoming>> for Service {
    type Response = Response<Open>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let open = OpenGuard::new(self.verdict.clone());
        let answer = self.clone().answer(request);
        Box::pin(async move {
            let answer = answer.await;
            Ok(answer.map(|body| Open { body, _open: open }))
        })
    }
}

/// Counts a request as open until its answer's body is gone.
#[derive(Debug)]
struct OpenGuard(Arc<Verdict>);

impl OpenGuard {
    fn new(verdict: Arc<Verdict>) -> Self {
        verdict.open.fetch_add(1, Ordering::AcqRel);
        Self(verdict)
    }
}

impl Drop for OpenGuard {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// An answer's body that keeps its request open.
#[derive(Debug)]
pub(crate) struct Open {
    body: Body,
    _open: OpenGuard,
}

impl HttpBody for Open {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
