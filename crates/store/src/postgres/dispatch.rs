//! The thread that drives all connections: starts them, hands out what is asked, and lets no two batches meet at one row.
//! Start at [`start`].

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_postgres::Row;

use super::batch::{Catalog, Job};
use super::connection::{Line, Link, Purpose, Way};
use super::migrate;
use super::reader::{Questions, Reader, Statement};
use super::server::PostgresServer;
use super::together::{self, Request};
use super::writer::{Clock, Writer};
use crate::fault::StoreFault;
use crate::statements;
use crate::{Inspection, Options};

/// What is asked of the connections that read.
pub(super) enum Ask {
    Once(Statement, oneshot::Sender<Result<Vec<Row>, StoreFault>>),
    Moment(mpsc::Receiver<Questions>),
}

/// What is known once everything runs.
pub(super) struct Started {
    pub(super) catalog: Arc<Catalog>,
    pub(super) reader: Arc<Reader>,
}

/// How many connections write: while one waits for its commit, the other's statements run.
const WRITERS: usize = 2;
/// So many transactions' worth of jobs wait in the order in which they came, before more are taken from the queue.
const BATCHES_WAITING: usize = 4;

/// Starts the thread, and returns when the database is ready.
pub(super) fn start(
    server: &PostgresServer,
    options: &Options,
    jobs: mpsc::Receiver<Job>,
    asked: mpsc::Receiver<Ask>,
) -> Result<(JoinHandle<()>, Started), StoreFault> {
    let way = Arc::new(Way::new(server.clone())?);
    let runtime = runtime(server)?;
    let readers = options.readers;
    let bounds = Bounds { reads: options.queue.max(1), jobs: options.most_in_a_commit.max(1) };
    let (report, started) = std::sync::mpsc::sync_channel(1);
    let run = move || {
        runtime.block_on(async move {
            match prepare(&way, readers).await {
                Ok((writers, ready)) => {
                    let reader = Arc::clone(&ready.reader);
                    // Whoever opens is still there: it waits for this.
                    let _ = report.send(Ok(ready));
                    serve(writers, reader, jobs, asked, bounds).await;
                }
                Err(fault) => {
                    let _ = report.send(Err(fault));
                }
            }
        });
    };
    let thread = std::thread::Builder::new()
        .name("grantd-store-postgres".to_owned())
        .spawn(run)
        .map_err(|error| StoreFault::Io { place: server.place(), reason: error.to_string() })?;
    let started = started.recv().map_err(|_| StoreFault::Closed)??;
    Ok((thread, started))
}

/// Looks, and goes again.
pub(super) fn inspect(server: &PostgresServer) -> Result<Inspection, StoreFault> {
    let way = Way::new(server.clone())?;
    let look = move || {
        runtime(&way.server)?.block_on(async {
            let link = way.connect(Purpose::Writing).await?;
            migrate::look(&way, &link).await
        })
    };
    // On a thread of its own: whoever asks may run in another runtime.
    std::thread::spawn(look).join().map_err(|_| StoreFault::Closed)?
}

fn runtime(server: &PostgresServer) -> Result<Runtime, StoreFault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| StoreFault::Io { place: server.place(), reason: error.to_string() })
}

/// The first connection migrates, learns what the statements take, and then writes.
async fn prepare(way: &Arc<Way>, readers: usize) -> Result<(Vec<Writer>, Started), StoreFault> {
    let link = way.connect(Purpose::Writing).await?;
    migrate::bring_up_to_date(way, &link).await?;
    let catalog = Arc::new(learn(&link).await.map_err(|error| way.fault(&error))?);
    let (ids, clock) = ids_and_clock(&link).await.map_err(|error| way.fault(&error))?;
    let mut writers = Vec::with_capacity(WRITERS);
    let mut link = Some(link);
    for id in ids {
        let own = match link.take() {
            Some(link) => Line::of(Arc::clone(way), Purpose::Writing, link),
            None => Line::new(Arc::clone(way), Purpose::Writing),
        };
        writers.push(Writer::new(way, own, &catalog, id, clock));
    }
    let reader = Arc::new(Reader::new(way, &catalog, readers));
    Ok((writers, Started { catalog, reader }))
}

/// Prepares every statement, all on their way at once: a table that something else altered is found now, not at the first
/// request that needs it.
async fn learn(link: &Link) -> Result<Catalog, tokio_postgres::Error> {
    let requests: Vec<Request<'_, _>> = statements::every()
        .map(|sql| -> Request<'_, _> {
            Box::pin(async move {
                let statement = link.client().prepare(sql).await?;
                Ok((sql, statement.params().to_vec()))
            })
        })
        .collect();
    let known: Result<Vec<_>, _> = together::all(requests).await.into_iter().collect();
    known.map(Catalog::of)
}

/// Names that no other writer has, and the server's clock.
async fn ids_and_clock(link: &Link) -> Result<(Vec<String>, Clock), tokio_postgres::Error> {
    let mut ids = Vec::with_capacity(WRITERS);
    for _ in 0..WRITERS {
        ids.push(link.client().query_one(statements::schema::NEW_WRITER, &[]).await?.try_get(0)?);
    }
    let read: i64 = link.client().query_one(statements::schema::SERVER_CLOCK, &[]).await?.try_get(0)?;
    Ok((ids, Clock { read, at: Instant::now() }))
}

/// How much is done at once.
#[derive(Clone, Copy)]
struct Bounds {
    /// The most questions that are taken from their queue: the others are told there that it is full.
    reads: usize,
    /// The most jobs of one transaction.
    jobs: usize,
}

/// Until nobody asks any more and all that was asked is answered.
async fn serve(
    writers: Vec<Writer>,
    reader: Arc<Reader>,
    jobs: mpsc::Receiver<Job>,
    mut asked: mpsc::Receiver<Ask>,
    bounds: Bounds,
) {
    let writing = tokio::spawn(Dispatcher::new(jobs, writers, bounds.jobs).run());
    let mut reading = JoinSet::new();
    while let Some(ask) = asked.recv().await {
        let reader = Arc::clone(&reader);
        reading.spawn(async move {
            match ask {
                Ask::Once(statement, reply) => {
                    // Nobody waits any more if this fails: the request was dropped.
                    let _ = reply.send(reader.once(&statement).await);
                }
                Ask::Moment(questions) => reader.moment(questions).await,
            }
        });
        while reading.try_join_next().is_some()
            || (reading.len() >= bounds.reads && reading.join_next().await.is_some())
        {}
    }
    // One that panicked has answered nobody, who hears of it by that.
    let _ = writing.await;
    while reading.join_next().await.is_some() {}
}

struct Dispatcher {
    queue: mpsc::Receiver<Job>,
    /// The most jobs of one transaction.
    most: usize,
    is_open: bool,
    waiting: VecDeque<Job>,
    idle: Vec<Writer>,
    running: JoinSet<(Option<Writer>, Vec<u64>)>,
    /// The rows of the batches that are running.
    busy: HashSet<u64>,
}

impl Dispatcher {
    fn new(queue: mpsc::Receiver<Job>, idle: Vec<Writer>, most: usize) -> Self {
        let (waiting, running, busy) = (VecDeque::new(), JoinSet::new(), HashSet::new());
        Self { queue, most, is_open: true, waiting, idle, running, busy }
    }

    async fn run(mut self) {
        let mut taken = Vec::with_capacity(self.most);
        while self.is_open || !self.running.is_empty() || !self.waiting.is_empty() {
            tokio::select! {
                count = self.queue.recv_many(&mut taken, self.most), if self.is_open && self.waiting.len() < BATCHES_WAITING * self.most => {
                    self.is_open = count > 0;
                    self.waiting.extend(taken.drain(..));
                }
                Some(Ok((writer, rows))) = self.running.join_next(), if !self.running.is_empty() => {
                    for row in rows {
                        self.busy.remove(&row);
                    }
                    self.idle.extend(writer);
                    // Without any writer the queue ends, and everybody hears of it.
                    if self.running.is_empty() && self.idle.is_empty() {
                        return;
                    }
                }
            }
            self.hand_out();
        }
    }

    /// Whatever waits and meets nobody becomes the next batch; nothing waits for more to come.
    fn hand_out(&mut self) {
        while let Some(mut writer) = self.idle.pop() {
            let (batch, rows) = self.next_batch();
            if batch.is_empty() {
                self.idle.push(writer);
                return;
            }
            self.busy.extend(rows.iter().copied());
            self.running.spawn(async move {
                // A writer that panics is gone with its batch. Its rows are not: nobody waits for them any more.
                let ran = tokio::spawn(async move {
                    writer.run(batch).await;
                    writer
                });
                (ran.await.ok(), rows)
            });
        }
    }

    /// In the order in which they came, but for those that meet a running one or one that has to wait.
    fn next_batch(&mut self) -> (Vec<Job>, Vec<u64>) {
        let mut held: HashSet<u64> = HashSet::new();
        let (mut batch, mut rows) = (Vec::new(), Vec::new());
        let mut kept = VecDeque::new();
        while batch.len() < self.most
            && let Some(job) = self.waiting.pop_front()
        {
            let meets = job.rows.iter().flatten().any(|row| self.busy.contains(row) || held.contains(row));
            if meets {
                held.extend(job.rows.iter().flatten());
                kept.push_back(job);
            } else {
                rows.extend(job.rows.iter().flatten());
                batch.push(job);
            }
        }
        kept.append(&mut self.waiting);
        self.waiting = kept;
        (batch, rows)
    }
}
