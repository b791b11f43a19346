//! What can go wrong with the store, in words for an operator: what, where, and what to do.

use std::path::PathBuf;

/// Trouble of the store's own. Nothing of it is told to a client (INV-07); nothing was written unless it says so.
///
/// Holds no value of a record, so that it can be logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// The directory of the database is not there.
    #[error("{path}: its directory does not exist; create it, owned by the user that runs grantd", path = path.display())]
    NoDirectory {
        /// The database.
        path: PathBuf,
    },
    /// The file or its directory cannot be read or written.
    #[error(
        "{path}: the database cannot be opened for writing; the file, its directory and the files beside it that begin \
         with its name must belong to the user that runs grantd, on a file system that is not read-only",
        path = path.display()
    )]
    NoPermission {
        /// The database.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{path}: this is not a grantd database; name another file, and one that does not exist yet is created", path = path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// A newer grantd has migrated the database (STORE-11).
    #[error(
        "{path}: the database has schema {found}, and this grantd knows schemas up to {supported}; start the newer \
         grantd that migrated it, or restore a backup from before",
        path = path.display()
    )]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// The schema it has.
        found: i64,
        /// The newest schema this binary knows.
        supported: i64,
    },
    /// Another process held the database for too long.
    #[error("{path}: another process has locked the database; let it finish or end it, and try again", path = path.display())]
    Locked {
        /// The database.
        path: PathBuf,
    },
    /// There is no room.
    #[error("{path}: the disk or its quota is full, nothing was written; make room, grantd goes on by itself", path = path.display())]
    Full {
        /// The database.
        path: PathBuf,
    },
    /// The disk did not do what it was asked to. Whether the last write is there shows at the next read.
    #[error("{path}: reading or writing failed ({reason}); look at the disk and at the system's log", path = path.display())]
    Io {
        /// The database.
        path: PathBuf,
        /// What the database said.
        reason: String,
    },
    /// The tables are damaged or were altered by something else.
    #[error("{path}: the database is damaged or was altered ({reason}); restore a backup", path = path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What the database said.
        reason: String,
    },
    /// One record does not have its form.
    #[error(
        "a record in the table {table} does not have its form ({reason}); it was altered by hand or by a newer grantd: \
         restore a backup, or put that record right"
    )]
    Corrupt {
        /// Where it stands.
        table: &'static str,
        /// What is wrong with it, without any value of it.
        reason: String,
    },
    /// More is waiting than will be served in time. Nothing was written.
    #[error("the store has more to do than it can do in time; try again")]
    Busy,
    /// The store was shut down.
    #[error("the store is closed; restart grantd, and look in its log for what ended it")]
    Closed,
}
