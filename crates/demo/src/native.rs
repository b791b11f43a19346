//! Mail on the command line: a native app that waits for its answer on a loopback port of its own (RFC 8252 §7.3).
//!
//! Start at [`run`]. [`NativeApp`] is the same in steps.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use oauth2::TokenResponse;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use url::Url;

use crate::addresses::{listen_anywhere, origin};
use crate::back_channel::BackChannel;
use crate::client::{Client, Registration, Tokens, Wish};
use crate::declarations::{LIST_BOXES, LOOPBACK_PATH, MAIL_CLI};
use crate::fault::DemoFault;
use crate::metadata::Metadata;
use crate::page::{assets, page};
use crate::redirect::{Arrival, Departures, Dropped, LocalPath};

/// How long a person may take to come back; as long as the request is good.
const PATIENCE: Duration = crate::redirect::MAX_AGE;

/// Asks for a box in the person's browser and prints its letters. `lockbox` is the resource identifier of the lockbox API.
pub async fn run(issuer: &str, lockbox: &str, out: &mut impl Write) -> Result<(), DemoFault> {
    let app = NativeApp::start(issuer, lockbox).await?;
    writeln!(out, "Open this address in your browser, sign in and choose your boxes:\n\n  {}\n", app.address())?;
    writeln!(out, "Waiting for the answer on {} …", app.listens_on())?;
    out.flush()?;
    let session = app.wait().await?;
    writeln!(out, "The answer came and the door is closed. These boxes are open:")?;
    for identifier in session.opens() {
        writeln!(out, "\n  {identifier}")?;
        for (from, subject) in session.letters(&identifier).await? {
            writeln!(out, "    {from}: {subject}")?;
        }
    }
    Ok(())
}

/// The app, waiting for its one answer.
pub(crate) struct NativeApp {
    client: Client,
    lockbox: String,
    address: Url,
    redirect_uri: String,
    door: TcpListener,
    departures: Departures,
}

impl NativeApp {
    /// Listens on 127.0.0.1 alone, on a fresh port (NATIVE-06), and makes the address to open.
    pub(crate) async fn start(issuer: &str, lockbox: &str) -> Result<Self, DemoFault> {
        let back_channel = BackChannel::new()?;
        let metadata = Metadata::fetch(issuer, &back_channel).await?;
        let door = listen_anywhere().await?;
        let redirect_uri = format!("{}{LOOPBACK_PATH}", origin(&door)?);
        let registration = Registration { client_id: MAIL_CLI, secret: None, redirect_uri: &redirect_uri };
        let client = Client::new(&registration, metadata, back_channel)?;
        let wish = Wish { scopes: vec![LIST_BOXES], resources: vec![lockbox.to_owned()] };
        let mut departures = Departures::default();
        let address = client.depart(&wish, &mut departures, LocalPath::or_home(None), Instant::now());
        Ok(Self { client, lockbox: lockbox.to_owned(), address, redirect_uri, door, departures })
    }

    /// What the person opens in a browser.
    pub(crate) fn address(&self) -> &Url {
        &self.address
    }

    /// Where the answer will be taken.
    pub(crate) fn listens_on(&self) -> &str {
        &self.redirect_uri
    }

    /// Takes one answer, closes the door, and trades the code.
    pub(crate) async fn wait(self) -> Result<NativeSession, DemoFault> {
        let Self { client, lockbox, door, departures, .. } = self;
        let arrival = take_one_answer(door, departures).await??;
        NativeSession::redeem(client, arrival, lockbox).await
    }

    /// As [`NativeApp::wait`], but the caller trades the code.
    pub(crate) async fn wait_for_code(self) -> Result<(Client, Arrival), DemoFault> {
        let Self { client, door, departures, .. } = self;
        let arrival = take_one_answer(door, departures).await??;
        Ok((client, arrival))
    }
}

struct Waiting {
    departures: Departures,
    answered: Option<oneshot::Sender<Result<Arrival, Dropped>>>,
}

#[derive(Template)]
#[template(path = "native.html")]
struct Done {
    dropped: Option<Dropped>,
}

/// Serves until one answer to our question came, then stops listening. Who knows no `state` of ours is told so and ends nothing.
async fn take_one_answer(door: TcpListener, departures: Departures) -> Result<Result<Arrival, Dropped>, DemoFault> {
    let (answered, answer) = oneshot::channel();
    let (close, closed) = oneshot::channel::<()>();
    let waiting = Arc::new(Mutex::new(Waiting { departures, answered: Some(answered) }));
    let router = Router::new().route(LOOPBACK_PATH, get(receive)).with_state(waiting).merge(assets());
    let served = tokio::spawn(async move {
        let until = async { closed.await.unwrap_or_default() };
        axum::serve(door, router).with_graceful_shutdown(until).await
    });
    let answer = timeout(PATIENCE, answer).await;
    // Whether or not somebody came, the door closes; the page that is on its way is still delivered.
    drop(close);
    let _ = timeout(Duration::from_secs(2), served).await;
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        _ => Err(DemoFault::NobodyCame { minutes: PATIENCE.as_secs() / 60 }),
    }
}

async fn receive(State(waiting): State<Arc<Mutex<Waiting>>>, RawQuery(query): RawQuery) -> Response {
    let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    let received = waiting.departures.receive(&query.unwrap_or_default(), Instant::now());
    let dropped = received.as_ref().err().cloned();
    let is_ours = !matches!(dropped, Some(Dropped::StateUnknown | Dropped::StateMissing | Dropped::Repeated));
    if is_ours && let Some(answered) = waiting.answered.take() {
        // Nobody listens any more if the wait is over.
        let _ = answered.send(received);
    }
    page(&Done { dropped })
}

/// A key, and what it opens.
pub(crate) struct NativeSession {
    pub(crate) client: Client,
    pub(crate) tokens: Tokens,
    lockbox: String,
}

impl NativeSession {
    pub(crate) async fn redeem(client: Client, arrival: Arrival, lockbox: String) -> Result<Self, DemoFault> {
        let tokens = client.redeem(arrival, &lockbox).await;
        let tokens = tokens.map_err(|fault| DemoFault::TokenRefused(fault.to_string()))?;
        Ok(Self { client, tokens, lockbox })
    }

    pub(crate) fn opens(&self) -> Vec<String> {
        self.tokens.extra_fields().boxes()
    }

    /// Sender and subject of each letter in a box.
    pub(crate) async fn letters(&self, identifier: &str) -> Result<Vec<(String, String)>, DemoFault> {
        let url = format!("{}/{identifier}", self.lockbox);
        let no_answer = |why: String| DemoFault::NoAnswer { to: self.lockbox.clone(), why };
        let token = self.tokens.access_token().secret();
        let answer = self.client.back_channel().get_with_token(&url, token).await;
        let answer = answer.map_err(|fault| no_answer(fault.to_string()))?;
        let body = answer.json();
        let letters = body.get("letters").and_then(serde_json::Value::as_array);
        let letters = letters.ok_or_else(|| no_answer(format!("{} without letters", answer.status)))?;
        let word = |letter: &serde_json::Value, name| {
            letter.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
        };
        Ok(letters.iter().map(|letter| (word(letter, "from"), word(letter, "subject"))).collect())
    }
}
