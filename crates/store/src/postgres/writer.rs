//! One connection that writes: a batch of jobs in one transaction, again without those that failed their guards, and again under
//! the same mark when the answer to its commit was lost. Start at [`Writer::run`].

mod trials;

use std::sync::Arc;
use std::time::Duration;

use grantd_protocol::changes::Commit;
use tokio::time::Instant;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;

use super::batch::{Batch, Catalog, Job, Slot};
use super::connection::{Line, Link, Parameter, Way};
use super::groups::{Group, HALVED_FROM, Tried, all, answer_all, halve, without};
use super::merge::Returns;
use super::outcome::{NOT_RUN, Rows, counted_by_key, counted_by_place, note, verdict};
use super::retry::{self, Meaning};
use super::rivals::Rivals;
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

/// How an attempt ended. Only after the first is anything written.
enum Attempt {
    Done(Rows),
    /// Some failed their guards.
    Guarded(Rows),
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

impl Writer {
    pub(super) fn new(way: &Arc<Way>, line: Line, catalog: &Arc<Catalog>, id: String, clock: Clock) -> Self {
        let mark = Mark { id, batch: 0, clock };
        Self { line, way: Arc::clone(way), catalog: Arc::clone(catalog), mark }
    }

    /// Answers every one of the jobs.
    pub(super) async fn run(&mut self, jobs: Vec<Job>) {
        let until = Instant::now() + LONGEST + round_trip(&jobs);
        let mut groups = vec![Group::of(jobs)];
        while let Some(group) = groups.pop() {
            match group {
                Group { jobs, .. } if jobs.is_empty() => {}
                Group { jobs, are_doubtful: true, .. } => {
                    let jobs = self.without_the_hopeless(jobs).await;
                    groups.push(Group { rivals_wait: false, ..Group::of(jobs) });
                }
                group => self.try_once(group, &mut groups, until).await,
            }
        }
    }

    async fn try_once(&mut self, group: Group, groups: &mut Vec<Group>, until: Instant) {
        let Group { jobs, attempts, rivals_wait, .. } = group;
        let (jobs, rivals) = if rivals_wait { Rivals::part(jobs) } else { (jobs, Rivals::default()) };
        let batch = Batch::of(&jobs, &self.catalog);
        self.mark.batch += 1;
        match self.ask_until_known(&jobs, &batch, until).await {
            Attempt::Done(rows) => {
                for (job, rows) in jobs.into_iter().zip(rows) {
                    let rows = job.steps.iter().map(|step| step.sql).zip(rows).collect();
                    // Nobody waits any more if this fails: the request was dropped, and what it wrote stands.
                    let _ = job.reply.send(Ok(Written { commit: Commit::Done, rows }));
                }
                rivals.tell();
            }
            Attempt::Guarded(rows) => without(Tried { jobs, rivals, attempts, rivals_wait }, &rows, &batch, groups),
            Attempt::Undone(Meaning::HeldUp, fault) if jobs.len() > 1 || !rivals.is_empty() => {
                let jobs = all(jobs, rivals);
                if Instant::now() >= until {
                    return answer_all(jobs, || Err(fault.clone()));
                }
                let jobs = self.without_the_held_up(jobs, &fault).await;
                groups.push(Group { rivals_wait, ..Group::of(jobs) });
            }
            Attempt::Undone(Meaning::HeldUp, fault) if attempts > 0 && !takes_long(&jobs) => {
                answer_all(jobs, || Err(fault.clone()));
            }
            // One of them may be to blame; what else is final is the same for all.
            Attempt::Undone(Meaning::Final, StoreFault::Io { .. }) if jobs.len() > 1 => {
                halve(Group { attempts, ..Group::of(all(jobs, rivals)) }, groups);
            }
            Attempt::Undone(Meaning::Final, fault) => {
                groups.push(Group::of(rivals.into_jobs()));
                // One that is alone may fail a guard before the statement that is in error.
                answer_all(self.without_the_hopeless(jobs).await, || Err(fault.clone()));
            }
            Attempt::Undone(_, fault) if Instant::now() >= until => {
                answer_all(all(jobs, rivals), || Err(fault.clone()));
            }
            Attempt::Undone(meaning, _) => {
                tokio::time::sleep(self.pause(attempts)).await;
                let group = Group { rivals_wait, ..Group::of(all(jobs, rivals)) };
                if meaning == Meaning::Conflict && attempts >= HALVED_FROM {
                    halve(Group { attempts, ..group }, groups);
                } else {
                    groups.push(Group { attempts: attempts + 1, ..group });
                }
            }
            // Its number was not used before: another process has this writer's name.
            Attempt::DoneBefore | Attempt::Unanswered(_) => {
                answer_all(all(jobs, rivals), || Err(StoreFault::Unknown { place: self.way.server.place() }));
            }
        }
    }

    /// Never returns that a commit was not answered, unless what became of it cannot be found out.
    async fn ask_until_known(&mut self, jobs: &[Job], batch: &Batch, until: Instant) -> Attempt {
        let mut outcome = self.attempt(jobs, batch).await;
        let mut asked = 0;
        while let Attempt::Unanswered(rows) = outcome {
            asked += 1;
            if asked > QUESTIONS {
                return Attempt::Unanswered(rows);
            }
            tokio::time::sleep(self.pause(asked)).await;
            outcome = match self.attempt(jobs, batch).await {
                Attempt::DoneBefore if self.stands().await => Attempt::Done(rows),
                // It may still be in progress, or its server may be away: only an attempt that got through says what became of it.
                Attempt::DoneBefore | Attempt::Undone(Meaning::Gone | Meaning::Conflict | Meaning::HeldUp, _)
                    if Instant::now() < until =>
                {
                    Attempt::Unanswered(rows)
                }
                Attempt::DoneBefore | Attempt::Undone(..) => return Attempt::Unanswered(rows),
                other => other,
            };
        }
        outcome
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
            note(&mut rows, slot, &answer.map_err(undone)?);
        }
        let are_guarded = jobs.iter().zip(&rows).any(|(job, rows)| verdict(job, rows).is_some());
        if are_guarded { Err(Attempt::Guarded(rows)) } else { Ok(rows) }
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
