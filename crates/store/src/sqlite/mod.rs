//! The SQLite driver: runs statements in one transaction and counts rows. Knows no record and no rule.
//!
//! One thread owns the connection that writes and takes what is to be written from a bounded queue; a few threads read, each
//! with a connection of its own, and are never held up by the writer (WAL). Another process may use the same file at the same
//! time. Start at [`Sqlite::write`] and [`Sqlite::read`].

mod connection;
mod statistics;

use std::path::Path;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use grantd_protocol::changes::Commit;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use crate::Options;
use crate::driver::{Reading, Written};
use crate::fault::StoreFault;
use crate::rows::{Row, Value};
use crate::writes::{IfNothingWritten, Step};

pub(crate) use connection::{Durability, could_be_made, inspect};

/// A database file and the threads that use it. They end, and the file is closed, when this is dropped.
pub(crate) struct Sqlite {
    // Taken when dropped: without its senders a thread ends.
    queues: Option<Queues>,
    threads: Vec<JoinHandle<()>>,
    is_durable: bool,
}

struct Queues {
    writes: SyncSender<Job>,
    reads: SyncSender<Read>,
}

/// Statements to be run in one transaction, and who waits for the outcome.
struct Job {
    steps: Vec<Step>,
    reply: oneshot::Sender<Result<Written, StoreFault>>,
}

type Read = Box<dyn FnOnce(&mut Connection, &Path) + Send>;

impl Sqlite {
    /// Opens or creates the file, migrates it, and starts the threads.
    pub(crate) fn open(path: &Path, durability: Durability, options: &Options) -> Result<Self, StoreFault> {
        let writer = connection::open_for_writing(path, durability, options)?;
        let is_durable = connection::is_durable(&writer, path)?;
        let (write_queue, jobs) = mpsc::sync_channel::<Job>(options.queue);
        let (read_queue, questions) = mpsc::sync_channel::<Read>(options.queue);
        let mut threads = vec![spawn("grantd-store-write", path, {
            let path = path.to_owned();
            move || write_until_closed(writer, &jobs, &path)
        })?];
        let questions = Arc::new(Mutex::new(questions));
        for _ in 0..options.readers.max(1) {
            let connection = connection::open_for_reading(path, durability, options)?;
            let questions = Arc::clone(&questions);
            threads.push(spawn("grantd-store-read", path, {
                let path = path.to_owned();
                move || read_until_closed(connection, &questions, &path)
            })?);
        }
        Ok(Self { queues: Some(Queues { writes: write_queue, reads: read_queue }), threads, is_durable })
    }

    /// Whether the connection that writes syncs every commit.
    pub(crate) fn is_durable(&self) -> bool {
        self.is_durable
    }

    /// Runs all the steps in one transaction, or none. Durable when it returns [`Commit::Done`] (STORE-05).
    pub(crate) async fn write(&self, steps: Vec<Step>) -> Result<Written, StoreFault> {
        let (reply, outcome) = oneshot::channel();
        enqueue(self.queues.as_ref().map(|queues| &queues.writes), Job { steps, reply })?;
        outcome.await.map_err(|_| StoreFault::Closed)?
    }

    /// Runs `ask` in one read transaction, which sees everything that was written before it began.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Reading) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let (reply, answer) = oneshot::channel();
        let read: Read = Box::new(move |connection, path| {
            // Nobody waits any more if this fails: the request was dropped.
            let _ = reply.send(Snapshot::run(connection, path, ask));
        });
        enqueue(self.queues.as_ref().map(|queues| &queues.reads), read)?;
        answer.await.map_err(|_| StoreFault::Closed)?
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.queues = None;
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing left to close.
            let _ = thread.join();
        }
    }
}

fn spawn(name: &str, path: &Path, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreFault> {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    spawned.map_err(|error| StoreFault::Io { place: connection::place(path), reason: error.to_string() })
}

/// Waits for no room: a queue that is full is a sign to slow down, and said at once.
fn enqueue<T>(queue: Option<&SyncSender<T>>, entry: T) -> Result<(), StoreFault> {
    queue.ok_or(StoreFault::Closed)?.try_send(entry).map_err(|refused| match refused {
        TrySendError::Full(_) => StoreFault::Busy,
        TrySendError::Disconnected(_) => StoreFault::Closed,
    })
}

// ---- writing ----

fn write_until_closed(mut connection: Connection, jobs: &mpsc::Receiver<Job>, path: &Path) {
    while let Ok(job) = jobs.recv() {
        write_batch(&mut connection, vec![job], path);
    }
}

/// Each job is a transaction of its own: all of it or nothing, whatever becomes of the others.
fn write_batch(connection: &mut Connection, jobs: Vec<Job>, path: &Path) {
    for Job { steps, reply } in jobs {
        let outcome = write(connection, &steps).map_err(|error| connection::fault(&error, path));
        // Nobody waits any more if this fails: the request was dropped, and what it wrote stands.
        let _ = reply.send(outcome);
    }
}

fn write(connection: &mut Connection, steps: &[Step]) -> rusqlite::Result<Written> {
    let mut written = Written { commit: Commit::Done, rows: Vec::with_capacity(steps.len()) };
    if steps.is_empty() {
        return Ok(written);
    }
    // Left without a commit, a transaction is rolled back.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in steps {
        let mut statement = transaction.prepare_cached(step.sql)?;
        bind(&mut statement, &step.values)?;
        let rows = statement.raw_execute()?;
        written.rows.push((step.sql, u64::try_from(rows).unwrap_or(u64::MAX)));
        if rows == 0 {
            match step.if_nothing_written {
                IfNothingWritten::GoOn => {}
                IfNothingWritten::Stale => return Ok(Written { commit: Commit::Stale, rows: Vec::new() }),
                IfNothingWritten::Refused(refusal) => {
                    return Ok(Written { commit: Commit::Refused(refusal), rows: Vec::new() });
                }
            }
        }
    }
    transaction.commit()?;
    Ok(written)
}

// ---- reading ----

fn read_until_closed(mut connection: Connection, questions: &Mutex<mpsc::Receiver<Read>>, path: &Path) {
    loop {
        // A reader that panicked held no lock: the queue is as good as before.
        let next = questions.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(read) => read(&mut connection, path),
            Err(mpsc::RecvError) => return,
        }
    }
}

/// One moment of the database.
struct Snapshot<'a> {
    transaction: Transaction<'a>,
    path: &'a Path,
}

impl Snapshot<'_> {
    fn run<T>(
        connection: &mut Connection,
        path: &Path,
        ask: impl FnOnce(&dyn Reading) -> Result<T, StoreFault>,
    ) -> Result<T, StoreFault> {
        let transaction = connection.transaction().map_err(|error| connection::fault(&error, path))?;
        ask(&Snapshot { transaction, path })
    }

    fn query(&self, table: &'static str, sql: &'static str, values: &[Value]) -> rusqlite::Result<Vec<Row>> {
        let mut statement = self.transaction.prepare_cached(sql)?;
        bind(&mut statement, values)?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|column| Ok(value(row.get_ref(column)?))).collect::<rusqlite::Result<_>>()?;
            found.push(Row::new(table, values));
        }
        Ok(found)
    }
}

impl Reading for Snapshot<'_> {
    fn rows(&self, table: &'static str, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, StoreFault> {
        self.query(table, sql, values).map_err(|error| connection::fault(&error, self.path))
    }
}

// ---- values ----

/// `$3` takes the third value, wherever it stands: SQLite numbers `$` parameters by their first appearance, so they are bound
/// by name.
fn bind(statement: &mut CachedStatement<'_>, values: &[Value]) -> rusqlite::Result<()> {
    for (name, value) in PARAMETERS.iter().zip(values) {
        if let Some(index) = statement.parameter_index(name)? {
            statement.raw_bind_parameter(index, value)?;
        }
    }
    Ok(())
}

const PARAMETERS: [&str; 14] =
    ["$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9", "$10", "$11", "$12", "$13", "$14"];

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// What no table holds reads as nothing, and whoever wanted a value says that it is missing.
fn value(column: ValueRef<'_>) -> Value {
    match column {
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Text(text) => std::str::from_utf8(text).map_or(Value::Null, Value::from),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Value::Null,
    }
}
