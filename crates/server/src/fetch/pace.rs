//! How often and how many at a time (FETCH-06).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::Why;

/// How much may be asked of others.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Requests under way at a time, to all hosts together.
    pub total: usize,
    /// Requests under way at a time, to one host.
    pub per_host: usize,
    /// Requests to one host in a row, after a rest.
    pub burst: u32,
    /// Requests to one host in the long run.
    pub per_second: u32,
}

/// Keeps requests to an [`Allowance`].
#[derive(Debug)]
pub(super) struct Pace {
    allowance: Allowance,
    total: Arc<Semaphore>,
    hosts: Mutex<HashMap<String, HostPace>>,
}

/// Held while a request is under way.
#[derive(Debug)]
pub(super) struct Turn {
    _of_host: OwnedSemaphorePermit,
    _of_total: OwnedSemaphorePermit,
}

impl Pace {
    pub(super) fn new(allowance: Allowance) -> Self {
        Self { allowance, total: Arc::new(Semaphore::new(allowance.total)), hosts: Mutex::default() }
    }

    /// Waits for a turn at `host`; without waiting, refuses if the host was asked too often.
    pub(super) async fn turn(&self, host: &str) -> Result<Turn, Why> {
        let running = self.spend(host)?;
        // The host's turn first: those who wait for a slow host take no place from the others.
        let of_host = running.acquire_owned().await.map_err(|_| Why::TooMany)?;
        let of_total = Arc::clone(&self.total).acquire_owned().await.map_err(|_| Why::TooMany)?;
        Ok(Turn { _of_host: of_host, _of_total: of_total })
    }

    /// Takes one from the host's budget.
    fn spend(&self, host: &str) -> Result<Arc<Semaphore>, Why> {
        let now = Instant::now();
        let allowance = self.allowance;
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() >= MOST_HOSTS && !hosts.contains_key(host) {
            hosts.retain(|_, pace| !pace.is_rested(now, allowance));
            if hosts.len() >= MOST_HOSTS {
                return Err(Why::TooMany);
            }
        }
        let pace = hosts.entry(host.to_owned()).or_insert_with(|| HostPace {
            budget: f64::from(allowance.burst),
            since: now,
            running: Arc::new(Semaphore::new(allowance.per_host)),
        });
        pace.refill(now, allowance);
        if pace.budget < 1.0 {
            return Err(Why::TooMany);
        }
        pace.budget -= 1.0;
        Ok(Arc::clone(&pace.running))
    }
}

#[derive(Debug)]
struct HostPace {
    budget: f64,
    since: Instant,
    running: Arc<Semaphore>,
}

impl HostPace {
    fn refill(&mut self, now: Instant, allowance: Allowance) {
        let earned = now.duration_since(self.since).as_secs_f64() * f64::from(allowance.per_second);
        self.budget = (self.budget + earned).min(f64::from(allowance.burst));
        self.since = now;
    }

    /// Whether forgetting this host changes nothing: full budget, nobody running or waiting.
    fn is_rested(&mut self, now: Instant, allowance: Allowance) -> bool {
        self.refill(now, allowance);
        self.budget >= f64::from(allowance.burst) && Arc::strong_count(&self.running) == 1
    }
}

/// Hosts that are remembered at a time.
const MOST_HOSTS: usize = 1024;
