//! The other store: a PostgreSQL server of the benchmark's own, which waits for the disk, with one node and with two.
//!
//! What is measured is the node's CPU. The database's is not in it: it is another machine's where there are many nodes.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use grantd_postgres_fixture::{Isolation, Options, Schema, Server as Database};
use grantd_store::{Location, PostgresServer, Store};

use super::catalogue::{
    PG_CLIENT_CREDENTIALS, PG_COMMIT, PG_EXCHANGE, PG_FLOW, PG_INTROSPECTION, PG_ONE_NODE, PG_REFRESH, PG_TRANSACTIONS,
    PG_TWO_NODES,
};
use super::crash;
use super::endpoints::{self, Ceilings};
use super::town::{Pace, Town};
use crate::book::{Book, Line};
use crate::driver::{Load, Span, drive};
use crate::fault::Fault;
use crate::parts::commits;
use crate::server::{Site, write_for_owner};
use crate::{clock, world};

/// What is measured here as on SQLite.
const ENDPOINTS: &[Line] = &[PG_INTROSPECTION, PG_CLIENT_CREDENTIALS, PG_EXCHANGE, PG_REFRESH, PG_FLOW];

/// A database, and two nodes on it.
#[derive(Debug)]
pub struct Nodes {
    first: Town,
    second: Town,
    site: Site,
    schema: Schema,
    // After the nodes: it ends when they are gone.
    database: Database,
}

impl Nodes {
    /// Whether PostgreSQL is installed where Debian puts it, or on the path.
    pub fn can_be() -> bool {
        let of_debian = std::fs::read_dir("/usr/lib/postgresql").is_ok_and(|mut versions| versions.next().is_some());
        of_debian || clock::variable("PATH").is_some_and(|path| on(&path))
    }

    /// Makes a database, and starts both nodes on it.
    pub async fn start(binary: &Path, folder: &Path, people: usize, pace: Pace) -> Result<Self, Fault> {
        let database = Database::start(&Options { durable: true, ..Options::default() });
        let schema = database.schema(Isolation::ReadCommitted);
        std::fs::create_dir_all(folder).map_err(Fault::file("making", folder))?;
        let key_file = folder.join("key-encryption.key");
        // Any 32 bytes: there is nothing behind them but this benchmark.
        write_for_owner(&key_file, &grantd_tokens::Digest::of(b"key of the benchmark").to_base64url())?;
        let records = world::Database::Postgres { url: schema.url(), key_file };
        let site = Site::on(records.clone(), binary, folder.join("first"), people)?;
        let first = Town::at(site.start()?, people, pace).await?;
        let second = Site::on(records, binary, folder.join("second"), people)?.start()?;
        // The same people, who signed in at the other node.
        let second = Town { server: second, browsers: first.browsers.clone(), pace };
        Ok(Self { first, second, site, schema, database })
    }

    /// One round of everything.
    pub async fn measure(&self, ceilings: &Ceilings, each: Duration, book: &mut Book) -> Result<(), Fault> {
        let commit = self.commits(each).await?;
        book.add(PG_COMMIT, commit.cpu_each).beside("per second", commit.per_second);
        let ceilings = ceilings.with_commit(commit.cpu_each);
        for line in ENDPOINTS {
            endpoints::measure(*line, &self.first, &ceilings, book).await?;
        }
        self.one_and_two(book).await
    }

    /// Kills a node under load, and looks.
    pub async fn survive(self, book: &mut Book) -> Result<(), Fault> {
        let Self { first, second, site, database, .. } = self;
        crash::survive(first, &site, "PostgreSQL", book).await?;
        drop((second, database));
        Ok(())
    }

    async fn commits(&self, each: Duration) -> Result<commits::Commits, Fault> {
        let schema = self.database.schema(Isolation::ReadCommitted);
        let server = PostgresServer::parse(&schema.url()).map_err(|fault| Fault::Part(fault.to_string()))?;
        let store = Store::open(&Location::Postgres(server))?;
        commits::within(store, 128, commits::ENOUGH, each).await
    }

    /// The same number of clients, first all at one node, then half of them at each.
    async fn one_and_two(&self, book: &mut Book) -> Result<(), Fault> {
        let clients = endpoints::refreshing(&self.first).await?;
        let Town { server, pace, .. } = &self.first;
        let span = Span::Lasting { warm_up: pace.warm_up, counted: pace.counted };
        // Read where the counting begins and where it ends, as the CPU is: what warms up is in neither.
        let seen = RefCell::new(Vec::new());
        let cpu = || {
            seen.borrow_mut().push(self.transactions());
            server.process.cpu()
        };
        let (one, clients) = drive(server.address, clients, span, cpu).await?;
        book.add_load(PG_ONE_NODE, &one, None);
        if let [before, after] = *seen.take() {
            book.add(PG_TRANSACTIONS, (after - before) / as_float(one.answered));
        }
        let half = clients.len() / 2;
        let mut here = clients;
        let there = here.split_off(half);
        let (here, there) = tokio::join!(self.first.load(here), self.second.load(there));
        let ((here, _), (there, _)) = (here?, there?);
        let both = together(&here, &there);
        let ratio = both.per_cpu_second() / one.per_cpu_second();
        let figure = book.add_load(PG_TWO_NODES, &both, None);
        figure.ratios.push(ratio);
        figure.remark(ONE_MACHINE);
        Ok(())
    }

    /// How many transactions have written so far: each takes the next number.
    fn transactions(&self) -> f64 {
        let rows = self.database.execute_in(&self.schema, "SELECT txid_current()");
        let count = rows.into_iter().flatten().flatten().next().and_then(|count| count.parse().ok());
        count.unwrap_or(f64::NAN)
    }
}

const ONE_MACHINE: &str = "two nodes: both, the database and the driver on the same cores";

fn together(here: &Load, there: &Load) -> Load {
    let mut latencies = [here.latencies.as_slice(), there.latencies.as_slice()].concat();
    latencies.sort_unstable();
    Load {
        answered: here.answered + there.answered,
        wall: here.wall.max(there.wall),
        cpu: here.cpu + there.cpu,
        latencies,
        wrong: here.wrong + there.wrong,
        first_wrong: here.first_wrong.clone().or_else(|| there.first_wrong.clone()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn as_float(count: u64) -> f64 {
    count as f64
}

fn on(path: &std::ffi::OsStr) -> bool {
    std::env::split_paths(path).any(|folder: PathBuf| folder.join("postgres").is_file())
}
