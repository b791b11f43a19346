//! Jobs that are tried together: who of them is told what an attempt has shown, and who is tried again with whom.
//! Start at [`without`].

use super::batch::{Batch, Job};
use super::outcome::{Rows, verdict};
use super::rivals::Rivals;
use crate::driver::Written;
use crate::fault::StoreFault;

/// Jobs that are tried together.
pub(super) struct Group {
    pub(super) jobs: Vec<Job>,
    pub(super) attempts: u32,
    /// They failed behind others: most of them will fail again, each for itself.
    pub(super) are_doubtful: bool,
    /// Those who want what somebody before them wants wait for what becomes of that one.
    pub(super) rivals_wait: bool,
}

/// From so many attempts on, a group is halved: who is in whose way shows sooner.
pub(super) const HALVED_FROM: u32 = 3;

impl Group {
    pub(super) fn of(jobs: Vec<Job>) -> Self {
        Self { jobs, attempts: 0, are_doubtful: false, rivals_wait: true }
    }
}

pub(super) fn all(mut jobs: Vec<Job>, rivals: Rivals) -> Vec<Job> {
    jobs.extend(rivals.into_jobs());
    jobs
}

pub(super) fn answer_all(jobs: Vec<Job>, answer: impl Fn() -> Result<Written, StoreFault>) {
    for job in jobs {
        let _ = job.reply.send(answer());
    }
}

/// An attempt of a group, and those of it who waited meanwhile.
pub(super) struct Tried {
    pub(super) jobs: Vec<Job>,
    pub(super) rivals: Rivals,
    pub(super) attempts: u32,
    pub(super) rivals_wait: bool,
}

/// Tells those that failed, and tries the others again. Who failed behind another one is not told but tried alone: what they found
/// there was undone with all of this.
pub(super) fn without(tried: Tried, rows: &Rows, batch: &Batch, groups: &mut Vec<Group>) {
    let Tried { jobs, rivals, attempts, rivals_wait } = tried;
    let (mut others, mut behind, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for (number, (job, rows)) in jobs.into_iter().zip(rows).enumerate() {
        let verdict = verdict(&job, rows);
        if verdict.is_some() {
            failed.push(number);
        }
        match verdict {
            None => others.push(job),
            Some((place, _)) if batch.behind_from.get(number).is_some_and(|from| place >= *from) => behind.push(job),
            Some((_, commit)) => {
                let _ = job.reply.send(Ok(Written { commit, rows: Vec::new() }));
            }
        }
    }
    let (left, were_misled) = rivals.tell_the_hopeless(rows, &failed, batch);
    others.extend(left);
    // The last is taken first: what was in front stays in front.
    groups.push(Group { are_doubtful: true, ..Group::of(behind) });
    let rivals_wait = rivals_wait && !were_misled;
    if attempts >= HALVED_FROM {
        halve(Group { rivals_wait, ..Group::of(others) }, groups);
    } else {
        groups.push(Group { attempts: attempts + 1, rivals_wait, ..Group::of(others) });
    }
}

/// Of one that is alone there is no half.
pub(super) fn halve(mut group: Group, groups: &mut Vec<Group>) {
    let second = group.jobs.split_off(group.jobs.len().div_ceil(2));
    groups.push(Group { jobs: second, ..group });
    groups.push(group);
}
