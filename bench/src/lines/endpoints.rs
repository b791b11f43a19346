//! Each endpoint under load, and its ceiling from the parts of the same round.

use super::catalogue::{AUTHORIZE, CLIENT_CREDENTIALS, EXCHANGE, FLOW, INTROSPECTION, JWKS, LOGIN, METADATA, REFRESH};
use super::town::Town;
use crate::book::{Book, Line};
use crate::driver::Connection;
use crate::fault::Fault;
use crate::parts::Parts;
use crate::visitors::browser::SigningIn;
use crate::visitors::repeating::opaque_token;
use crate::visitors::{Redeeming, Refreshing, Repeating, Till, WholeFlow};

/// What is measured here.
pub const LINES: &[Line] =
    &[JWKS, METADATA, INTROSPECTION, CLIENT_CREDENTIALS, AUTHORIZE, EXCHANGE, REFRESH, FLOW, LOGIN];

/// Connections where nothing is written.
const READING: usize = 64;
/// Connections where something is: as many as the commits that the ceilings reckon with.
const WRITING: usize = 128;
/// People who sign in at once: more than cores, so that all of those are busy.
const SIGNING_IN: usize = 8;
/// Grants that each connection refreshes in turn.
const GRANTS_EACH: usize = 4;

/// What a request costs at least, by the parts of the same round, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Ceilings {
    hello: f64,
    es256: f64,
    argon2id: f64,
    commit: f64,
}

impl Ceilings {
    /// On the SQLite store of these parts.
    pub fn of(parts: &Parts) -> Self {
        Self { hello: parts.hello, es256: parts.es256_sign, argon2id: parts.argon2id, commit: parts.commit() }
    }

    /// On another store, where a commit takes so much of the server's CPU.
    #[must_use]
    pub fn with_commit(self, commit: f64) -> Self {
        Self { commit, ..self }
    }

    /// An access token, durably paid for.
    fn token(&self) -> f64 {
        self.hello + self.es256 + self.commit
    }
}

/// One round of one line, or of its twin on PostgreSQL.
pub async fn measure(line: Line, town: &Town, ceilings: &Ceilings, book: &mut Book) -> Result<(), Fault> {
    let Ceilings { hello, es256, argon2id, commit } = *ceilings;
    match line.id.trim_start_matches("pg-") {
        "jwks" => repeat(line, Repeating::jwks(), town, hello, book).await,
        "metadata" => repeat(line, Repeating::metadata(), town, hello, book).await,
        "client_credentials" => repeat(line, Repeating::client_credentials(), town, hello + es256, book).await,
        "introspection" => {
            let opaque = opaque_token(&mut Connection::open(town.server.address).await?).await?;
            repeat(line, Repeating::introspection(&opaque), town, hello, book).await
        }
        "authorize" => authorize(line, town, hello + commit, book).await,
        "exchange" => exchange(line, town, ceilings.token(), book).await,
        "refresh" => refresh(line, town, ceilings.token(), book).await,
        "flow" => flow(line, town, ceilings.token() + hello + commit, book).await,
        "login" => login(line, town, argon2id, book).await,
        other => Err(Fault::Usage(format!("{other} is no endpoint"))),
    }
}

async fn repeat(line: Line, visitor: Repeating, town: &Town, ceiling: f64, book: &mut Book) -> Result<(), Fault> {
    let (load, _) = town.load(vec![visitor; READING]).await?;
    book.add_load(line, &load, Some(ceiling));
    Ok(())
}

async fn authorize(line: Line, town: &Town, ceiling: f64, book: &mut Book) -> Result<(), Fault> {
    let (load, _) = town.codes(WRITING, town.enough(rate(book, line))).await?;
    book.add_load(line, &load, Some(ceiling));
    Ok(())
}

/// Codes are got first, then all redeemed: nothing else is measured with them.
async fn exchange(line: Line, town: &Town, ceiling: f64, book: &mut Book) -> Result<(), Fault> {
    let (_, till) = town.codes(WRITING, town.enough(rate(book, line))).await?;
    let (load, _) = town.exhaust(vec![Redeeming::new(&till); WRITING]).await?;
    book.add_load(line, &load, Some(ceiling));
    Ok(())
}

async fn refresh(line: Line, town: &Town, ceiling: f64, book: &mut Book) -> Result<(), Fault> {
    let (load, _) = town.load(refreshing(town).await?).await?;
    book.add_load(line, &load, Some(ceiling));
    Ok(())
}

/// Clients that hold tokens of some grants each.
pub async fn refreshing(town: &Town) -> Result<Vec<Refreshing>, Fault> {
    let tokens = town.refresh_tokens(WRITING * GRANTS_EACH).await?;
    Ok(tokens.chunks(GRANTS_EACH).map(|tokens| Refreshing::new(tokens.to_vec())).collect())
}

async fn flow(line: Line, town: &Town, ceiling: f64, book: &mut Book) -> Result<(), Fault> {
    let till = Till::default();
    let visitors = (0..WRITING).map(|number| Ok(WholeFlow::new(town.browser(number)?, &till)));
    let (load, _) = town.load(visitors.collect::<Result<_, Fault>>()?).await?;
    book.add_load(line, &load, Some(ceiling));
    Ok(())
}

async fn login(line: Line, town: &Town, ceiling: f64, book: &mut Book) -> Result<(), Fault> {
    let people = (0..SIGNING_IN).map(|number| SigningIn::of(number % town.browsers.len().max(1))).collect();
    let (load, _) = town.load(people).await?;
    book.add_load(line, &load, Some(ceiling));
    Ok(())
}

/// How many were answered in a second the last time, to guess how many will be.
fn rate(book: &Book, line: Line) -> f64 {
    let last = book.find(line.id).and_then(|figure| figure.median_beside("per second"));
    last.unwrap_or(1000.0)
}
