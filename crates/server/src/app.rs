//! What every handler shares.

use std::sync::Arc;

use grantd_protocol::endpoint::Env;
use grantd_protocol::settings::Settings;
use grantd_store::{Store, StoreFault};
use grantd_tokens::Seconds;

use crate::duties::Duties;
use crate::env::OsRandom;
use crate::events::Throttled;
use crate::fetch::Fetcher;
use crate::http::Transport;
use crate::http::inactive_answers::InactiveAnswers;
use crate::http::origins::Origins;
use crate::keys::{KeyFault, Keys};
use crate::pages::Mode;
use crate::password::{PasswordFault, PasswordHasher};
use crate::published::Published;
use crate::revocations::Revocations;
use crate::turns::Turns;

/// One issuer, running.
pub struct App {
    /// What is kept.
    pub store: Store,
    /// What the operator decided.
    pub settings: Settings,
    /// Whether every page says that this is not for production.
    pub mode: Mode,
    /// How browsers reach the issuer.
    pub transport: Transport,
    /// What tokens are signed with.
    pub keys: Keys,
    /// How long one of them signs.
    pub rotate_keys_every: Seconds,
    /// What the issuer says of itself.
    pub published: Published,
    /// What this node does for all of them.
    pub duties: Duties,
    /// What ended before its time, for whoever follows that.
    pub revocations: Revocations,
    /// The pool that hashes passwords.
    pub passwords: PasswordHasher,
    /// The turns of those whose commit was stale.
    pub overtaken: Turns,
    /// The only way out.
    pub fetcher: Arc<Fetcher>,
    /// Which web origins clients registered.
    pub origins: Origins,
    /// How often a caller may still be told that a token is not active.
    pub inactive_answers: InactiveAnswers,
    /// Who was throttled just now.
    pub throttled: Throttled,
    /// The issuer's path, without a last slash: `/t/acme`, or nothing.
    pub base_path: String,
    /// The issuer's origin, as browsers write it in `Origin`.
    pub origin: String,
}

/// As handlers hold it.
pub type Shared = Arc<App>;

impl App {
    /// Runs `decide` with the clock, the dice and the settings.
    pub fn with_env<T>(&self, decide: impl FnOnce(&mut Env<'_>) -> T) -> T {
        let mut random = OsRandom;
        let ring = self.keys.ring();
        let env =
            &mut Env { now: crate::env::now(), random: &mut random, settings: &self.settings, keys: &ring.public };
        decide(env)
    }

    /// A path of this issuer, for links and forms.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base_path)
    }
}

/// Trouble of our own. Says nothing to the caller but *later*; nothing is issued (INV-07).
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The store.
    #[error("the store: {0}")]
    Store(#[from] StoreFault),
    /// The keys.
    #[error("the signing keys: {0}")]
    Keys(#[from] KeyFault),
    /// An access token could not be made of what was granted: it would be too long.
    #[error("an access token: {0}")]
    Token(#[from] grantd_tokens::jws::SignFault),
    /// An answer could not be written.
    #[error("an answer cannot be written as JSON: {0}")]
    Answer(#[from] serde_json::Error),
    /// The password pool.
    #[error("the password pool: {0}")]
    Password(#[from] PasswordFault),
    /// Others were first, again and again.
    #[error("other requests changed the same records {0} times in a row")]
    Contention(u32),
    /// A page could not be written.
    #[error("a page: {0}")]
    Page(#[from] askama::Error),
}
