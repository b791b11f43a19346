//! What every request passes before a route sees it, and every answer on its way out.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use http::{Method, StatusCode};

use super::{HostNames, Limits, Serving};
use crate::http::headers;
use crate::telemetry;

/// Puts the guards around `app`. Read from below: the last layer is the first that a request meets.
pub(super) fn guarded(app: Router, serving: &Serving) -> Router {
    let max_body_bytes = usize::try_from(serving.limits.max_body_bytes).unwrap_or(usize::MAX);
    app.layer(DefaultBodyLimit::max(max_body_bytes))
        .layer(from_fn_with_state(serving.limits, refuse_body_framing))
        .layer(from_fn_with_state(serving.names.clone(), refuse_foreign_host))
        .layer(from_fn_with_state(serving.panics.clone(), survive_panic))
        .layer(from_fn_with_state(serving.headers, headers::secure))
        .layer(from_fn_with_state(serving.request_ids.clone(), telemetry::access_log))
}

/// How many requests ended in a panic since the start (LIMITS-06).
#[derive(Clone, Debug, Default)]
pub struct PanicCount(Arc<AtomicU64>);

impl PanicCount {
    /// The number so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// 411 for chunked bodies, 413 for long ones, 405 for tunnels.
async fn refuse_body_framing(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    if request.method() == Method::CONNECT {
        return closing(StatusCode::METHOD_NOT_ALLOWED, "this server is not a proxy\n");
    }
    if request.headers().contains_key(TRANSFER_ENCODING) {
        return closing(StatusCode::LENGTH_REQUIRED, "send the body with a Content-Length, not chunked\n");
    }
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limits.max_body_bytes) {
        return closing(StatusCode::PAYLOAD_TOO_LARGE, "the request body is too large\n");
    }
    next.run(request).await
}

/// LIMITS-07.
async fn refuse_foreign_host(State(names): State<HostNames>, request: Request, next: Next) -> Response {
    match names.check(&request) {
        Ok(()) => next.run(request).await,
        Err(StatusCode::BAD_REQUEST) => closing(StatusCode::BAD_REQUEST, "the request names no host, or several\n"),
        Err(status) => closing(status, "this server does not answer to that host name\n"),
    }
}

/// LIMITS-06. What was panicking is in the log, by the hook that `telemetry` installs.
async fn survive_panic(State(panics): State<PanicCount>, request: Request, next: Next) -> Response {
    let running = CatchPanic(Box::pin(next.run(request)));
    running.await.unwrap_or_else(|Panicked| {
        let so_far = panics.0.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::error!(so_far, "a request ended in a panic");
        closing(StatusCode::INTERNAL_SERVER_ERROR, "something went wrong in this server\n")
    })
}

struct CatchPanic(Pin<Box<dyn Future<Output = Response> + Send>>);

struct Panicked;

impl Future for CatchPanic {
    type Output = Result<Response, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Unwind-safe: the future is dropped right after a panic, and what it shares is behind locks that can be poisoned.
        match std::panic::catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    }
}

fn closing(status: StatusCode, says: &'static str) -> Response {
    let mut response = (status, says).into_response();
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
