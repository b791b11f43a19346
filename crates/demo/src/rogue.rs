//! The rogue: an app that has claimed PostKeeper's URI scheme on the same phone, gets the code, and tries what a thief would try.
//!
//! It plays by no rules: it takes every address, checks nothing, and knows PostKeeper's `client_id`, which is public.

use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;
use axum::Router;
use axum::extract::{Form, State};
use axum::response::Response;
use axum::routing::{get, post};
use oauth2::PkceCodeChallenge;
use serde_json::Value;
use url::form_urlencoded;

use crate::addresses::Addresses;
use crate::back_channel::BackChannel;
use crate::declarations::POSTKEEPER;
use crate::journal::fingerprint;
use crate::metadata::Metadata;
use crate::page::{assets, page, see_other};
use crate::postkeeper::{Arrived, query_of};

pub(crate) struct Rogue {
    token_endpoint: String,
    lockbox_resource: String,
    back_channel: BackChannel,
    loot: Mutex<Option<Loot>>,
}

/// A stolen code, and what it was good for.
#[derive(Clone)]
struct Loot {
    code: String,
    attempts: Vec<Attempt>,
}

/// One way of trying to trade the code.
#[derive(Clone)]
struct Attempt {
    how: &'static str,
    answer: String,
    verdict: AttemptVerdict,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum AttemptVerdict {
    Stopped,
    GotKey,
}

#[derive(Template)]
#[template(path = "rogue.html")]
struct Page {
    loot: Option<Loot>,
}

impl Page {
    fn got_key(&self) -> bool {
        let attempts = self.loot.iter().flat_map(|loot| &loot.attempts);
        attempts.into_iter().any(|attempt| attempt.verdict == AttemptVerdict::GotKey)
    }
}

impl Rogue {
    pub(crate) fn new(addresses: &Addresses, metadata: &Metadata, back_channel: BackChannel) -> Self {
        Self {
            token_endpoint: metadata.token_endpoint.clone(),
            lockbox_resource: addresses.lockbox_resource(),
            back_channel,
            loot: Mutex::default(),
        }
    }

    pub(crate) fn router(self) -> Router {
        Router::new().route("/", get(show)).route("/arrive", post(arrive)).with_state(Arc::new(self)).merge(assets())
    }
}

async fn show(State(app): State<Arc<Rogue>>) -> Response {
    let loot = app.loot.lock().unwrap_or_else(PoisonError::into_inner).clone();
    page(&Page { loot })
}

async fn arrive(State(app): State<Arc<Rogue>>, Form(arrived): Form<Arrived>) -> Response {
    let code = query_of(&arrived.address).and_then(|query| code_in(&query));
    let loot = match code {
        Some(code) => Some(steal(&app, &code).await),
        None => None,
    };
    *app.loot.lock().unwrap_or_else(PoisonError::into_inner) = loot;
    see_other("/", None)
}

async fn steal(app: &Rogue, code: &str) -> Loot {
    let (_, own_verifier) = PkceCodeChallenge::new_random_sha256();
    let attempts = vec![
        attempt(app, "as PostKeeper, without a verifier", code, None).await,
        attempt(app, "as PostKeeper, with a verifier of its own making", code, Some(own_verifier.secret())).await,
    ];
    Loot { code: fingerprint(code), attempts }
}

async fn attempt(app: &Rogue, how: &'static str, code: &str, verifier: Option<&str>) -> Attempt {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("client_id", POSTKEEPER),
        ("code", code),
        ("resource", app.lockbox_resource.as_str()),
    ];
    form.extend(verifier.map(|verifier| ("code_verifier", verifier)));
    let answer = match app.back_channel.post_form(&app.token_endpoint, &form).await {
        Ok(answer) => answer.json(),
        Err(fault) => return Attempt { how, answer: fault.to_string(), verdict: AttemptVerdict::Stopped },
    };
    let word = |name| answer.get(name).and_then(Value::as_str).unwrap_or_default();
    if answer.get("access_token").is_some() {
        return Attempt { how, answer: "a key".to_owned(), verdict: AttemptVerdict::GotKey };
    }
    let said = format!("{}: {}", word("error"), word("error_description"));
    Attempt { how, answer: said, verdict: AttemptVerdict::Stopped }
}

fn code_in(query: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code").map(|(_, code)| code.into_owned())
}
