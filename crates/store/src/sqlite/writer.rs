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

/// What is left of a transaction after a job.
enum AfterJob {
    /// The job's outcome; the others go on.
    GoesOn(Result<Written, StoreFault>),
    /// SQLite ended the transaction, and with it whatever the jobs before had written.
    Ended(rusqlite::Error),
}

impl<'c> Writer<'c> {
    pub(super) fn new(connection: &'c Connection, log: Log, path: &'c Path) -> Self {
        Self { connection, statements: ByText::new(), log, path }
    }

    /// In one transaction, synced once. Whoever is told `Stale` or `Refused` may have been so by a job of the same batch, so that
    /// they too wait for its end.
    fn transaction(&mut self, jobs: &[Vec<Step>]) -> rusqlite::Result<Vec<Result<Written, StoreFault>>> {
        self.run(BEGIN)?;
        let mut outcomes = Vec::with_capacity(jobs.len());
        for steps in jobs {
            match self.job(steps) {
                AfterJob::GoesOn(outcome) => outcomes.push(outcome),
                AfterJob::Ended(error) => return Err(error),
            }
        }
        self.run(COMMIT)?;
        Ok(outcomes)
    }

    fn job(&mut self, steps: &[Step]) -> AfterJob {
        // One statement writes all or nothing by itself.
        let alone = steps.len() <= 1;
        let begun = if alone { Ok(()) } else { self.run(SAVEPOINT) };
        let outcome = begun.and_then(|()| self.steps(steps));
        if self.connection.is_autocommit() {
            return AfterJob::Ended(outcome.err().unwrap_or(rusqlite::Error::InvalidQuery));
        }
        let is_done = matches!(&outcome, Ok(Written { commit: Commit::Done, .. }));
        let left = match (alone, is_done) {
            (true, _) => Ok(()),
            (false, true) => self.run(RELEASE),
            (false, false) => self.run(ROLLBACK_TO).and_then(|()| self.run(RELEASE)),
        };
        match left {
            Ok(()) => AfterJob::GoesOn(outcome.map_err(|error| connection::fault(&error, self.path))),
            Err(error) => AfterJob::Ended(error),
        }
    }

    /// Stops at the first guard that does not hold; what was written until then is its caller's to take back.
    fn steps(&mut self, steps: &[Step]) -> rusqlite::Result<Written> {
        let mut rows = Vec::with_capacity(steps.len());
        for step in steps {
            let ready = ready(self.connection, &mut self.statements, step.sql)?;
            ready.places.bind(&mut ready.statement, &step.values)?;
            let written = ready.statement.raw_execute()?;
            let not_done = match step.if_nothing_written {
                _ if written > 0 => None,
                IfNothingWritten::GoOn => None,
                IfNothingWritten::Stale => Some(Commit::Stale),
                IfNothingWritten::Refused(refusal) => Some(Commit::Refused(refusal)),
            };
            if let Some(commit) = not_done {
                return Ok(Written { commit, rows: Vec::new() });
            }
            rows.push((step.sql, u64::try_from(written).unwrap_or(u64::MAX)));
        }
        Ok(Written { commit: Commit::Done, rows })
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
