//! The PostgreSQL driver: runs statements on a server that many nodes share. Knows no record and no rule.

mod server;

use crate::driver::{Reading, Written};
use crate::fault::StoreFault;
use crate::writes::Step;
use crate::{Inspection, Options};

pub use server::{PostgresServer, PostgresUrlFault};

/// A database on a server, and the connections to it.
pub(crate) struct Postgres {
    place: String,
}

/// Says what [`Postgres::open`] would find, without making or migrating anything.
pub(crate) fn inspect(server: &PostgresServer) -> Result<Inspection, StoreFault> {
    Err(not_yet(&server.place()))
}

impl Postgres {
    pub(crate) fn open(server: &PostgresServer, _options: &Options) -> Result<Self, StoreFault> {
        Err(not_yet(&server.place()))
    }

    pub(crate) async fn write(&self, _steps: Vec<Step>) -> Result<Written, StoreFault> {
        Err(not_yet(&self.place))
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        _ask: impl Fn(&dyn Reading) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        Err(not_yet(&self.place))
    }
}

fn not_yet(place: &str) -> StoreFault {
    StoreFault::Unreachable { place: place.to_owned(), reason: "this version does not connect to it yet".to_owned() }
}
