//! Apps that cannot keep a secret: in the browser, on the command line, on a phone.

use std::io::Write;

use http::header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_SECURITY_POLICY};
use tokio::net::TcpStream;
use tokio::time::Instant;
use url::Url;

use super::browser::Page;
use super::dance::notice;
use super::{ADA, Stage, refusal};
use crate::back_channel::Answer;
use crate::client::{Client, Registration, Wish};
use crate::declarations::{LIST_BOXES, POSTCARD};
use crate::fault::DemoFault;
use crate::native::NativeSession;
use crate::redirect::{Departures, LocalPath};

impl<W: Write> Stage<'_, W> {
    pub(super) async fn apps(&mut self) -> Result<(), DemoFault> {
        self.doors_for_browser_apps().await?;
        self.browser_app().await?;
        self.native_app_dance().await?;
        self.rogue_app().await
    }

    /// What a browser asks before it lets a script ask (CORS).
    async fn doors_for_browser_apps(&mut self) -> Result<(), DemoFault> {
        self.tell.step("Postcard lives in the browser. Whom do the doors let in?")?;
        let addresses = &self.running.addresses;
        let (own, rogue) = (addresses.browser.clone(), addresses.rogue.clone());
        let doors = [self.running.metadata.token_endpoint.clone(), self.box_address("box-1")];
        for door in doors {
            let asked = self.preflight(&door, &own).await?;
            let let_in = header(&asked, &ACCESS_CONTROL_ALLOW_ORIGIN) == Some(own.as_str())
                && header(&asked, &ACCESS_CONTROL_ALLOW_HEADERS)
                    .is_some_and(|names| names.to_ascii_lowercase().contains("authorization"));
            self.tell.must(let_in, &format!("{door} lets Postcard's origin in"), asked.status)?;
            let asked = self.preflight(&door, &rogue).await?;
            let kept_out = header(&asked, &ACCESS_CONTROL_ALLOW_ORIGIN).is_none();
            self.tell.must(kept_out, "and the rogue's origin not", asked.status)?;
        }
        Ok(())
    }

    async fn preflight(&self, url: &str, origin: &str) -> Result<Answer, DemoFault> {
        let answer = self.back_channel.preflight(url, origin).await;
        answer.map_err(|fault| DemoFault::NoAnswer { to: url.to_owned(), why: fault.to_string() })
    }

    /// The script of the page is the client; here its requests are made without it.
    async fn browser_app(&mut self) -> Result<(), DemoFault> {
        self.tell.step("Postcard does the dance: no secret, but PKCE")?;
        let addresses = self.running.addresses.clone();
        let redirect_uri = addresses.browser_callback();
        let registration = Registration { client_id: POSTCARD, secret: None, redirect_uri: &redirect_uri };
        let client = Client::new(&registration, self.running.metadata.clone(), self.back_channel.clone())?;
        let wish = Wish { scopes: vec![LIST_BOXES], resources: vec![addresses.lockbox_resource()] };
        let mut departures = Departures::default();
        let address = client.depart(&wish, &mut departures, LocalPath::or_home(None), Instant::now());
        let answered = self.ask_ada(&address).await?;
        self.tell.must(
            !answered.offered.is_empty(),
            "grantd asks her: anybody could say they are Postcard",
            "no page",
        )?;
        let page = self.browser.follow(&answered.from, &answered.address).await?;
        self.tell.front("grantd → browser → Postcard", "the code; only Postcard's own page sees it")?;
        self.show_carried(&answered.address)?;
        let policy =
            page.headers().get(CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok()).unwrap_or_default();
        let strict = policy.contains("default-src 'none'") && policy.contains("script-src 'self'");
        self.tell.must(strict, "a page that runs its own script and no other", page.seen())?;
        let arrival = departures.receive(answered.address.query().unwrap_or_default(), Instant::now())?;
        let mut session = NativeSession::redeem(client, arrival, addresses.lockbox_resource()).await?;
        self.tell.back("browser → grantd (fetch)", "code and verifier")?;
        self.reads_box_one(&mut session).await
    }

    async fn native_app_dance(&mut self) -> Result<(), DemoFault> {
        self.tell.step("An app on the command line waits on a loopback port")?;
        let app = self.native_app().await?;
        let door = app.listens_on().to_owned();
        self.tell.say(&format!("It listens on {door}"))?;
        let answered = self.ask_ada(app.address()).await?;
        self.show_carried(&answered.address)?;
        let browser = self.browser.clone();
        let (page, session) = tokio::join!(browser.follow(&answered.from, &answered.address), app.wait());
        self.tell.front("grantd → browser → the app", "the code, to this computer only")?;
        self.tell.must(page?.answer.status.is_success(), "the browser may be closed", "another page")?;
        let mut session = session?;
        self.tell.back("the app → grantd", "code and verifier, no secret")?;
        self.reads_box_one(&mut session).await?;
        let closed = !is_open(&door).await;
        self.tell.must(closed, "after one answer the port is closed", "it still listens")
    }

    async fn reads_box_one(&mut self, session: &mut NativeSession) -> Result<(), DemoFault> {
        let opens = session.opens();
        self.tell.must(opens == ["box-1"], "a key to box 1 and nothing else", opens.join(", "))?;
        let letters = session.letters("box-1").await?;
        let expected = ADA.boxes.first().map(|lockbox| lockbox.letters.len()).unwrap_or_default();
        self.tell.must(letters.len() == expected, "it reads the letters of box 1", letters.len())?;
        let refused = self.read_box("box-2", &session.key()).await?;
        let is_refused = refused.status == http::StatusCode::FORBIDDEN;
        self.tell.must(is_refused, &format!("box 2 stays closed: {}", refusal(&refused)), refused.status)
    }

    /// W10: the code goes to whoever has claimed the scheme, and is worth nothing there.
    async fn rogue_app(&mut self) -> Result<(), DemoFault> {
        self.tell.step("PostKeeper's URI scheme is claimed by a rogue app, too")?;
        let addresses = self.running.addresses.clone();
        let start = self.browser.open(&format!("{}/login", addresses.postkeeper)).await?;
        let Some(address) = start.location() else {
            return Err(self.tell.fault("a redirect to grantd", start.seen()));
        };
        self.tell.front("PostKeeper → browser → grantd", "the question, with the hash of PostKeeper's verifier")?;
        let answered = self.ask_ada(&address).await?;
        let scheme = answered.address.scheme() == "com.example.postkeeper";
        self.tell.must(scheme, "the answer goes to com.example.postkeeper:", answered.address.scheme())?;
        self.tell.front("grantd → browser → whoever claimed the scheme", "the rogue app gets the code")?;
        self.show_carried(&answered.address)?;
        let page = self.hand_over(&addresses.postkeeper, &addresses.rogue, &answered.address).await?;
        self.tell.back("rogue → grantd", "the code as PostKeeper, without a verifier; then with a made-up one")?;
        let document = page.document();
        let answers: Vec<&str> = ["answer_1", "answer_2"].iter().filter_map(|id| document.text_of(id)).collect();
        for answer in &answers {
            self.tell.back("grantd → rogue", answer)?;
        }
        let invalid = answers.iter().filter(|answer| answer.starts_with("invalid_grant")).count();
        let refused = invalid == 2 && notice(&page).contains("cannot use it");
        self.tell.stopped(refused, "PKCE stopped it: the verifier never left PostKeeper (PKCE-04)", page.seen())?;

        self.tell.step("The same code in PostKeeper's own hands")?;
        let page = self.hand_over(&addresses.postkeeper, &addresses.postkeeper, &answered.address).await?;
        self.tell.back("PostKeeper → grantd", "the code and the verifier that fits")?;
        let read = page.document().text_of("letters").is_some_and(|text| text.contains("statement"));
        self.tell.must(read, "PostKeeper gets its key and reads box 1", page.seen())
    }

    /// The phone hands the address to one of the apps: the form on PostKeeper's page that stands for it is sent.
    async fn hand_over(&mut self, phone: &str, app: &str, address: &Url) -> Result<Page, DemoFault> {
        let page = self.browser.open(&format!("{phone}/")).await?;
        let to = if phone == app { "postkeeper" } else { "rogue" };
        let document = page.document();
        let form = document.form("hand_over").cloned().map(|form| form.typed("address", address.as_str()));
        let Some(sent) = form.and_then(|form| form.pressed("to", to)) else {
            return Err(self.tell.fault("a form to hand the address over", page.seen()));
        };
        let answer = self.browser.submit(&page, &sent).await?;
        match answer.location() {
            Some(location) => self.browser.follow(&answer, &location).await,
            None => Err(self.tell.fault("a page that tells what came of it", answer.seen())),
        }
    }
}

fn header<'a>(answer: &'a Answer, name: &http::HeaderName) -> Option<&'a str> {
    answer.header(name.clone())
}

async fn is_open(redirect_uri: &str) -> bool {
    let Some(address) = Url::parse(redirect_uri).ok().and_then(|url| Some((url.host_str()?.to_owned(), url.port()?)))
    else {
        return false;
    };
    TcpStream::connect(address).await.is_ok()
}
