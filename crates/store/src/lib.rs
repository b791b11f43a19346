//! How records are *kept*: durably, guarded, one issuer apart from the other.
//!
//! [`Store::load`] reads what a lookup names, [`Store::commit`] writes changes, all or nothing; their meaning is
//! `grantd_protocol::state::State`, and every driver agrees with it. Owns no rule of the protocol. The way down:
//! `reads.rs` and `writes.rs` (record ↔ statement), `statements.rs` (the only SQL), `rows.rs` (record ↔ row), `sqlite`
//! and `postgres` (the drivers).

mod copy;
mod driver;
mod events;
mod fault;
mod keys;
mod leases;
mod lists;
mod migrations;
mod postgres;
mod reads;
mod restore;
mod rows;
mod sqlite;
mod statements;
mod sweep;
mod writes;

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::facts::{Facts, Lookup};
use grantd_protocol::names::{ClientId, GrantId, Issuer, ResourceId, UserId, Username};
use grantd_protocol::records::{Client, Ended, Resource, User};
use grantd_tokens::Time;

pub use copy::{Table, Walked};
pub use fault::StoreFault;
pub use keys::{KeyChange, KeysRevision, RemovedKey, StoredKey, StoredKeys};
pub use leases::{LEASE_LASTS, Lease};
pub use lists::{GrantCursor, GrantList, GrantPage, GrantsOf, LINEAGE_SHOWN, Lineage};
pub use migrations::Plan;
pub use postgres::{PostgresServer, PostgresUrlFault};
pub use restore::{EndedByRestore, Kept, Restoring, back_up_file, restore_file};
pub use sqlite::Pages;
pub use sweep::Swept;

use driver::{Driver, Named};
use postgres::Postgres;
use reads::Page;
use sqlite::{Durability, Sqlite};

/// Where records are kept. A cheap handle: clones share one database, which closes with the last of them.
#[derive(Clone)]
pub struct Store {
    driver: Driver,
}

/// Which database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A SQLite file. Created if it does not exist, readable by its owner alone.
    File(PathBuf),
    /// A database of a PostgreSQL server, or of one that speaks its protocol. Its tables are made if they do not exist.
    Postgres(PostgresServer),
    /// A private database that nobody else can open and that is gone with its last handle. Not durable.
    Memory,
}

impl Location {
    /// What it is called, without a secret.
    pub fn place(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Postgres(server) => server.place(),
            Self::Memory => "memory".to_owned(),
        }
    }
}

/// How much a store may take upon itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many threads read what may take long.
    pub readers: usize,
    /// How many short reads may run at once on the threads that ask; where one more asks, it is a reading thread's.
    pub readers_in_place: usize,
    /// How many requests may wait to read, and how many to write; one more is told [`StoreFault::Busy`].
    pub queue: usize,
    /// How many bytes may wait to be written; beyond them, [`StoreFault::Busy`].
    pub queue_bytes: usize,
    /// How many requests are committed together, if so many wait. 1 commits each alone, which is good for comparing.
    pub most_in_a_commit: usize,
    /// When a commit is on the disk. Of a SQLite file, as what follows: a server has settings of its own.
    pub sync: Sync,
    /// How long to wait for another process that writes to the file.
    pub wait_for_lock: Duration,
    /// The most the file may grow to; beyond it, as with a full disk, [`StoreFault::Full`].
    pub max_bytes: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 4,
            readers_in_place: std::thread::available_parallelism().map_or(1, NonZero::get).min(8),
            queue: 4096,
            queue_bytes: 64 << 20,
            most_in_a_commit: 512,
            sync: Sync::Full,
            wait_for_lock: Duration::from_secs(5),
            max_bytes: None,
        }
    }
}

/// When a commit is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Before it returns (STORE-05).
    Full,
    /// Some time after. A machine that ends suddenly forgets spent codes and revocations that were acknowledged: a benchmark may
    /// ask what that would gain, and nothing else may. No setting of the server leads here.
    Normal,
}

/// What there is at a location, for whoever only wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inspection {
    /// Nothing yet: it is made at the first start.
    Absent,
    /// A database of this binary's schema.
    Current,
    /// A database of an older schema: it is migrated at the next start, and an older binary refuses it from then on (STORE-11).
    Older {
        /// Its schema.
        found: i64,
        /// This binary's schema.
        newest: i64,
    },
}

/// What ended at or after a moment, the oldest first. What is no longer kept is not in it: grants past their absolute end, and
/// whatever has nothing left in force that it could end.
///
/// Not in `grants`: those under which nothing was issued at or after that moment, and those that ended with their client, as far
/// as its own end, which is in `ended`, covers what was issued under them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndedSince {
    /// Grants that were taken back, each with every token under it.
    pub grants: Vec<GrantId>,
    /// Access tokens, and what clients held for themselves.
    pub ended: Vec<Ended>,
    /// Signing keys, each with whatever it signed.
    pub removed_keys: Vec<RemovedKey>,
    /// The keys that were left at the same moment.
    pub keys: KeysRevision,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Opens or creates the database (mode 0600), and brings its schema up to date. Refuses a newer schema (STORE-11), a file
    /// that is something else, and tables that were altered. Blocks; meant for the start.
    pub fn open(location: &Location) -> Result<Self, StoreFault> {
        Self::open_with(location, &Options::default())
    }

    /// Says what [`Store::open`] would find, and refuses what it would refuse, without making or migrating anything.
    pub fn inspect(location: &Location) -> Result<Inspection, StoreFault> {
        let path = match location {
            Location::File(path) if path.exists() => path,
            Location::File(path)
                if path.parent().is_some_and(|parent| parent.as_os_str().is_empty() || parent.is_dir()) =>
            {
                return sqlite::could_be_made(path).map(|()| Inspection::Absent);
            }
            Location::File(path) => return Err(StoreFault::NoDirectory { place: path.display().to_string() }),
            Location::Postgres(server) => return postgres::inspect(server),
            Location::Memory => return Ok(Inspection::Absent),
        };
        let (found, newest) = sqlite::inspect(path, &Options::default())?;
        Ok(if found == newest { Inspection::Current } else { Inspection::Older { found, newest } })
    }

    /// What [`Store::open`] would do to the schema. Refuses what it would refuse, and does nothing.
    pub fn plan(location: &Location) -> Result<Plan, StoreFault> {
        let found = match Self::inspect(location)? {
            Inspection::Absent => None,
            Inspection::Current => Some(migrations::newest()),
            Inspection::Older { found, .. } => Some(found),
        };
        Ok(Plan::from(found, matches!(location, Location::Postgres(_))))
    }

    /// As [`Store::open`], with other than the usual bounds.
    pub fn open_with(location: &Location, options: &Options) -> Result<Self, StoreFault> {
        let driver = match location {
            Location::File(path) => Driver::Sqlite(Arc::new(Sqlite::open(path, Durability::Durable, options)?)),
            Location::Postgres(server) => Driver::Postgres(Arc::new(Postgres::open(server, options)?)),
            Location::Memory => {
                let directory = tempfile::TempDir::with_prefix("grantd-").map_err(|error| StoreFault::Io {
                    place: std::env::temp_dir().display().to_string(),
                    reason: error.to_string(),
                })?;
                let sqlite = Sqlite::open(&directory.path().join("grantd.db"), Durability::Throwaway, options)?;
                Driver::Private(Arc::new((sqlite, directory)))
            }
        };
        Ok(Self { driver })
    }

    /// Whether a commit that returned outlives the sudden end of the machine: false for [`Location::Memory`].
    pub fn is_durable(&self) -> bool {
        self.driver.is_durable()
    }

    /// How often a database server was asked something that is read, and waited for: what a load costs where it is a network away.
    /// Always 0 where the database is in this process.
    pub fn round_trips(&self) -> usize {
        self.driver.round_trips()
    }

    /// What is known about the things a lookup names, all of one moment. Sees every commit that was done before it (STORE-06).
    pub async fn load(&self, issuer: &Issuer, lookup: &Lookup) -> Result<Facts, StoreFault> {
        let named = Named { issuer: issuer.clone(), lookup: lookup.clone(), with_keys: false };
        self.driver.load(named, |reading, named| reads::load(reading, &named.issuer, &named.lookup)).await
    }

    /// As [`Store::load`], and how often the issuer's signing keys were changed until that same moment: whoever signs what is
    /// decided on these facts must not do so with older keys (KEYS-03).
    pub async fn load_with_keys_revision(
        &self,
        issuer: &Issuer,
        lookup: &Lookup,
    ) -> Result<(Facts, KeysRevision), StoreFault> {
        let named = Named { issuer: issuer.clone(), lookup: lookup.clone(), with_keys: true };
        self.driver
            .load(named, |reading, named| {
                let facts = reads::load(reading, &named.issuer, &named.lookup)?;
                Ok((facts, reads::keys_revision(reading, &named.issuer)?))
            })
            .await
    }

    /// Writes all of `changes` or none, each under its guard (STORE-02). [`Commit::Done`] is durable (STORE-05).
    ///
    /// Dropped before it is done, the changes may be written or not, but never a part of them.
    pub async fn commit(&self, issuer: &Issuer, changes: Vec<Change>) -> Result<Commit, StoreFault> {
        let steps = writes::steps(issuer, &changes)?;
        Ok(self.driver.write(steps).await?.commit)
    }

    /// Removes what can have no effect any more, in small transactions; never a mark that still prevents reuse (STORE-09).
    pub async fn sweep(&self, issuer: &Issuer, now: Time) -> Result<Swept, StoreFault> {
        sweep::sweep(&self.driver, issuer, now).await
    }

    /// What was taken back or ended at or after a moment, for the revocation feed (AT-11). A change is dated when it is decided
    /// and written a little later: whoever asks again and again asks from some time before they last asked.
    pub async fn ended_since(&self, issuer: &Issuer, since: Time) -> Result<EndedSince, StoreFault> {
        let issuer = issuer.clone();
        self.driver.read(move |reading| reads::ended_since(reading, &issuer, since)).await
    }

    /// The client of this id.
    pub async fn client(&self, issuer: &Issuer, id: &ClientId) -> Result<Option<Client>, StoreFault> {
        let (issuer, id) = (issuer.clone(), id.clone());
        self.driver.glance(move |reading| reads::client(reading, &issuer, &id)).await
    }

    /// Up to `limit` clients by id, those after `after`.
    pub async fn clients(
        &self,
        issuer: &Issuer,
        after: Option<ClientId>,
        limit: u32,
    ) -> Result<Vec<Client>, StoreFault> {
        let issuer = issuer.clone();
        self.driver
            .read(move |reading| {
                let after = after.as_ref().map(ClientId::as_str);
                Page { issuer: &issuer, after, limit }.of_clients(reading)
            })
            .await
    }

    /// The resource of this id.
    pub async fn resource(&self, issuer: &Issuer, id: &ResourceId) -> Result<Option<Resource>, StoreFault> {
        let (issuer, id) = (issuer.clone(), id.clone());
        self.driver.glance(move |reading| reads::resource(reading, &issuer, &id)).await
    }

    /// Up to `limit` resources by id, those after `after`.
    pub async fn resources(
        &self,
        issuer: &Issuer,
        after: Option<ResourceId>,
        limit: u32,
    ) -> Result<Vec<Resource>, StoreFault> {
        let issuer = issuer.clone();
        self.driver
            .read(move |reading| {
                let after = after.as_ref().map(ResourceId::as_str);
                Page { issuer: &issuer, after, limit }.of_resources(reading)
            })
            .await
    }

    /// The user of this id.
    pub async fn user(&self, issuer: &Issuer, id: &UserId) -> Result<Option<User>, StoreFault> {
        let (issuer, id) = (issuer.clone(), id.clone());
        self.driver.glance(move |reading| reads::user(reading, &issuer, &id)).await
    }

    /// The user of this name.
    pub async fn user_by_username(&self, issuer: &Issuer, username: &Username) -> Result<Option<User>, StoreFault> {
        let (issuer, username) = (issuer.clone(), username.clone());
        self.driver.glance(move |reading| reads::user_by_username(reading, &issuer, &username)).await
    }

    /// Up to `limit` users by username, those after `after`.
    pub async fn users(&self, issuer: &Issuer, after: Option<Username>, limit: u32) -> Result<Vec<User>, StoreFault> {
        let issuer = issuer.clone();
        self.driver
            .read(move |reading| {
                let after = after.as_ref().map(Username::as_str);
                Page { issuer: &issuer, after, limit }.of_users(reading)
            })
            .await
    }
}
