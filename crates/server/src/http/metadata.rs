//! What the server says of itself: metadata (RFC 8414), keys (RFC 7517), health. The same for everyone who asks.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use http::{Method, StatusCode};

use super::answer;
use super::cors::{self, Policy};
use super::not_now::not_now;
use crate::app::Shared;
use crate::keys::timeline::JWKS_MAX_AGE;
use crate::pages::Asset;

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const FOR_FIVE_MINUTES: HeaderValue = HeaderValue::from_static("public, max-age=300");
const _: () = assert!(JWKS_MAX_AGE.0 == 300, "what is said of it is written above");

/// RFC 8414 §3. Computed from what is configured; never from the request (META-04).
pub async fn get(State(app): State<Shared>, headers: HeaderMap) -> Response {
    match app.published.document(&app.store, &app.settings).await {
        Ok(document) => public_json(&headers, document.body.clone(), &document.etag),
        Err(fault) => not_now(&fault, StatusCode::SERVICE_UNAVAILABLE.into_response()),
    }
}

/// The key set. A key that another process removed is not in it (KEYS-03); if that cannot be known, whoever asks keeps the set it
/// has.
pub async fn jwks(State(app): State<Shared>, headers: HeaderMap) -> Response {
    match app.keys.fresh().await {
        Ok(ring) => public_json(&headers, ring.jwks.clone(), &ring.etag),
        Err(fault) => not_now(&fault, StatusCode::SERVICE_UNAVAILABLE.into_response()),
    }
}

/// The preflight of all that everyone may read.
pub async fn preflight(headers: HeaderMap) -> Response {
    cors::preflight(&headers, &Method::GET, &Policy::Public)
}

fn public_json(asked: &HeaderMap, body: Bytes, etag: &str) -> Response {
    let mut response =
        if is_known(asked, etag) { StatusCode::NOT_MODIFIED.into_response() } else { body.into_response() };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Until a client asks again: far less than a key is published before it signs (KEYS-02).
    headers.insert(CACHE_CONTROL, FOR_FIVE_MINUTES);
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(ETAG, etag);
    }
    cors::allow(asked, &Policy::Public, headers);
    response
}

/// RFC 9110 §13.1.2: a list, compared weakly: caches on the way may have weakened ours.
pub(super) fn is_known(asked: &HeaderMap, etag: &str) -> bool {
    let lists = asked.get_all(IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    let mut known = lists.flat_map(|list| list.split(',')).map(str::trim);
    known.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag)
}

/// A file of our pages: its address changes with its content.
pub fn asset(asset: Asset) -> Response {
    let mut response = asset.bytes.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    response.headers_mut().insert(CACHE_CONTROL, FOR_EVER);
    response
}

/// The process runs.
pub async fn live() -> &'static str {
    "ok\n"
}

/// It can answer: the store reads and there is a key.
pub async fn ready(State(app): State<Shared>) -> Response {
    let readable = app.store.resources(&app.settings.issuer, None, 1).await.is_ok();
    let keyed = app.keys.signing(app.settings.access_token_algorithm).is_ok();
    if readable && keyed {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
    }
}

/// Any other path.
pub async fn not_found(visit: super::visit::Visit) -> Response {
    answer::page(StatusCode::NOT_FOUND, &crate::pages::Notice::not_found(visit.chrome), None)
}

/// Any other method. The router adds `Allow`.
pub async fn method_not_allowed(visit: super::visit::Visit) -> Response {
    answer::page(StatusCode::METHOD_NOT_ALLOWED, &crate::pages::Notice::method_not_allowed(visit.chrome), None)
}
