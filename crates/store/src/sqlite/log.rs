//! The write-ahead log as a file: room that is there beforehand, and no more of it than is needed.
//!
//! A sync of what overwrites blocks costs half of one that appends them, so that the log is grown once and used again and again,
//! from its beginning whenever all of it is in the database. Start at [`Log::keep_short`] and [`Log::tidy`].

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::batching::Tidied;

/// So many pages are in the log when they are copied into the database, also while others wait to write.
const COPIED_AT: u64 = 6144;
/// So many more are written before it is tried again, where a reader held it up.
const TRIED_AGAIN_AFTER: u64 = 1024;
/// The log's size from the first quiet moment on: what is written until it is copied, and a batch.
const GROWN_TO: u32 = 32 << 20;
/// A log that a long reader made larger than this is cut back to it.
const CUT_AT: i64 = 96 << 20;

/// How much is in the log, and what was done about it.
#[derive(Debug)]
pub(super) struct Log {
    copied_at: u64,
    is_grown: bool,
}

/// As SQLite counts: pages that were written to the log since its beginning, and those of them that are in the database.
struct Pages {
    written: u64,
    copied: u64,
}

/// Told to every connection: the log is this file's business.
pub(super) fn leave_alone(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", CUT_AT, |_| Ok(()))
}

impl Log {
    /// One that is grown, unless nothing in it has to last.
    pub(super) fn new(is_grown: bool) -> Self {
        Self { copied_at: COPIED_AT, is_grown }
    }

    /// After a commit, with everybody answered: a log that is long is copied into the database, as far as readers allow, and the
    /// next commit begins it anew. A fault is no one's: it is tried again, and what is in the log is safe there.
    pub(super) fn keep_short(&mut self, connection: &Connection) {
        let Ok(pages) = pages(connection, COUNT) else { return };
        if pages.written < COPIED_AT {
            self.copied_at = COPIED_AT;
        }
        if pages.written >= self.copied_at {
            let _ = pages_after_copying(connection);
            self.copied_at = pages.written + TRIED_AGAIN_AFTER;
        }
    }

    /// In a quiet moment: all of the log goes into the database, and it is grown.
    pub(super) fn tidy(&mut self, connection: &Connection, path: &Path) -> Tidied {
        let copied = pages_after_copying(connection).is_ok_and(|pages| pages.copied == pages.written);
        if !self.is_grown {
            // Without room to grow, it grows as it is used.
            let _ = grow(connection, path);
            self.is_grown = true;
        }
        if copied { Tidied::Everything } else { Tidied::NotYet }
    }
}

const COUNT: &str = "PRAGMA wal_checkpoint(NOOP)";
const COPY: &str = "PRAGMA wal_checkpoint(PASSIVE)";

fn pages_after_copying(connection: &Connection) -> rusqlite::Result<Pages> {
    pages(connection, COPY)
}

fn pages(connection: &Connection, sql: &'static str) -> rusqlite::Result<Pages> {
    let count = |count: i64| u64::try_from(count).unwrap_or_default();
    connection
        .prepare_cached(sql)?
        .query_row([], |row| Ok(Pages { written: count(row.get(1)?), copied: count(row.get(2)?) }))
}

/// Writes into the log what is never committed: SQLite writes what does not fit into its memory before its time. What is taken back
/// then is overwritten by what comes next. The database stays as it is.
fn grow(connection: &Connection, path: &Path) -> std::io::Result<()> {
    let log = beside(path, "-wal");
    if std::fs::metadata(&log)?.len() >= u64::from(GROWN_TO) {
        return Ok(());
    }
    let memory: i64 =
        connection.pragma_query_value(None, "cache_size", |row| row.get(0)).map_err(std::io::Error::other)?;
    let grown = connection
        .pragma_update(None, "cache_size", 64)
        .and_then(|()| connection.execute_batch("BEGIN IMMEDIATE"))
        .and_then(|()| connection.execute(FILL, [GROWN_TO + KEPT_BACK]).map(drop));
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK").map_err(std::io::Error::other)?;
    }
    connection.pragma_update(None, "cache_size", memory).map_err(std::io::Error::other)?;
    grown.map_err(std::io::Error::other)?;
    // Now its blocks are on the disk, and not only promised.
    File::open(log)?.sync_all()
}

/// At most so much of it stays in memory.
const KEPT_BACK: u32 = 1 << 20;
const FILL: &str = "INSERT INTO resources (issuer, id, record) VALUES ('', '', zeroblob(?1))";

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}
