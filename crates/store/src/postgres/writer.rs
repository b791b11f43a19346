//! One connection that writes: a batch of jobs in one transaction, again without those that failed their guards, and again under
//! the same mark when the answer to its commit was lost. Start at [`Writer::run`].

mod trials;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use grantd_protocol::changes::Commit;
use tokio::time::Instant;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;

use super::batch::{Batch, Catalog, Job, Slot};
use super::connection::{Line, Link, Parameter, Way};
use super::merge::Returns;
use super::outcome::{NOT_RUN, Rows, counted_by_key, counted_by_place, note, verdict};
use super::retry::{self, Meaning};
use super::together::{self, Request};
use crate::driver::Written;
use crate::fault::StoreFault;
use crate::rows::Value;
use crate::statements as sql;

/// A connection that writes, and the number of its last transaction.
pub(super) struct Writer {
    line: Line,
    way: Arc<Way>,
    catalog: Arc<Catalog>,
    mark: Mark,
}

/// Under which name and number a writer leaves its mark, and the server's time.
struct Mark {
    id: String,
    batch: i64,
    clock: Clock,
}

/// The server's clock, read once: all nodes have the same.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    pub(super) read: i64,
    pub(super) at: Instant,
}

/// Jobs that are tried together.
struct Group {
    jobs: Vec<Job>,
    attempts: u32,
    /// They failed behind others: most of them will fail again, each for itself.
    are_doubtful: bool,
}

/// How an attempt ended. Only after the first is anything written.
enum Attempt {
    Done(Rows),
    /// These failed their guards.
    Guarded(Vec<(usize, Commit)>),
    Undone(Meaning, StoreFault),
    /// The commit was sent, and no answer came.
    Unanswered(Rows),
    /// This batch had been committed before.
    DoneBefore,
}

const BEGIN: &str = "BEGIN";
/// How long it takes at most until a group that is tried again and again is given up, or one whose commit was not answered: so long,
/// and one round trip.
const LONGEST: Duration = Duration::from_secs(10);
/// As long as a server may take over one round trip.
const ROUND_TRIP: Duration = Duration::from_secs(20);
/// And over one that ends all that a client or an issuer has, which may be millions of grants.
const LONG_ROUND_TRIP: Duration = Duration::from_mins(10);
/// How often it is asked what became of a commit: each time the answer was lost once more.
const QUESTIONS: u32 = 20;
/// From so many attempts on, a group is halved: who is in whose way shows sooner.
const HALVED_FROM: u32 = 3;

impl Writer {
    pub(super) fn new(way: &Arc<Way>, line: Line, catalog: &Arc<Catalog>, id: String, clock: Clock) -> Self {
        let mark = Mark { id, batch: 0, clock };
        Self { line, way: Arc::clone(way), catalog: Arc::clone(catalog), mark }
    }

    /// Answers every one of the jobs.
    pub(super) async fn run(&mut self, jobs: Vec<Job>) {
        let until = Instant::now() + LONGEST + round_trip(&jobs);
        let mut groups = vec![Group { jobs, attempts: 0, are_doubtful: false }];
        while let Some(group) = groups.pop() {
            match group {
                Group { jobs, .. } if jobs.is_empty() => {}
                Group { jobs, are_doubtful: true, .. } => {
                    let jobs = self.without_the_hopeless(jobs).await;
                    groups.push(Group { jobs, attempts: 0, are_doubtful: false });
                }
                group => self.try_once(group, &mut groups, until).await,
            }
        }
    }

    async fn try_once(&mut self, group: Group, groups: &mut Vec<Group>, until: Instant) {
        let Group { jobs, attempts, .. } = group;
        let batch = Batch::of(&jobs, &self.catalog);
        self.mark.batch += 1;
        let mut outcome = self.attempt(&jobs, &batch).await;
        let mut asked = 0;
        while let Attempt::Unanswered(rows) = outcome {
            asked += 1;
            if asked > QUESTIONS {
                return answer_all(jobs, || Err(StoreFault::Unknown { place: self.way.server.place() }));
            }
            tokio::time::sleep(self.pause(asked)).await;
            outcome = match self.attempt(&jobs, &batch).await {
                Attempt::DoneBefore if self.stands().await => Attempt::Done(rows),
                // It may still be in progress, or its server may be away: only an attempt that got through says what became of it.
                Attempt::DoneBefore | Attempt::Undone(Meaning::Gone | Meaning::Conflict | Meaning::HeldUp, _)
                    if Instant::now() < until =>
                {
                    Attempt::Unanswered(rows)
                }
                Attempt::DoneBefore | Attempt::Undone(..) => {
                    return answer_all(jobs, || Err(StoreFault::Unknown { place: self.way.server.place() }));
                }
                other => other,
            };
        }
        match outcome {
            Attempt::Done(rows) => {
                for (job, rows) in jobs.into_iter().zip(rows) {
                    let rows = job.steps.iter().map(|step| step.sql).zip(rows).collect();
                    // Nobody waits any more if this fails: the request was dropped, and what it wrote stands.
                    let _ = job.reply.send(Ok(Written { commit: Commit::Done, rows }));
                }
            }
            Attempt::Guarded(failed) => without(jobs, &failed, &batch, attempts, groups),
            Attempt::Undone(Meaning::HeldUp, fault) if jobs.len() > 1 && Instant::now() < until => {
                let jobs = self.without_the_held_up(jobs, &fault).await;
                groups.push(Group { jobs, attempts: 0, are_doubtful: false });
            }
            Attempt::Undone(Meaning::HeldUp, fault) if attempts > 0 && !takes_long(&jobs) => {
                answer_all(jobs, || Err(fault.clone()));
            }
            // One of them may be to blame; what else is final is the same for all.
            Attempt::Undone(Meaning::Final, StoreFault::Io { .. }) if jobs.len() > 1 => halve(jobs, attempts, groups),
            Attempt::Undone(Meaning::Final, fault) => answer_all(jobs, || Err(fault.clone())),
            Attempt::Undone(_, fault) if Instant::now() >= until => answer_all(jobs, || Err(fault.clone())),
            Attempt::Undone(meaning, _) => {
                tokio::time::sleep(self.pause(attempts)).await;
                if meaning == Meaning::Conflict && attempts >= HALVED_FROM && jobs.len() > 1 {
                    halve(jobs, attempts, groups);
                } else {
                    groups.push(Group { jobs, attempts: attempts + 1, are_doubtful: false });
                }
            }
            // Its number was not used before: another process has this writer's name.
            Attempt::DoneBefore | Attempt::Unanswered(_) => {
                answer_all(jobs, || Err(StoreFault::Unknown { place: self.way.server.place() }));
            }
        }
    }

    /// Two trips: all statements with the beginning, and the commit.
    async fn attempt(&mut self, jobs: &[Job], batch: &Batch) -> Attempt {
        let link = match self.line.link().await {
            Ok(link) => link,
            Err(fault @ (StoreFault::Unreachable { .. } | StoreFault::Untrusted { .. })) => {
                return Attempt::Undone(Meaning::Gone, fault);
            }
            Err(fault) => return Attempt::Undone(Meaning::Final, fault),
        };
        let ended = tokio::time::timeout(round_trip(jobs), self.run_on(&link, jobs, batch)).await;
        let rows = match ended {
            Ok(Ok(rows)) => rows,
            Ok(Err(attempt)) => {
                if matches!(attempt, Attempt::Undone(Meaning::Gone, _)) {
                    link.give_up();
                } else {
                    roll_back(&link).await;
                }
                return attempt;
            }
            Err(_) => {
                link.give_up();
                return Attempt::Undone(Meaning::Gone, self.no_answer());
            }
        };
        match tokio::time::timeout(ROUND_TRIP, link.client().batch_execute("COMMIT")).await {
            Ok(Ok(())) => Attempt::Done(rows),
            Ok(Err(error)) if retry::is_undone(&error) => Attempt::Undone(Meaning::Conflict, self.way.fault(&error)),
            Ok(Err(_)) | Err(_) => {
                link.give_up();
                Attempt::Unanswered(rows)
            }
        }
    }

    /// Whether the last batch is committed wherever a commit has to be. That it is found on a primary says nothing of its standby,
    /// if the primary ended while it waited for that; what is written and acknowledged after it does (STORE-05).
    async fn stands(&self) -> bool {
        let Ok(link) = self.line.link().await else { return false };
        let (client, wrote_at) = (link.client(), self.mark.wrote_at());
        let parameters: [Parameter<'_>; 3] = [&self.mark.id, &self.mark.batch, &wrote_at];
        let written = tokio::time::timeout(ROUND_TRIP, client.execute(sql::MARK_STANDS, &parameters)).await;
        if !matches!(written, Ok(Ok(_))) {
            link.give_up();
        }
        matches!(written, Ok(Ok(1)))
    }

    /// Everything but the commit. An error is what it means for all of the batch.
    async fn run_on(&self, link: &Link, jobs: &[Job], batch: &Batch) -> Result<Rows, Attempt> {
        let undone = |error: tokio_postgres::Error| Attempt::Undone(retry::meaning(&error), self.way.fault(&error));
        let mark = link.prepare(sql::MARK_WRITER, &[]).await.map_err(undone)?;
        let mut statements = Vec::with_capacity(batch.slots.len());
        for slot in &batch.slots {
            statements.push(self.prepare(link, slot).await.map_err(undone)?);
        }
        let wrote_at = self.mark.wrote_at();
        let parameters: [Parameter<'_>; 3] = [&self.mark.id, &self.mark.batch, &wrote_at];
        let marked = async { link.client().execute(&mark, &parameters).await.map(|rows| vec![rows]) };
        let begun = async { link.client().batch_execute(BEGIN).await.map(|()| Vec::new()) };
        let mut requests: Vec<Request<'_, Vec<u64>>> = vec![Box::pin(begun), Box::pin(marked)];
        for (slot, statement) in batch.slots.iter().zip(statements) {
            requests.push(Box::pin(self.run_slot(link, jobs, slot, statement)));
        }
        let mut answers = together::all(requests).await.into_iter();
        answers.next().transpose().map_err(undone)?;
        if answers.next().transpose().map_err(undone)? == Some(vec![0]) {
            return Err(Attempt::DoneBefore);
        }
        let mut rows: Rows = jobs.iter().map(|job| vec![NOT_RUN; job.steps.len()]).collect();
        for (slot, answer) in batch.slots.iter().zip(answers) {
            match answer {
                Ok(counts) => note(&mut rows, slot, &counts),
                // A job that is alone may have failed a guard before the statement that is in error.
                Err(error) if jobs.len() == 1 => return Err(guarded(jobs, &rows).unwrap_or_else(|| undone(error))),
                Err(error) => return Err(undone(error)),
            }
        }
        guarded(jobs, &rows).map_or(Ok(rows), Err)
    }

    async fn prepare(&self, link: &Link, slot: &Slot) -> Result<Statement, tokio_postgres::Error> {
        let shape = self.catalog.shape(slot.sql).and_then(|shape| shape.merged.as_ref());
        match shape {
            Some(merged) if slot.rows.len() > 1 => {
                link.prepare(&merged.text, self.catalog.merged_types(slot.sql)).await
            }
            _ => link.prepare(slot.sql, self.catalog.types(slot.sql)).await,
        }
    }

    /// For each row of the slot, how many rows were written.
    async fn run_slot(
        &self,
        link: &Link,
        jobs: &[Job],
        slot: &Slot,
        statement: Statement,
    ) -> Result<Vec<u64>, tokio_postgres::Error> {
        let values =
            |row: &(usize, usize)| jobs.get(row.0).and_then(|job| job.steps.get(row.1)).map(|step| &step.values);
        let rows: Vec<&Vec<Value>> = slot.rows.iter().filter_map(values).collect();
        let merged = self.catalog.shape(slot.sql).and_then(|shape| Some((shape.key.as_ref()?, shape.merged.as_ref()?)));
        let (Some((key, merged)), true) = (merged, rows.len() > 1) else {
            let parameters: Vec<Parameter<'_>> =
                rows.first().into_iter().flat_map(|values| values.iter()).map(|value| value as Parameter<'_>).collect();
            return Ok(vec![link.client().execute(&statement, &parameters).await?]);
        };
        let columns: Vec<Vec<&Value>> = (0..merged.is_array.len())
            .map(|place| rows.iter().filter_map(|values| values.get(place)).collect())
            .collect();
        let parameters: Vec<Parameter<'_>> = columns
            .iter()
            .zip(&merged.is_array)
            .filter_map(|(column, is_array)| {
                if *is_array {
                    Some(column as Parameter<'_>)
                } else {
                    column.first().map(|value| value as &(dyn ToSql + Sync))
                }
            })
            .collect();
        let written = link.client().query(&statement, &parameters).await?;
        match merged.returns {
            Returns::Place => counted_by_place(&written, rows.len()),
            Returns::Key => counted_by_key(&written, &rows, key),
        }
    }

    fn pause(&self, attempt: u32) -> Duration {
        let dice = self
            .mark
            .id
            .bytes()
            .fold(self.mark.batch.unsigned_abs(), |sum, byte| sum.wrapping_mul(31) + u64::from(byte));
        retry::pause(attempt, dice)
    }

    fn no_answer(&self) -> StoreFault {
        StoreFault::Unreachable { place: self.way.server.place(), reason: "no answer in time".to_owned() }
    }
}

impl Mark {
    fn wrote_at(&self) -> i64 {
        self.clock.read + i64::try_from(self.clock.at.elapsed().as_secs()).unwrap_or(0)
    }
}

fn round_trip(jobs: &[Job]) -> Duration {
    if takes_long(jobs) { LONG_ROUND_TRIP } else { ROUND_TRIP }
}

fn takes_long(jobs: &[Job]) -> bool {
    jobs.iter().any(|job| job.takes_long)
}

async fn roll_back(link: &Link) {
    match tokio::time::timeout(ROUND_TRIP, link.client().batch_execute("ROLLBACK")).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) | Err(_) => link.give_up(),
    }
}

fn guarded(jobs: &[Job], rows: &Rows) -> Option<Attempt> {
    let verdicts = jobs.iter().zip(rows).enumerate();
    let failed: Vec<_> =
        verdicts.filter_map(|(number, (job, rows))| verdict(job, rows).map(|verdict| (number, verdict))).collect();
    (!failed.is_empty()).then_some(Attempt::Guarded(failed))
}

fn answer_all(jobs: Vec<Job>, answer: impl Fn() -> Result<Written, StoreFault>) {
    for job in jobs {
        let _ = job.reply.send(answer());
    }
}

/// Tells those that failed, and tries the others again. Who came behind another one is not told but tried alone: what they found
/// there was undone with all of this.
fn without(jobs: Vec<Job>, failed: &[(usize, Commit)], batch: &Batch, attempts: u32, groups: &mut Vec<Group>) {
    let verdicts: HashMap<usize, &Commit> = failed.iter().map(|(number, commit)| (*number, commit)).collect();
    let (mut others, mut behind) = (Vec::new(), Vec::new());
    for (number, job) in jobs.into_iter().enumerate() {
        match verdicts.get(&number) {
            None => others.push(job),
            Some(_) if batch.is_behind.get(number) == Some(&true) => behind.push(job),
            Some(commit) => {
                let _ = job.reply.send(Ok(Written { commit: **commit, rows: Vec::new() }));
            }
        }
    }
    // The last is taken first: what was in front stays in front.
    groups.push(Group { jobs: behind, attempts: 0, are_doubtful: true });
    if attempts >= HALVED_FROM && others.len() > 1 {
        halve(others, 0, groups);
    } else {
        groups.push(Group { jobs: others, attempts: attempts + 1, are_doubtful: false });
    }
}

fn halve(mut jobs: Vec<Job>, attempts: u32, groups: &mut Vec<Group>) {
    let second = jobs.split_off(jobs.len().div_ceil(2));
    groups.push(Group { jobs: second, attempts, are_doubtful: false });
    groups.push(Group { jobs, attempts, are_doubtful: false });
}
