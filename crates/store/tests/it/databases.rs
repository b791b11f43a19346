//! On which database a test runs: SQLite, and PostgreSQL in both ways in which its transactions may be kept apart.
//!
//! A test whose outcome hangs on what a database does when many come at once runs on [`every_database`]. Any other runs on one, which
//! `GRANTD_TEST_DATABASE` chooses: `sqlite`, as without it, or `postgres`. What is about the files of SQLite opens one itself.

use grantd_postgres_fixture::{Isolation, Schema, Server};
use grantd_store::{Location, Options, PostgresServer, Store};

/// An empty database of a test's own.
pub(crate) struct Database {
    place: Place,
}

enum Place {
    File(tempfile::TempDir),
    Schema(Schema, Isolation),
}

#[derive(Clone, Copy)]
enum Kind {
    Sqlite,
    Postgres(Isolation),
}

/// A store on an empty database of the kind that was chosen.
pub(crate) fn store() -> Store {
    database().open_alone(&Options::default())
}

/// An empty database of the kind that was chosen.
pub(crate) fn database() -> Database {
    Database::of(chosen().first().copied().unwrap())
}

/// An empty one of each kind, or of each that was chosen, one after the other.
pub(crate) fn every_database() -> impl Iterator<Item = Database> {
    chosen().into_iter().map(Database::of)
}

/// What is about PostgreSQL runs in these isolations: in none if only SQLite was chosen.
pub(crate) fn isolations() -> Vec<Isolation> {
    let of_postgres = chosen().into_iter().filter_map(|kind| match kind {
        Kind::Sqlite => None,
        Kind::Postgres(isolation) => Some(isolation),
    });
    of_postgres.collect()
}

/// A store at this address: the URL of a server, or the path of a file.
pub(crate) fn open_at(address: &str) -> Store {
    let location = if address.starts_with("postgres://") {
        Location::Postgres(PostgresServer::parse(address).unwrap())
    } else {
        Location::File(address.into())
    };
    Store::open(&location).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says on what")]
fn chosen() -> Vec<Kind> {
    let of_postgres = Isolation::ALL.map(Kind::Postgres);
    match std::env::var("GRANTD_TEST_DATABASE").as_deref() {
        Err(_) => [[Kind::Sqlite].as_slice(), &of_postgres].concat(),
        Ok("sqlite") => vec![Kind::Sqlite],
        Ok("postgres") => of_postgres.into(),
        Ok(other) => panic!("GRANTD_TEST_DATABASE is `sqlite` or `postgres`, not `{other}`"),
    }
}

impl Database {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => Self { place: Place::File(tempfile::tempdir().unwrap()) },
            Kind::Postgres(isolation) => Self::of_postgres(isolation),
        }
    }

    fn of_postgres(isolation: Isolation) -> Self {
        Self { place: Place::Schema(Server::shared().schema(isolation), isolation) }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.place, Place::Schema(..))
    }

    pub(crate) fn location(&self) -> Location {
        match &self.place {
            Place::File(directory) => Location::File(directory.path().join("grantd.db")),
            Place::Schema(schema, _) => Location::Postgres(PostgresServer::parse(&schema.url()).unwrap()),
        }
    }

    /// Another handle, as another process has one: nothing but the database is shared.
    pub(crate) fn open(&self) -> Store {
        Store::open(&self.location()).unwrap()
    }

    /// The only handle there will be, with which nobody waits for the disk.
    pub(crate) fn open_alone(&self, options: &Options) -> Store {
        let location = match self.place {
            Place::File(_) => Location::Memory,
            Place::Schema(..) => self.location(),
        };
        Store::open_with(&location, options).unwrap()
    }

    pub(crate) fn two_stores(&self) -> [Store; 2] {
        [self.open(), self.open()]
    }

    /// What another process needs to know to open it: see [`open_at`].
    pub(crate) fn address(&self) -> String {
        match &self.place {
            Place::File(directory) => directory.path().join("grantd.db").display().to_string(),
            Place::Schema(schema, _) => schema.url(),
        }
    }

    /// All that is kept: of SQLite each file, of PostgreSQL each row.
    pub(crate) fn kept(&self) -> Vec<Vec<u8>> {
        match &self.place {
            Place::File(directory) => {
                let files = std::fs::read_dir(directory.path()).unwrap();
                files.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
            }
            Place::Schema(schema, _) => {
                Server::shared().rows_at(&schema.url()).into_iter().map(String::into_bytes).collect()
            }
        }
    }

    /// What a query finds for whoever looks into the database past the store: the first column, as text.
    pub(crate) fn look(&self, sql: &str) -> Vec<Option<String>> {
        match &self.place {
            Place::File(directory) => {
                let stranger = rusqlite::Connection::open(directory.path().join("grantd.db")).unwrap();
                let mut found = stranger.prepare(sql).unwrap();
                found.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
            }
            Place::Schema(schema, _) => {
                Server::shared().execute_in(schema, sql).into_iter().map(|mut row| row.swap_remove(0)).collect()
            }
        }
    }
}

impl std::fmt::Display for Database {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self.place {
            Place::File(_) => "SQLite",
            Place::Schema(_, Isolation::ReadCommitted) => "PostgreSQL, READ COMMITTED",
            Place::Schema(_, Isolation::Serializable) => "PostgreSQL, SERIALIZABLE",
        })
    }
}

/// A test that runs on several says on which it failed.
impl Drop for Database {
    #[expect(clippy::print_stderr, reason = "shown with the test that failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("on {self}");
        }
    }
}
