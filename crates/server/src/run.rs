//! The loop around every decision: load, decide, commit, and look again if another request was first. The only place
//! that retries.

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::endpoint::{Decision, Endpoint, Next, Refused};
use grantd_protocol::events::{Event, Source, Told};
use grantd_protocol::facts::Facts;

use crate::app::{App, Fault};
use crate::env;
use crate::events::{self, Kept};
use crate::things;

// What seldom happens waits in a box of its own. The future of a request has room for all that it may ever wait for, and is
// copied as it is handed down: an outbound request alone made it larger than everything else together.

/// Enough for a lost race, its sequel, and a fetch before both. In this process whoever was overtaken waits for their turn; another
/// process on the same database may still be quicker, some times over.
const MAX_ATTEMPTS: u32 = 32;

/// Decides a request. What it answers is durable (law 4).
pub async fn run<E: Endpoint>(app: &App, endpoint: &E) -> Result<Result<E::Answer, Refused>, Fault> {
    run_if(app, endpoint, |_| Ok(())).await
}

/// As [`run`], for an answer that needs something of this process before it may be committed: a signature. Called once for each
/// attempt; an attempt whose call fails writes nothing.
pub async fn run_if<E: Endpoint>(
    app: &App,
    endpoint: &E,
    mut ready: impl FnMut(&E::Answer) -> Result<(), Fault>,
) -> Result<Result<E::Answer, Refused>, Fault> {
    let issuer = &app.settings.issuer;
    let lookup = endpoint.lookup();
    let mut turn = None;
    for _ in 0..MAX_ATTEMPTS {
        let (facts, keys) = app.store.load_with_keys_revision(issuer, &lookup).await?;
        // A key that another process removed signs nothing that is decided after that (KEYS-03).
        app.keys.follow(keys).await?;
        let (next, told) = decide(app, endpoint, &facts);
        let Decision { answer, changes, .. } = match next {
            Next::Done(decision) => decision,
            Next::Fetch(fetch) => {
                // Nobody waits for somebody else's API.
                turn = None;
                Box::pin(things::fetch_and_keep(app, fetch)).await?;
                continue;
            }
        };
        if let Ok(answer) = &answer {
            ready(answer)?;
        }
        let kept = events::kept(app, &changes, &told);
        let mut written = changes;
        if kept == Kept::InTheDatabase {
            written.extend(told.iter().cloned().map(Change::Record));
        }
        let committed = if written.is_empty() { Commit::Done } else { app.store.commit(issuer, written).await? };
        match committed {
            Commit::Done => {
                for event in &told {
                    events::tell(event, kept);
                }
                return Ok(answer);
            }
            // A hundred retries of one token would overtake each other a hundred times. One after the other, each looks once more.
            Commit::Stale if turn.is_none() => turn = Some(app.overtaken.take(&lookup).await),
            Commit::Stale => {}
            Commit::Refused(refusal) => {
                Box::pin(events::tell_of_throttling(app, refusal, &facts)).await?;
                return Ok(Err(Refused::from(refusal)));
            }
        }
    }
    Err(Fault::Contention(MAX_ATTEMPTS))
}

/// The decision, and what is to be told of it, of one moment.
fn decide<E: Endpoint>(app: &App, endpoint: &E, facts: &Facts) -> (Next<E::Answer>, Vec<Event>) {
    app.with_env(|env| {
        let next = endpoint.decide(facts, env);
        let told = match &next {
            Next::Done(Decision { answer, changes, notes, .. }) => {
                let refused = answer.as_ref().err();
                let told = Told {
                    changes,
                    notes,
                    refused,
                    facts,
                    source: Source::Request,
                    within_second: env::within_second(),
                };
                grantd_protocol::events::of(&told, env.now, env.random)
            }
            Next::Fetch(_) => Vec::new(),
        };
        (next, told)
    })
}
