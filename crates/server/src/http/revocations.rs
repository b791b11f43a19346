//! `GET /revocations`: the revocation feed (AT-11). The same for everyone who asks, and open: its entries are digests of random
//! names, from which outsiders learn nothing but how many there are.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use grantd_tokens::revocation_feed::MEDIA_TYPE;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue};

use super::cors::{self, Policy};
use super::metadata::is_known;
use super::not_now::not_now;
use crate::app::{App, Shared};
use crate::revocations::FeedFault;

/// What ended until now, or that nothing did since the caller last asked. Each answer reads the store: what was revoked before
/// the question is in it.
pub async fn get(State(app): State<Shared>, headers: HeaderMap) -> Response {
    let mut response = match answer(&app, &headers).await {
        Ok(response) => response,
        Err(fault) => not_now(&fault, StatusCode::SERVICE_UNAVAILABLE.into_response()),
    };
    let held = response.headers_mut();
    // A cache may keep it, and must ask each time.
    held.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    cors::allow(&headers, &Policy::Public, held);
    response
}

async fn answer(app: &App, asked: &HeaderMap) -> Result<Response, FeedFault> {
    let listed = app.revocations.listed(app).await?;
    let mut response = if is_known(asked, &listed.etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        app.revocations.signed(app, &listed).await?.into_response()
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    if let Ok(etag) = HeaderValue::from_str(&listed.etag) {
        headers.insert(ETAG, etag);
    }
    Ok(response)
}
