//! Asking a resource which things a person has, so that the person can choose among them.
//!
//! Owns the token the question is asked with and the reading of the answer. Whom to ask and what to do with the answer is
//! decided in `grantd_protocol::consent`. A resource that does not answer in time is written down as such: the page says so.

use std::time::Duration;

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::endpoint::{Fetch, Question};
use grantd_protocol::names::{Scope, UserId};
use grantd_protocol::parameters::encode;
use grantd_protocol::records::{Offer, OfferedThings, Thing, Things};
use grantd_tokens::json::{self, Limits};
use grantd_tokens::{AccessTokenClaims, Seconds, Secret};
use serde_json::Value;

use crate::app::{App, Fault};
use crate::env::{self, OsRandom};
use crate::fetch;

/// A person waits for the page.
const PATIENCE: Duration = Duration::from_secs(2);
/// Good for this one question.
const TOKEN_LIFETIME: Seconds = Seconds(60);
const MAX_ANSWER_BYTES: usize = 64 * 1024;
const MAX_THINGS: usize = 100;
const MAX_TEXT_CHARS: usize = 200;

/// Asks all the questions at once and keeps the answers with the pending request.
pub async fn fetch_and_keep(app: &App, fetch: Fetch) -> Result<(), Fault> {
    let Fetch::Things { pending, user, questions } = fetch;
    let mut asking = tokio::task::JoinSet::new();
    let mut answers = Vec::with_capacity(questions.len());
    for question in questions {
        match token_for(app, &question, &user) {
            Some(token) => {
                let fetcher = std::sync::Arc::clone(&app.fetcher);
                asking.spawn(async move {
                    let things = ask(&fetcher, &question, &token).await;
                    answered(question, things)
                });
            }
            None => answers.push(answered(question, None)),
        }
    }
    while let Some(answer) = asking.join_next().await {
        answers.extend(answer.ok());
    }
    answers.sort_by(|one, other| (&one.resource, &one.type_name).cmp(&(&other.resource, &other.type_name)));
    let offer = Offer::Asked { user, at: env::now(), answers };
    // A request that was answered meanwhile is stale; the next look finds it gone.
    match app.store.commit(&app.settings.issuer, vec![Change::Offer { pending, offer }]).await? {
        Commit::Done | Commit::Stale | Commit::Refused(_) => Ok(()),
    }
}

fn answered(question: Question, things: Option<Vec<Thing>>) -> OfferedThings {
    let things = things.map_or(Things::Unavailable, Things::Known);
    OfferedThings { resource: question.resource, type_name: question.type_name, things }
}

/// A token that says for whom the server asks, and can do nothing but ask: no client can ever hold its scope.
fn token_for(app: &App, question: &Question, user: &UserId) -> Option<Secret> {
    let now = env::now();
    let issuer = app.settings.issuer.as_str().to_owned();
    let claims = AccessTokenClaims {
        iss: issuer.clone(),
        sub: user.as_str().to_owned(),
        aud: question.resource.as_str().to_owned(),
        // The server itself asks; no client has a URL as its id (DCR-04).
        client_id: issuer,
        exp: now + TOKEN_LIFETIME,
        iat: now,
        jti: Secret::random(&mut OsRandom).expose().to_owned(),
        scope: Some(Scope::things().to_string()),
        authorization_details: Vec::new(),
        auth_time: None,
        acr: None,
    };
    let key = app.keys.signing(app.settings.access_token_algorithm).ok()?;
    claims.mint(&key).ok().map(Secret::new)
}

async fn ask(fetcher: &fetch::Fetcher, question: &Question, token: &Secret) -> Option<Vec<Thing>> {
    let separator = if question.endpoint.contains('?') { '&' } else { '?' };
    let url = format!("{}{separator}type={}", question.endpoint, encode(question.type_name.as_str()));
    let request = fetch::Fetch {
        url: &url,
        named_by: fetch::NamedBy::Operator,
        bearer: Some(token),
        accept: &["application/json"],
        max_bytes: MAX_ANSWER_BYTES,
        timeout: PATIENCE,
    };
    let document = fetcher.get(request).await.ok()?;
    let things = read(&document.body);
    if things.is_none() {
        tracing::warn!(
            resource = question.resource.as_str(),
            "the answer about things is not {{\"things\":[{{\"identifier\":…,\"title\":…}}]}}, or is too large"
        );
    }
    things
}

/// The whole answer or nothing: half a list would look like a whole one.
fn read(body: &[u8]) -> Option<Vec<Thing>> {
    let object = json::parse_object(body, Limits { max_bytes: MAX_ANSWER_BYTES, max_depth: 8 }).ok()?;
    let list = object.get("things")?.as_array().filter(|list| list.len() <= MAX_THINGS)?;
    let things: Vec<Thing> = list.iter().map(thing).collect::<Option<_>>()?;
    let twice = things
        .iter()
        .enumerate()
        .any(|(position, thing)| things.iter().take(position).any(|earlier| earlier.identifier == thing.identifier));
    (!twice).then_some(things)
}

fn thing(value: &Value) -> Option<Thing> {
    let text = |name: &str| {
        let text = value.get(name)?.as_str()?;
        let fits = !text.is_empty() && text.chars().count() <= MAX_TEXT_CHARS && !text.chars().any(char::is_control);
        fits.then(|| text.to_owned())
    };
    Some(Thing { identifier: text("identifier")?, title: text("title")?, subtitle: text("subtitle") })
}
