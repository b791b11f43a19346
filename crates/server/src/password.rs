//! Password hashes: argon2id, never more at a time than the machine was given for it (LOGIN-01, LOGIN-03).
//!
//! Owns the cost and the queue. Does not own which passwords are good (PRECIS and lengths come before), nor throttling.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::Error as HashError;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;
use zeroize::Zeroizing;

use threads::{Memory, Threads};

mod threads;

/// Makes and checks password hashes, on threads of their own.
#[derive(Debug)]
pub struct PasswordHasher {
    running: Arc<Semaphore>,
    waiting: Semaphore,
    patience: Duration,
    threads: Threads,
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
        Self {
            running: Arc::new(Semaphore::new(running.max(1))),
            waiting: Semaphore::new(waiting),
            patience,
            threads: Threads::default(),
        }
    }

    /// Hashes `password` with a `salt` that was drawn for this hash alone. The result is a PHC string, to be stored.
    pub async fn hash(&self, password: &str, salt: [u8; 16]) -> Result<String, PasswordFault> {
        let password = Zeroizing::new(password.to_owned());
        self.run(move |memory| new_hash(&password, &salt, memory)).await?.map_err(|error: HashError| {
            tracing::error!(%error, "a password could not be hashed");
            PasswordFault::Failed
        })
    }

    /// Checks `password` against the stored `phc`; `None`, for a user who is not there, takes the same time (LOGIN-01).
    pub async fn verify(&self, phc: Option<&str>, password: &str) -> Result<Verification, PasswordFault> {
        let password = Zeroizing::new(password.to_owned());
        let stored = phc.and_then(usable).map(str::to_owned);
        self.run(move |memory| {
            let verification = compare(stored.as_deref().unwrap_or(&decoy()), &password, memory);
            // Nothing fits the decoy; if something ever did, it would still be nobody's password.
            if stored.is_some() { verification } else { Verification::Wrong }
        })
        .await
    }

    /// Runs `work` when it is its turn. The permit travels with the work: a caller who gives up does not make room for another
    /// hash while the first still runs.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, PasswordFault> {
        let permit = self.turn().await?;
        let (reply, done) = oneshot::channel();
        self.threads.run(permit, move |memory| {
            // Nobody waits any more if this fails: the request was dropped.
            let _ = reply.send(work(memory));
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

fn compare(stored: &str, password: &str, memory: &mut Memory) -> Verification {
    let Ok(stored) = PasswordHash::new(stored) else { return Verification::Wrong };
    // Compared in constant time, by the type.
    if !computed_as(&stored, password, memory).is_ok_and(|computed| Some(computed) == stored.hash) {
        return Verification::Wrong;
    }
    let current = stored.algorithm.as_str() == Algorithm::Argon2id.as_str()
        && stored.version == Some(Version::V0x13.into())
        && Params::try_from(&stored).is_ok_and(|params| cost(&params) == (MEMORY_KIB, PASSES, LANES));
    Verification::Correct(if current { HashAge::Current } else { HashAge::NeedsRehash })
}

/// What the password becomes at the cost, and with the salt, of a stored hash.
fn computed_as(stored: &PasswordHash, password: &str, memory: &mut Memory) -> Result<Output, HashError> {
    let salt = stored.salt.as_ref().ok_or(HashError::PasswordInvalid)?;
    let algorithm = Algorithm::try_from(stored.algorithm.as_str())?;
    let version = stored.version.map(Version::try_from).transpose()?.unwrap_or_default();
    computed(&Argon2::new(algorithm, version, Params::try_from(stored)?), password, salt, memory)
}

fn computed(argon2: &Argon2<'_>, password: &str, salt: &[u8], memory: &mut Memory) -> Result<Output, HashError> {
    let blocks = memory.blocks(argon2.params().block_count()).ok_or(HashError::OutOfMemory)?;
    let mut buffer = [0_u8; Output::MAX_LENGTH];
    let length = argon2.params().output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    let output = buffer.get_mut(..length).ok_or(HashError::OutputSize)?;
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, output, blocks)?;
    Ok(Output::new(output)?)
}

/// At today's cost. A PHC string.
fn new_hash(password: &str, salt: &[u8; 16], memory: &mut Memory) -> Result<String, HashError> {
    let argon2 = Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(HashError::from)?,
    );
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params())?,
        salt: Some(Salt::new(salt)?),
        hash: Some(computed(&argon2, password, salt, memory)?),
    };
    Ok(hash.to_string())
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
