//! `POST /token` (RFC 6749 §3.2): bytes in, JSON out. The rules are in `grantd_protocol::token`.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use grantd_protocol::token::{Issued, TokenRequest, mint::mint};
use http::StatusCode;

use super::back_channel::{Decided, JSON, Posted, fresh};
use crate::app::{App, Fault, Shared};
use crate::keys::KeyFault;
use crate::run::run_if;

/// How long an answer is held back for each one that it replaces. Two tabs of one app that refresh at once are both answered, and
/// keep what came last; so the one whose token works has to come last, and the others are given time to arrive. It may be the
/// third: browsers repeat a POST by themselves when its connection ends.
const HELD_BACK: Duration = Duration::from_millis(400);

/// Two tabs and a network that loses answers stay below this. Whoever repeats more often waits no longer for it.
const MOST_HELD_BACK: u32 = 5;

/// A token request.
pub async fn post(State(app): State<Shared>, request: Request) -> Response {
    let posted = Posted::read(request, &app).await;
    let mut response = posted.answered(decide(&app, &posted).await);
    posted.allow_its_origins(&app, &mut response).await;
    response
}

async fn decide(app: &App, posted: &Posted) -> Decided<Response> {
    let request = match posted.parsed(TokenRequest::parse) {
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
            Box::pin(app.keys.ensure(algorithm)).await?;
            Box::pin(run_if(app, &request, &mut sign)).await?
        }
        other => other?,
    };
    match decided {
        Ok(issued) => {
            if issued.replaced_answers > 0 {
                tokio::time::sleep(HELD_BACK * issued.replaced_answers.min(MOST_HELD_BACK)).await;
            }
            Ok(Ok(fresh(StatusCode::OK, JSON, answer)))
        }
        Err(refused) => Ok(Err(refused.refusal)),
    }
}
