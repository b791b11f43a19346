//! The dance without hands: a person, their browser and a thief, over real HTTP. Every step is looked at, and the first that is not as it must
//! be ends the script.
//!
//! Start at [`script`]; then [`dance`] is what must work, [`attacks`] and [`thefts`] what must not; [`life`] and [`taken_back`] what becomes of
//! a grant afterwards.

mod apps;
mod attacks;
mod browser;
mod dance;
pub mod forms;
mod life;
mod narrator;
mod taken_back;
mod thefts;

use std::io::Write;

use url::Url;

use crate::back_channel::{Answer, BackChannel};
use crate::client::Client;
use crate::declarations::MAIL_CLI;
use crate::fault::DemoFault;
use crate::journal::carried_in;
use crate::native::{NativeApp, NativeSession};
use crate::people::{PEOPLE, Person};
use crate::post_office::Running;
use crate::redirect::Arrival;
use browser::{Browser, Page, without_query};
use narrator::Narrator;

/// What the script has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Steps told.
    pub steps: usize,
    /// Attacks that were stopped.
    pub attacks_stopped: usize,
}

/// Walks the whole dance and tries what must fail. `Ok` only if everything went as it must.
pub async fn script<W: Write>(running: &Running, out: &mut W) -> Result<Outcome, DemoFault> {
    let mut stage =
        Stage { running, back_channel: BackChannel::new()?, browser: Browser::new()?, tell: Narrator::new(out) };
    stage.tell.chapter("The dance")?;
    stage.dance().await?;
    stage.tell.chapter("Apps without a server")?;
    stage.apps().await?;
    stage.tell.chapter("What must fail: through the browser")?;
    stage.attacks().await?;
    stage.tell.chapter("What must fail: with stolen goods")?;
    stage.thefts().await?;
    stage.tell.chapter("The life of a grant: renewed, raced for, stolen")?;
    stage.life().await?;
    stage.tell.chapter("The life of a grant: narrowed, ended, given back")?;
    stage.taken_back().await?;
    let (steps, attacks_stopped) = stage.tell.counts();
    stage.tell.chapter("Done")?;
    stage.tell.say(&format!("{steps} steps as they must be, {attacks_stopped} attacks stopped."))?;
    stage.tell.flush()?;
    Ok(Outcome { steps, attacks_stopped })
}

/// Everybody who takes part.
struct Stage<'a, W> {
    running: &'a Running,
    back_channel: BackChannel,
    /// Ada's.
    browser: Browser,
    tell: Narrator<'a, W>,
}

/// Who the story is about.
const ADA: &Person = &PEOPLE[0];
/// Who else has an account.
const GRACE: &Person = &PEOPLE[1];

/// What a person does on the consent page.
#[derive(Clone, Copy)]
enum Choice {
    /// Leaves only these boxes ticked, and presses Allow.
    Boxes(&'static [&'static str]),
    /// Presses Deny.
    Deny,
}

/// What she mostly does.
const BOX_ONE: Choice = Choice::Boxes(&["Box 1"]);

/// Where grantd's pages led to.
struct Answered {
    /// The redirect to the client. Nobody has followed it yet.
    address: Url,
    /// The page that sent it.
    from: Page,
    /// What could be ticked, in the page's words; empty if no page was shown.
    offered: Vec<String>,
}

impl<W: Write> Stage<'_, W> {
    /// Lets a browser go from an authorization request to the answer, filling the forms of grantd's pages on the way.
    async fn walk(
        &mut self,
        browser: &Browser,
        address: &Url,
        person: &Person,
        choice: Choice,
    ) -> Result<Answered, DemoFault> {
        const MOST_PAGES: usize = 12;
        let mut page = browser.open(address.as_str()).await?;
        let mut offered = Vec::new();
        for _ in 0..MOST_PAGES {
            if let Some(location) = page.location() {
                if location.origin() != address.origin() {
                    return Ok(Answered { address: location, from: page, offered });
                }
                page = browser.follow(&page, &location).await?;
                continue;
            }
            let document = page.document();
            let (form, button) = if let Some(login) = document.form("login") {
                let filled = login.clone().typed("username", person.username).typed("password", person.password);
                (filled, ("action", "sign_in"))
            } else if let Some(consent) = document.form("consent") {
                offered = consent.named("thing").map(|thing| thing.label.clone()).collect();
                match choice {
                    Choice::Boxes(titles) => {
                        let wanted = |label: &str| titles.iter().any(|title| is_titled(label, title));
                        let chosen = consent.clone().ticked("thing", |thing| wanted(&thing.label));
                        (chosen, ("decision", "allow"))
                    }
                    Choice::Deny => (consent.clone(), ("decision", "deny")),
                }
            } else {
                return Err(self.tell.fault("a page to sign in or to decide", page.seen()));
            };
            let Some(sent) = form.pressed(button.0, button.1) else {
                return Err(self.tell.fault(&format!("a button {} = {}", button.0, button.1), page.seen()));
            };
            page = browser.submit(&page, &sent).await?;
        }
        Err(self.tell.fault("an answer", "page after page"))
    }

    /// Lets Ada's browser ask, and brings the address of the answer.
    async fn ask_ada(&mut self, address: &Url) -> Result<Answered, DemoFault> {
        self.ask_ada_for(address, BOX_ONE).await
    }

    async fn ask_ada_for(&mut self, address: &Url, choice: Choice) -> Result<Answered, DemoFault> {
        let browser = self.browser.clone();
        self.walk(&browser, address, ADA, choice).await
    }

    /// Mailroom's page in a browser.
    async fn mailroom(&self, browser: &Browser) -> Result<Page, DemoFault> {
        browser.open(&format!("{}/", self.running.addresses.mailroom)).await
    }

    /// The authorization request that Mailroom makes for a browser.
    async fn mailroom_asks(&mut self, browser: &Browser) -> Result<Url, DemoFault> {
        let sent = browser.open(&format!("{}/login", self.running.addresses.mailroom)).await?;
        sent.location().ok_or_else(|| self.tell.fault("a redirect to grantd", sent.seen()))
    }

    /// Presses a button of Mailroom's page, and brings the page that follows.
    async fn press(&mut self, page: &Page, button_id: &str) -> Result<Page, DemoFault> {
        let document = page.document();
        let Some(form) = document.form_of_button(button_id) else {
            return Err(self.tell.fault(&format!("a button {button_id}"), page.seen()));
        };
        let Some(sent) = form.pressed("", "") else {
            return Err(self.tell.fault(&format!("a button {button_id} that only sends its form"), page.seen()));
        };
        let answer = self.browser.submit(page, &sent).await?;
        match answer.location() {
            Some(location) => self.browser.follow(&answer, &location).await,
            None => Err(self.tell.fault("a redirect back to the page", answer.seen())),
        }
    }

    /// Delivers an answer to Mailroom, and brings the page that follows.
    async fn deliver(&mut self, browser: &Browser, from: &Page, answer: &Url) -> Result<Page, DemoFault> {
        let delivered = browser.follow(from, answer).await?;
        match delivered.location() {
            Some(location) => browser.follow(&delivered, &location).await,
            None => Err(self.tell.fault("a redirect to a clean address", delivered.seen())),
        }
    }

    /// A code of the command-line app with the verifier that fits it: what only that app holds.
    async fn native_code(&mut self, choice: Choice) -> Result<(Client, Arrival), DemoFault> {
        let app = self.native_app().await?;
        let answered = self.ask_ada_for(app.address(), choice).await?;
        let browser = self.browser.clone();
        let (delivered, code) = tokio::join!(browser.follow(&answered.from, &answered.address), app.wait_for_code());
        delivered?;
        code
    }

    async fn native_app(&self) -> Result<NativeApp, DemoFault> {
        let issuer = &self.running.metadata.issuer.identifier;
        NativeApp::start(issuer, &self.running.addresses.lockbox_resource()).await
    }

    /// The command-line app with a key to the boxes that are chosen.
    async fn native_session(&mut self, choice: Choice) -> Result<NativeSession, DemoFault> {
        let (client, arrival) = self.native_code(choice).await?;
        NativeSession::redeem(client, arrival, self.running.addresses.lockbox_resource()).await
    }

    async fn token_request(&self, form: &[(&str, &str)]) -> Result<Answer, DemoFault> {
        let endpoint = &self.running.metadata.token_endpoint;
        let answer = self.back_channel.post_form(endpoint, form).await;
        answer.map_err(|fault| DemoFault::NoAnswer { to: endpoint.clone(), why: fault.to_string() })
    }

    /// A voucher of the command-line app at the token endpoint, whoever holds it: that app has no secret.
    async fn trade(&self, voucher: &str) -> Result<Answer, DemoFault> {
        self.token_request(&[("grant_type", "refresh_token"), ("client_id", MAIL_CLI), ("refresh_token", voucher)])
            .await
    }

    async fn api(&self, url: &str, key: &str) -> Result<Answer, DemoFault> {
        let answer = self.back_channel.get_with_token(url, key).await;
        answer.map_err(|fault| DemoFault::NoAnswer { to: without_query(url), why: fault.to_string() })
    }

    async fn read_box(&self, identifier: &str, key: &str) -> Result<Answer, DemoFault> {
        self.api(&self.box_address(identifier), key).await
    }

    fn box_address(&self, identifier: &str) -> String {
        format!("{}/{identifier}", self.running.addresses.lockbox_resource())
    }

    fn show_carried(&mut self, address: &Url) -> Result<(), DemoFault> {
        self.tell.carries(&carried_in(address))
    }
}

/// `Box 1` is not `Box 10`.
fn is_titled(label: &str, title: &str) -> bool {
    label.strip_prefix(title).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// What an endpoint said instead of yes: status, error and description, nothing else of the body.
fn refusal(answer: &Answer) -> String {
    let body = answer.json();
    let word = |name| body.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    format!("{} {}: {}", answer.status.as_u16(), word("error"), word("error_description"))
}

/// Whether the token endpoint refused with this error, and gave nothing.
fn refused_with(answer: &Answer, error: &str) -> bool {
    let body = answer.json();
    let says_so = body.get("error").and_then(serde_json::Value::as_str) == Some(error);
    says_so
        && answer.status.is_client_error()
        && body.get("access_token").is_none()
        && body.get("refresh_token").is_none()
}
