//! A person's browser: signs in with a password, agrees once, and from then on is sent back with a code.

use grantd_tokens::Digest;

use crate::driver::form::Form;
use crate::driver::request::encoded;
use crate::driver::{Answer, Connection, Request, Visitor, Went};
use crate::fault::Fault;
use crate::world::{API, CALLBACK, HOST, PASSWORD, VERIFIER, WANTED, WEB, username};

/// A browser with its cookies.
#[derive(Clone, Debug)]
pub struct Browser {
    number: usize,
    cookies: Vec<(String, String)>,
}

impl Browser {
    /// One that has never been here, of this person.
    pub fn of(number: usize) -> Self {
        Self { number, cookies: Vec::new() }
    }

    /// Signs in, and agrees to what the web application wants: afterwards [`Browser::authorization`] is answered with a code.
    pub async fn move_in(&mut self, connection: &mut Connection) -> Result<(), Fault> {
        let asking = self.get(&Self::target());
        let to_login = self.redirect(connection, asking).await?;
        let page = self.get(&to_login);
        let form = self.form(connection, page, "login").await?;
        let form = form.with("username", &username(self.number)).with("password", PASSWORD);
        let to_consent = self.redirect(connection, self.submit(&form)).await?;
        if to_consent.starts_with(CALLBACK) {
            return Ok(());
        }
        let page = self.get(&to_consent);
        let form = self.form(connection, page, "consent").await?.with("decision", "allow");
        let back = self.redirect(connection, self.submit(&form)).await?;
        if back.starts_with(CALLBACK) { Ok(()) } else { Err(Fault::Answer("the consent led nowhere".to_owned())) }
    }

    /// Follows wherever it is sent until it is back at the application: on a server that asks for no password.
    pub async fn go_where_it_leads(&mut self, connection: &mut Connection) -> Result<(), Fault> {
        let mut target = Self::target();
        for _ in 0..MOST_REDIRECTS {
            let request = self.get(&target);
            let to = self.redirect(connection, request).await?;
            if to.starts_with(CALLBACK) {
                return Ok(());
            }
            let (_, path) = to.split_once(HOST).unwrap_or(("", &to));
            path.clone_into(&mut target);
        }
        Err(Fault::Answer("the way to the application has no end".to_owned()))
    }

    /// The authorization request of somebody who is signed in and has agreed, as bytes.
    pub fn authorization(&self) -> Vec<u8> {
        self.get(&Self::target()).into_bytes()
    }

    fn target() -> String {
        let challenge = Digest::of(VERIFIER.as_bytes()).to_base64url();
        let query = encoded(&[
            ("response_type", "code"),
            ("client_id", WEB.id),
            ("redirect_uri", CALLBACK),
            ("scope", WANTED),
            ("resource", API),
            ("state", "as-long-as-a-state-is"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        format!("/authorize?{query}")
    }

    fn get(&self, target: &str) -> Request {
        self.with_cookies(Request::get(HOST, target))
    }

    /// As a browser sends it from a page that allows no referrer.
    fn submit(&self, form: &Form) -> Request {
        let request = Request::post(HOST, &form.action, &form.fields());
        self.with_cookies(request).header("Sec-Fetch-Site", "same-origin").header("Origin", "null")
    }

    /// Every browser is in a network of its own, as people are.
    fn with_cookies(&self, request: Request) -> Request {
        let request = request.forwarded_for(&format!("10.{}.{}.9", self.number / 256 % 256, self.number % 256));
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if cookies.is_empty() { request } else { request.header("Cookie", &cookies.join("; ")) }
    }

    async fn redirect(&mut self, connection: &mut Connection, request: Request) -> Result<String, Fault> {
        let answer = connection.ask(&request.into_bytes()).await?;
        self.keep_cookies(&answer);
        match answer.header("location") {
            Some(location) if answer.status == 303 => Ok(location.to_owned()),
            _ => Err(answer.unexpected("a redirect")),
        }
    }

    async fn form(&mut self, connection: &mut Connection, request: Request, id: &str) -> Result<Form, Fault> {
        let answer = connection.ask(&request.into_bytes()).await?;
        self.keep_cookies(&answer);
        Form::of(answer.body, id).ok_or_else(|| answer.unexpected(&format!("a page with the form {id}")))
    }

    fn keep_cookies(&mut self, answer: &Answer<'_>) {
        for cookie in answer.headers("set-cookie") {
            let pair = cookie.split(';').next().unwrap_or_default();
            let Some((name, value)) = pair.split_once('=') else { continue };
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }
}

/// Sign-in and consent, each with the way there and back.
const MOST_REDIRECTS: usize = 10;

/// Somebody who signs in again and again, each time as if for the first time: the page, then the form.
#[derive(Clone, Debug)]
pub struct SigningIn {
    number: usize,
}

impl SigningIn {
    /// This person.
    pub fn of(number: usize) -> Self {
        Self { number }
    }
}

impl Visitor for SigningIn {
    async fn once(&mut self, connection: &mut Connection) -> Result<Went, Fault> {
        let mut browser = Browser::of(self.number);
        let page = browser.get("/login");
        let form = browser.form(connection, page, "login").await?;
        let form = form.with("username", &username(self.number)).with("password", PASSWORD);
        let answer = connection.ask(&browser.submit(&form).into_bytes()).await?;
        let has_session = answer.headers("set-cookie").any(|cookie| cookie.contains("session="));
        if answer.status == 303 && has_session { Ok(Went::Well) } else { Err(answer.unexpected("a new session")) }
    }
}
