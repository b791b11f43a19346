//! The PostgreSQL driver: runs statements on a server that many nodes share. Knows no record and no rule.
//!
//! One thread drives all connections, whatever runtime asks. What is read is fetched in as few round trips as possible (`memo.rs`,
//! `loading.rs`, `reader.rs`); what is written waits in a bounded queue, and whatever waits becomes one transaction (`dispatch.rs`,
//! `batch.rs`, `waves.rs`, `merge.rs`, `rivals.rs`, `groups.rs`, `writer.rs`). Start at [`Postgres::write`] and [`Postgres::read`].

mod batch;
mod connection;
mod dispatch;
mod groups;
mod loading;
mod memo;
mod merge;
mod migrate;
mod outcome;
mod reader;
mod retry;
mod rivals;
mod server;
mod tls;
mod together;
mod values;
mod waves;
mod writer;

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_postgres::Row;

use crate::driver::{Named, Reading, Written};
use crate::fault::StoreFault;
use crate::rows::Value;
use crate::statements;
use crate::writes::Step;
use crate::{Inspection, Options};

use batch::{Catalog, Job};
use dispatch::{Ask, Started};
use loading::{Loading, Remembered};
use memo::{Memo, Query};
use reader::{Broken, Given, Questions, Reader, Statement};

pub use server::{PostgresServer, PostgresUrlFault};

/// A database on a server, and the thread that talks to it. Its connections are closed when this is dropped.
pub(crate) struct Postgres {
    // Taken when dropped: without its senders the thread ends.
    queues: Option<Queues>,
    thread: Option<JoinHandle<()>>,
    catalog: Arc<Catalog>,
    reader: Arc<Reader>,
    remembered: Remembered,
    /// How many bytes may wait to be written, and those of them that are free.
    queue_bytes: usize,
    room: Arc<Semaphore>,
}

struct Queues {
    writes: mpsc::Sender<Job>,
    reads: mpsc::Sender<Ask>,
}

/// How often a moment that was lost is asked for again.
const MOMENTS: u32 = 20;

/// Says what [`Postgres::open`] would find, without making or migrating anything.
pub(crate) fn inspect(server: &PostgresServer) -> Result<Inspection, StoreFault> {
    dispatch::inspect(server)
}

impl Postgres {
    /// Connects, migrates, and starts the thread.
    pub(crate) fn open(server: &PostgresServer, options: &Options) -> Result<Self, StoreFault> {
        let (writes, jobs) = mpsc::channel(options.queue.max(1));
        let (reads, asked) = mpsc::channel(options.queue.max(1));
        let queue_bytes = options.queue_bytes.clamp(1, Semaphore::MAX_PERMITS);
        let (thread, Started { catalog, reader }) = dispatch::start(server, options, jobs, asked)?;
        Ok(Self {
            queues: Some(Queues { writes, reads }),
            thread: Some(thread),
            catalog,
            reader,
            remembered: Remembered::default(),
            queue_bytes,
            room: Arc::new(Semaphore::new(queue_bytes)),
        })
    }

    /// How often the server was asked something that is read, and waited for.
    pub(crate) fn trips(&self) -> usize {
        self.reader.trips()
    }

    /// Runs all the steps in one transaction, or none. Durable when it returns `Done` (STORE-05).
    pub(crate) async fn write(&self, steps: Vec<Step>) -> Result<Written, StoreFault> {
        for step in &steps {
            values::refuse_nul(&step.values)?;
        }
        if steps.is_empty() {
            return Ok(Written { commit: grantd_protocol::changes::Commit::Done, rows: Vec::new() });
        }
        // One job that is larger than all of the room still has its turn, alone.
        let bytes = steps.iter().map(Step::bytes).sum::<usize>().min(self.queue_bytes);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(bytes).map_err(|_| StoreFault::Busy)?;
        let rows: Vec<Option<u64>> = steps.iter().map(|step| self.catalog.row(step)).collect();
        let takes_long = steps.iter().zip(&rows).any(|(step, row)| row.is_none() && statements::is_of_all(step.sql));
        let (reply, outcome) = oneshot::channel();
        let job = Job { steps, rows, takes_long, reply, _room: room };
        enqueue(self.queues.as_ref().map(|queues| &queues.writes), job)?;
        outcome.await.map_err(|_| StoreFault::Closed)?
    }

    /// Asks of one moment: of a single statement if that is all, else of a transaction that sees one.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        ask: impl Fn(&dyn Reading) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let mut memo = Memo::default();
        let found = ask(&memo);
        let missing = memo.take_missing();
        if missing.is_empty() {
            return found;
        }
        if let [query] = missing.as_slice() {
            let statement = self.single(query);
            let rows = self.once(statement).await?;
            memo.know(query.clone(), self.values(&rows)?);
            let found = ask(&memo);
            if memo.take_missing().is_empty() {
                return found;
            }
        }
        self.read_of_a_moment(missing, ask).await.map(|(found, _)| found)
    }

    /// As [`Postgres::read`], all that is named at once.
    pub(crate) async fn load<T: Send + 'static>(
        &self,
        named: Named,
        ask: impl Fn(&dyn Reading, &Named) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let asked = Loading::of(&named, &self.remembered).and_then(|loading| loading.statement(&self.remembered));
        let Some((statement, expected)) = asked else {
            return self.read(move |reading| ask(reading, &named)).await;
        };
        let rows = self.once(statement).await?;
        let mut memo = Memo::default();
        expected.remember(&named.issuer, &rows, &mut memo);
        drop(rows);
        let found = ask(&memo, &named);
        let missing = memo.take_missing();
        let (issuer, client) = (named.issuer.clone(), named.lookup.client.clone());
        if missing.is_empty() {
            self.remembered.learn(&issuer, client.as_ref(), &memo);
            return found;
        }
        // What was found is of a moment that has passed.
        let wanted = memo.questions().cloned().chain(missing).collect();
        let (found, memo) = self.read_of_a_moment(wanted, move |reading| ask(reading, &named)).await?;
        self.remembered.learn(&issuer, client.as_ref(), &memo);
        Ok(found)
    }

    /// All these first, and then whatever turns out to be missing, in one transaction that only reads.
    async fn read_of_a_moment<T: Send + 'static>(
        &self,
        first: Vec<Query>,
        ask: impl Fn(&dyn Reading) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<(T, Memo), StoreFault> {
        for _ in 0..MOMENTS {
            let (questions, asked) = mpsc::channel(1);
            enqueue(self.queues.as_ref().map(|queues| &queues.reads), Ask::Moment(asked))?;
            let mut memo = Memo::default();
            let mut queries = first.clone();
            loop {
                let (reply, answer) = oneshot::channel();
                let sent = questions.send(Questions { queries: queries.clone(), reply }).await;
                let answers = match sent {
                    Ok(()) => answer.await.unwrap_or(Err(Broken::Fault(StoreFault::Closed))),
                    Err(_) => Err(Broken::Fault(StoreFault::Closed)),
                };
                match answers {
                    Ok(answers) => {
                        for (query, rows) in queries.drain(..).zip(answers) {
                            memo.know(query, self.values(&rows)?);
                        }
                    }
                    Err(Broken::Lost) => break,
                    Err(Broken::Fault(fault)) => return Err(fault),
                }
                let found = ask(&memo);
                queries = memo.take_missing();
                if queries.is_empty() {
                    return found.map(|found| (found, memo));
                }
            }
        }
        Err(StoreFault::Locked { place: self.reader.place() })
    }

    async fn once(&self, statement: Statement) -> Result<Vec<Row>, StoreFault> {
        let (reply, answer) = oneshot::channel();
        enqueue(self.queues.as_ref().map(|queues| &queues.reads), Ask::Once(statement, reply))?;
        answer.await.map_err(|_| StoreFault::Closed)?
    }

    fn single(&self, query: &Query) -> Statement {
        let types = self.catalog.types(query.sql);
        Statement {
            text: query.sql.into(),
            types: types.into(),
            parameters: query.values.iter().take(types.len()).cloned().map(Given::One).collect(),
        }
    }

    fn values(&self, rows: &[Row]) -> Result<Vec<Vec<Value>>, StoreFault> {
        let row = |row: &Row| (0..row.len()).map(|column| row.try_get(column)).collect::<Result<_, _>>();
        let rows: Result<Vec<_>, tokio_postgres::Error> = rows.iter().map(row).collect();
        rows.map_err(|_| StoreFault::Damaged {
            place: self.reader.place(),
            reason: "a column holds neither a text nor a number".to_owned(),
        })
    }
}

impl Drop for Postgres {
    /// Waits for what is running; what only waited is answered, too.
    fn drop(&mut self) {
        self.queues = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to close.
            let _ = thread.join();
        }
    }
}

/// Waits for no room: a queue that is full is a sign to slow down, and said at once.
fn enqueue<T>(queue: Option<&mpsc::Sender<T>>, entry: T) -> Result<(), StoreFault> {
    queue.ok_or(StoreFault::Closed)?.try_send(entry).map_err(|refused| match refused {
        TrySendError::Full(_) => StoreFault::Busy,
        TrySendError::Closed(_) => StoreFault::Closed,
    })
}
