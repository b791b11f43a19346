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

/// Kills the server (`kill -9`) under load, starts it again where it was, and looks. `store` says what it keeps its records in.
pub async fn survive(mut town: Town, site: &Site, store: &'static str, book: &mut Book) -> Result<(), Fault> {
    let answered = until_killed(&town).await?;
    town.server = site.start()?;
    let Answered { unused, held, given_back, spent } = &answered;
    let (good, refused) = (Expected::Tokens, Expected::InvalidGrant);
    for (what, about, by) in [
        // First: they live for a minute.
        ("codes that were answered and not used are good", unused, Checking::codes(unused, good)),
        ("refresh tokens that were answered last are good", held, Checking::refresh_tokens(held, good)),
        (
            "refresh tokens that were given back are good for nothing",
            given_back,
            Checking::refresh_tokens(given_back, refused),
        ),
        // Last: a code that is shown again takes its grant with it.
        ("codes that were redeemed are spent", spent, Checking::codes(spent, refused)),
    ] {
        let (load, _): (Load, _) = town.exhaust(vec![by; EACH]).await?;
        let first_wrong = sound(&load, what).err().map(|fault| fault.to_string());
        book.check(Check { what, store, looked_at: about.len() as u64, held: load.answered, first_wrong });
    }
    Ok(())
}

/// What the server had answered when it was killed, as far as it is looked at.
struct Answered {
    unused: Vec<String>,
    held: Vec<String>,
    given_back: Vec<String>,
    spent: Vec<String>,
}

async fn until_killed(town: &Town) -> Result<Answered, Fault> {
    let kept = town.refresh_tokens(GRANTS).await?;
    let revoking = Revoking::new(town.refresh_tokens(GRANTS * 4).await?);
    let (flows, codes) = (Till::default(), Till::default());
    let refreshing: Vec<_> = kept.chunks(GRANTS / EACH).map(|tokens| Refreshing::new(tokens.to_vec())).collect();
    let flowing = (0..EACH).map(|number| Ok(WholeFlow::new(town.browser(number)?, &flows)));
    let flowing = flowing.collect::<Result<Vec<_>, Fault>>()?;
    let authorizing = (0..EACH).map(|number| Ok(Authorizing::new(town.browser(number)?, &codes, NEVER_ENOUGH)));
    let authorizing = authorizing.collect::<Result<Vec<_>, Fault>>()?;
    let (_, refreshing, _, _, killed) = tokio::join!(
        until_it_ends(town, flowing),
        until_it_ends(town, refreshing),
        until_it_ends(town, authorizing),
        until_it_ends(town, vec![revoking.clone(); 2]),
        async {
            sleep(BEFORE_THE_KILL).await;
            town.server.process.kill()
        },
    );
    killed?;
    let held: Vec<String> = refreshing.into_iter().flat_map(Refreshing::into_tokens).collect();
    Ok(Answered {
        unused: last(&codes.codes.borrow()),
        held: [held, last(&flows.refresh_tokens.borrow())].concat(),
        given_back: last(&revoking.revoked.borrow()),
        spent: last(&flows.spent.borrow()),
    })
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
