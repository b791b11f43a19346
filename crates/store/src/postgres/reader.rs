//! Connections that read: single statements, each a moment of its own, many on their way at once; and moments that take several
//! trips. Start at [`Reader::once`] and [`Reader::moment`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tokio_postgres::Row;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::batch::Catalog;
use super::connection::{Line, Link, Parameter, Purpose, Way};
use super::memo::Query;
use super::retry::{self, Meaning, PATIENCE};
use super::together::{self, Request};
use crate::fault::StoreFault;
use crate::rows::Value;

/// A statement that is read once.
pub(super) struct Statement {
    pub(super) text: Arc<str>,
    pub(super) types: Arc<[Type]>,
    pub(super) parameters: Vec<Given>,
}

/// What is given for a parameter.
#[derive(Debug)]
pub(super) enum Given {
    One(Value),
    Many(Vec<Value>),
}

/// Questions of one moment, and who waits for the answers, in the same order.
pub(super) struct Questions {
    pub(super) queries: Vec<Query>,
    pub(super) reply: oneshot::Sender<Result<Vec<Vec<Row>>, Broken>>,
}

/// Why a moment ended early.
pub(super) enum Broken {
    /// Ask for another moment, from the start.
    Lost,
    /// It will not do.
    Fault(StoreFault),
}

/// All connections that read.
pub(super) struct Reader {
    way: Arc<Way>,
    catalog: Arc<Catalog>,
    lines: Vec<Line>,
    next: AtomicUsize,
    moments: Semaphore,
    idle: Mutex<Vec<Line>>,
    trips: AtomicUsize,
}

/// How many moments of several trips there are at once; each has a connection of its own.
const MOMENTS: usize = 2;
/// As long as a server may take over one round trip: less than its own limit would say that it is stuck.
const ROUND_TRIP: Duration = Duration::from_secs(35);

impl Reader {
    pub(super) fn new(way: &Arc<Way>, catalog: &Arc<Catalog>, connections: usize) -> Self {
        let lines = (0..connections.max(1)).map(|_| Line::new(Arc::clone(way), Purpose::Reading)).collect();
        Self {
            way: Arc::clone(way),
            catalog: Arc::clone(catalog),
            lines,
            next: AtomicUsize::new(0),
            moments: Semaphore::new(MOMENTS),
            idle: Mutex::default(),
            trips: AtomicUsize::new(0),
        }
    }

    /// How often the server was asked something and waited for.
    pub(super) fn trips(&self) -> usize {
        self.trips.load(Ordering::Relaxed)
    }

    pub(super) fn place(&self) -> String {
        self.way.server.place()
    }

    /// The rows that a statement finds. A connection that is lost meanwhile is made anew, and nobody hears of it.
    pub(super) async fn once(&self, statement: &Statement) -> Result<Vec<Row>, StoreFault> {
        let place = self.next.fetch_add(1, Ordering::Relaxed) % self.lines.len().max(1);
        let on = self.lines.get(place).ok_or(StoreFault::Closed)?;
        let mut trouble = Trouble::new();
        loop {
            match self.once_on(on, statement).await {
                Ok(rows) => return Ok(rows),
                Err((meaning, fault)) => trouble.wait(meaning, fault).await?,
            }
        }
    }

    async fn once_on(&self, on: &Line, statement: &Statement) -> Result<Vec<Row>, (Meaning, StoreFault)> {
        let link = on.link().await.map_err(not_connected)?;
        let asked = async {
            let prepared = link.prepare(&statement.text, &statement.types).await?;
            self.trips.fetch_add(1, Ordering::Relaxed);
            let parameters: Vec<Parameter<'_>> =
                statement.parameters.iter().map(|given| given as Parameter<'_>).collect();
            link.client().query(&prepared, &parameters).await
        };
        match tokio::time::timeout(ROUND_TRIP, asked).await {
            Ok(answer) => answer.map_err(|error| self.trouble(&link, &error)),
            Err(_) => Err(self.no_answer(&link)),
        }
    }

    /// Answers questions of one moment until no more are asked.
    pub(super) async fn moment(&self, mut questions: mpsc::Receiver<Questions>) {
        let Ok(_permit) = self.moments.acquire().await else { return };
        let kept = self.idle.lock().await.pop();
        let on = kept.unwrap_or_else(|| Line::new(Arc::clone(&self.way), Purpose::Reading));
        self.answer(&on, &mut questions).await;
        self.idle.lock().await.push(on);
    }

    async fn answer(&self, on: &Line, questions: &mut mpsc::Receiver<Questions>) {
        let mut begun: Option<Arc<Link>> = None;
        let mut trouble = Trouble::new();
        while let Some(Questions { queries, reply }) = questions.recv().await {
            let outcome = loop {
                match self.trip(on, begun.as_ref(), &queries).await {
                    Ok((link, rows)) => {
                        begun = Some(link);
                        break Ok(rows);
                    }
                    Err((Meaning::Gone | Meaning::Conflict | Meaning::HeldUp, _)) if begun.is_some() => {
                        break Err(Broken::Lost);
                    }
                    Err((meaning, fault)) => {
                        if let Err(fault) = trouble.wait(meaning, fault).await {
                            break Err(Broken::Fault(fault));
                        }
                    }
                }
            };
            let is_over = outcome.is_err();
            // Nobody waits any more if this fails: the request was dropped.
            let _ = reply.send(outcome);
            if is_over {
                break;
            }
        }
        if let Some(link) = begun {
            end(&link).await;
        }
    }

    /// Several questions, and before the first of them the beginning of the moment.
    async fn trip(
        &self,
        on: &Line,
        begun: Option<&Arc<Link>>,
        queries: &[Query],
    ) -> Result<(Arc<Link>, Vec<Vec<Row>>), (Meaning, StoreFault)> {
        let link = match begun {
            Some(link) => Arc::clone(link),
            None => on.link().await.map_err(not_connected)?,
        };
        let asked = async {
            let mut prepared = Vec::with_capacity(queries.len());
            for query in queries {
                prepared.push(link.prepare(query.sql, self.catalog.types(query.sql)).await?);
            }
            self.trips.fetch_add(1, Ordering::Relaxed);
            let mut requests: Vec<Request<'_, Vec<Row>>> = Vec::with_capacity(queries.len() + 1);
            if begun.is_none() {
                requests.push(Box::pin(async { link.client().batch_execute(BEGIN).await.map(|()| Vec::new()) }));
            }
            for (query, statement) in queries.iter().zip(&prepared) {
                let client = link.client();
                let parameters = self.parameters(query);
                requests.push(Box::pin(async move { client.query(statement, &parameters).await }));
            }
            let answers: Result<Vec<_>, _> = together::all(requests).await.into_iter().collect();
            answers.map(|mut answers| answers.split_off(usize::from(begun.is_none())))
        };
        let answers = match tokio::time::timeout(ROUND_TRIP, asked).await {
            Ok(Ok(answers)) => answers,
            Ok(Err(error)) => {
                let trouble = self.trouble(&link, &error);
                // Half of a moment is none.
                end(&link).await;
                return Err(trouble);
            }
            Err(_) => return Err(self.no_answer(&link)),
        };
        Ok((link, answers))
    }

    /// A statement may be given more values than it has parameters.
    fn parameters<'a>(&self, query: &'a Query) -> Vec<Parameter<'a>> {
        query.values.iter().take(self.catalog.types(query.sql).len()).map(|value| value as Parameter<'a>).collect()
    }

    fn trouble(&self, link: &Link, error: &tokio_postgres::Error) -> (Meaning, StoreFault) {
        let meaning = retry::meaning(error);
        if meaning == Meaning::Gone {
            link.give_up();
        }
        (meaning, self.way.fault(error))
    }

    fn no_answer(&self, link: &Link) -> (Meaning, StoreFault) {
        link.give_up();
        let place = self.way.server.place();
        (Meaning::Gone, StoreFault::Unreachable { place, reason: "no answer in time".to_owned() })
    }
}

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The next moment on this connection begins with none open.
async fn end(link: &Link) {
    if !matches!(tokio::time::timeout(ROUND_TRIP, link.client().batch_execute("ROLLBACK")).await, Ok(Ok(()))) {
        link.give_up();
    }
}

fn not_connected(fault: StoreFault) -> (Meaning, StoreFault) {
    let meaning = if matches!(fault, StoreFault::Unreachable { .. }) { Meaning::Gone } else { Meaning::Final };
    (meaning, fault)
}

/// How long this goes on already.
struct Trouble {
    until: Option<Instant>,
    attempts: u32,
}

impl Trouble {
    fn new() -> Self {
        Self { until: None, attempts: 0 }
    }

    /// Waits a little, or says that it is enough.
    async fn wait(&mut self, meaning: Meaning, fault: StoreFault) -> Result<(), StoreFault> {
        let until = *self.until.get_or_insert_with(|| Instant::now() + PATIENCE);
        if meaning == Meaning::Final || Instant::now() >= until {
            return Err(fault);
        }
        self.attempts += 1;
        let dice = u64::from(self.attempts) * 7 + u64::from(Instant::now().elapsed().subsec_nanos());
        tokio::time::sleep(retry::pause(self.attempts, dice)).await;
        Ok(())
    }
}

impl ToSql for Given {
    fn to_sql(
        &self,
        r#type: &Type,
        out: &mut tokio_postgres::types::private::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::One(value) => value.to_sql(r#type, out),
            Self::Many(values) => values.to_sql(r#type, out),
        }
    }

    fn accepts(r#type: &Type) -> bool {
        <Value as ToSql>::accepts(r#type) || <Vec<Value> as ToSql>::accepts(r#type)
    }

    to_sql_checked!();
}
