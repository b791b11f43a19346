//! The loop around every decision: load, decide, commit, and look again if another request was first. The only place
//! that retries.

use grantd_protocol::changes::Commit;
use grantd_protocol::endpoint::{Decision, Endpoint, Next, Refused};

use crate::app::{App, Fault};
use crate::events;
use crate::things;

/// Enough for a lost race, its sequel, and a fetch before both.
const MAX_ATTEMPTS: u32 = 5;

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
    for _ in 0..MAX_ATTEMPTS {
        let (facts, keys) = app.store.load_with_keys_revision(issuer, &endpoint.lookup()).await?;
        // A key that another process removed signs nothing that is decided after that (KEYS-03).
        app.keys.follow(keys).await?;
        let Decision { answer, changes, checks, .. } = match app.with_env(|env| endpoint.decide(&facts, env)) {
            Next::Done(decision) => decision,
            Next::Fetch(fetch) => {
                things::fetch_and_keep(app, fetch).await?;
                continue;
            }
        };
        if let Ok(answer) = &answer {
            ready(answer)?;
        }
        let committed =
            if changes.is_empty() { Commit::Done } else { app.store.commit(issuer, changes.clone()).await? };
        match committed {
            Commit::Done => {
                events::tell(&changes, answer.as_ref().err(), &checks, &facts);
                return Ok(answer);
            }
            Commit::Stale => {}
            Commit::Refused(refusal) => {
                let refused = Refused::from(refusal);
                events::tell(&[], Some(&refused), &checks, &facts);
                return Ok(Err(refused));
            }
        }
    }
    Err(Fault::Contention(MAX_ATTEMPTS))
}
