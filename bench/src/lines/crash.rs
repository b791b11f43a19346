//! What stands behind every durable line: the server is killed in the middle of all of them at once, started again, and asked.

use std::time::Duration;

use tokio::time::sleep;

use super::town::{Town, sound};
use crate::book::{Book, Check};
use crate::driver::{Load, Span, drive};
use crate::fault::Fault;
use crate::server::Site;
use crate::visitors::{Authorizing, Checking, Expected, Refreshing, Revoking, Till, WholeFlow};

/// Connections for each kind of request.
const EACH: usize = 32;
/// Grants of each kind.
const GRANTS: usize = 256;
/// As many codes as could be got in the time, and more.
const NEVER_ENOUGH: usize = 1_000_000;
/// Enough to find what is not there; a lost commit is one of the last.
const LOOKED_AT: usize = 4_000;

/// Kills the server (`kill -9`) under load, starts it again where it was, and looks.
pub async fn survive(mut town: Town, site: &Site, book: &mut Book) -> Result<(), Fault> {
    let kept = town.refresh_tokens(GRANTS).await?;
    let given_back = town.refresh_tokens(GRANTS * 8).await?;
    let (flows, codes) = (Till::default(), Till::default());
    let refreshing: Vec<_> = kept.chunks(GRANTS / EACH).map(|tokens| Refreshing::new(tokens.to_vec())).collect();
    let revoking = Revoking::new(given_back);
    let each = |number: usize| town.browser(number);
    let flowing: Vec<_> =
        (0..EACH).map(|number| Ok(WholeFlow::new(each(number)?, &flows))).collect::<Result<_, Fault>>()?;
    let authorizing: Vec<_> = (0..EACH)
        .map(|number| Ok(Authorizing::new(each(number)?, &codes, NEVER_ENOUGH)))
        .collect::<Result<_, Fault>>()?;
    let (_, refreshing, _, _, killed) = tokio::join!(
        until_it_ends(&town, flowing),
        until_it_ends(&town, refreshing),
        until_it_ends(&town, authorizing),
        until_it_ends(&town, vec![revoking.clone(); 2]),
        async {
            sleep(BEFORE_THE_KILL).await;
            town.server.process.kill()
        },
    );
    killed?;
    town.server = site.start()?;

    // Codes that were answered first: they live for a minute.
    let unused = last(&codes.codes.borrow());
    let spent = last(&flows.spent.borrow());
    let held: Vec<String> = refreshing.into_iter().flat_map(Refreshing::into_tokens).collect();
    let held = [held, last(&flows.refresh_tokens.borrow())].concat();
    let revoked = last(&revoking.revoked.borrow());
    check(
        &town,
        book,
        "codes that were answered and not used are good",
        &unused,
        Checking::codes(&unused, Expected::Tokens),
    )
    .await?;
    check(
        &town,
        book,
        "refresh tokens that were answered last are good",
        &held,
        Checking::refresh_tokens(&held, Expected::Tokens),
    )
    .await?;
    check(
        &town,
        book,
        "refresh tokens that were given back are good for nothing",
        &revoked,
        Checking::refresh_tokens(&revoked, Expected::InvalidGrant),
    )
    .await?;
    // At the end: a code that is shown again takes its grant with it.
    check(&town, book, "codes that were redeemed are spent", &spent, Checking::codes(&spent, Expected::InvalidGrant))
        .await?;
    Ok(())
}

/// Long enough that everything is under way.
const BEFORE_THE_KILL: Duration = Duration::from_millis(1500);

/// Until the server is gone and every visitor has noticed.
async fn until_it_ends<V: crate::driver::Visitor>(town: &Town, visitors: Vec<V>) -> Vec<V> {
    let span = Span::UntilNothingIsLeft;
    let ended = drive(town.server.address, visitors, span, || Ok(Duration::ZERO)).await;
    ended.map(|(_, visitors)| visitors).unwrap_or_default()
}

/// The latest of them.
fn last(all: &[String]) -> Vec<String> {
    all.get(all.len().saturating_sub(LOOKED_AT)..).unwrap_or_default().to_vec()
}

async fn check(town: &Town, book: &mut Book, what: &'static str, about: &[String], by: Checking) -> Result<(), Fault> {
    let (load, _): (Load, _) = town.exhaust(vec![by; EACH]).await?;
    let wrong = sound(&load, what).err().map(|fault| fault.to_string());
    book.check(Check { what, looked_at: about.len() as u64, held: load.answered, first_wrong: wrong });
    Ok(())
}
