//! Who wants what only one can have, and somebody before them in the same group wants, too: they need not try.
//!
//! If the one before them gets it, or finds it gone, so would they. Only if that one fails for another reason, what they want may
//! still be there. Start at [`Rivals::part`].

use std::collections::HashMap;

use grantd_protocol::changes::Commit;

use super::batch::{Batch, Job, Place};
use super::outcome::Rows;
use crate::driver::Written;
use crate::statements as sql;
use crate::writes::{IfNothingWritten, Step};

/// Jobs that wait for what becomes of others.
#[derive(Default)]
pub(super) struct Rivals(Vec<Rival>);

struct Rival {
    job: Job,
    /// The step before it that wants the same.
    after: Place,
}

/// Statements of one line write a row once, and have the same guard, which never holds again after any of them.
const ONCE: &[&[&str]] =
    &[&[sql::REDEEM_CODE], &[sql::SPEND_REFRESH_TOKEN, sql::SUPERSEDE_REFRESH_TOKEN], &[sql::COMPLETE_PENDING]];

impl Rivals {
    /// Those who try, in their order, and those who wait for them.
    pub(super) fn part(jobs: Vec<Job>) -> (Vec<Job>, Self) {
        let mut takers: HashMap<u64, Place> = HashMap::new();
        let mut trying: Vec<Job> = Vec::with_capacity(jobs.len());
        let mut waiting = Vec::new();
        for job in jobs {
            if let Some(after) = overtaken(&job, &trying, &takers) {
                waiting.push(Rival { job, after });
                continue;
            }
            for (place, (step, row)) in job.steps.iter().zip(&job.rows).enumerate() {
                if let (Some(row), Some(_)) = (row, kind(step)) {
                    takers.entry(*row).or_insert((trying.len(), place));
                }
            }
            trying.push(job);
        }
        (trying, Self(waiting))
    }

    /// Those before them have committed.
    pub(super) fn tell(self) {
        for Rival { job, .. } in self.0 {
            tell(job);
        }
    }

    /// Tells those for whom nothing is left, after an attempt that was undone. Returns the others, and whether any of them waited for one
    /// that failed for another reason.
    pub(super) fn tell_the_hopeless(self, rows: &Rows, failed: &[usize], batch: &Batch) -> (Vec<Job>, bool) {
        let (mut left, mut were_misled) = (Vec::new(), false);
        for Rival { job, after: (taker, place) } in self.0 {
            let wrote = rows.get(taker).and_then(|rows| rows.get(place));
            let is_known = batch.behind_from.get(taker).is_some_and(|from| place < *from);
            if wrote == Some(&0) && is_known {
                tell(job);
            } else {
                were_misled |= failed.contains(&taker);
                left.push(job);
            }
        }
        (left, were_misled)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As if they had never waited.
    pub(super) fn into_jobs(self) -> Vec<Job> {
        self.0.into_iter().map(|rival| rival.job).collect()
    }
}

fn tell(job: Job) {
    // Nobody waits any more if this fails: the request was dropped.
    let _ = job.reply.send(Ok(Written { commit: Commit::Stale, rows: Vec::new() }));
}

/// Whose step wants what this job wants, if that is how the job would end: no guard before it says anything else.
fn overtaken(job: &Job, trying: &[Job], takers: &HashMap<u64, Place>) -> Option<Place> {
    let mut steps = job.steps.iter().zip(&job.rows);
    steps.by_ref().take_while(|(step, _)| !matches!(step.if_nothing_written, IfNothingWritten::Refused(_))).find_map(
        |(step, row)| {
            let (taker, place) = *takers.get(row.as_ref()?)?;
            let before = trying.get(taker)?.steps.get(place)?;
            // The rows are hashes: two may share one.
            let is_same =
                kind(step).is_some() && kind(step) == kind(before) && step.values.get(..2) == before.values.get(..2);
            is_same.then_some((taker, place))
        },
    )
}

fn kind(step: &Step) -> Option<usize> {
    let is_guard = matches!(step.if_nothing_written, IfNothingWritten::Stale);
    is_guard.then(|| ONCE.iter().position(|kind| kind.contains(&step.sql))).flatten()
}
