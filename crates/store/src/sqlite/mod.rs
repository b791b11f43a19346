//! The SQLite driver: runs statements in one transaction and counts rows. Knows no record and no rule.
//!
//! One thread owns the connection that writes, and commits whatever waits in a bounded queue together (`batching.rs`,
//! `writer.rs`); what is read is read beside it (`readers.rs`). Another process may use the same file at the same time. Start at
//! [`Sqlite::write`] and [`Sqlite::glance`].

mod batching;
mod connection;
mod log;
mod readers;
mod statistics;
mod sync;
mod values;
mod whole_file;
mod writer;

use std::path::Path;
use std::thread::JoinHandle;

use rusqlite::Connection;

use crate::Options;
use crate::driver::{Reading, Written};
use crate::fault::StoreFault;
use crate::writes::Step;

use batching::{Arrivals, Bounds, NotTaken, Queue};
use log::Log;
use readers::Readers;
use writer::Writer;

pub(crate) use connection::{Durability, could_be_made, inspect};
pub use whole_file::Pages;
pub(crate) use whole_file::{copy_beside, copy_out, is_free, put_in_place};

/// A database file and the threads that use it. They end, and the file is closed, when this is dropped: whatever was taken is
/// written before, and nothing is left beside the file.
pub(crate) struct Sqlite {
    // Each taken when dropped, in this order: the last to close the file copies the log into it and removes the log.
    readers: Option<Readers>,
    waiting: Option<Queue<Vec<Step>, Result<Written, StoreFault>>>,
    writer: Option<JoinHandle<()>>,
    is_durable: bool,
}

impl Sqlite {
    /// Opens or creates the file, migrates it, and starts the threads.
    pub(crate) fn open(path: &Path, durability: Durability, options: &Options) -> Result<Self, StoreFault> {
        let connection = connection::open_for_writing(path, durability, options)?;
        let is_durable = connection::is_durable(&connection, path)?;
        let (waiting, arrivals) = batching::queue(Bounds { jobs: options.queue, bytes: options.queue_bytes });
        let readers = Readers::open(path, durability, options)?;
        let most = options.most_in_a_commit.max(1);
        let log = Log::new(durability == Durability::Throwaway);
        let writer = spawn("grantd-store-write", path, {
            let path = path.to_owned();
            move || write_until_closed(&connection, log, &arrivals, most, &path)
        })?;
        Ok(Self { readers: Some(readers), waiting: Some(waiting), writer: Some(writer), is_durable })
    }

    /// Whether the connection that writes syncs every commit.
    pub(crate) fn is_durable(&self) -> bool {
        self.is_durable
    }

    /// Runs all the steps in one transaction, or none. Durable when it returns [`grantd_protocol::changes::Commit::Done`]
    /// (STORE-05). Waits for no room: where too much waits, that is said at once.
    pub(crate) async fn write(&self, steps: Vec<Step>) -> Result<Written, StoreFault> {
        let bytes = steps.iter().map(Step::bytes).sum();
        let waiting = self.waiting.as_ref().ok_or(StoreFault::Closed)?;
        let answer = waiting.push(steps, bytes).map_err(|refused| match refused {
            NotTaken::Full => StoreFault::Busy,
            NotTaken::Closed => StoreFault::Closed,
        })?;
        answer.await.map_err(|_| StoreFault::Closed)?
    }

    /// Runs `ask` in one read transaction, which sees everything that was written before it began, on a thread that reads.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Reading) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        self.readers.as_ref().ok_or(StoreFault::Closed)?.read(ask).await
    }

    /// As [`Sqlite::read`], for what takes microseconds: on the thread that asks, wherever that does not block it.
    pub(crate) async fn glance<T: Send + 'static>(
        &self,
        ask: impl Fn(&dyn Reading) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        match self.readers.as_ref().ok_or(StoreFault::Closed)?.glance(&ask) {
            Some(answer) => answer,
            None => self.read(ask).await,
        }
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.readers = None;
        self.waiting = None;
        if let Some(writer) = self.writer.take() {
            // A thread that panicked has nothing left to close.
            let _ = writer.join();
        }
    }
}

fn write_until_closed(
    connection: &Connection,
    log: Log,
    arrivals: &Arrivals<Vec<Step>, Result<Written, StoreFault>>,
    most: usize,
    path: &Path,
) {
    batching::answer_until_closed(arrivals, most, &mut Writer::new(connection, log, path));
}

fn spawn(name: &str, path: &Path, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreFault> {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    spawned.map_err(|error| StoreFault::Io { place: connection::place(path), reason: error.to_string() })
}
