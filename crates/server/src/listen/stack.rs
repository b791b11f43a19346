//! What every request passes before a route sees it, and every answer on its way out.

use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
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
use crate::http::headers::SecurityHeaders;
use crate::telemetry::{self, RequestIds};

/// Puts the guards around `app`. One layer for all of them: axum copies whatever is below a layer for each request.
pub(super) fn guarded(app: Router, serving: &Serving) -> Router {
    let guards = Guards {
        request_ids: serving.request_ids.clone(),
        headers: serving.headers,
        panics: serving.panics.clone(),
        names: serving.names.clone(),
        limits: serving.limits,
    };
    app.layer(from_fn_with_state(Arc::new(guards), guard))
}

/// In the order in which a request meets them.
struct Guards {
    request_ids: RequestIds,
    headers: SecurityHeaders,
    panics: PanicCount,
    names: HostNames,
    limits: Limits,
}

async fn guard(State(guards): State<Arc<Guards>>, request: Request, next: Next) -> Response {
    telemetry::logged(&guards.request_ids, request, |request| guards.secured(request, next)).await
}

impl Guards {
    async fn secured(&self, request: Request, next: Next) -> Response {
        let mut response = survive_panic(&self.panics, self.admitted(request, next)).await;
        self.headers.secure(&mut response);
        response
    }

    async fn admitted(&self, mut request: Request, next: Next) -> Response {
        if let Some(refusal) =
            of_foreign_host(&self.names, &request).or_else(|| of_body_framing(&self.limits, &request))
        {
            return refusal;
        }
        DefaultBodyLimit::max(usize::try_from(self.limits.max_body_bytes).unwrap_or(usize::MAX)).apply(&mut request);
        next.run(request).await
    }
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
fn of_body_framing(limits: &Limits, request: &Request) -> Option<Response> {
    if request.method() == Method::CONNECT {
        return Some(closing(StatusCode::METHOD_NOT_ALLOWED, "this server is not a proxy\n"));
    }
    if request.headers().contains_key(TRANSFER_ENCODING) {
        return Some(closing(StatusCode::LENGTH_REQUIRED, "send the body with a Content-Length, not chunked\n"));
    }
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let is_too_long = length.is_some_and(|length| length > limits.max_body_bytes);
    is_too_long.then(|| closing(StatusCode::PAYLOAD_TOO_LARGE, "the request body is too large\n"))
}

/// LIMITS-07.
fn of_foreign_host(names: &HostNames, request: &Request) -> Option<Response> {
    let status = names.check(request).err()?;
    Some(match status {
        StatusCode::BAD_REQUEST => closing(StatusCode::BAD_REQUEST, "the request names no host, or several\n"),
        status => closing(status, "this server does not answer to that host name\n"),
    })
}

/// LIMITS-06. What was panicking is in the log, by the hook that `telemetry` installs.
async fn survive_panic(panics: &PanicCount, answering: impl Future<Output = Response>) -> Response {
    CatchPanic(pin!(answering)).await.unwrap_or_else(|Panicked| {
        let so_far = panics.0.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::error!(so_far, "a request ended in a panic");
        closing(StatusCode::INTERNAL_SERVER_ERROR, "something went wrong in this server\n")
    })
}

struct CatchPanic<'a, F>(Pin<&'a mut F>);

struct Panicked;

impl<F: Future<Output = Response>> Future for CatchPanic<'_, F> {
    type Output = Result<Response, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Unwind-safe: the future is not polled again after a panic, and what it shares is behind locks that can be poisoned.
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
