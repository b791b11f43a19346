//! The revocation feed (AT-11): what ended before its time, signed, for resource servers that judge tokens by themselves.
//!
//! Owns what stands in it, for how long, and when it is signed anew. What an entry means is said in
//! [`grantd_tokens::revocation_feed`], how it is asked for in `http/revocations.rs`. Start at [`Revocations::listed`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use grantd_protocol::names::GrantId;
use grantd_protocol::records::{Ended, EndedThing};
use grantd_protocol::settings::{CLOCKS_APART, LONGEST_ACCESS_TOKEN};
use grantd_store::{EndedSince, StoreFault};
use grantd_tokens::jws::SignFault;
use grantd_tokens::{Digest, Mark, RevocationFeed, Seconds, Time};
use tokio::sync::Mutex;

use crate::app::App;
use crate::keys::KeyFault;

/// Why there is no feed now. Whoever follows it keeps the one they have, for as long as they trust it.
#[derive(Debug, thiserror::Error)]
pub enum FeedFault {
    /// The store.
    #[error("the store: {0}")]
    Store(#[from] StoreFault),
    /// The keys.
    #[error("the signing keys: {0}")]
    Keys(#[from] KeyFault),
    /// It could not be signed: it would be too long to be read.
    #[error("the revocation feed: {0}")]
    Sign(#[from] SignFault),
    /// A part of it would let the rest of what ended be used: all or nothing.
    #[error(
        "more than {MOST_ENTRIES} things ended within the life of an access token, more than a revocation feed holds; resource \
         servers that follow it decide by themselves until the oldest have expired"
    )]
    TooMany,
    /// The task that made it came to no end.
    #[error("the revocation feed could not be made")]
    Unmade,
}

/// The feed of one issuer, as far as it was made. Nothing here is ever older than the read it stands for.
#[derive(Debug, Default)]
pub struct Revocations {
    /// How many have asked.
    questions: AtomicU64,
    /// Held by the one task that reads or makes something of it; others wait, and find it done.
    made: Mutex<Made>,
}

#[derive(Debug, Default)]
struct Made {
    /// The first question that the last read is too old for.
    answers_until: u64,
    listed: Option<Arc<Listed>>,
    signed: Option<Signed>,
}

/// What stands in the feed, not yet signed.
#[derive(Debug)]
pub struct Listed {
    read: EndedSince,
    /// Without its times.
    lists: RevocationFeed,
    /// Follows from the lists alone: equal content has equal tags, whichever node answers and whenever it signed.
    pub etag: String,
}

#[derive(Debug)]
struct Signed {
    listed: Arc<Listed>,
    at: Time,
    text: Bytes,
}

impl Revocations {
    /// What ended, as the store knows it now: whatever was committed before this call is in it (AT-11).
    ///
    /// One read at a time, and whoever waited for it shares the next: a crowd that asks at once costs two.
    pub async fn listed(&self, app: &App) -> Result<Arc<Listed>, FeedFault> {
        let question = self.questions.fetch_add(1, Ordering::SeqCst);
        let mut made = self.made.lock().await;
        if question < made.answers_until
            && let Some(listed) = &made.listed
        {
            return Ok(Arc::clone(listed));
        }
        // Everybody who asked until here is answered by a read that begins now.
        let answers_until = self.questions.load(Ordering::SeqCst);
        let listed = read(app, made.listed.as_ref()).await?;
        *made = Made { answers_until, listed: Some(Arc::clone(&listed)), signed: made.signed.take() };
        Ok(listed)
    }

    /// The feed with these lists, signed. Once a second at most, however many ask: of two feeds the later `iat` counts, and so
    /// none is handed out that is older than another.
    pub async fn signed(&self, app: &App, listed: &Arc<Listed>) -> Result<Bytes, FeedFault> {
        let now = crate::env::now();
        let mut made = self.made.lock().await;
        if let Some(signed) =
            made.signed.as_ref().filter(|signed| signed.at == now && signed.listed.etag == listed.etag)
        {
            return Ok(signed.text.clone());
        }
        let key = app.keys.signing(app.settings.access_token_algorithm)?;
        let lists = Arc::clone(listed);
        let sign = move || RevocationFeed { iat: now, exp: now + GOOD_FOR, ..lists.lists.clone() }.mint(&key);
        let text = Bytes::from(aside(sign).await??);
        made.signed = Some(Signed { listed: Arc::clone(listed), at: now, text: text.clone() });
        Ok(text)
    }
}

/// Reads, and makes lists of it unless they would be those `before`.
async fn read(app: &App, before: Option<&Arc<Listed>>) -> Result<Arc<Listed>, FeedFault> {
    let now = crate::env::now();
    let read = still_needed(app.store.ended_since(&app.settings.issuer, now - REMEMBERED).await?, now);
    // What it says is removed must not be what it is signed with.
    app.keys.follow(read.keys).await?;
    let read = if entries(&read) > MOST_ENTRIES { aside(move || folded(read)).await? } else { read };
    if entries(&read) > MOST_ENTRIES {
        return Err(FeedFault::TooMany);
    }
    match before {
        Some(listed) if listed.read == read => Ok(Arc::clone(listed)),
        _ => {
            let issuer = app.settings.issuer.as_str().to_owned();
            Ok(Arc::new(aside(move || Listed::of(read, issuer)).await??))
        }
    }
}

impl Listed {
    fn of(read: EndedSince, iss: String) -> Result<Self, SignFault> {
        let mut lists = RevocationFeed {
            iss,
            grants: read.grants.iter().map(|grant| Mark::of(grant.as_str())).collect(),
            keys: read.removed_keys.iter().map(|key| Mark::of(&key.kid)).collect(),
            ..RevocationFeed::default()
        };
        for ended in &read.ended {
            match &ended.thing {
                EndedThing::AccessToken(token) => {
                    lists.tokens.insert(Mark::of(token.as_str()));
                }
                EndedThing::Client(client) => {
                    lists.clients.insert(Mark::of(client.as_str()), ended.at);
                }
            }
        }
        let text = serde_json::to_vec(&lists).map_err(|_| SignFault::Claims)?;
        let etag = format!("\"{}\"", Digest::of(&text).to_base64url());
        Ok(Self { read, lists, etag })
    }
}

/// Without what only concerns tokens that have expired everywhere, late clocks included.
fn still_needed(mut read: EndedSince, now: Time) -> EndedSince {
    read.ended.retain(|ended| !now.is_past(ended.until + CLOCKS_APART));
    read
}

fn entries(read: &EndedSince) -> usize {
    read.grants.len() + read.ended.len() + read.removed_keys.len()
}

/// With a whole grant in place of its single tokens, those first of which most ended, until it fits. One app that gives back token
/// after token, or shows a spent one again and again, would else leave every resource server without a feed. It loses what it still
/// holds at those; nothing that ended is left out.
fn folded(mut read: EndedSince) -> EndedSince {
    let mut tokens: BTreeMap<GrantId, usize> = BTreeMap::new();
    for grant in read.ended.iter().filter_map(grant_of) {
        *tokens.entry(grant).or_default() += 1;
    }
    let mut fullest: Vec<(usize, GrantId)> = tokens.into_iter().map(|(grant, tokens)| (tokens, grant)).collect();
    fullest.sort_unstable_by(|one, other| other.cmp(one));
    let mut too_many = entries(&read).saturating_sub(MOST_ENTRIES);
    let mut whole: BTreeSet<GrantId> = BTreeSet::new();
    for (tokens, grant) in fullest {
        if too_many == 0 {
            break;
        }
        // The grant takes the place of one of them.
        too_many = too_many.saturating_sub(tokens - 1);
        whole.insert(grant);
    }
    read.ended.retain(|ended| grant_of(ended).is_none_or(|grant| !whole.contains(&grant)));
    let listed: BTreeSet<GrantId> = read.grants.iter().cloned().collect();
    read.grants.extend(whole.difference(&listed).cloned());
    read
}

/// The grant of a single token that ended.
fn grant_of(ended: &Ended) -> Option<GrantId> {
    match &ended.thing {
        EndedThing::AccessToken(token) => token.grant(),
        EndedThing::Client(_) => None,
    }
}

/// Megabytes of marks are not made on the threads that answer requests.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, FeedFault> {
    tokio::task::spawn_blocking(work).await.map_err(|_| FeedFault::Unmade)
}

/// How far back something may have ended and still matter: the longest life of a token, and a clock that is late.
const REMEMBERED: Seconds = Seconds(LONGEST_ACCESS_TOKEN.0 + CLOCKS_APART.0);

/// How long a feed may be taken for current. Whoever follows it asks far more often, gets a new one after that, and is held up by a
/// clock of ours that was set back for no longer.
const GOOD_FOR: Seconds = Seconds::hours(1);

/// As many as fit into what readers take: an entry is 25 bytes of JSON, 34 in the signed form.
const MOST_ENTRIES: usize = 120_000;
