//! What the endpoints for programs have in common (RFC 6749 §3.2, RFC 7009 §2, RFC 7662 §2): a form comes in, JSON goes out, and
//! an error looks the same everywhere (TOKEN-13).
//!
//! Owns the reading of the form, the errors, and which origin may read them (TOKEN-12). Start at [`Posted::read`].

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use grantd_protocol::client_auth::Presented;
use grantd_protocol::error_code::ErrorCode;
use grantd_protocol::names::{ClientId, Network};
use grantd_protocol::parameters::Parameters;
use grantd_protocol::refusals::Refusal;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::json;

use super::cors::{self, Policy};
use super::form::{is_form, whole_body};
use super::headers::no_store;
use super::not_now::not_now;
use super::visit::network_of;
use crate::app::{App, Fault, Shared};

/// TOKEN-10.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// What comes of a request: an answer, a refusal, or trouble of our own.
pub type Decided<A> = Result<Result<A, Refusal>, Fault>;

/// How the core reads a request of the back channel: query, `Authorization` header, body, and where it came from.
pub type Parse<R> = fn(Option<&[u8]>, Option<&[u8]>, &[u8], Network) -> Result<R, Refusal>;

/// A POST of a client's program, as it was sent.
pub struct Posted {
    parts: Parts,
    network: Network,
    body: Result<Bytes, StatusCode>,
}

impl Posted {
    /// Reads the whole of it. That it came too late or is too long is told by [`Posted::answered`].
    pub async fn read(request: Request, app: &Shared) -> Self {
        let (mut parts, body) = request.into_parts();
        let network = network_of(&parts);
        let mut unread = Request::new(body);
        // How much of it may be read is said there.
        *unread.extensions_mut() = std::mem::take(&mut parts.extensions);
        let body = match whole_body(unread, app).await {
            Ok(body) if body.len() > MAX_BODY_BYTES => Err(StatusCode::PAYLOAD_TOO_LARGE),
            body => body,
        };
        Self { parts, network, body }
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// What the core makes of it, if it is a form at all (TOKEN-02) and has at most one `Authorization` header.
    pub fn parsed<R>(&self, parse: Parse<R>) -> Result<R, Refusal> {
        let body = self.body.as_ref().map_err(|status| match *status {
            StatusCode::PAYLOAD_TOO_LARGE => Refusal::TokenBodyTooLong,
            _ => Refusal::TokenBodyBrokenOff,
        })?;
        if !is_form(self.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes)) {
            return Err(Refusal::TokenContentType);
        }
        if self.headers().get_all(AUTHORIZATION).iter().count() > 1 {
            return Err(Refusal::SeveralMethods);
        }
        parse(self.parts.uri.query().map(str::as_bytes), self.authorization(), body, self.network.clone())
    }

    /// The answer as it was made, or what is said instead.
    pub fn answered(&self, decided: Decided<Response>) -> Response {
        match (decided, &self.body) {
            (Ok(Ok(response)), _) => response,
            (Ok(Err(refusal)), Err(status)) => error(*status, refusal),
            (Ok(Err(refusal)), Ok(_)) => self.refused(refusal),
            (Err(fault), _) => trouble(&fault),
        }
    }

    /// TOKEN-12: only origins that this very client registered may read the answer, errors too. That a request names no client at
    /// all may be read by every registered origin, as a preflight: whoever sends JSON should learn that it must be a form.
    pub async fn allow_its_origins(&self, app: &App, response: &mut Response) {
        // Only a browser's script needs leave to read the answer, and says where it is from.
        if self.headers().contains_key(ORIGIN) {
            Box::pin(allow_origins(app, self.headers(), self.names().as_ref(), response)).await;
        } else {
            cors::allow(self.headers(), &Policy::Registered(&|_| false), response.headers_mut());
        }
    }

    /// The status follows from the wire code alone (RFC 6749 §5.2).
    fn refused(&self, refusal: Refusal) -> Response {
        let status = StatusCode::from_u16(refusal.code().status()).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = error(status, refusal);
        if refusal.code() == ErrorCode::InvalidClient && self.authorization().is_some() {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"grantd\""));
        }
        if status == StatusCode::TOO_MANY_REQUESTS
            && let Some(wait) = wait_after(refusal)
        {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(wait));
        }
        response
    }

    fn authorization(&self) -> Option<&[u8]> {
        self.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes)
    }

    /// The client that the request names, if it names one.
    fn names(&self) -> Option<ClientId> {
        let parameters = Parameters::parse(self.body.as_ref().ok()?, MAX_BODY_BYTES).ok()?;
        Some(Presented::parse(self.authorization(), &parameters).ok()?.client_id().clone())
    }
}

/// A preflight: any origin that some client registered may ask; what the real request reads is decided by its client.
pub async fn preflight(State(app): State<Shared>, headers: HeaderMap) -> Response {
    let known = app.origins.of_any_client(&app).await;
    cors::preflight(&headers, &Method::POST, &Policy::Registered(&|origin| known.contains(origin.as_str())))
}

/// Another method, where browser apps may post: they may read that, too.
pub async fn method_not_allowed(State(app): State<Shared>, headers: HeaderMap) -> Response {
    let mut response = only("POST, OPTIONS");
    allow_origins(&app, &headers, None, &mut response).await;
    response
}

/// Another method than these: JSON like every error here, and the query is not looked at (TOKEN-01, TOKEN-13).
pub fn only(methods: &'static str) -> Response {
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, Refusal::TokenMethod);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

/// An answer of this media type that nobody may keep (TOKEN-05).
pub fn fresh(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = (status, body.into()).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    no_store(response.headers_mut());
    response
}

/// The media type of every error, and of most answers.
pub const JSON: &str = "application/json";

fn error(status: StatusCode, refusal: Refusal) -> Response {
    let body = json!({ "error": refusal.code().as_str(), "error_description": refusal.says() });
    fresh(status, JSON, body.to_string())
}

fn trouble(fault: &Fault) -> Response {
    let body = json!({ "error": ErrorCode::TemporarilyUnavailable.as_str(), "error_description": NOT_NOW });
    not_now(fault, fresh(StatusCode::SERVICE_UNAVAILABLE, JSON, body.to_string()))
}

/// Nothing about the cause, which is the operator's, and no word on whether anything was written, which nobody knows.
const NOT_NOW: &str = "this cannot be decided just now; ask again in a few seconds";

/// Until there is room again: a window of attempts, or a moment.
fn wait_after(refusal: Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::IntrospectionThrottled => Some("1"),
        // After its window it is not answered again, but taken for stolen.
        Refusal::RefreshRetriedTooOften => None,
        _ => Some("60"),
    }
}

async fn allow_origins(app: &App, headers: &HeaderMap, client: Option<&ClientId>, response: &mut Response) {
    let registered = match (cors::Origin::of(headers), client) {
        (None, _) => false,
        (Some(origin), Some(client)) => {
            app.origins.of_client(app, client).await.iter().any(|known| known == origin.as_str())
        }
        (Some(origin), None) => app.origins.of_any_client(app).await.contains(origin.as_str()),
    };
    cors::allow(headers, &Policy::Registered(&|_| registered), response.headers_mut());
}
