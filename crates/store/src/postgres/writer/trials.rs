//! Jobs that are tried each in a transaction of its own, which is undone: who of a batch that failed is to blame.

use grantd_protocol::changes::Commit;

use super::super::batch::Job;
use super::super::connection::{Link, Parameter};
use super::super::outcome::{NOT_RUN, verdict};
use super::super::retry::{self, Meaning};
use super::super::together::{self, Request};
use super::{BEGIN, Writer, round_trip};
use crate::driver::Written;
use crate::fault::StoreFault;

/// How a job ended that was tried alone and undone.
enum Trial {
    Guarded(Commit),
    HeldUp,
    Unknown,
}

/// For one who was held up already.
const BEGIN_IN_A_HURRY: &str = "BEGIN; SET LOCAL lock_timeout = '50ms'";

impl Writer {
    /// Tries each in a transaction of its own that is undone, all on their way at once, and tells those that fail their guards.
    pub(super) async fn without_the_hopeless(&self, jobs: Vec<Job>) -> Vec<Job> {
        let mut hopeful = Vec::new();
        for (job, trial) in self.try_each(jobs, BEGIN).await {
            match trial {
                Trial::Guarded(commit) => {
                    let _ = job.reply.send(Ok(Written { commit, rows: Vec::new() }));
                }
                Trial::HeldUp | Trial::Unknown => hopeful.push(job),
            }
        }
        hopeful
    }

    /// As above, and tells those who wait for a row that another transaction goes on holding: nobody else waits for it with them.
    pub(super) async fn without_the_held_up(&self, jobs: Vec<Job>, fault: &StoreFault) -> Vec<Job> {
        let mut free = Vec::new();
        for (job, trial) in self.try_each(jobs, BEGIN_IN_A_HURRY).await {
            match trial {
                Trial::HeldUp => {
                    let _ = job.reply.send(Err(fault.clone()));
                }
                Trial::Guarded(_) | Trial::Unknown => free.push(job),
            }
        }
        free
    }

    async fn try_each(&self, jobs: Vec<Job>, begin: &str) -> Vec<(Job, Trial)> {
        let unknown = |jobs: Vec<Job>| jobs.into_iter().map(|job| (job, Trial::Unknown)).collect();
        let Ok(link) = self.line.link().await else { return unknown(jobs) };
        let tried = tokio::time::timeout(round_trip(&jobs), self.try_each_on(&link, &jobs, begin)).await;
        let Ok(Ok(trials)) = tried else {
            // The next attempt says what is wrong.
            link.give_up();
            return unknown(jobs);
        };
        jobs.into_iter().zip(trials).collect()
    }

    async fn try_each_on(&self, link: &Link, jobs: &[Job], begin: &str) -> Result<Vec<Trial>, tokio_postgres::Error> {
        let mut requests: Vec<Request<'_, u64>> = Vec::new();
        let client = link.client();
        for step in jobs.iter().flat_map(|job| &job.steps) {
            link.prepare(step.sql, self.catalog.types(step.sql)).await?;
        }
        for job in jobs {
            requests.push(Box::pin(async { client.batch_execute(begin).await.map(|()| 0) }));
            for step in &job.steps {
                let statement = link.prepare(step.sql, self.catalog.types(step.sql)).await?;
                let parameters: Vec<Parameter<'_>> = step.values.iter().map(|value| value as Parameter<'_>).collect();
                requests.push(Box::pin(async move { client.execute(&statement, &parameters).await }));
            }
            requests.push(Box::pin(async { client.batch_execute("ROLLBACK").await.map(|()| 0) }));
        }
        let mut answers = together::all(requests).await.into_iter();
        let trials = jobs.iter().map(|job| {
            let mut of_job = answers.by_ref().take(job.steps.len() + 2).skip(1);
            let steps: Vec<Result<u64, _>> = of_job.by_ref().take(job.steps.len()).collect();
            let is_undone = matches!(of_job.next(), Some(Ok(_)));
            let is_held_up =
                steps.iter().any(|step| step.as_ref().is_err_and(|error| retry::meaning(error) == Meaning::HeldUp));
            let rows: Vec<u64> = steps.into_iter().map(|step| step.unwrap_or(NOT_RUN)).collect();
            match verdict(job, &rows) {
                Some((_, commit)) if is_undone => Trial::Guarded(commit),
                None if is_held_up => Trial::HeldUp,
                _ => Trial::Unknown,
            }
        });
        Ok(trials.collect())
    }
}
