//! PostKeeper: an app on a phone that is called back by a private-use URI scheme (RFC 8252 §7.1), and shows what happens when another app
//! has claimed the same scheme.
//!
//! A desktop browser has no such phone, so the person plays the system: they carry the address over, to one app or the other.

use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;
use axum::Router;
use axum::extract::{Form, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::HeaderMap;
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use crate::addresses::Addresses;
use crate::back_channel::BackChannel;
use crate::client::{Client, Registration, Wish};
use crate::declarations::{LIST_BOXES, POSTKEEPER, POSTKEEPER_CALLBACK};
use crate::fault::DemoFault;
use crate::metadata::Metadata;
use crate::native::NativeSession;
use crate::page::{Leave, assets, forged, is_from, page_with, see_other};
use crate::redirect::{Departures, LocalPath};

/// One phone, one app on it: what it waits for is in its memory, not in a browser's cookie.
pub(crate) struct PostKeeper {
    client: Client,
    wish: Wish,
    addresses: Addresses,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    departures: Departures,
    outcome: Option<Outcome>,
}

/// What came of the last address that was handed over.
#[derive(Clone)]
pub(crate) enum Outcome {
    Stopped(String),
    Opened(Vec<(String, String)>),
}

#[derive(Template)]
#[template(path = "postkeeper.html")]
struct Page {
    outcome: Option<Outcome>,
    rogue: String,
    callback: &'static str,
}

impl PostKeeper {
    pub(crate) fn new(addresses: &Addresses, metadata: Metadata, back_channel: BackChannel) -> Result<Self, DemoFault> {
        let registration = Registration { client_id: POSTKEEPER, secret: None, redirect_uri: POSTKEEPER_CALLBACK };
        Ok(Self {
            client: Client::new(&registration, metadata, back_channel)?,
            wish: Wish { scopes: vec![LIST_BOXES], resources: vec![addresses.lockbox_resource()] },
            addresses: addresses.clone(),
            memory: Mutex::default(),
        })
    }

    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/", get(show))
            .route("/login", get(login))
            .route("/arrive", post(arrive))
            .with_state(Arc::new(self))
            .merge(assets())
    }

    fn remember<T>(&self, then: impl FnOnce(&mut Memory) -> T) -> T {
        then(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

type App = State<Arc<PostKeeper>>;

async fn show(State(app): App) -> Response {
    let outcome = app.remember(|memory| memory.outcome.take());
    let leave = Leave { forms_to: vec![app.addresses.rogue.clone()], ..Leave::default() };
    page_with(&Page { outcome, rogue: app.addresses.rogue.clone(), callback: POSTKEEPER_CALLBACK }, &leave)
}

async fn login(State(app): App) -> Response {
    let address = app.remember(|memory| {
        app.client.depart(&app.wish, &mut memory.departures, LocalPath::or_home(None), Instant::now())
    });
    see_other(address.as_str(), None)
}

#[derive(Deserialize)]
pub(crate) struct Arrived {
    pub(crate) address: String,
}

/// The system hands the app the address that was opened.
async fn arrive(State(app): App, headers: HeaderMap, Form(arrived): Form<Arrived>) -> Response {
    if !is_from(&app.addresses.postkeeper, &headers) {
        return forged();
    }
    let outcome = match query_of(&arrived.address) {
        None => Outcome::Stopped(format!("this is not an address that begins with {POSTKEEPER_CALLBACK}")),
        Some(query) => judge(&app, &query).await,
    };
    app.remember(|memory| memory.outcome = Some(outcome));
    see_other("/", None)
}

async fn judge(app: &PostKeeper, query: &str) -> Outcome {
    let arrival = match app.remember(|memory| memory.departures.receive(query, Instant::now())) {
        Ok(arrival) => arrival,
        Err(dropped) => return Outcome::Stopped(dropped.to_string()),
    };
    let session = NativeSession::redeem(app.client.clone(), arrival, app.addresses.lockbox_resource()).await;
    match session {
        Ok(mut session) => opened(&mut session).await.unwrap_or_else(|fault| Outcome::Stopped(fault.to_string())),
        Err(fault) => Outcome::Stopped(fault.to_string()),
    }
}

async fn opened(session: &mut NativeSession) -> Result<Outcome, DemoFault> {
    let mut letters = Vec::new();
    for identifier in session.opens() {
        letters.extend(session.letters(&identifier).await?);
    }
    Ok(Outcome::Opened(letters))
}

/// The query of an address of this app's scheme. What the person pasted may have spaces around it.
pub(crate) fn query_of(address: &str) -> Option<String> {
    let url = Url::parse(address.trim()).ok()?;
    let (callback, query) = (Url::parse(POSTKEEPER_CALLBACK).ok()?, url.query()?);
    (url.scheme() == callback.scheme() && url.path() == callback.path()).then(|| query.to_owned())
}
