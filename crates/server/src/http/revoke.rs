//! `POST /revoke` (RFC 7009): a client gives a token back. The rules are in `grantd_protocol::revocation`.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use grantd_protocol::revocation::RevocationRequest;
use http::StatusCode;

use super::back_channel::{Decided, Posted};
use super::headers::no_store;
use crate::app::{App, Shared};
use crate::run::run;

/// A revocation request. What is answered is durable, on every node (REVOKE-06).
pub async fn post(State(app): State<Shared>, request: Request) -> Response {
    let posted = Posted::read(request, &app).await;
    let mut response = posted.answered(decide(&app, &posted).await);
    posted.allow_its_origins(&app, &mut response).await;
    response
}

async fn decide(app: &App, posted: &Posted) -> Decided<Response> {
    let request = match posted.parsed(RevocationRequest::parse) {
        Ok(request) => request,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let decided = run(app, &request).await?;
    Ok(decided.map(|()| over()).map_err(|refused| refused.refusal))
}

/// RFC 7009 §2.2: 200 says it all. No body, and so no type of one.
fn over() -> Response {
    let mut response = StatusCode::OK.into_response();
    no_store(response.headers_mut());
    response
}
