//! Mail on the command line: a native app that waits for its answer on a loopback port of its own (RFC 8252 §7.3).
//!
//! Start at [`run`]. [`NativeApp`] is the same in steps.

use std::io::{BufRead, Write};
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
use crate::back_channel::{Answer, BackChannel};
use crate::client::{Client, Registration, Tokens, Wish};
use crate::declarations::{LIST_BOXES, LOOPBACK_PATH, MAIL_CLI};
use crate::fault::DemoFault;
use crate::metadata::Metadata;
use crate::page::{assets, page};
use crate::redirect::{Arrival, Departures, Dropped, LocalPath};

/// How long a person may take to come back; as long as the request is good.
const PATIENCE: Duration = crate::redirect::MAX_AGE;

/// Asks for a box in the person's browser and prints its letters, again at every line of `person`; when those end, gives back what it was
/// given. `lockbox` is the resource identifier of the lockbox API.
pub async fn run(
    issuer: &str,
    lockbox: &str,
    mut person: impl BufRead + Send + 'static,
    out: &mut impl Write,
) -> Result<(), DemoFault> {
    let app = NativeApp::start(issuer, lockbox).await?;
    writeln!(out, "Open this address in your browser, sign in and choose your boxes:\n\n  {}\n", app.address())?;
    writeln!(out, "Waiting for the answer on {} …", app.listens_on())?;
    out.flush()?;
    let mut session = app.wait().await?;
    writeln!(out, "The answer came and the door is closed. These boxes are open:")?;
    loop {
        print_letters(&mut session, out).await?;
        writeln!(out, "\nEnter looks again. The end of input (Ctrl-D) gives the key back.")?;
        out.flush()?;
        let (back, line) = next_line(person).await?;
        person = back;
        if line == Line::End {
            break;
        }
    }
    session.give_back().await?;
    writeln!(out, "Key and voucher were given back: nothing that was on this computer opens a box any more.")?;
    Ok(())
}

async fn print_letters(session: &mut NativeSession, out: &mut impl Write) -> Result<(), DemoFault> {
    for identifier in session.opens() {
        let key = session.key();
        let letters = session.letters(&identifier).await;
        if key != session.key() {
            writeln!(out, "\n  (The key was worn out. The voucher brought a new one, and nobody had to be asked.)")?;
        }
        writeln!(out, "\n  {identifier}")?;
        match letters {
            Ok(letters) => {
                letters.iter().try_for_each(|(from, subject)| writeln!(out, "    {from}: {subject}"))?;
            }
            // Closed since, perhaps; the other boxes may still be open.
            Err(fault @ DemoFault::NoAnswer { .. }) => writeln!(out, "    {fault}")?,
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

#[derive(PartialEq, Eq)]
enum Line {
    Some,
    End,
}

/// Reading from a terminal blocks; the connections go on meanwhile.
async fn next_line<R: BufRead + Send + 'static>(mut person: R) -> Result<(R, Line), DemoFault> {
    let reading = tokio::task::spawn_blocking(move || {
        let read = person.skip_until(b'\n');
        (person, read)
    });
    let (person, read) = reading.await.map_err(std::io::Error::other)?;
    Ok((person, if read? == 0 { Line::End } else { Line::Some }))
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

    pub(crate) fn key(&self) -> String {
        self.tokens.access_token().secret().clone()
    }

    pub(crate) fn opens(&self) -> Vec<String> {
        self.tokens.extra_fields().boxes()
    }

    /// Sender and subject of each letter in a box. A key that the API takes no more is replaced by a silent refresh.
    pub(crate) async fn letters(&mut self, identifier: &str) -> Result<Vec<(String, String)>, DemoFault> {
        let mut answer = self.look_into(identifier).await?;
        if answer.status == http::StatusCode::UNAUTHORIZED {
            self.renew().await?;
            answer = self.look_into(identifier).await?;
        }
        let body = answer.json();
        let letters = body.get("letters").and_then(serde_json::Value::as_array);
        let letters = letters.ok_or_else(|| self.no_answer(format!("{} without letters", answer.status)))?;
        let word = |letter: &serde_json::Value, name| {
            letter.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
        };
        Ok(letters.iter().map(|letter| (word(letter, "from"), word(letter, "subject"))).collect())
    }

    /// Trades the voucher for a new key, without the person.
    pub(crate) async fn renew(&mut self) -> Result<(), DemoFault> {
        let refused = |why: String| DemoFault::TokenRefused(why);
        let Some(voucher) = self.tokens.refresh_token().cloned() else {
            return Err(refused("there is no voucher to trade".to_owned()));
        };
        let mut tokens = self.client.refresh(&voucher, &self.lockbox).await.map_err(|no| refused(no.to_string()))?;
        if tokens.refresh_token().is_none() {
            tokens.set_refresh_token(Some(voucher));
        }
        self.tokens = tokens;
        Ok(())
    }

    /// Ends what this app was given (RFC 7009): the person is done with it.
    pub(crate) async fn give_back(self) -> Result<(), DemoFault> {
        let given_back = match self.tokens.refresh_token() {
            Some(voucher) => self.client.give_back(voucher.clone()).await,
            None => self.client.give_back(self.tokens.access_token().clone()).await,
        };
        given_back.map_err(|fault| DemoFault::TokenRefused(fault.to_string()))
    }

    async fn look_into(&self, identifier: &str) -> Result<Answer, DemoFault> {
        let url = format!("{}/{identifier}", self.lockbox);
        let answer = self.client.back_channel().get_with_token(&url, self.tokens.access_token().secret()).await;
        answer.map_err(|fault| self.no_answer(fault.to_string()))
    }

    fn no_answer(&self, why: String) -> DemoFault {
        DemoFault::NoAnswer { to: self.lockbox.clone(), why }
    }
}
