//! Opening the file: who may, what it must be, and how it is migrated (STORE-11). Start at [`open_for_writing`].

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::{log, statistics};
use crate::fault::StoreFault;
use crate::{Options, Sync};
use crate::{migrations, statements};

/// "grnt": tells this application's files from all others (`PRAGMA application_id`).
const APPLICATION_ID: i64 = 0x6772_6e74;

/// Whether what is written must outlive the machine's sudden end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Every commit reaches the disk before it returns (STORE-05).
    Durable,
    /// For data that nobody wants to keep.
    Throwaway,
}

/// Whether a connection waits where another process holds the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    AsConfigured,
    None,
}

/// Pages that the connection that writes keeps in memory, in KB (negative to SQLite): nobody else writes, so they stay good.
const WRITER_KEEPS: i64 = -24_000;
/// As above, for what reads in place: between two commits.
const READER_KEEPS: i64 = -8_000;

/// The connection that creates, migrates and writes.
pub(crate) fn open_for_writing(
    path: &Path,
    durability: Durability,
    options: &Options,
) -> Result<Connection, StoreFault> {
    create_private(path)?;
    let mut connection = connect(path, options)?;
    let faulty = |error: rusqlite::Error| fault(&error, path);
    // In one transaction: another process may be migrating at this moment.
    let looking = connection.transaction().map_err(faulty)?;
    let version = version_of(&looking, path)?;
    drop(looking);
    set_up_log(&connection, durability, options).map_err(faulty)?;
    if version < migrations::newest() {
        migrate(&mut connection, path)?;
    }
    connection.pragma_update(None, "cache_size", WRITER_KEEPS).map_err(faulty)?;
    prepare_all(&connection).map_err(faulty)?;
    Ok(connection)
}

/// A connection that cannot write, on a file that is set up.
pub(crate) fn open_for_reading(
    path: &Path,
    durability: Durability,
    options: &Options,
    patience: Patience,
) -> Result<Connection, StoreFault> {
    let connection = connect(path, options)?;
    let set_up = || {
        set_up_log(&connection, durability, options)?;
        if patience == Patience::None {
            connection.busy_timeout(Duration::ZERO)?;
            connection.pragma_update(None, "cache_size", READER_KEEPS)?;
        }
        connection.pragma_update(None, "query_only", true)
    };
    set_up().map_err(|error: rusqlite::Error| fault(&error, path))?;
    Ok(connection)
}

/// The version of a file's schema, and the newest this binary knows. Changes nothing.
pub(crate) fn inspect(path: &Path, options: &Options) -> Result<(i64, i64), StoreFault> {
    let connection = connect(path, options)?;
    Ok((version_of(&connection, path)?, migrations::newest()))
}

/// A file that does not exist is made before SQLite would, for nobody but its owner; the files beside it get the same mode.
///
/// A file that exists is not opened here: closing it would drop the locks that this process holds on it (POSIX).
fn create_private(path: &Path) -> Result<(), StoreFault> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => file
            .sync_all()
            .and_then(|()| sync_directory_of(path))
            .map_err(|error| StoreFault::Io { place: place(path), reason: error.to_string() }),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(not_made(path, &error)),
    }
}

/// Whether a file that does not exist could be made: tried with one that has no name, so nothing is left of it.
pub(crate) fn could_be_made(path: &Path) -> Result<(), StoreFault> {
    tempfile::tempfile_in(directory_of(path)).map(drop).map_err(|error| not_made(path, &error))
}

pub(super) fn not_made(path: &Path, error: &std::io::Error) -> StoreFault {
    let place = place(path);
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => StoreFault::NoDirectory { place },
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => StoreFault::NoPermission { place },
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreFault::Full { place },
        _ => StoreFault::Io { place, reason: error.to_string() },
    }
}

/// The name of a new file is durable only with its directory.
pub(super) fn sync_directory_of(path: &Path) -> std::io::Result<()> {
    File::open(directory_of(path))?.sync_all()
}

pub(super) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn connect(path: &Path, options: &Options) -> Result<Connection, StoreFault> {
    // Neither created here nor shared between threads, and a path is a path, not a URI.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| fault(&error, path))?;
    let read_only = connection.is_readonly("main").map_err(|error| fault(&error, path))?;
    if read_only {
        return Err(StoreFault::NoPermission { place: place(path) });
    }
    harden(&connection, options).map_err(|error| fault(&error, path))?;
    Ok(connection)
}

/// What a file says about itself runs no code here, and a name in double quotes is never a text.
pub(super) fn harden(connection: &Connection, options: &Options) -> rusqlite::Result<()> {
    connection.busy_timeout(options.wait_for_lock)?;
    connection.set_prepared_statement_cache_capacity(statements::ALL.len());
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    // A plan is made once, of what the planner was told, and not anew whenever a limit is bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")
}

/// The schema's version; 0 for an empty file. Refuses what is not ours before anything is written to it.
pub(super) fn version_of(connection: &Connection, path: &Path) -> Result<i64, StoreFault> {
    let read = || {
        let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        Ok((number("application_id")?, number("user_version")?, number("schema_version")?))
    };
    let (application, version, changes_of_schema) = read().map_err(|error: rusqlite::Error| fault(&error, path))?;
    let is_empty = application == 0 && version == 0 && changes_of_schema == 0;
    if !is_empty && application != APPLICATION_ID {
        return Err(StoreFault::NotADatabase { place: place(path) });
    }
    if version > migrations::newest() {
        return Err(StoreFault::NewerSchema { place: place(path), found: version, supported: migrations::newest() });
    }
    Ok(version)
}

/// The write-ahead log, synced at every commit: readers never wait, and an acknowledged commit survives (STORE-05).
fn set_up_log(connection: &Connection, durability: Durability, options: &Options) -> rusqlite::Result<()> {
    let mode: String = patiently(|| connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)))?;
    if mode != "wal" {
        let reason = "this file system has no shared memory for a write-ahead log; use a local disk";
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR),
            Some(reason.to_owned()),
        ));
    }
    let synchronous = match (durability, options.sync) {
        (Durability::Durable, Sync::Full) => "FULL",
        (Durability::Durable, Sync::Normal) => "NORMAL",
        (Durability::Throwaway, _) => "OFF",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    log::leave_alone(connection)?;
    if let Some(bytes) = options.max_bytes {
        let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page.max(1);
        connection.pragma_update_and_check(None, "max_page_count", pages.max(1), |_| Ok(()))?;
    }
    Ok(())
}

/// What the database says that it does, not what it was told to do.
pub(super) fn is_durable(writer: &Connection, path: &Path) -> Result<bool, StoreFault> {
    let synchronous: i64 =
        writer.pragma_query_value(None, "synchronous", |row| row.get(0)).map_err(|error| fault(&error, path))?;
    Ok(synchronous >= SYNCHRONOUS_FULL)
}

const SYNCHRONOUS_FULL: i64 = 2;

/// Two processes that open a new file at once may both turn its log on; SQLite does not wait for that by itself.
fn patiently<T>(mut attempt: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    for _ in 0..LOG_ATTEMPTS {
        match attempt() {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                std::thread::sleep(Duration::from_millis(20));
            }
            outcome => return outcome,
        }
    }
    attempt()
}

const LOG_ATTEMPTS: u32 = 100;

/// Forward only, and all in one transaction: another process sees the old schema or the new one.
fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreFault> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|error| fault(&error, path))?;
    // Again, now that nobody else can migrate.
    let version = version_of(&transaction, path)?;
    let run = || {
        for migration in migrations::after(version) {
            transaction.execute_batch(&migration.replace("/* WITHOUT ROWID */", "WITHOUT ROWID"))?;
        }
        statistics::tell(&transaction)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", migrations::newest())
    };
    run().and_then(|()| transaction.commit()).map_err(|error| fault(&error, path))
}

/// A table that something else altered is found at the start, not at the first request that needs it.
fn prepare_all(connection: &Connection) -> rusqlite::Result<()> {
    statements::ALL.iter().try_for_each(|sql| connection.prepare(sql).map(drop))
}

/// What SQLite said, in the operator's words. Carries no value: messages of SQLite name tables and columns only.
pub(super) fn fault(error: &rusqlite::Error, path: &Path) -> StoreFault {
    let place = place(path);
    if let rusqlite::Error::SqlInputError { msg, .. } = error {
        return StoreFault::Damaged { place, reason: msg.clone() };
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreFault::Full { place },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreFault::Locked { place },
        Some(ErrorCode::NotADatabase) => StoreFault::NotADatabase { place },
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            StoreFault::NoPermission { place }
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::SchemaChanged | ErrorCode::Unknown | ErrorCode::TypeMismatch) => {
            StoreFault::Damaged { place, reason: message(error) }
        }
        _ => StoreFault::Io { place, reason: message(error) },
    }
}

/// The database in a fault's words.
pub(super) fn place(path: &Path) -> String {
    path.display().to_string()
}

fn message(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqliteFailure(code, None) => code.to_string(),
        _ => "the database answered in an unexpected way".to_owned(),
    }
}
