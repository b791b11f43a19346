//! Which other origins may read an answer in a browser (TOKEN-12).
//!
//! Only endpoints that call [`allow`] get any of it: the authorization endpoint and the pages never do (NEVER-08), and
//! nothing here can ask for credentials. Call it for errors, too, or browser apps see "network error" instead of why.

use axum::body::Body;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use http::{Method, StatusCode};
use url::Url;

/// Who may read an endpoint's answers.
pub enum Policy<'a> {
    /// Everyone: metadata and keys, the same for all.
    Public,
    /// Origins that a client registered: the token endpoint and its like.
    Registered(&'a dyn Fn(&Origin) -> bool),
}

/// Adds to `answer` what lets the asking origin read it, or nothing.
pub fn allow(request: &HeaderMap, policy: &Policy<'_>, answer: &mut HeaderMap) {
    let allowed = match policy {
        Policy::Public => HeaderValue::from_static("*"),
        Policy::Registered(is_registered) => {
            // Also without an Origin: a cache must not hand this answer to a browser that asks from elsewhere.
            answer.append(VARY, HeaderValue::from_static("Origin"));
            match Origin::of(request) {
                Some(origin) if is_registered(&origin) => origin.0,
                _ => return,
            }
        }
    };
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}

/// Answers a preflight (`OPTIONS`) for an endpoint with this one `method`.
///
/// The preflight does not say which client asks; the predicate then means "some client registered it", and the answer
/// to the real request decides for its client.
pub fn preflight(request: &HeaderMap, method: &Method, policy: &Policy<'_>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    allow(request, policy, headers);
    if headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN)
        && let Ok(method) = HeaderValue::from_str(method.as_str())
    {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ACCEPTED);
        headers.insert(ACCESS_CONTROL_MAX_AGE, TEN_MINUTES);
    }
    response
}

/// The `Origin` of a request: one, and a web origin in the form browsers write it. `null` is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(HeaderValue);

impl Origin {
    /// The origin that the request names, if it names exactly one.
    pub fn of(request: &HeaderMap) -> Option<Self> {
        let mut values = request.get_all(ORIGIN).iter();
        let (value, None) = (values.next()?, values.next()) else { return None };
        let text = value.to_str().ok()?;
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?;
        // RFC 6454 §6.2: scheme, host, port if not the usual one; compared with registrations byte for byte.
        (url.origin().ascii_serialization() == text).then(|| Self(value.clone()))
    }

    /// As sent, for comparison with what a client registered.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// `ETag`, and `If-None-Match` below, for followers of the revocation feed that run in a browser.
const EXPOSED: HeaderValue = HeaderValue::from_static("WWW-Authenticate, DPoP-Nonce, Retry-After, ETag");
const ACCEPTED: HeaderValue = HeaderValue::from_static("Authorization, Content-Type, DPoP, If-None-Match");
const TEN_MINUTES: HeaderValue = HeaderValue::from_static("600");
