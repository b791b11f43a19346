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

/// One round of one line.
pub async fn measure(line: Line, town: &Town, parts: &Parts, book: &mut Book) -> Result<(), Fault> {
    let hello = parts.hello;
    let token = hello + parts.es256_sign + parts.commit();
    match line.id {
        "jwks" => repeat(line, Repeating::jwks(), town, hello, book).await,
        "metadata" => repeat(line, Repeating::metadata(), town, hello, book).await,
        "client_credentials" => {
            repeat(line, Repeating::client_credentials(), town, hello + parts.es256_sign, book).await
        }
        "introspection" => {
            let opaque = opaque_token(&mut Connection::open(town.server.address).await?).await?;
            repeat(line, Repeating::introspection(&opaque), town, hello, book).await
        }
        "authorize" => authorize(town, hello + parts.commit(), book).await,
        "exchange" => exchange(town, token, book).await.map(drop),
        "refresh" => refresh(town, token, book).await.map(drop),
        "flow" => flow(town, token + hello + parts.commit(), book).await.map(drop),
        "login" => login(town, parts.argon2id, book).await,
        other => Err(Fault::Usage(format!("{other} is no endpoint"))),
    }
}

async fn repeat(line: Line, visitor: Repeating, town: &Town, ceiling: f64, book: &mut Book) -> Result<(), Fault> {
    let (load, _) = town.load(vec![visitor; READING]).await?;
    book.add_load(line, &load, Some(ceiling));
    Ok(())
}

async fn authorize(town: &Town, ceiling: f64, book: &mut Book) -> Result<(), Fault> {
    let (load, _) = town.codes(WRITING, town.enough(rate(book, AUTHORIZE))).await?;
    book.add_load(AUTHORIZE, &load, Some(ceiling));
    Ok(())
}

/// Codes are got first, then all redeemed: nothing else is measured with them.
pub async fn exchange(town: &Town, ceiling: f64, book: &mut Book) -> Result<Till, Fault> {
    let (_, till) = town.codes(WRITING, town.enough(rate(book, EXCHANGE))).await?;
    let (load, _) = town.exhaust(vec![Redeeming::new(&till); WRITING]).await?;
    book.add_load(EXCHANGE, &load, Some(ceiling));
    Ok(till)
}

/// Gives back the tokens as they were last answered.
pub async fn refresh(town: &Town, ceiling: f64, book: &mut Book) -> Result<Vec<String>, Fault> {
    let tokens = town.refresh_tokens(WRITING * GRANTS_EACH).await?;
    let visitors = tokens.chunks(GRANTS_EACH).map(|tokens| Refreshing::new(tokens.to_vec())).collect();
    let (load, visitors) = town.load(visitors).await?;
    book.add_load(REFRESH, &load, Some(ceiling));
    Ok(visitors.into_iter().flat_map(Refreshing::into_tokens).collect())
}

/// Gives back what was answered.
pub async fn flow(town: &Town, ceiling: f64, book: &mut Book) -> Result<Till, Fault> {
    let till = Till::default();
    let visitors = (0..WRITING).map(|number| Ok(WholeFlow::new(town.browser(number)?, &till)));
    let (load, _) = town.load(visitors.collect::<Result<_, Fault>>()?).await?;
    book.add_load(FLOW, &load, Some(ceiling));
    Ok(till)
}

async fn login(town: &Town, ceiling: f64, book: &mut Book) -> Result<(), Fault> {
    let people = (0..SIGNING_IN).map(|number| SigningIn::of(number % town.browsers.len().max(1))).collect();
    let (load, _) = town.load(people).await?;
    book.add_load(LOGIN, &load, Some(ceiling));
    Ok(())
}

/// How many were answered in a second the last time, to guess how many will be.
fn rate(book: &Book, line: Line) -> f64 {
    let last = book.find(line.id).and_then(|figure| figure.median_beside("per second"));
    last.unwrap_or(1000.0)
}
