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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::batch::tests::{catalog, job};

    fn waiting(jobs: Vec<Job>) -> Vec<Place> {
        Rivals::part(jobs).1.0.into_iter().map(|rival| rival.after).collect()
    }

    #[test]
    fn who_wants_what_one_before_wants_waits_for_that_one_and_all_others_try() {
        let catalog = catalog();
        let spend =
            |token| job(&catalog, &[(sql::USE_GRANT, &[token]), (sql::SPEND_REFRESH_TOKEN, &[token, "1", "x"])]);
        let supersede = |token| job(&catalog, &[(sql::SUPERSEDE_REFRESH_TOKEN, &[token, "1", "x"])]);
        let (trying, rivals) = Rivals::part(vec![spend("a"), spend("b"), supersede("b"), spend("a"), supersede("c")]);
        assert_eq!(trying.len(), 3);
        assert_eq!(rivals.0.iter().map(|rival| rival.after).collect::<Vec<_>>(), [(1, 1), (0, 1)]);
    }

    #[test]
    fn who_may_be_told_something_else_before_tries() {
        let catalog = catalog();
        let mut counted = job(&catalog, &[(sql::COUNT_ATTEMPT, &["n", "1"]), (sql::REDEEM_CODE, &["a", "1"])]);
        counted.steps[0].if_nothing_written = IfNothingWritten::Refused(grantd_protocol::refusals::Refusal::NameTaken);
        let redeem = || job(&catalog, &[(sql::REDEEM_CODE, &["a", "1"])]);
        assert_eq!(waiting(vec![redeem(), counted, redeem()]), [(0, 0)]);
    }

    #[test]
    fn rows_that_share_a_hash_are_not_one() {
        let catalog = catalog();
        let [one, mut other] = ["a", "b"].map(|code| job(&catalog, &[(sql::REDEEM_CODE, &[code, "1"])]));
        other.rows.clone_from(&one.rows);
        assert_eq!(waiting(vec![one, other]), []);
    }

    #[test]
    fn what_waited_is_told_if_the_row_is_gone_and_tries_if_another_guard_failed() {
        let catalog = catalog();
        let spend = || job(&catalog, &[(sql::USE_GRANT, &["g"]), (sql::SPEND_REFRESH_TOKEN, &["a", "1", "x"])]);
        for (rows, left) in [(vec![vec![1, 0]], 0), (vec![vec![0, 1]], 1), (vec![vec![0, 0]], 0)] {
            let (trying, rivals) = Rivals::part(vec![spend(), spend()]);
            let batch = Batch::of(&trying, &catalog);
            let (again, were_misled) = rivals.tell_the_hopeless(&rows, &[0], &batch);
            assert_eq!((again.len(), were_misled), (left, left > 0), "{rows:?}");
        }
    }
}
