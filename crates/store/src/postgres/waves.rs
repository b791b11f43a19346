//! Which step comes behind which: one that names a row behind the last that named it, and whatever touches rows that it does not
//! name behind everything. Start at [`Waves::place`].

use std::collections::HashMap;

use crate::statements as sql;
use crate::writes::Step;

/// Run twice in a row with the same values, these write and find what they do when run once.
const ALIKE: &[&str] = &[
    sql::CREDENTIALS_STAND,
    sql::TOUCH_SESSION,
    sql::CONSENT_STANDS,
    sql::SESSION_LIVES,
    sql::GRANT_STANDS,
    sql::USE_GRANT,
];

/// What was placed so far.
#[derive(Default)]
pub(super) struct Waves<'a> {
    rows: HashMap<u64, Touched<'a>>,
    /// Behind everything.
    next: usize,
    /// Behind everything that touched rows which it did not name.
    floor: usize,
    at_floor: Who,
}

/// Of one row.
struct Touched<'a> {
    wave: usize,
    step: &'a Step,
    /// Who runs this step, and who touched the row before.
    by: Who,
    before: Who,
}

#[derive(Clone, Copy, Default)]
enum Who {
    #[default]
    Nobody,
    One(usize),
    Several,
}

impl Who {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nobody, who) | (who, Self::Nobody) => who,
            (Self::One(one), Self::One(other)) if one == other => self,
            _ => Self::Several,
        }
    }

    fn is_another_than(self, job: usize) -> bool {
        match self {
            Self::Nobody => false,
            Self::One(one) => one != job,
            Self::Several => true,
        }
    }
}

impl<'a> Waves<'a> {
    /// In which wave a step runs, and whether that is behind another job which it may meet.
    pub(super) fn place(&mut self, job: usize, step: &'a Step, row: Option<u64>) -> (usize, bool) {
        let Some(row) = row else {
            let wave = self.next;
            (self.next, self.floor, self.at_floor) = (wave + 1, wave + 1, self.at_floor.and(Who::One(job)));
            return (wave, job > 0);
        };
        let (wave, before) = match self.rows.get_mut(&row) {
            Some(touched) if touched.wave >= self.floor && is_alike(touched.step, step) => {
                touched.by = touched.by.and(Who::One(job));
                (touched.wave, touched.before)
            }
            touched => {
                let (wave, before) =
                    touched.map_or((0, Who::Nobody), |touched| (touched.wave + 1, touched.before.and(touched.by)));
                let wave = wave.max(self.floor);
                self.rows.insert(row, Touched { wave, step, by: Who::One(job), before });
                (wave, before)
            }
        };
        self.next = self.next.max(wave + 1);
        (wave, before.is_another_than(job) || self.at_floor.is_another_than(job))
    }
}

fn is_alike(one: &Step, other: &Step) -> bool {
    one.sql == other.sql && one.values == other.values && ALIKE.contains(&one.sql)
}
