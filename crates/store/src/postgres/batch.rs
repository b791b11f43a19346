//! Which statements of many jobs run together, and in which order.
//!
//! Jobs that name different rows cannot meet, so that statements of one text become one statement for all of them. A job that
//! names a row of an earlier one, or touches rows that it does not name, comes behind it, in a later wave of the same
//! transaction. Start at [`Batch::of`].

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_postgres::types::Type;

use super::merge::Shape;
use super::values;
use crate::driver::Written;
use crate::fault::StoreFault;
use crate::rows::Value;
use crate::writes::Step;

/// What is known of every statement.
pub(super) struct Catalog {
    entries: HashMap<&'static str, Entry>,
    hasher: RandomState,
}

struct Entry {
    types: Vec<Type>,
    merged_types: Vec<Type>,
    shape: Option<Shape>,
}

/// Statements to be run all or none, and who waits for the outcome.
pub(super) struct Job {
    pub(super) steps: Vec<Step>,
    /// For each step, the row that it names, as a hash: two rows that share one are only kept apart without need.
    pub(super) rows: Vec<Option<u64>>,
    /// Whether it may write more rows than any request does.
    pub(super) takes_long: bool,
    pub(super) reply: oneshot::Sender<Result<Written, StoreFault>>,
    /// Its place in the bounded queue.
    pub(super) _room: OwnedSemaphorePermit,
}

/// One statement for the rows of one or more jobs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) sql: &'static str,
    /// The job and which of its steps.
    pub(super) rows: Vec<(usize, usize)>,
}

/// What runs in one transaction.
pub(super) struct Batch {
    pub(super) slots: Vec<Slot>,
    /// For each job, whether it comes behind another one whose rows it may touch: what it finds there is known only when that one
    /// has committed.
    pub(super) is_behind: Vec<bool>,
}

impl Catalog {
    /// From what the server says of the parameters of each statement.
    pub(super) fn of(types: impl IntoIterator<Item = (&'static str, Vec<Type>)>) -> Self {
        let entries = types.into_iter().map(|(sql, types)| {
            let shape = Shape::of(sql);
            let merged = shape.as_ref().and_then(|shape| shape.merged.as_ref());
            let merged_types = merged.map(|merged| {
                let each = types.iter().zip(&merged.is_array);
                each.map(|(element, is_array)| if *is_array { values::array_of(element) } else { element.clone() })
                    .collect()
            });
            (sql, Entry { types, merged_types: merged_types.unwrap_or_default(), shape })
        });
        Self { entries: entries.collect(), hasher: RandomState::new() }
    }

    pub(super) fn types(&self, sql: &str) -> &[Type] {
        self.entries.get(sql).map_or(&[], |entry| &entry.types)
    }

    pub(super) fn merged_types(&self, sql: &str) -> &[Type] {
        self.entries.get(sql).map_or(&[], |entry| &entry.merged_types)
    }

    pub(super) fn shape(&self, sql: &str) -> Option<&Shape> {
        self.entries.get(sql)?.shape.as_ref()
    }

    /// The row that a step names.
    pub(super) fn row(&self, step: &Step) -> Option<u64> {
        let shape = self.shape(step.sql)?;
        let key: Option<Vec<&Value>> = shape.key.as_ref()?.iter().map(|place| step.values.get(*place)).collect();
        Some(self.hasher.hash_one((shape.table, key?)))
    }
}

impl Batch {
    pub(super) fn of(jobs: &[Job], catalog: &Catalog) -> Self {
        let waves = waves(jobs);
        let last = waves.iter().copied().max().unwrap_or(0);
        let mut slots = Vec::new();
        for wave in 0..=last {
            let mut of_wave: Vec<Slot> = Vec::new();
            for (number, job) in jobs.iter().enumerate().filter(|(number, _)| waves.get(*number) == Some(&wave)) {
                join(&mut of_wave, number, jobs, job, catalog);
            }
            slots.append(&mut of_wave);
        }
        for slot in &mut slots {
            slot.rows.sort_by(|one, other| in_order(key(jobs, catalog, *one), key(jobs, catalog, *other)));
        }
        Self { slots, is_behind: waves.into_iter().map(|wave| wave > 0).collect() }
    }
}

/// In the first wave what meets nobody; otherwise behind the last that it may meet.
fn waves(jobs: &[Job]) -> Vec<usize> {
    let mut next_of_row: HashMap<u64, usize> = HashMap::new();
    let (mut next, mut floor) = (0, 0);
    let mut waves = Vec::with_capacity(jobs.len());
    for job in jobs {
        let wave = if job.rows.contains(&None) {
            floor = next + 1;
            next
        } else {
            job.rows.iter().flatten().filter_map(|row| next_of_row.get(row)).copied().fold(floor, usize::max)
        };
        for row in job.rows.iter().flatten() {
            next_of_row.insert(*row, wave + 1);
        }
        next = next.max(wave + 1);
        waves.push(wave);
    }
    waves
}

/// Adds each step to the first slot of its text that comes no earlier than the step before it.
fn join(slots: &mut Vec<Slot>, number: usize, jobs: &[Job], job: &Job, catalog: &Catalog) {
    let mut from = 0;
    for (place, step) in job.steps.iter().enumerate() {
        let fits = |slot: &Slot| {
            slot.sql == step.sql
                && catalog.shape(step.sql).is_some_and(|shape| shape.merged.is_some())
                && !slot.rows.iter().any(|(other, its)| *other == number && job.rows.get(*its) == job.rows.get(place))
                && slot.rows.first().is_some_and(|first| shares_values(jobs, catalog, *first, step))
        };
        let found = slots.iter().enumerate().skip(from).find(|(_, slot)| fits(slot)).map(|(index, _)| index);
        let index = found.unwrap_or_else(|| {
            slots.push(Slot { sql: step.sql, rows: Vec::new() });
            slots.len() - 1
        });
        if let Some(slot) = slots.get_mut(index) {
            slot.rows.push((number, place));
        }
        from = index;
    }
}

/// Whether what is one value for all rows is the same for these two.
fn shares_values(jobs: &[Job], catalog: &Catalog, first: (usize, usize), step: &Step) -> bool {
    let Some(first) = jobs.get(first.0).and_then(|job| job.steps.get(first.1)) else { return false };
    let Some(merged) = catalog.shape(step.sql).and_then(|shape| shape.merged.as_ref()) else { return false };
    let mut values = first.values.iter().zip(&step.values).zip(&merged.is_array);
    values.all(|((one, other), is_array)| *is_array || one == other)
}

fn key<'a>(jobs: &'a [Job], catalog: &Catalog, row: (usize, usize)) -> impl Iterator<Item = &'a Value> {
    let step = jobs.get(row.0).and_then(|job| job.steps.get(row.1));
    let key = step.and_then(|step| catalog.shape(step.sql)?.key.clone()).unwrap_or_default();
    key.into_iter().filter_map(move |place| step?.values.get(place))
}

/// Every node locks rows in the same order, so that few wait for each other in a circle.
fn in_order<'a>(one: impl Iterator<Item = &'a Value>, other: impl Iterator<Item = &'a Value>) -> Ordering {
    one.zip(other)
        .map(|pair| match pair {
            (Value::Text(one), Value::Text(other)) => one.cmp(other),
            (Value::Integer(one), Value::Integer(other)) => one.cmp(other),
            _ => Ordering::Equal,
        })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;
    use crate::statements as sql;

    fn catalog() -> Catalog {
        Catalog::of(sql::ALL.iter().map(|sql| (*sql, vec![Type::TEXT; 14])))
    }

    fn job(catalog: &Catalog, steps: &[(&'static str, &[&str])]) -> Job {
        let step = |(sql, values): &(&'static str, &[&str])| {
            let mut all = vec![Value::from("https://id.example")];
            all.extend(values.iter().map(|value| Value::from(*value)));
            Step::or_stale(sql, all)
        };
        let steps: Vec<Step> = steps.iter().map(step).collect();
        let rows = steps.iter().map(|step| catalog.row(step)).collect();
        let room = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        Job { steps, rows, takes_long: false, reply: oneshot::channel().0, _room: room }
    }

    fn slots(jobs: &[Job], catalog: &Catalog) -> (Vec<(&'static str, Vec<usize>)>, Vec<bool>) {
        let Batch { slots, is_behind } = Batch::of(jobs, catalog);
        let slots = slots.into_iter().map(|slot| (slot.sql, slot.rows.into_iter().map(|(job, _)| job).collect()));
        (slots.collect(), is_behind)
    }

    #[test]
    fn jobs_that_name_different_rows_run_as_one_statement_in_the_order_of_their_rows() {
        let catalog = catalog();
        let one =
            |token, grant| job(&catalog, &[(sql::SPEND_REFRESH_TOKEN, &[token, "1", "x"]), (sql::USE_GRANT, &[grant])]);
        let jobs = [one("c", "1"), one("a", "3"), one("b", "2")];
        let (slots, is_behind) = slots(&jobs, &catalog);
        assert_eq!(slots, [(sql::SPEND_REFRESH_TOKEN, vec![1, 2, 0]), (sql::USE_GRANT, vec![0, 2, 1])]);
        assert_eq!(is_behind, [false; 3]);
    }

    #[test]
    fn who_names_the_row_of_another_comes_behind_it() {
        let catalog = catalog();
        let one = |token| job(&catalog, &[(sql::REDEEM_CODE, &[token, "1"])]);
        let (slots, is_behind) = slots(&[one("a"), one("b"), one("a"), one("a")], &catalog);
        let redeemed = |jobs| (sql::REDEEM_CODE, jobs);
        assert_eq!(slots, [redeemed(vec![0, 1]), redeemed(vec![2]), redeemed(vec![3])]);
        assert_eq!(is_behind, [false, false, true, true]);
    }

    #[test]
    fn what_touches_rows_that_it_does_not_name_stands_between_what_came_before_and_after() {
        let catalog = catalog();
        let touch = |session| job(&catalog, &[(sql::TOUCH_SESSION, &[session, "1"])]);
        let all = job(&catalog, &[(sql::END_SESSIONS_OF_USER, &["user", "1"])]);
        let (slots, is_behind) = slots(&[touch("a"), all, touch("b"), touch("c")], &catalog);
        let expected =
            [(sql::TOUCH_SESSION, vec![0]), (sql::END_SESSIONS_OF_USER, vec![1]), (sql::TOUCH_SESSION, vec![2, 3])];
        assert_eq!(slots, expected);
        assert_eq!(is_behind, [false, true, true, true]);
    }

    #[test]
    fn of_two_who_want_one_username_the_second_is_not_told_before_the_first_has_it() {
        let catalog = catalog();
        let add = |id| job(&catalog, &[(sql::ADD_USER, &[id, "name"])]);
        let (slots, is_behind) = slots(&[add("a"), add("b")], &catalog);
        assert_eq!(slots, [(sql::ADD_USER, vec![0]), (sql::ADD_USER, vec![1])]);
        assert_eq!(is_behind, [false, true]);
    }

    #[test]
    fn the_steps_of_a_job_keep_their_order() {
        let catalog = catalog();
        let forth = job(&catalog, &[(sql::REVOKE_GRANT, &["1", "1", "x"]), (sql::REDEEM_CODE, &["a", "1"])]);
        let back = job(&catalog, &[(sql::REDEEM_CODE, &["b", "1"]), (sql::REVOKE_GRANT, &["2", "1", "x"])]);
        let (slots, _) = slots(&[forth, back], &catalog);
        let expected = [(sql::REVOKE_GRANT, vec![0]), (sql::REDEEM_CODE, vec![0, 1]), (sql::REVOKE_GRANT, vec![1])];
        assert_eq!(slots, expected);
    }
}
