//! One connection: made, set up so that nothing on it hangs, and its prepared statements.
//!
//! Owns what is asked of a session. Start at [`Line`], which makes a connection when there is none.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::retry;
use super::server::PostgresServer;
use crate::fault::StoreFault;

pub(super) type Parameter<'a> = &'a (dyn ToSql + Sync);

/// A server, and how to get there.
pub(super) struct Way {
    pub(super) server: PostgresServer,
    tls: MakeRustlsConnect,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Statements that are each a moment of their own, or a few of the same moment.
    Reading,
    /// Transactions.
    Writing,
}

/// A place for one connection, which is made anew when it was lost.
pub(super) struct Line {
    way: Arc<Way>,
    purpose: Purpose,
    place: Mutex<Place>,
}

#[derive(Default)]
struct Place {
    link: Option<Arc<Link>>,
    /// When the last attempt to connect ended, and why.
    failed: Option<(Instant, StoreFault)>,
}

/// A connection that stands, or stood a moment ago.
pub(super) struct Link {
    client: Client,
    prepared: Mutex<HashMap<String, Statement>>,
    is_given_up: AtomicBool,
    driving: tokio::task::AbortHandle,
}

impl Way {
    pub(super) fn new(server: PostgresServer) -> Result<Self, StoreFault> {
        let tls = super::tls::connector(&server)?;
        Ok(Self { server, tls })
    }

    pub(super) fn fault(&self, error: &tokio_postgres::Error) -> StoreFault {
        retry::fault(error, &self.server)
    }

    /// Connects, within the time that the URL gives to each address, and to the whole no more than [`CONNECTING`].
    pub(super) async fn connect(&self, purpose: Purpose) -> Result<Link, StoreFault> {
        let too_late =
            |_| StoreFault::Unreachable { place: self.server.place(), reason: "no answer in time".to_owned() };
        let connecting = self.server.config().connect(self.tls.clone());
        let (client, connection) = tokio::time::timeout(CONNECTING, connecting)
            .await
            .map_err(too_late)?
            .map_err(|error| self.fault(&error))?;
        let driving = tokio::spawn(async move {
            // Whoever waits for an answer on it is told.
            let _ = connection.await;
        })
        .abort_handle();
        let link = Link { client, prepared: Mutex::default(), is_given_up: AtomicBool::new(false), driving };
        tokio::time::timeout(CONNECTING, self.set_up(&link, purpose)).await.map_err(too_late)??;
        Ok(link)
    }

    async fn set_up(&self, link: &Link, purpose: Purpose) -> Result<(), StoreFault> {
        for setting in SETTINGS {
            link.client.batch_execute(setting).await.map_err(|error| self.fault(&error))?;
        }
        if purpose == Purpose::Reading {
            // Not where commits wait for a standby: a statement that is cancelled there counts as done (STORE-05).
            link.client.batch_execute("SET statement_timeout = '30s'").await.map_err(|error| self.fault(&error))?;
        }
        for wish in WISHES {
            // A server that does not know it plans in its own way.
            let _ = link.client.batch_execute(wish).await;
        }
        let setting = link.setting("synchronous_commit").await.map_err(|error| self.fault(&error))?;
        if setting == "off" {
            return Err(StoreFault::NotDurable { place: self.server.place(), setting });
        }
        Ok(())
    }
}

/// As long as a server may take to let us in.
const CONNECTING: Duration = Duration::from_secs(10);

/// That nothing waits without end for somebody who does not come back.
const SETTINGS: &[&str] = &["SET lock_timeout = '2s'", "SET idle_in_transaction_session_timeout = '30s'"];

/// All statements find their rows by an index, from the first row on: what the planner guesses of a table that was empty a minute
/// ago must not make it look through the whole, and no plan is worth making twice.
const WISHES: &[&str] = &[
    "SET plan_cache_mode = force_generic_plan",
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    "SET jit = off",
    "SET client_min_messages = error",
];

impl Line {
    pub(super) fn new(way: Arc<Way>, purpose: Purpose) -> Self {
        Self { way, purpose, place: Mutex::default() }
    }

    /// A line whose first connection was made already.
    pub(super) fn of(way: Arc<Way>, purpose: Purpose, link: Link) -> Self {
        Self { way, purpose, place: Mutex::new(Place { link: Some(Arc::new(link)), failed: None }) }
    }

    /// The connection; a new one if the last one is gone. Many who wait while one connects in vain hear of that, too: they do not
    /// try it one after the other.
    pub(super) async fn link(&self) -> Result<Arc<Link>, StoreFault> {
        let asked = Instant::now();
        let mut place = self.place.lock().await;
        if let Some(link) = place.link.as_ref().filter(|link| link.is_up()) {
            return Ok(Arc::clone(link));
        }
        if let Some((_, fault)) = place.failed.as_ref().filter(|(at, _)| *at > asked) {
            return Err(fault.clone());
        }
        match self.way.connect(self.purpose).await {
            Ok(link) => {
                let link = Arc::new(link);
                *place = Place { link: Some(Arc::clone(&link)), failed: None };
                Ok(link)
            }
            Err(fault) => {
                place.failed = Some((Instant::now(), fault.clone()));
                Err(fault)
            }
        }
    }
}

impl Link {
    fn is_up(&self) -> bool {
        !self.client.is_closed() && !self.is_given_up.load(Ordering::Relaxed)
    }

    /// Takes it out of use, whatever still runs on it.
    pub(super) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
        self.driving.abort();
    }

    pub(super) async fn setting(&self, name: &str) -> Result<String, tokio_postgres::Error> {
        let row = self.client.query_one("SELECT current_setting($1)", &[&name]).await?;
        row.try_get(0)
    }

    /// The text as a prepared statement; `types` may be empty where the server can tell them.
    pub(super) async fn prepare(&self, text: &str, types: &[Type]) -> Result<Statement, tokio_postgres::Error> {
        let mut prepared = self.prepared.lock().await;
        if let Some(statement) = prepared.get(text) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare_typed(text, types).await?;
        prepared.insert(text.to_owned(), statement.clone());
        Ok(statement)
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // A connection whose client is gone says goodbye by itself; one that was given up may not get that far.
        if self.is_given_up.load(Ordering::Relaxed) {
            self.driving.abort();
        }
    }
}
