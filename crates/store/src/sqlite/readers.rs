//! Reading: short questions at once and in place, long ones on threads of their own. Neither is ever held up by the writer (WAL).
//!
//! Start at [`Readers::glance`] and [`Readers::read`].

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::connection::{self, Durability, Patience};
use super::values::{ByText, Places, found};
use crate::Options;
use crate::driver::Reading;
use crate::fault::StoreFault;
use crate::rows::{Row, Value};

/// The connections that read, and the threads of those that may take long.
pub(super) struct Readers {
    in_place: Mutex<Vec<Reader>>,
    // Taken when dropped: without its sender a thread ends.
    long: Option<SyncSender<Long>>,
    threads: Vec<JoinHandle<()>>,
}

type Long = Box<dyn FnOnce(&Reader) + Send>;

impl Readers {
    /// On a file that is set up.
    pub(super) fn open(path: &Path, durability: Durability, options: &Options) -> Result<Self, StoreFault> {
        let open = |patience| {
            let connection = connection::open_for_reading(path, durability, options, patience)?;
            Reader::on(connection, patience, path)
        };
        let in_place = (0..options.readers_in_place).map(|_| open(Patience::None)).collect::<Result<_, _>>()?;
        let (long, questions) = mpsc::sync_channel(options.queue);
        let questions = Arc::new(Mutex::new(questions));
        let mut readers = Self { in_place: Mutex::new(in_place), long: Some(long), threads: Vec::new() };
        for _ in 0..options.readers.max(1) {
            let (reader, questions) = (open(Patience::AsConfigured)?, Arc::clone(&questions));
            let thread = super::spawn("grantd-store-read", path, move || answer_until_closed(&reader, &questions))?;
            readers.threads.push(thread);
        }
        Ok(readers)
    }

    /// Runs `ask` in one read transaction on the thread that calls, which is never blocked: where all connections are taken, where
    /// another process holds the file, or where it turns out to be long, nothing is answered, and it is a thread's.
    pub(super) fn glance<T>(
        &self,
        ask: impl Fn(&dyn Reading) -> Result<T, StoreFault>,
    ) -> Option<Result<T, StoreFault>> {
        let reader = Taken { reader: Some(self.lock().pop()?), from: self };
        let moment = reader.reader.as_ref()?.moment(ROWS_AT_A_GLANCE);
        let answer = moment.and_then(|moment| {
            let answer = ask(&moment);
            if moment.is_too_long.get() { Err(StoreFault::Busy) } else { answer }
        });
        match answer {
            Err(StoreFault::Busy | StoreFault::Locked { .. }) => None,
            answer => Some(answer),
        }
    }

    /// Runs `ask` in one read transaction on a thread.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Reading) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let (reply, answer) = oneshot::channel();
        let long: Long = Box::new(move |reader| {
            // Nobody waits any more if this fails: the request was dropped.
            let _ = reply.send(reader.moment(usize::MAX).and_then(|moment| ask(&moment)));
        });
        // Waits for no room: a queue that is full is a sign to slow down, and said at once.
        self.long.as_ref().ok_or(StoreFault::Closed)?.try_send(long).map_err(|refused| match refused {
            TrySendError::Full(_) => StoreFault::Busy,
            TrySendError::Disconnected(_) => StoreFault::Closed,
        })?;
        answer.await.map_err(|_| StoreFault::Closed)?
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        // Whoever panicked held it for a push or a pop, which do not.
        self.in_place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.long = None;
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing left to close.
            let _ = thread.join();
        }
    }
}

/// More rows than any request of a protocol names; reading so many takes less than handing them to a thread.
const ROWS_AT_A_GLANCE: usize = 64;
/// As SQLite counts the steps of a statement: some thousand rows of an index, a fraction of a millisecond.
const STEPS_AT_A_GLANCE: i32 = 16_000;

fn answer_until_closed(reader: &Reader, questions: &Mutex<mpsc::Receiver<Long>>) {
    loop {
        // A reader that panicked held no lock: the queue is as good as before.
        let next = questions.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            // A panic is its question's alone, and said by its reply's end: the next one is answered.
            Ok(long) => drop(catch_unwind(AssertUnwindSafe(|| long(reader)))),
            Err(mpsc::RecvError) => return,
        }
    }
}

/// A connection that is somebody's until this is dropped, whatever becomes of them.
struct Taken<'a> {
    reader: Option<Reader>,
    from: &'a Readers,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut free = self.from.lock();
        free.extend(self.reader.take());
    }
}

/// A connection that reads.
struct Reader {
    connection: Connection,
    places: RefCell<ByText<Places>>,
    /// How often SQLite has said in this moment that a statement takes its time.
    delays: Arc<AtomicU32>,
    path: PathBuf,
}

impl Reader {
    fn on(mut connection: Connection, patience: Patience, path: &Path) -> Result<Self, StoreFault> {
        let delays = Arc::new(AtomicU32::new(0));
        if patience == Patience::None {
            // Said after so many steps of all uses of a statement: the first time in a moment it may have been the ones before.
            let delays = Arc::clone(&delays);
            let is_too_long = move || delays.fetch_add(1, Ordering::Relaxed) > 0;
            let bounded = connection.progress_handler(STEPS_AT_A_GLANCE, Some(is_too_long));
            bounded.map_err(|error| connection::fault(&error, path))?;
        }
        Ok(Self { connection, places: RefCell::new(ByText::new()), delays, path: path.to_owned() })
    }

    fn moment(&self, most_rows: usize) -> Result<Moment<'_>, StoreFault> {
        self.delays.store(0, Ordering::Relaxed);
        self.run("BEGIN").map_err(|error| connection::fault(&error, &self.path))?;
        Ok(Moment { reader: self, rows_left: Cell::new(most_rows), is_too_long: Cell::new(false) })
    }

    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.raw_execute().map(drop)
    }

    fn query(&self, table: &'static str, sql: &'static str, values: &[Value]) -> rusqlite::Result<Vec<Row>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut places = self.places.borrow_mut();
        let places = places.get_or_make(sql, || Ok::<_, rusqlite::Error>(Places::of(&statement)))?;
        places.bind(&mut statement, values)?;
        found(&mut statement, table)
    }
}

/// One moment of the database, for as long as this lives.
struct Moment<'a> {
    reader: &'a Reader,
    rows_left: Cell<usize>,
    is_too_long: Cell<bool>,
}

impl Reading for Moment<'_> {
    fn rows(&self, table: &'static str, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, StoreFault> {
        let rows = self.reader.query(table, sql, values).map_err(|error| {
            if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) {
                self.is_too_long.set(true);
            }
            connection::fault(&error, &self.reader.path)
        })?;
        let left = self.rows_left.get().checked_sub(rows.len());
        self.rows_left.set(left.unwrap_or_default());
        if left.is_none() {
            self.is_too_long.set(true);
            return Err(StoreFault::Busy);
        }
        Ok(rows)
    }
}

impl Drop for Moment<'_> {
    fn drop(&mut self) {
        // Its end is never too long.
        self.reader.delays.store(0, Ordering::Relaxed);
        // It wrote nothing; if this fails, the next moment cannot begin, and says so.
        let _ = self.reader.run("ROLLBACK");
    }
}
