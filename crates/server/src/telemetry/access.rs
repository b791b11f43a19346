//! One line for each answer, and the id by which a line, an answer and an error page are found together.

use std::fmt;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderName, HeaderValue, Method};
use tokio::time::Instant;

/// Gives a request an id, has it answered, and logs its method, route, status and duration.
///
/// The route is the pattern that matched, never the path or query as sent: those may hold codes (SESS-23, LOG-01).
pub async fn logged<F: Future<Output = Response>>(
    ids: &RequestIds,
    mut request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let id = ids.draw();
    let began = Instant::now();
    let method = known(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(id);
    CURRENT
        .scope(id, async {
            let mut response = answer(request).await;
            let path = route.as_ref().map_or("(no route)", MatchedPath::as_str);
            let status = response.status().as_u16();
            let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(method, path, status, duration_ms, "answered");
            if let Ok(value) = HeaderValue::from_str(id.as_str()) {
                response.headers_mut().insert(REQUEST_ID, value);
            }
            response
        })
        .await
}

tokio::task_local! {
    /// The id of the request that is being answered. Not a span: opening and closing one costs as much as the line itself.
    static CURRENT: RequestId;
}

/// The id of the request that is being answered here.
pub(super) fn current() -> Option<RequestId> {
    CURRENT.try_with(|id| *id).ok()
}

/// The id of a request: in its extensions, in the answer's `X-Request-Id`, and on every line logged meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId([u8; 16]);

impl RequestId {
    /// Base64url.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where request ids come from.
#[derive(Clone)]
pub struct RequestIds(Arc<Random>);

type Random = dyn Fn(&mut [u8]) + Send + Sync;

impl RequestIds {
    /// `random` fills a buffer. The ids name requests to people; nothing is protected by them.
    pub fn new(random: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(random))
    }

    fn draw(&self) -> RequestId {
        let (mut bytes, mut text) = ([0; 12], [b'A'; 16]);
        (self.0)(&mut bytes);
        // Cannot fail: twelve bytes are sixteen characters.
        let _ = URL_SAFE_NO_PAD.encode_slice(bytes, &mut text);
        RequestId(text)
    }
}

impl fmt::Debug for RequestIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestIds")
    }
}

/// A method may be any word; only the usual ones are repeated.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "(other)",
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
