//! A database file as a whole: copied while it is used, and put in the place of another one that nobody uses.
//!
//! Knows no record. What has to be done to records before a copy may take the place of a database is `restore.rs`'s. Start at
//! [`copy_out`] and [`put_in_place`].

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tempfile::TempPath;

use super::connection::{self, directory_of, fault, not_made, place, sync_directory_of};
use crate::Options;
use crate::fault::StoreFault;

/// How far a copy has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pages {
    /// Copied.
    pub done: u64,
    /// In all.
    pub of: u64,
}

/// Is told how far it has come, every few megabytes.
pub(crate) type Told<'a> = &'a mut dyn FnMut(Pages);

/// Copies a database, whoever writes to it meanwhile, into a new file for its owner alone: what was committed at the moment when
/// the copy began, and nothing of what came after. The file has its name only when all of it is on the disk.
/// Says how many rows of each kind it holds.
pub(crate) fn copy_out(from: &Path, to: &Path, told: Told<'_>) -> Result<Vec<(String, u64)>, StoreFault> {
    refuse_existing(to)?;
    let draft = copy_beside(from, to, told)?;
    let rows = rows(&draft)?;
    name(&draft, to)?;
    Ok(rows)
}

/// A copy of a database, in a new file in the directory of `beside` that goes when it is dropped. Damaged ones are refused.
pub(crate) fn copy_beside(from: &Path, beside: &Path, told: Told<'_>) -> Result<TempPath, StoreFault> {
    let source = open_to_read(from)?;
    let draft = draft_beside(beside)?;
    let mut copy = open_draft(&draft)?;
    copy_pages(&source, from, &mut copy, &draft, told)?;
    let sound: String =
        copy.pragma_query_value(None, "quick_check", |row| row.get(0)).map_err(|error| fault(&error, from))?;
    if sound != "ok" {
        return Err(StoreFault::Damaged { place: place(from), reason: sound });
    }
    without_log(&copy).map_err(|error| fault(&error, from))?;
    drop(copy);
    Ok(draft)
}

/// Whether nobody else has the file open: refuses, if a server or a command does, or if files that belong to an older database of
/// this name would be taken for the new one's.
pub(crate) fn is_free(path: &Path) -> Result<(), StoreFault> {
    if path.exists() {
        return alone_with(path).map(drop);
    }
    let belongs =
        |ending: &str| path.with_file_name(format!("{}{ending}", path.file_name().unwrap_or_default().display()));
    match ["-wal", "-shm", "-journal"].into_iter().map(belongs).find(|left| left.exists()) {
        Some(left) => Err(StoreFault::LeftBehind { place: place(path), left: place(&left) }),
        None => Ok(()),
    }
}

/// Puts a database that is ready in the place of the one at `path`, if there is one, which nobody uses. All of it or nothing,
/// whenever the machine ends: a server that waits for the file finds the old one or the new one.
pub(crate) fn put_in_place(ready: &Path, path: &Path, told: Told<'_>) -> Result<(), StoreFault> {
    is_free(path)?;
    drop(alone_with(ready)?);
    if !path.exists() {
        return name(ready, path);
    }
    // Page by page in one transaction, and not by another name for the file: a process that has it open already would go on with
    // a file that has no name any more.
    let mut target = alone_with(path)?;
    let source = open_to_read(ready)?;
    copy_pages(&source, ready, &mut target, path, told)
}

fn copy_pages(
    source: &Connection,
    from: &Path,
    copy: &mut Connection,
    to: &Path,
    told: Told<'_>,
) -> Result<(), StoreFault> {
    // One moment for all of it: else whatever is committed meanwhile would make it begin anew, on a busy server for ever.
    source.execute_batch(ONE_MOMENT).map_err(|error| fault(&error, from))?;
    let copying = Backup::new(source, copy).map_err(|error| fault(&error, to))?;
    loop {
        let step = copying.step(PAGES_AT_ONCE).map_err(|error| fault(&error, to))?;
        let progress = copying.progress();
        let [of, left] = [progress.pagecount, progress.remaining].map(|pages| u64::try_from(pages).unwrap_or_default());
        told(Pages { done: of.saturating_sub(left), of });
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // Somebody has the file open after all.
            _ => return Err(StoreFault::InUse { place: place(to) }),
        }
    }
}

const PAGES_AT_ONCE: i32 = 4096;
const ONE_MOMENT: &str = "BEGIN; SELECT name FROM sqlite_schema LIMIT 1";

/// One file and nothing beside it.
fn without_log(connection: &Connection) -> rusqlite::Result<String> {
    connection.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))
}

/// Also from a medium that cannot be written. A database in use is found as it is: its log is read, too.
fn open_to_read(path: &Path) -> Result<Connection, StoreFault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| fault(&error, path))?;
    connection::harden(&connection, &Options::default()).map_err(|error| fault(&error, path))?;
    if connection::version_of(&connection, path)? == 0 {
        return Err(StoreFault::NotADatabase { place: place(path) });
    }
    Ok(connection)
}

fn draft_beside(path: &Path) -> Result<TempPath, StoreFault> {
    let made = tempfile::Builder::new().prefix(".grantd-").suffix(".draft").tempfile_in(directory_of(path));
    // Of mode 0600.
    Ok(made.map_err(|error| not_made(path, &error))?.into_temp_path())
}

fn open_draft(draft: &Path) -> Result<Connection, StoreFault> {
    let opened = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(draft, flags)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        Ok(connection)
    };
    opened().map_err(|error: rusqlite::Error| fault(&error, draft))
}

/// The connection of whoever is alone with a file. While there is another connection, the log cannot be done away with.
fn alone_with(path: &Path) -> Result<Connection, StoreFault> {
    let alone = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::ZERO)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let mode = without_log(&connection)?;
        connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
        connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
        Ok((connection, mode))
    };
    match alone() {
        Ok((connection, mode)) if mode == "delete" => Ok(connection),
        Ok(_) => Err(StoreFault::InUse { place: place(path) }),
        Err(error) if is_held(&error) => Err(StoreFault::InUse { place: place(path) }),
        Err(error) => Err(fault(&error, path)),
    }
}

fn is_held(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Of the tables that every schema has. Whoever reads a whole database once may count it, too.
fn rows(path: &Path) -> Result<Vec<(String, u64)>, StoreFault> {
    let counted = || {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut counting = connection.prepare(ROWS)?;
        let rows = counting.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    };
    counted().map_err(|error: rusqlite::Error| fault(&error, path))
}

const ROWS: &str = "SELECT 'users', COUNT(*) FROM users UNION ALL SELECT 'clients', COUNT(*) FROM clients \
     UNION ALL SELECT 'resources', COUNT(*) FROM resources UNION ALL SELECT 'consents', COUNT(*) FROM consents \
     UNION ALL SELECT 'sessions', COUNT(*) FROM sessions UNION ALL SELECT 'grants', COUNT(*) FROM grants \
     UNION ALL SELECT 'refresh_tokens', COUNT(*) FROM refresh_tokens \
     UNION ALL SELECT 'signing_keys', COUNT(*) FROM signing_keys";

fn refuse_existing(path: &Path) -> Result<(), StoreFault> {
    if path.symlink_metadata().is_ok() { Err(StoreFault::Exists { place: place(path) }) } else { Ok(()) }
}

/// A link fails where there is something, so that nothing is overwritten, whoever was quicker.
fn name(draft: &Path, path: &Path) -> Result<(), StoreFault> {
    let linked = || {
        File::open(draft)?.sync_all()?;
        std::fs::hard_link(draft, path)?;
        sync_directory_of(path)
    };
    linked().map_err(|error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => StoreFault::Exists { place: place(path) },
        _ => not_made(path, &error),
    })
}
