//! Mailroom: a web app with a back end, a business that reads people's mail for them. Tokens stay on its server; the browser has a
//! session cookie and nothing else.
//!
//! Owns its paths and its sessions. What it does on the back channel is in [`errands`], what it shows in [`view`].

mod errands;
mod view;
mod visitor;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Form, Query, RawQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::HeaderMap;
use serde::Deserialize;
use tokio::time::Instant;

use crate::addresses::Addresses;
use crate::back_channel::BackChannel;
use crate::client::{Client, Registration, Wish};
use crate::declarations::{LIST_BOXES, MAILROOM, TRACK_PARCELS};
use crate::fault::DemoFault;
use crate::journal::{Carried, Channel, carried_in};
use crate::metadata::Metadata;
use crate::page::{assets, forged, is_from, page, see_other};
use crate::redirect::{Dropped, LocalPath};
use crate::session::{SessionId, Sessions};
use visitor::{Notice, Visitor};

/// The app, as its handlers share it.
pub(crate) struct Mailroom {
    client: Client,
    wish: Wish,
    addresses: Addresses,
    sessions: Mutex<Sessions<Visitor>>,
}

impl Mailroom {
    pub(crate) fn new(
        addresses: &Addresses,
        secret: &str,
        metadata: Metadata,
        back_channel: BackChannel,
    ) -> Result<Self, DemoFault> {
        let redirect_uri = addresses.mailroom_callback();
        let registration = Registration { client_id: MAILROOM, secret: Some(secret), redirect_uri: &redirect_uri };
        Ok(Self {
            client: Client::new(&registration, metadata, back_channel)?,
            wish: Wish {
                scopes: vec![LIST_BOXES, TRACK_PARCELS, "offline_access"],
                resources: vec![addresses.lockbox_resource(), addresses.parcels_resource()],
            },
            addresses: addresses.clone(),
            sessions: Mutex::new(Sessions::new("mailroom_session")),
        })
    }

    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/", get(home))
            .route("/login", get(login))
            .route("/callback", get(callback))
            .route("/open", post(open))
            .route("/parcels", post(parcels))
            .route("/refresh", post(refresh))
            .route("/forget", post(forget))
            .with_state(Arc::new(self))
            .merge(assets())
    }

    /// Never held across an `await`.
    fn sessions(&self) -> MutexGuard<'_, Sessions<Visitor>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_visitor<T>(&self, id: &SessionId, then: impl FnOnce(&mut Visitor) -> T) -> Option<T> {
        self.sessions().get(id, Instant::now()).map(then)
    }
}

type App = State<Arc<Mailroom>>;

async fn home(State(app): App, headers: HeaderMap) -> Response {
    let mut sessions = app.sessions();
    let id = sessions.of(&headers);
    let mut stranger = Visitor::default();
    let visitor = match id.and_then(|id| sessions.get(&id, Instant::now())) {
        Some(visitor) => visitor,
        None => &mut stranger,
    };
    page(&view::home(visitor, &app, Instant::now()))
}

#[derive(Deserialize)]
struct LoginQuery {
    return_to: Option<String>,
}

/// Sends the browser to the authorization server, with a `state` that only this browser's session knows.
async fn login(State(app): App, headers: HeaderMap, Query(query): Query<LoginQuery>) -> Response {
    let now = Instant::now();
    let return_to = LocalPath::or_home(query.return_to.as_deref());
    let mut sessions = app.sessions();
    let id = match sessions.of(&headers) {
        Some(id) => id,
        None => sessions.start(now),
    };
    let cookie = sessions.set_cookie(&id);
    let Some(visitor) = sessions.get(&id, now) else { return see_other("/", None) };
    let address = app.client.depart(&app.wish, &mut visitor.departures, return_to, now);
    visitor.journal = crate::journal::Journal::default();
    visitor.journal.front("Mailroom → browser → grantd", "Mailroom asks: may I?", carried_in(&address));
    see_other(address.as_str(), cookie)
}

/// Takes the answer. Whatever it is, the browser goes on to a clean address (SESS-21).
async fn callback(State(app): App, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let now = Instant::now();
    let query = query.unwrap_or_default();
    let (id, arrival) = {
        let mut sessions = app.sessions();
        let known = sessions.of(&headers);
        let id = known.unwrap_or_else(|| sessions.start(now));
        let Some(visitor) = sessions.get(&id, now) else { return see_other("/", None) };
        let arrival = visitor.departures.receive(&query, now);
        note_answer(visitor, &query, arrival.as_ref().err());
        (id, arrival)
    };
    let Ok(arrival) = arrival else { return see_other("/", app.sessions().set_cookie(&id)) };
    let return_to = arrival.return_to.clone();
    errands::redeem(&app, &id, arrival).await;
    // A session that gained rights gets a new name, so that one planted beforehand is worth nothing.
    let mut sessions = app.sessions();
    let cookie = sessions.rename(&id, now).and_then(|id| sessions.set_cookie(&id));
    see_other(return_to.as_str(), cookie)
}

fn note_answer(visitor: &mut Visitor, query: &str, dropped: Option<&Dropped>) {
    const WAY: &str = "grantd → browser → Mailroom";
    let carried = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| match name.as_ref() {
        "iss" | "error" | "error_description" => Carried::new(&name, value),
        _ => Carried::secret(&name, &value),
    };
    match dropped {
        None => {
            let carried = url::form_urlencoded::parse(query.as_bytes()).map(carried).collect();
            visitor.journal.front(WAY, "grantd answers with a receipt: the code. It opens nothing by itself.", carried);
        }
        Some(Dropped::Refused { error, .. }) => {
            visitor.journal.failed(Channel::Front, WAY, format!("grantd answers no: {error}"));
            visitor.notice = Some(Notice::bad(format!("Nothing was shared with Mailroom ({error}).")));
        }
        Some(dropped) => {
            visitor.journal.failed(Channel::Front, WAY, format!("Mailroom drops the answer: {dropped}."));
            let text = format!("Mailroom dropped an answer without using it: {dropped}.");
            visitor.notice = Some(Notice::bad(text));
        }
    }
}

#[derive(Deserialize)]
struct OpenForm {
    identifier: String,
}

async fn open(State(app): App, headers: HeaderMap, Form(form): Form<OpenForm>) -> Response {
    let Some(id) = own_form(&app, &headers) else { return forged() };
    errands::open(&app, &id, &form.identifier).await;
    see_other("/", None)
}

async fn parcels(State(app): App, headers: HeaderMap) -> Response {
    let Some(id) = own_form(&app, &headers) else { return forged() };
    errands::ask_for_parcels(&app, &id).await;
    see_other("/", None)
}

#[derive(Deserialize)]
struct RefreshForm {
    api: visitor::Api,
}

async fn refresh(State(app): App, headers: HeaderMap, Form(form): Form<RefreshForm>) -> Response {
    let Some(id) = own_form(&app, &headers) else { return forged() };
    errands::refresh(&app, &id, form.api).await;
    see_other("/", None)
}

/// Gives back what Mailroom holds, and keeps nothing but the notice that says so.
async fn forget(State(app): App, headers: HeaderMap) -> Response {
    let Some(id) = own_form(&app, &headers) else { return forged() };
    errands::give_back(&app, &id).await;
    let mut sessions = app.sessions();
    let cookie = sessions.rename(&id, Instant::now()).and_then(|id| sessions.set_cookie(&id));
    see_other("/", cookie)
}

fn own_form(app: &Mailroom, headers: &HeaderMap) -> Option<SessionId> {
    if is_from(&app.addresses.mailroom, headers) { app.sessions().of(headers) } else { None }
}
