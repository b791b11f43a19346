//! The one connection that writes: many jobs in one transaction, each of them all or nothing.
//!
//! Owns what becomes of a job beside others in its transaction. When there is a transaction is `batching.rs`'s. Start at
//! [`Writer::commit`].

use std::path::Path;

use grantd_protocol::changes::Commit;
use rusqlite::{Connection, Statement};

use super::batching::{Committer, Tidied};
use super::connection;
use super::log::Log;
use super::values::{ByText, Places};
use crate::driver::Written;
use crate::fault::StoreFault;
use crate::writes::{IfNothingWritten, Step};

pub(super) struct Writer<'c> {
    connection: &'c Connection,
    statements: ByText<Ready<'c>>,
    log: Log,
    path: &'c Path,
}

/// A statement that is compiled once, and where its values go.
struct Ready<'c> {
    statement: Statement<'c>,
    places: Places,
}

/// Whether a job can be taken back alone once it has written something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Savepoints {
    None,
    Each,
}

/// What is left of a transaction after a job.
enum AfterJob {
    /// The job's outcome; the others go on.
    GoesOn(Result<Written, StoreFault>),
    /// It failed, and what it had written until then is still there.
    MustBeTakenBack,
    /// SQLite ended the transaction, and with it whatever the jobs before had written.
    Ended(rusqlite::Error),
}

impl<'c> Writer<'c> {
    pub(super) fn new(connection: &'c Connection, log: Log, path: &'c Path) -> Self {
        Self { connection, statements: ByText::new(), log, path }
    }

    /// A savepoint copies each page before its job changes it, for nothing: most jobs that fail do so at their first step. So it
    /// is tried without; where one fails later, everything is taken back and runs again, with a savepoint each.
    fn transaction(&mut self, jobs: &[Vec<Step>]) -> rusqlite::Result<Vec<Result<Written, StoreFault>>> {
        if let Some(outcomes) = self.attempt(jobs, Savepoints::None)? {
            return Ok(outcomes);
        }
        self.run(ROLLBACK)?;
        Ok(self.attempt(jobs, Savepoints::Each)?.unwrap_or_default())
    }

    /// In one transaction, synced once; nothing if a job must be taken back. Whoever is told `Stale` or `Refused` may have been so
    /// by a job of the same batch, so that they too wait for its end.
    fn attempt(
        &mut self,
        jobs: &[Vec<Step>],
        savepoints: Savepoints,
    ) -> rusqlite::Result<Option<Vec<Result<Written, StoreFault>>>> {
        self.run(BEGIN)?;
        let mut outcomes = Vec::with_capacity(jobs.len());
        for steps in jobs {
            match self.job(steps, savepoints) {
                AfterJob::GoesOn(outcome) => outcomes.push(outcome),
                AfterJob::MustBeTakenBack => return Ok(None),
                AfterJob::Ended(error) => return Err(error),
            }
        }
        self.run(COMMIT)?;
        Ok(Some(outcomes))
    }

    fn job(&mut self, steps: &[Step], savepoints: Savepoints) -> AfterJob {
        let begun = match savepoints {
            Savepoints::None => Ok(()),
            Savepoints::Each => self.run(SAVEPOINT),
        };
        let mut rows = Vec::with_capacity(steps.len());
        let outcome = begun.and_then(|()| self.steps(steps, &mut rows));
        if self.connection.is_autocommit() {
            return AfterJob::Ended(outcome.err().unwrap_or(rusqlite::Error::InvalidQuery));
        }
        let is_done = matches!(outcome, Ok(Commit::Done));
        let has_written = rows.iter().any(|(_, rows)| *rows > 0);
        let left = match savepoints {
            Savepoints::None if has_written && !is_done => return AfterJob::MustBeTakenBack,
            Savepoints::None => Ok(()),
            Savepoints::Each if is_done => self.run(RELEASE),
            Savepoints::Each => self.run(ROLLBACK_TO).and_then(|()| self.run(RELEASE)),
        };
        match left {
            Ok(()) => AfterJob::GoesOn(
                outcome
                    .map(|commit| Written { commit, rows: if is_done { rows } else { Vec::new() } })
                    .map_err(|error| connection::fault(&error, self.path)),
            ),
            Err(error) => AfterJob::Ended(error),
        }
    }

    /// Stops at the first guard that does not hold; what was written until then is its caller's to take back. A statement that
    /// fails has written nothing.
    fn steps(&mut self, steps: &[Step], rows: &mut Vec<(&'static str, u64)>) -> rusqlite::Result<Commit> {
        for step in steps {
            let ready = ready(self.connection, &mut self.statements, step.sql)?;
            ready.places.bind(&mut ready.statement, &step.values)?;
            let written = ready.statement.raw_execute()?;
            match step.if_nothing_written {
                IfNothingWritten::Stale if written == 0 => return Ok(Commit::Stale),
                IfNothingWritten::Refused(refusal) if written == 0 => return Ok(Commit::Refused(refusal)),
                _ => rows.push((step.sql, u64::try_from(written).unwrap_or(u64::MAX))),
            }
        }
        Ok(Commit::Done)
    }

    fn run(&mut self, sql: &'static str) -> rusqlite::Result<()> {
        ready(self.connection, &mut self.statements, sql)?.statement.raw_execute().map(drop)
    }

    /// Whatever went wrong: the next batch begins with no transaction open.
    fn take_back(&mut self) {
        if !self.connection.is_autocommit() {
            // If this fails, the next batch cannot begin, and it is tried again after that.
            let _ = self.run(ROLLBACK);
        }
    }
}

const BEGIN: &str = "BEGIN IMMEDIATE";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";
const SAVEPOINT: &str = "SAVEPOINT job";
const RELEASE: &str = "RELEASE job";
const ROLLBACK_TO: &str = "ROLLBACK TO job";

fn ready<'a, 'c>(
    connection: &'c Connection,
    statements: &'a mut ByText<Ready<'c>>,
    sql: &'static str,
) -> rusqlite::Result<&'a mut Ready<'c>> {
    statements.get_or_make(sql, || {
        let statement = connection.prepare_with_flags(sql, rusqlite::PrepFlags::SQLITE_PREPARE_PERSISTENT)?;
        let places = Places::of(&statement);
        Ok(Ready { statement, places })
    })
}

impl Committer for Writer<'_> {
    type Job = Vec<Step>;
    type Answer = Result<Written, StoreFault>;

    fn commit(&mut self, jobs: &[Vec<Step>]) -> Vec<Self::Answer> {
        self.transaction(jobs).unwrap_or_else(|error| {
            self.take_back();
            let fault = connection::fault(&error, self.path);
            jobs.iter().map(|_| Err(fault.clone())).collect()
        })
    }

    fn recover(&mut self) -> Self::Answer {
        self.take_back();
        Err(StoreFault::Io { place: connection::place(self.path), reason: "a write ended in a panic".to_owned() })
    }

    fn answered(&mut self) {
        self.log.keep_short(self.connection);
    }

    fn tidy(&mut self) -> Tidied {
        self.log.tidy(self.connection, self.path)
    }
}
