//! Password hashes: argon2id, never more at a time than the machine was given for it (LOGIN-01, LOGIN-03).
//!
//! Owns the cost and the queue. Does not own which passwords are good (PRECIS and lengths come before), nor throttling.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error as HashError, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// Makes and checks password hashes, on threads of their own.
#[derive(Debug)]
pub struct PasswordHasher {
    running: Arc<Semaphore>,
    waiting: Semaphore,
    patience: Duration,
}

/// What a password turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// The right one.
    Correct(HashAge),
    /// Not the right one; or there is no user, or no usable hash. The time it took does not tell which.
    Wrong,
}

/// Whether a hash that fits should be made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashAge {
    /// It has today's cost.
    Current,
    /// It was made at another cost: hash the password again, and keep that.
    NeedsRehash,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// Too many others are waiting, or it took too long: 503, try again.
    #[error("too many passwords are being checked at the moment")]
    Busy,
    /// The hash could not be made: out of memory, or the process is ending.
    #[error("the password could not be hashed")]
    Failed,
}

impl PasswordHasher {
    /// At most `running` hashes at a time (19 MiB and one core each), and at most `waiting` requests that wait for their turn,
    /// none longer than `patience`.
    pub fn new(running: usize, waiting: usize, patience: Duration) -> Self {
        Self { running: Arc::new(Semaphore::new(running.max(1))), waiting: Semaphore::new(waiting), patience }
    }

    /// Hashes `password` with a `salt` that was drawn for this hash alone. The result is a PHC string, to be stored.
    pub async fn hash(&self, password: &str, salt: [u8; 16]) -> Result<String, PasswordFault> {
        let password = Zeroizing::new(password.to_owned());
        self.run(move || {
            let hash = argon2id()?.hash_password_with_salt(password.as_bytes(), &salt)?;
            Ok(hash.to_string())
        })
        .await?
        .map_err(|error: HashError| {
            tracing::error!(%error, "a password could not be hashed");
            PasswordFault::Failed
        })
    }

    /// Checks `password` against the stored `phc`; `None`, for a user who is not there, takes the same time (LOGIN-01).
    pub async fn verify(&self, phc: Option<&str>, password: &str) -> Result<Verification, PasswordFault> {
        let password = Zeroizing::new(password.to_owned());
        let stored = phc.and_then(usable).map(str::to_owned);
        self.run(move || {
            let verification = compare(stored.as_deref().unwrap_or(&decoy()), &password);
            // Nothing fits the decoy; if something ever did, it would still be nobody's password.
            if stored.is_some() { verification } else { Verification::Wrong }
        })
        .await
    }

    /// Runs `work` when it is its turn. The permit travels with the work: a caller who gives up does not make room for another
    /// hash while the first still runs.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordFault> {
        let permit = self.turn().await?;
        let done = spawn_blocking(move || {
            let _held: OwnedSemaphorePermit = permit;
            work()
        });
        done.await.map_err(|_| PasswordFault::Failed)
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, PasswordFault> {
        if let Ok(permit) = Arc::clone(&self.running).try_acquire_owned() {
            return Ok(permit);
        }
        let _place = self.waiting.try_acquire().map_err(|_| PasswordFault::Busy)?;
        let turn = timeout(self.patience, Arc::clone(&self.running).acquire_owned()).await;
        turn.map_err(|_| PasswordFault::Busy)?.map_err(|_| PasswordFault::Failed)
    }
}

fn compare(stored: &str, password: &str) -> Verification {
    let Ok(hash) = PasswordHash::new(stored) else { return Verification::Wrong };
    // The cost is read from the hash; the comparison inside is in constant time.
    if Argon2::default().verify_password(password.as_bytes(), &hash).is_err() {
        return Verification::Wrong;
    }
    let current = hash.algorithm.as_str() == Algorithm::Argon2id.as_str()
        && hash.version == Some(Version::V0x13.into())
        && Params::try_from(&hash).is_ok_and(|params| cost(&params) == (MEMORY_KIB, PASSES, LANES));
    Verification::Correct(if current { HashAge::Current } else { HashAge::NeedsRehash })
}

/// A stored hash that this server may spend its time on. One that is not is logged: it can never fit.
fn usable(phc: &str) -> Option<&str> {
    let params = PasswordHash::new(phc).ok().and_then(|hash| Params::try_from(&hash).ok());
    let payable = params.is_some_and(|params| {
        let (memory, passes, lanes) = cost(&params);
        memory <= MOST_MEMORY_KIB && passes <= MOST_PASSES && lanes <= MOST_LANES
    });
    if !payable {
        tracing::error!("a stored password hash is not an argon2 hash of a cost that this server pays");
    }
    payable.then_some(phc)
}

fn cost(params: &Params) -> (u32, u32, u32) {
    (params.m_cost(), params.t_cost(), params.p_cost())
}

fn argon2id() -> Result<Argon2<'static>, argon2::Error> {
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(MEMORY_KIB, PASSES, LANES, None)?))
}

/// A hash of today's cost that no password is known to fit.
fn decoy() -> String {
    let (salt, output) = ("A".repeat(22), "A".repeat(43));
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${output}")
}

/// OWASP's minimum: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes that were brought along from elsewhere may cost more, but not without end.
const MOST_MEMORY_KIB: u32 = 256 * 1024;
const MOST_PASSES: u32 = 10;
const MOST_LANES: u32 = 8;
