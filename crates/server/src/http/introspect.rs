//! `POST /introspect` (RFC 7662): what is a token good for? The rules are in `grantd_protocol::introspection`.
//!
//! For servers: no other origin may read an answer in a browser.

use axum::extract::{Request, State};
use axum::response::Response;
use grantd_protocol::introspection::{Introspected, IntrospectionRequest};
use grantd_protocol::refusals::Refusal;
use grantd_tokens::introspection_response::MEDIA_TYPE;
use http::StatusCode;
use http::header::{ACCEPT, HeaderMap, HeaderValue, VARY};

use super::back_channel::{Decided, JSON, Posted, fresh, only};
use crate::app::{App, Fault, Shared};
use crate::env;
use crate::run::run;

/// An introspection request.
pub async fn post(State(app): State<Shared>, request: Request) -> Response {
    let posted = Posted::read(request, &app).await;
    posted.answered(decide(&app, &posted).await)
}

/// Another method.
pub async fn method_not_allowed() -> Response {
    only("POST")
}

async fn decide(app: &App, posted: &Posted) -> Decided<Response> {
    let request = match posted.parsed(IntrospectionRequest::parse) {
        Ok(request) => request,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let introspected = match run(app, &request).await? {
        Ok(introspected) => introspected,
        Err(refused) => return Ok(Err(refused.refusal)),
    };
    if let Introspected::Inactive(why) = introspected {
        let caller = request.caller();
        // As many of these as there are expired tokens: nothing to write down on a quiet day.
        tracing::debug!(event = "token_inactive", %caller, refusal = why.name(), rule = why.rule(), "not active");
        if !app.inactive_answers.take(caller, env::now()) {
            return Ok(Err(Refusal::IntrospectionThrottled));
        }
    }
    let mut response = if asks_for_signed(posted.headers()) {
        fresh(StatusCode::OK, MEDIA_TYPE, sign(app, &request, &introspected)?)
    } else {
        fresh(StatusCode::OK, JSON, serde_json::to_vec(&introspected.members()?)?)
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
    Ok(Ok(response))
}

/// RFC 9701 §5. Signed as access tokens are, with the key that the metadata names.
fn sign(app: &App, request: &IntrospectionRequest, introspected: &Introspected) -> Result<String, Fault> {
    let key = app.keys.signing(app.settings.access_token_algorithm)?;
    let answer = introspected.to_sign(&app.settings.issuer, request.caller(), env::now())?;
    Ok(answer.mint(&key)?)
}

/// RFC 9701 §4: only whoever names the type gets it; nobody is served a JWT by a wildcard. Where it is named beside plain JSON,
/// the one with the greater weight is taken, and of two alike the signed one.
fn asks_for_signed(headers: &HeaderMap) -> bool {
    let named = |media_type: &str| {
        let lists = headers.get_all(ACCEPT).iter().filter_map(|list| list.to_str().ok());
        lists.flat_map(|list| list.split(',')).filter_map(|range| weight_of(range, media_type)).max()
    };
    named(MEDIA_TYPE).is_some_and(|signed| signed > 0 && named(JSON).is_none_or(|plain| signed >= plain))
}

/// The weight of a media range in thousandths (RFC 9110 §12.4.2), if it is this very type.
fn weight_of(range: &str, media_type: &str) -> Option<u16> {
    let mut parts = range.split(';').map(str::trim);
    let is_it = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(media_type));
    let weight = parts.find_map(|part| part.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("q")));
    is_it.then(|| weight.map_or(Some(1000), |(_, value)| thousandths(value.trim()))).flatten()
}

fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: u16 = whole.parse().ok().filter(|whole| *whole <= 1)?;
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let fraction: u16 = format!("{fraction:0<3}").parse().ok().filter(|_| digits)?;
    Some(whole * 1000 + fraction).filter(|weight| *weight <= 1000)
}
