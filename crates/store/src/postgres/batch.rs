//! Which statements of many jobs run together, and in which order.
//!
//! Statements that name different rows cannot meet, in whichever order they run, so that those of one text become one statement. One
//! that names a row which was named before comes in a later wave of the same transaction; one that touches rows which it does not
//! name stands between all that came before it and all that comes after. Start at [`Batch::of`].

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_postgres::types::Type;

use super::merge::{Merged, Shape};
use super::values;
use super::waves::Waves;
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
    /// Its place among all statements.
    number: usize,
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
    /// The job and which of its steps, one for each row that is written.
    pub(super) rows: Vec<Place>,
    /// Steps that say of a row just what one of those says, which stands at this index: its answer is theirs, too.
    pub(super) alike: Vec<(usize, Place)>,
}

/// A job and one of its steps.
pub(super) type Place = (usize, usize);

/// What runs in one transaction.
pub(super) struct Batch {
    pub(super) slots: Vec<Slot>,
    /// For each job, the first of its steps that comes behind another job where they may meet: what it finds from there on is known
    /// only when that one has committed.
    pub(super) behind_from: Vec<usize>,
}

impl Catalog {
    /// From what the server says of the parameters of each statement.
    pub(super) fn of(types: impl IntoIterator<Item = (&'static str, Vec<Type>)>) -> Self {
        let entries = types.into_iter().enumerate().map(|(number, (sql, types))| {
            let shape = Shape::of(sql);
            let merged = shape.as_ref().and_then(|shape| shape.merged.as_ref());
            let merged_types = merged.map(|merged| {
                let each = types.iter().zip(&merged.is_array);
                each.map(|(element, is_array)| if *is_array { values::array_of(element) } else { element.clone() })
                    .collect()
            });
            (sql, Entry { number, types, merged_types: merged_types.unwrap_or_default(), shape })
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
    /// Every two steps that may meet run in the order of their jobs. All else is in an order that is the same at every node, by
    /// statement and by row, so that few wait for each other in a circle.
    pub(super) fn of(jobs: &[Job], catalog: &Catalog) -> Self {
        let mut waves = Waves::default();
        let mut behind_from = vec![NEVER; jobs.len()];
        let mut placed = Vec::with_capacity(jobs.iter().map(|job| job.steps.len()).sum());
        for ((number, job), behind_from) in jobs.iter().enumerate().zip(&mut behind_from) {
            for (place, (step, row)) in job.steps.iter().zip(&job.rows).enumerate() {
                let (wave, is_behind) = waves.place(number, step, *row);
                if is_behind {
                    *behind_from = place.min(*behind_from);
                }
                let entry = catalog.entries.get(step.sql);
                let shape = entry.and_then(|entry| entry.shape.as_ref());
                placed.push(Placed {
                    wave,
                    number: entry.map_or(NEVER, |entry| entry.number),
                    step,
                    row: *row,
                    key: shape.and_then(|shape| shape.key.as_deref()).unwrap_or_default(),
                    merged: shape.and_then(|shape| shape.merged.as_ref()),
                    at: (number, place),
                });
            }
        }
        placed.sort_by(Placed::in_order);
        Self { slots: slots(&placed), behind_from }
    }
}

/// Later than any step.
const NEVER: usize = usize::MAX;

/// A step, and what decides where it runs.
struct Placed<'a> {
    wave: usize,
    number: usize,
    step: &'a Step,
    row: Option<u64>,
    key: &'a [usize],
    merged: Option<&'a Merged>,
    at: Place,
}

impl Placed<'_> {
    fn in_order(&self, other: &Self) -> Ordering {
        let of_statements = (self.wave, self.number).cmp(&(other.wave, other.number));
        let key = |placed: &Self| placed.key.iter().map(|place| placed.step.values.get(*place));
        let pairs = || self.key.iter().map(|place| self.step.values.get(*place)).zip(key(other));
        let of_rows = || pairs().map(|(one, other)| in_order(one, other)).find(|order| order.is_ne());
        of_statements.then_with(|| of_rows().unwrap_or(Ordering::Equal)).then(self.at.cmp(&other.at))
    }

    /// Whether both can be rows of one statement: what is one value for all rows is the same for them.
    fn fits(&self, other: &Self) -> bool {
        let Some(merged) = self.merged else { return false };
        let mut values = self.step.values.iter().zip(&other.step.values).zip(&merged.is_array);
        values.all(|((one, other), is_array)| *is_array || one == other)
    }
}

fn in_order(one: Option<&Value>, other: Option<&Value>) -> Ordering {
    match (one, other) {
        (Some(Value::Text(one)), Some(Value::Text(other))) => one.cmp(other),
        (Some(Value::Integer(one)), Some(Value::Integer(other))) => one.cmp(other),
        _ => Ordering::Equal,
    }
}

/// One after the other, each with what can be merged into it.
fn slots(placed: &[Placed<'_>]) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    for of_text in placed.chunk_by(|one, other| (one.wave, one.number) == (other.wave, other.number)) {
        // In most cases one: others are for other values that all rows share.
        let mut of_values: Vec<(&Placed<'_>, Slot)> = Vec::new();
        let mut last: Option<(Option<u64>, usize)> = None;
        for one in of_text {
            if let Some((row, index)) = last
                && row.is_some()
                && row == one.row
                && let Some((_, slot)) = of_values.get_mut(index)
            {
                slot.alike.push((slot.rows.len() - 1, one.at));
                continue;
            }
            let found = of_values.iter().position(|(first, _)| first.fits(one));
            let index = found.unwrap_or_else(|| {
                of_values.push((one, Slot { sql: one.step.sql, rows: Vec::new(), alike: Vec::new() }));
                of_values.len() - 1
            });
            if let Some((_, slot)) = of_values.get_mut(index) {
                slot.rows.push(one.at);
            }
            last = Some((one.row, index));
        }
        slots.extend(of_values.into_iter().map(|(_, slot)| slot));
    }
    slots
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::statements as sql;

    pub(in super::super) fn catalog() -> Catalog {
        Catalog::of(sql::ALL.iter().map(|sql| (*sql, vec![Type::TEXT; 14])))
    }

    pub(in super::super) fn job(catalog: &Catalog, steps: &[(&'static str, &[&str])]) -> Job {
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
        let Batch { slots, behind_from } = Batch::of(jobs, catalog);
        let slots = slots.into_iter().map(|slot| (slot.sql, slot.rows.into_iter().map(|(job, _)| job).collect()));
        (slots.collect(), behind_from.into_iter().map(|from| from != NEVER).collect())
    }

    #[test]
    fn steps_that_name_different_rows_run_as_one_statement_in_the_order_of_their_rows() {
        let catalog = catalog();
        let one =
            |token, grant| job(&catalog, &[(sql::SPEND_REFRESH_TOKEN, &[token, "1", "x"]), (sql::USE_GRANT, &[grant])]);
        let jobs = [one("c", "1"), one("a", "3"), one("b", "2")];
        let (slots, is_behind) = slots(&jobs, &catalog);
        assert_eq!(slots, [(sql::USE_GRANT, vec![0, 2, 1]), (sql::SPEND_REFRESH_TOKEN, vec![1, 2, 0])]);
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
    fn what_shares_a_row_waits_for_it_alone_and_all_else_is_merged() {
        let catalog = catalog();
        let one =
            |token, at| job(&catalog, &[(sql::COUNT_ATTEMPT, &["network", at]), (sql::REDEEM_CODE, &[token, "1"])]);
        let Batch { slots, behind_from } = Batch::of(&[one("a", "1"), one("b", "2"), one("c", "3")], &catalog);
        let slots: Vec<_> = slots.into_iter().map(|slot| (slot.sql, slot.rows)).collect();
        let counted = |job| (sql::COUNT_ATTEMPT, vec![(job, 0)]);
        assert_eq!(slots, [(sql::REDEEM_CODE, vec![(0, 1), (1, 1), (2, 1)]), counted(0), counted(1), counted(2)]);
        assert_eq!(behind_from, [NEVER, 0, 0]);
    }

    #[test]
    fn what_says_the_same_of_a_row_is_said_once_and_nobody_is_behind_it() {
        let catalog = catalog();
        let one = |code, until| job(&catalog, &[(sql::SESSION_LIVES, &["s", until]), (sql::ADD_CODE, &[code])]);
        let Batch { slots, behind_from } = Batch::of(&[one("a", "1"), one("b", "1"), one("c", "2")], &catalog);
        let slot = |sql, rows, alike| Slot { sql, rows, alike };
        let expected = [
            slot(sql::SESSION_LIVES, vec![(0, 0)], vec![(0, (1, 0))]),
            slot(sql::ADD_CODE, vec![(0, 1), (1, 1), (2, 1)], vec![]),
            slot(sql::SESSION_LIVES, vec![(2, 0)], vec![]),
        ];
        assert_eq!(slots, expected);
        assert_eq!(behind_from, [NEVER, NEVER, 0]);
    }

    #[test]
    fn what_touches_rows_that_it_does_not_name_stands_between_what_came_before_and_after() {
        let catalog = catalog();
        let touch = |session| job(&catalog, &[(sql::TOUCH_SESSION, &[session, "1"])]);
        let all = job(&catalog, &[(sql::END_SESSIONS_OF_USER, &["user", "1"])]);
        let (slots, is_behind) = slots(&[touch("a"), all, touch("a"), touch("c")], &catalog);
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
    fn steps_of_one_job_that_may_meet_keep_their_order() {
        let catalog = catalog();
        let steps: [(&'static str, &[&str]); 4] = [
            (sql::REVOKE_GRANT, &["1", "1", "x"]),
            (sql::USE_GRANT, &["1"]),
            (sql::END_SESSIONS_OF_USER, &["user", "1"]),
            (sql::ADD_PENDING, &["p"]),
        ];
        let (slots, is_behind) = slots(&[job(&catalog, &steps)], &catalog);
        let texts: Vec<_> = slots.into_iter().map(|(sql, _)| sql).collect();
        assert_eq!(texts, steps.map(|(sql, _)| sql));
        assert_eq!(is_behind, [false]);
    }

    /// What random jobs do to few rows, and once in a while to rows that they do not name.
    fn jobs_of_few_rows() -> impl Strategy<Value = Vec<Vec<(usize, u8, u8)>>> {
        vec(vec((0..TEXTS.len(), 0..3_u8, 0..2_u8), 1..4), 1..12)
    }

    const TEXTS: &[&str] = &[
        sql::USE_GRANT,
        sql::REVOKE_GRANT,
        sql::GRANT_STANDS,
        sql::REDEEM_CODE,
        sql::COUNT_ATTEMPT,
        sql::SESSION_LIVES,
    ];
    const OF_MANY_ROWS: &str = sql::REVOKE_GRANTS_OF_USER;

    proptest! {
        #[test]
        fn steps_that_may_meet_run_in_the_order_of_their_jobs(drawn in jobs_of_few_rows(), many in vec(any::<bool>(), 12)) {
            let catalog = catalog();
            let jobs: Vec<Job> = drawn.iter().zip(many).map(|(steps, of_many)| {
                let key = |key: &u8| key.to_string();
                let mut all: Vec<(&'static str, Vec<String>)> =
                    steps.iter().map(|(text, row, value)| (TEXTS[*text], [row, value, value, value].map(key).into())).collect();
                if of_many && all.len() == 3 {
                    all[1] = (OF_MANY_ROWS, ["1", "1", "x"].map(str::to_owned).into());
                }
                let all: Vec<(&'static str, Vec<&str>)> =
                    all.iter().map(|(sql, values)| (*sql, values.iter().map(String::as_str).collect())).collect();
                let all: Vec<(&'static str, &[&str])> = all.iter().map(|(sql, values)| (*sql, values.as_slice())).collect();
                job(&catalog, &all)
            }).collect();
            let Batch { slots, behind_from } = Batch::of(&jobs, &catalog);
            let mut runs: HashMap<Place, (usize, bool)> = HashMap::new();
            for (number, slot) in slots.iter().enumerate() {
                let alike = slot.alike.iter().map(|(_, at)| (*at, true));
                for (at, is_alike) in slot.rows.iter().map(|at| (*at, false)).chain(alike) {
                    prop_assert_eq!(jobs[at.0].steps[at.1].sql, slot.sql);
                    prop_assert!(runs.insert(at, (number, is_alike)).is_none(), "{at:?} runs twice");
                }
                for (index, (job, place)) in &slot.alike {
                    let (first, its) = slot.rows[*index];
                    prop_assert_eq!(&jobs[first].steps[its].values, &jobs[*job].steps[*place].values);
                }
            }
            let all: Vec<Place> =
                jobs.iter().enumerate().flat_map(|(number, job)| (0..job.steps.len()).map(move |place| (number, place))).collect();
            prop_assert_eq!(runs.len(), all.len(), "each runs");
            let mut expected = vec![NEVER; jobs.len()];
            for (index, later) in all.iter().enumerate() {
                for earlier in &all[..index] {
                    let [one, other] = [earlier, later].map(|(job, place)| jobs[*job].rows[*place]);
                    let may_meet = one.is_none() || other.is_none() || one == other;
                    let ((one, _), (other, is_alike)) = (runs[earlier], runs[later]);
                    if may_meet {
                        prop_assert!(one < other || (one == other && is_alike), "{earlier:?} before {later:?}");
                    }
                    if may_meet && earlier.0 != later.0 && one != other {
                        expected[later.0] = expected[later.0].min(later.1);
                    }
                }
            }
            prop_assert_eq!(behind_from, expected);
        }
    }
}
