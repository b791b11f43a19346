//! What every driver does: read of one moment, and write all of a request's changes or none. Knows no record and no rule.
//!
//! What is read and written is the same for each of them: `reads.rs` asks a [`Reading`], `writes.rs` makes [`Step`]s.

use std::sync::Arc;

use grantd_protocol::changes::Commit;
use grantd_protocol::facts::Lookup;
use grantd_protocol::names::Issuer;

use crate::fault::StoreFault;
use crate::postgres::Postgres;
use crate::reads;
use crate::rows::{Row, Value};
use crate::sqlite::Sqlite;
use crate::writes::Step;

/// A database, and whatever connects to it. A cheap handle.
#[derive(Clone)]
pub(crate) enum Driver {
    Sqlite(Arc<Sqlite>),
    Postgres(Arc<Postgres>),
    /// A database in a directory of its own, which goes when the last handle goes.
    Private(Arc<(Sqlite, tempfile::TempDir)>),
}

/// One moment of a database.
pub(crate) trait Reading {
    /// The rows that a statement finds.
    fn rows(&self, table: &'static str, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, StoreFault>;
}

/// How a transaction ended, and how many rows each of its statements wrote.
pub(crate) struct Written {
    pub(crate) commit: Commit,
    pub(crate) rows: Vec<(&'static str, u64)>,
}

impl Written {
    pub(crate) fn rows_written(&self) -> u64 {
        self.rows.iter().map(|(_, rows)| rows).sum()
    }

    pub(crate) fn rows_written_by(&self, sql: &'static str) -> u64 {
        self.rows.iter().filter(|(by, _)| *by == sql).map(|(_, rows)| rows).sum()
    }
}

impl Driver {
    /// Whether what was committed outlives the sudden end of the machine.
    pub(crate) fn is_durable(&self) -> bool {
        match self {
            Self::Sqlite(sqlite) => sqlite.is_durable(),
            Self::Private(private) => private.0.is_durable(),
            // It refuses to start on a server that is not.
            Self::Postgres(_) => true,
        }
    }

    /// How often a server was asked something that is read, and waited for.
    pub(crate) fn round_trips(&self) -> usize {
        match self {
            Self::Postgres(postgres) => postgres.trips(),
            Self::Sqlite(_) | Self::Private(_) => 0,
        }
    }

    /// Runs all the steps in one transaction, or none. Durable when it returns [`Commit::Done`] (STORE-05).
    pub(crate) async fn write(&self, steps: Vec<Step>) -> Result<Written, StoreFault> {
        match self {
            Self::Sqlite(sqlite) => sqlite.write(steps).await,
            Self::Private(private) => private.0.write(steps).await,
            Self::Postgres(postgres) => postgres.write(steps).await,
        }
    }

    /// Asks of one moment, which sees everything that was committed before. `ask` may be called more than once, and what it
    /// returned last counts.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        ask: impl Fn(&dyn Reading) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        match self {
            Self::Sqlite(sqlite) => sqlite.read(ask).await,
            Self::Private(private) => private.0.read(ask).await,
            Self::Postgres(postgres) => postgres.read(ask).await,
        }
    }

    /// As [`Driver::read`], for what finds a few rows by their keys: where the database is in this process, on the thread that
    /// asks, unless that would block it.
    pub(crate) async fn glance<T: Send + 'static>(
        &self,
        ask: impl Fn(&dyn Reading) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        match self {
            Self::Sqlite(sqlite) => sqlite.glance(ask).await,
            Self::Private(private) => private.0.glance(ask).await,
            Self::Postgres(postgres) => postgres.read(ask).await,
        }
    }

    /// As [`Driver::read`], for one who asks what a lookup names: where the database is far away, that is fetched all at once.
    pub(crate) async fn load<T: Send + 'static>(
        &self,
        named: Named,
        ask: impl Fn(&dyn Reading, &Named) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        match self {
            Self::Postgres(postgres) => postgres.load(named, ask).await,
            // What counts rows or lists them may take long, and leaves the threads of others alone.
            Self::Sqlite(_) | Self::Private(_) if reads::is_long(&named.lookup) => {
                self.read(move |reading| ask(reading, &named)).await
            }
            Self::Sqlite(_) | Self::Private(_) => self.glance(move |reading| ask(reading, &named)).await,
        }
    }
}

/// What is going to be asked for.
pub(crate) struct Named {
    pub(crate) issuer: Issuer,
    pub(crate) lookup: Lookup,
    /// And how often the issuer's keys were changed.
    pub(crate) with_keys: bool,
}
