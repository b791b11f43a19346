//! `POST /token` (RFC 6749 §3.2): bytes in, JSON out. The rules are in `grantd_protocol::token`.

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use grantd_protocol::client_auth::Presented;
use grantd_protocol::error_code::ErrorCode;
use grantd_protocol::names::ClientId;
use grantd_protocol::parameters::Parameters;
use grantd_protocol::refusals::Refusal;
use grantd_protocol::token::{Issued, TokenRequest, mint::mint};
use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use serde_json::json;

use super::cors::{self, Policy};
use super::form::{is_form, whole_body};
use super::headers::no_store;
use super::visit::network_of;
use crate::app::{App, Fault, Shared};
use crate::keys::KeyFault;
use crate::run::run_if;

/// TOKEN-10.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// A preflight: any origin that some client registered may ask; what the real request reads is decided by its client.
pub async fn preflight(State(app): State<Shared>, headers: HeaderMap) -> Response {
    let known = app.origins.of_any_client(&app).await;
    cors::preflight(&headers, &Method::POST, &Policy::Registered(&|origin| known.contains(origin.as_str())))
}

/// A token request.
pub async fn post(State(app): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let basic = parts.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let body = match whole_body(Request::from_parts(parts.clone(), body), &app).await {
        Ok(body) if body.len() <= MAX_BODY_BYTES => Ok(body),
        Ok(_) => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(status) => Err(status),
    };
    let (mut response, client) = match &body {
        // Only a browser's script needs leave to read the answer, and says where it is from.
        Ok(body) => {
            let client = parts.headers.get(ORIGIN).and_then(|_| named(basic, body));
            (respond(&app, &parts, basic, body).await, client)
        }
        Err(status) => (error(*status, Refusal::TokenMalformed), None),
    };
    allow_its_origins(&app, &parts.headers, client.as_ref(), &mut response).await;
    response
}

async fn respond(app: &App, parts: &http::request::Parts, basic: Option<&[u8]>, body: &Bytes) -> Response {
    match decide(app, parts, basic, body).await {
        Ok(Ok(answer)) => json_response(StatusCode::OK, answer),
        Ok(Err(refusal)) => refused(refusal, basic.is_some()),
        Err(fault) => trouble(&fault),
    }
}

/// Another method: JSON like every error of this endpoint, and the query is not looked at (TOKEN-01, TOKEN-13).
pub async fn method_not_allowed(State(app): State<Shared>, headers: HeaderMap) -> Response {
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, Refusal::TokenMethod);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    allow_its_origins(&app, &headers, None, &mut response).await;
    response
}

async fn decide(
    app: &App,
    parts: &http::request::Parts,
    basic: Option<&[u8]>,
    body: &Bytes,
) -> Result<Result<Vec<u8>, Refusal>, Fault> {
    if !is_form(parts.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes)) {
        return Ok(Err(Refusal::TokenContentType));
    }
    if parts.headers.get_all(AUTHORIZATION).iter().count() > 1 {
        return Ok(Err(Refusal::SeveralMethods));
    }
    let query = parts.uri.query().map(str::as_bytes);
    let request = match TokenRequest::parse(query, basic, body, network_of(parts)) {
        Ok(request) => request,
        Err(refusal) => return Ok(Err(refusal)),
    };
    // Signed before anything is spent, sent after: a missing key, or a token that would be too long, costs nobody a code
    // (law 4). Each attempt signs its own answer; what is sent is that of the attempt that was committed.
    let mut answer = Vec::new();
    let mut sign = |issued: &Issued| {
        let key_of = |algorithm| Ok::<_, Fault>(app.keys.signing(algorithm)?);
        answer = serde_json::to_vec(&mint(issued, key_of)?)?;
        Ok(())
    };
    // A key that is missing is made, and the request decided anew.
    let decided = match run_if(app, &request, &mut sign).await {
        Err(Fault::Keys(KeyFault::Missing(algorithm))) => {
            app.keys.ensure(algorithm).await?;
            run_if(app, &request, &mut sign).await?
        }
        other => other?,
    };
    Ok(decided.map(|_| answer).map_err(|refused| refused.refusal))
}

/// The status follows from the wire code alone (RFC 6749 §5.2).
fn refused(refusal: Refusal, used_basic: bool) -> Response {
    let status = StatusCode::from_u16(refusal.code().status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = error(status, refusal);
    if refusal.code() == ErrorCode::InvalidClient && used_basic {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"grantd\""));
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"));
    }
    response
}

fn error(status: StatusCode, refusal: Refusal) -> Response {
    let body = json!({ "error": refusal.code().as_str(), "error_description": refusal.says() });
    json_response(status, body.to_string().into_bytes())
}

fn trouble(fault: &Fault) -> Response {
    tracing::error!(event = "fault", fault = %fault, "a token request could not be decided");
    let body = json!({ "error": ErrorCode::TemporarilyUnavailable.as_str() });
    let mut response = json_response(StatusCode::SERVICE_UNAVAILABLE, body.to_string().into_bytes());
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

fn json_response(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = (status, body).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    no_store(response.headers_mut());
    response
}

/// The client that a request names, if it names one.
fn named(basic: Option<&[u8]>, body: &Bytes) -> Option<ClientId> {
    let presented = Presented::parse(basic, &Parameters::parse(body, MAX_BODY_BYTES).ok()?).ok()?;
    Some(presented.client_id().clone())
}

/// TOKEN-12: only origins that this very client registered may read the answer, errors too. That a request names no client at all
/// may be read by every registered origin, as a preflight: whoever sends JSON should learn that it must be a form.
async fn allow_its_origins(app: &App, headers: &HeaderMap, client: Option<&ClientId>, response: &mut Response) {
    let registered = match (cors::Origin::of(headers), client) {
        (None, _) => false,
        (Some(origin), Some(client)) => {
            app.origins.of_client(app, client).await.iter().any(|known| known == origin.as_str())
        }
        (Some(origin), None) => app.origins.of_any_client(app).await.contains(origin.as_str()),
    };
    cors::allow(headers, &Policy::Registered(&|_| registered), response.headers_mut());
}
