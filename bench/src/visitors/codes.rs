//! Authorization codes: those who get them, those who redeem them, and both in one flow.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::browser::Browser;
use super::repeating::asked_by;
use crate::clock;
use crate::driver::{Connection, Request, Visitor, Went};
use crate::fault::Fault;
use crate::world::{CALLBACK, HOST, VERIFIER, WEB};

/// What visitors of one load hand to each other and leave behind.
#[derive(Clone, Debug, Default)]
pub struct Till {
    /// Codes that nobody has redeemed.
    pub codes: Rc<RefCell<Vec<String>>>,
    /// Codes that were redeemed, and answered.
    pub spent: Rc<RefCell<Vec<String>>>,
    /// Refresh tokens that were answered and not used.
    pub refresh_tokens: Rc<RefCell<Vec<String>>>,
}

/// A signed-in browser that is sent back with a code, until there are enough or the first of them grow old.
#[derive(Clone, Debug)]
pub struct Authorizing {
    request: Vec<u8>,
    till: Till,
    enough: usize,
    began: Instant,
}

impl Authorizing {
    /// Fills the till.
    pub fn new(browser: &Browser, till: &Till, enough: usize) -> Self {
        Self { request: browser.authorization(), till: till.clone(), enough, began: clock::instant() }
    }
}

impl Visitor for Authorizing {
    async fn once(&mut self, connection: &mut Connection) -> Result<Went, Fault> {
        if self.till.codes.borrow().len() >= self.enough || self.began.elapsed() > OLD {
            return Ok(Went::NothingLeft);
        }
        let code = authorized(connection, &self.request).await?;
        self.till.codes.borrow_mut().push(code);
        Ok(Went::Well)
    }
}

/// A code lives for a minute, and redeeming all of them takes about as long as getting them.
const OLD: Duration = Duration::from_secs(20);

/// A client that redeems what is in the till.
#[derive(Clone, Debug)]
pub struct Redeeming {
    till: Till,
}

impl Redeeming {
    /// Empties the till.
    pub fn new(till: &Till) -> Self {
        Self { till: till.clone() }
    }
}

impl Visitor for Redeeming {
    async fn once(&mut self, connection: &mut Connection) -> Result<Went, Fault> {
        let Some(code) = self.till.codes.borrow_mut().pop() else { return Ok(Went::NothingLeft) };
        redeem(connection, code, &self.till).await
    }
}

/// Both, one after the other: what a person waits for when they open an application again.
#[derive(Clone, Debug)]
pub struct WholeFlow {
    request: Vec<u8>,
    till: Till,
    enough: usize,
}

impl WholeFlow {
    /// For this browser.
    pub fn new(browser: &Browser, till: &Till) -> Self {
        Self { request: browser.authorization(), till: till.clone(), enough: usize::MAX }
    }

    /// Ends when there are so many refresh tokens.
    #[must_use]
    pub fn until(self, enough: usize) -> Self {
        Self { enough, ..self }
    }
}

impl Visitor for WholeFlow {
    async fn once(&mut self, connection: &mut Connection) -> Result<Went, Fault> {
        if self.till.refresh_tokens.borrow().len() >= self.enough {
            return Ok(Went::NothingLeft);
        }
        let code = authorized(connection, &self.request).await?;
        redeem(connection, code, &self.till).await
    }
}

async fn authorized(connection: &mut Connection, request: &[u8]) -> Result<String, Fault> {
    let answer = connection.ask(request).await?;
    let is_back = answer.status == 303 && answer.header("location").is_some_and(|to| to.starts_with(CALLBACK));
    let code = answer.redirect_parameter("code").filter(|_| is_back);
    code.map(str::to_owned).ok_or_else(|| answer.unexpected("a redirect with a code"))
}

async fn redeem(connection: &mut Connection, code: String, till: &Till) -> Result<Went, Fault> {
    let answer = connection.ask(&redemption(&code)).await?;
    match (answer.member("access_token"), answer.member("refresh_token")) {
        (Some(_), Some(refresh_token)) if answer.status == 200 => {
            till.refresh_tokens.borrow_mut().push(refresh_token.to_owned());
            till.spent.borrow_mut().push(code);
            Ok(Went::Well)
        }
        _ => Err(answer.unexpected("200 with tokens")),
    }
}

/// The token request for a code.
pub fn redemption(code: &str) -> Vec<u8> {
    let fields =
        [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
    asked_by(Request::post(HOST, "/token", &fields), WEB).into_bytes()
}
