//! Many connections that ask at once, for a time or until there is nothing left to ask; what was answered is counted.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::{JoinSet, LocalSet};
use tokio::time::sleep;

use super::connection::Connection;
use crate::clock;
use crate::fault::Fault;
use crate::statistics::percentile;

/// Somebody who asks over one connection, and holds each answer against what it has to be.
pub trait Visitor: 'static {
    /// Asks once: one request, or the few that make one unit of what is counted. Only what was answered as expected is
    /// [`Went::Well`]; a wrong answer is a fault, and is counted as such.
    fn once(&mut self, connection: &mut Connection) -> impl Future<Output = Result<Went, Fault>>;

    /// How long to wait before asking again. It is not part of how long an answer took.
    fn pause(&self) -> Duration {
        Duration::ZERO
    }
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Went {
    /// Answered as expected.
    Well,
    /// There was nothing left to ask.
    NothingLeft,
}

/// How long to ask.
#[derive(Clone, Copy, Debug)]
pub enum Span {
    /// For this long, after a while that is not counted.
    Lasting {
        /// Not counted.
        warm_up: Duration,
        /// Counted.
        counted: Duration,
    },
    /// Until no visitor has anything left to ask.
    UntilNothingIsLeft,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Load {
    /// Units that were answered as expected.
    pub answered: u64,
    /// How long that took.
    pub wall: Duration,
    /// What it cost the server's process, user and system, all threads.
    pub cpu: Duration,
    /// How long each took, in microseconds, sorted.
    pub latencies: Vec<u32>,
    /// Units that were not.
    pub wrong: u64,
    /// The first of those, in words.
    pub first_wrong: Option<String>,
}

impl Load {
    /// Answers for each second of the server's CPU.
    pub fn per_cpu_second(&self) -> f64 {
        rate(self.answered, self.cpu)
    }

    /// Answers for each second that passed.
    pub fn per_second(&self) -> f64 {
        rate(self.answered, self.wall)
    }

    /// Microseconds below which this part of the answers came.
    pub fn percentile(&self, part: f64) -> f64 {
        f64::from(percentile(&self.latencies, part))
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn rate(count: u64, time: Duration) -> f64 {
    if time.is_zero() { f64::NAN } else { count as f64 / time.as_secs_f64() }
}

/// Lets every visitor ask over a connection of its own, and gives them back with what was counted. `cpu` reads what the server has
/// cost so far.
pub async fn drive<V: Visitor>(
    address: SocketAddr,
    visitors: Vec<V>,
    span: Span,
    cpu: impl Fn() -> Result<Duration, Fault>,
) -> Result<(Load, Vec<V>), Fault> {
    let tally = Rc::new(Tally::default());
    LocalSet::new()
        .run_until(async {
            let mut tasks = JoinSet::new();
            for visitor in visitors {
                tasks.spawn_local(visit(address, visitor, Rc::clone(&tally)));
            }
            let (cpu, wall) = match span {
                Span::Lasting { warm_up, counted } => {
                    tally.all_ended(tasks.len(), warm_up).await;
                    let (before, began) = (cpu()?, clock::instant());
                    tally.counts.set(true);
                    tally.all_ended(tasks.len(), counted).await;
                    tally.counts.set(false);
                    let spent = (cpu()?.saturating_sub(before), began.elapsed());
                    tally.is_over.set(true);
                    spent
                }
                Span::UntilNothingIsLeft => {
                    let (before, began) = (cpu()?, clock::instant());
                    tally.counts.set(true);
                    tally.all_ended(tasks.len(), Duration::MAX).await;
                    (cpu()?.saturating_sub(before), began.elapsed())
                }
            };
            let mut back = Vec::new();
            while let Some(visitor) = tasks.join_next().await {
                back.push(visitor.map_err(|error| Fault::Answer(format!("the driver itself failed: {error}")))?);
            }
            Ok((tally.load(wall, cpu), back))
        })
        .await
}

/// What is counted, by all visitors of one load on one thread.
#[derive(Debug, Default)]
struct Tally {
    counts: Cell<bool>,
    is_over: Cell<bool>,
    ended: Cell<usize>,
    answered: Cell<u64>,
    wrong: Cell<u64>,
    first_wrong: RefCell<Option<String>>,
    latencies: RefCell<Vec<u32>>,
}

impl Tally {
    /// Until so much time has passed, or every visitor has ended.
    async fn all_ended(&self, visitors: usize, at_most: Duration) {
        let began = clock::instant();
        while self.ended.get() < visitors {
            let left = at_most.saturating_sub(began.elapsed());
            if left.is_zero() {
                return;
            }
            sleep(left.min(LOOK_EVERY)).await;
        }
    }

    fn add(&self, took: Duration) {
        if self.counts.get() {
            self.answered.set(self.answered.get() + 1);
            self.latencies.borrow_mut().push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        }
    }

    /// Wrong answers count whenever they come: a warm-up that fails is no warm-up.
    fn add_wrong(&self, fault: &Fault) {
        self.wrong.set(self.wrong.get() + 1);
        self.first_wrong.borrow_mut().get_or_insert_with(|| fault.to_string());
    }

    fn load(&self, wall: Duration, cpu: Duration) -> Load {
        let mut latencies = self.latencies.take();
        latencies.sort_unstable();
        Load {
            answered: self.answered.get(),
            wall,
            cpu,
            latencies,
            wrong: self.wrong.get(),
            first_wrong: self.first_wrong.take(),
        }
    }
}

/// How late it may be noticed that nothing is left to ask.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// So many wrong answers, and a visitor gives up: what is measured then is not what the line is about.
const PATIENCE: u32 = 20;

async fn visit<V: Visitor>(address: SocketAddr, mut visitor: V, tally: Rc<Tally>) -> V {
    if let Err(fault) = converse(address, &mut visitor, &tally).await {
        tally.add_wrong(&fault);
    }
    tally.ended.set(tally.ended.get() + 1);
    visitor
}

async fn converse<V: Visitor>(address: SocketAddr, visitor: &mut V, tally: &Tally) -> Result<(), Fault> {
    let mut connection = Connection::open(address).await?;
    let mut wrong = 0;
    while !tally.is_over.get() && wrong < PATIENCE {
        let pause = visitor.pause();
        if !pause.is_zero() {
            sleep(pause).await;
        }
        let began = clock::instant();
        match visitor.once(&mut connection).await {
            Ok(Went::Well) => tally.add(began.elapsed()),
            Ok(Went::NothingLeft) => break,
            Err(fault) => {
                tally.add_wrong(&fault);
                wrong += 1;
                if matches!(fault, Fault::Io { .. }) {
                    connection = Connection::open(address).await?;
                }
            }
        }
    }
    Ok(())
}
