//! What can go wrong with the store, in words for an operator: what, where, and what to do.

/// Trouble of the store's own. Nothing of it is told to a client (INV-07); nothing was written unless it says so.
///
/// Holds no value of a record, so that it can be logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// The directory of the database is not there.
    #[error("{place}: its directory does not exist; create it, owned by the user that runs grantd")]
    NoDirectory {
        /// The database.
        place: String,
    },
    /// The file or its directory cannot be read or written.
    #[error(
        "{place}: the database cannot be opened for writing; the file, its directory and the files beside it that begin \
         with its name must belong to the user that runs grantd, on a file system that is not read-only"
    )]
    NoPermission {
        /// The database.
        place: String,
    },
    /// The file is something else.
    #[error("{place}: this is not a grantd database; name another file, and one that does not exist yet is created")]
    NotADatabase {
        /// The database.
        place: String,
    },
    /// A newer grantd has migrated the database (STORE-11).
    #[error(
        "{place}: the database has schema {found}, and this grantd knows schemas up to {supported}; start the newer \
         grantd that migrated it, or restore a backup from before"
    )]
    NewerSchema {
        /// The database.
        place: String,
        /// The schema it has.
        found: i64,
        /// The newest schema this binary knows.
        supported: i64,
    },
    /// Another process held the database, or some of its rows, for too long.
    #[error("{place}: another process has locked the database; let it finish or end it, and try again")]
    Locked {
        /// The database.
        place: String,
    },
    /// There is no room.
    #[error("{place}: the disk or its quota is full, nothing was written; make room, grantd goes on by itself")]
    Full {
        /// The database.
        place: String,
    },
    /// The disk did not do what it was asked to. Whether the last write is there shows at the next read.
    #[error("{place}: reading or writing failed ({reason}); look at the disk and at the system's log")]
    Io {
        /// The database.
        place: String,
        /// What the database said.
        reason: String,
    },
    /// The tables are damaged or were altered by something else.
    #[error("{place}: the database is damaged or was altered ({reason}); restore a backup")]
    Damaged {
        /// The database.
        place: String,
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
    /// The database server does not answer.
    #[error(
        "{place}: the database server cannot be reached ({reason}); see that it runs, that the address is right and that \
         the network lets this machine reach it; grantd goes on by itself when it answers"
    )]
    Unreachable {
        /// The database.
        place: String,
        /// What was tried, and how it ended.
        reason: String,
    },
    /// The database server does not let this user in.
    #[error(
        "{place}: the server does not let the user {user} in ({reason}); check the user's name and password, and the \
         server's pg_hba.conf"
    )]
    NotLetIn {
        /// The database.
        place: String,
        /// The user.
        user: String,
        /// What the server said.
        reason: String,
    },
    /// The server has no database of this name.
    #[error("{place}: the server has no such database; create it: CREATE DATABASE … OWNER {user}")]
    NoDatabase {
        /// The database.
        place: String,
        /// The user who would own it.
        user: String,
    },
    /// The user may not do what has to be done.
    #[error(
        "{place}: the user {user} may not create or write the tables ({reason}); make that user the owner of the \
         database or of the schema"
    )]
    NoPrivilege {
        /// The database.
        place: String,
        /// The user.
        user: String,
        /// What the server said.
        reason: String,
    },
    /// It is not known who answers.
    #[error(
        "{place}: there is no TLS connection to the right server ({reason}); name the file with the certificates of its \
         authority, and the server by the name in its own certificate"
    )]
    Untrusted {
        /// The database.
        place: String,
        /// What was wrong.
        reason: String,
    },
    /// There are tables that something else made.
    #[error("{place}: there are tables that grantd did not make ({reason}); give it a database or a schema of its own")]
    Occupied {
        /// The database.
        place: String,
        /// What the server said.
        reason: String,
    },
    /// The server answers before a commit is on its disk (STORE-05).
    #[error(
        "{place}: synchronous_commit is {setting}, so that commits could be lost after they were answered; set it to on, \
         for the server or with ALTER ROLE … SET synchronous_commit = on"
    )]
    NotDurable {
        /// The database.
        place: String,
        /// What it is set to.
        setting: String,
    },
    /// The connection was lost after the commit was sent, and no new one could be made in time to ask what became of it.
    #[error(
        "{place}: the connection was lost during a commit, so that it is not known whether it was done; see that the server runs"
    )]
    Unknown {
        /// The database.
        place: String,
    },
    /// A text holds U+0000, which PostgreSQL does not keep. Nothing was written.
    #[error("a value to be written holds the character U+0000, which PostgreSQL does not keep; write it without")]
    Unwritable,
    /// Somebody uses what must not be used just now.
    #[error("{place}: a server or a command uses this database; stop it, and try again")]
    InUse {
        /// The database.
        place: String,
    },
    /// There is something that is not overwritten.
    #[error("{place}: there is a file of this name; name another, or move it away")]
    Exists {
        /// The file.
        place: String,
    },
    /// A file of an older database would be taken for a part of a new one.
    #[error("{left}: this belongs to a database that was at {place}; move it away, and try again")]
    LeftBehind {
        /// The database.
        place: String,
        /// The file.
        left: String,
    },
    /// There are records where there should be none.
    #[error("{place}: there are records in this database; name an empty one, or one that does not exist yet")]
    NotEmpty {
        /// The database.
        place: String,
    },
    /// What was being copied into it is not there yet.
    #[error(
        "{place}: copying records into this database came to no end; run the same `grantd store copy` again, it goes on"
    )]
    HalfCopied {
        /// The database.
        place: String,
    },
    /// It has to be migrated first.
    #[error("{place}: the database has schema {found}, and this needs {newest}; run: grantd migrate")]
    OlderSchema {
        /// The database.
        place: String,
        /// The schema it has.
        found: i64,
        /// The schema of this binary.
        newest: i64,
    },
    /// More is waiting than will be served in time. Nothing was written.
    #[error("the store has more to do than it can do in time; try again")]
    Busy,
    /// The store was shut down.
    #[error("the store is closed; restart grantd, and look in its log for what ended it")]
    Closed,
}
