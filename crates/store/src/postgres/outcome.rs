//! What the statements of a batch wrote, told apart by job, and how each job's guards ended.

use std::collections::HashMap;

use grantd_protocol::changes::Commit;
use tokio_postgres::Row;

use super::batch::{Job, Slot};
use crate::rows::Value;
use crate::writes::IfNothingWritten;

/// How many rows each step of each job wrote.
pub(super) type Rows = Vec<Vec<u64>>;
/// What stands there for a step that has not run.
pub(super) const NOT_RUN: u64 = u64::MAX;

pub(super) fn counted_by_place(written: &[Row], rows: usize) -> Result<Vec<u64>, tokio_postgres::Error> {
    let mut counts = vec![0; rows];
    for row in written {
        let place: i64 = row.try_get(0)?;
        if let Some(count) = usize::try_from(place - 1).ok().and_then(|place| counts.get_mut(place)) {
            *count += 1;
        }
    }
    Ok(counts)
}

pub(super) fn counted_by_key(
    written: &[Row],
    rows: &[&Vec<Value>],
    key: &[usize],
) -> Result<Vec<u64>, tokio_postgres::Error> {
    let places: HashMap<Vec<&Value>, usize> = rows
        .iter()
        .enumerate()
        .map(|(place, values)| (key.iter().filter_map(|column| values.get(*column)).collect(), place))
        .collect();
    let mut counts = vec![0; rows.len()];
    for row in written {
        let found = (0..key.len()).map(|column| row.try_get(column)).collect::<Result<Vec<Value>, _>>()?;
        let place = places.get(&found.iter().collect::<Vec<_>>());
        if let Some(count) = place.and_then(|place| counts.get_mut(*place)) {
            *count += 1;
        }
    }
    Ok(counts)
}

pub(super) fn note(rows: &mut Rows, slot: &Slot, counts: &[u64]) {
    let alike = slot.alike.iter().filter_map(|(index, place)| Some((place, counts.get(*index)?)));
    for ((job, step), count) in slot.rows.iter().zip(counts).chain(alike) {
        if let Some(noted) = rows.get_mut(*job).and_then(|steps| steps.get_mut(*step)) {
            *noted = *count;
        }
    }
}

/// The first of its guards that failed, and how that ends the job.
pub(super) fn verdict(job: &Job, rows: &[u64]) -> Option<(usize, Commit)> {
    let unwritten = job.steps.iter().zip(rows).enumerate().filter(|(_, (_, rows))| **rows == 0);
    let mut failed = unwritten.filter_map(|(place, (step, _))| match step.if_nothing_written {
        IfNothingWritten::GoOn => None,
        IfNothingWritten::Stale => Some((place, Commit::Stale)),
        IfNothingWritten::Refused(refusal) => Some((place, Commit::Refused(refusal))),
    });
    failed.next()
}
