//! Values to and from SQLite, and which value goes where.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Statement, ToSql};

use crate::rows::{Row, Value};

/// Which of a statement's values each of its parameters takes: SQLite numbers `$3` by its first appearance, and not by its name.
#[derive(Debug)]
pub(super) struct Places(Box<[usize]>);

impl Places {
    pub(super) fn of(statement: &Statement<'_>) -> Self {
        let numbers = (1..=statement.parameter_count()).map(|place| {
            let name = statement.parameter_name(place).and_then(|name| name.strip_prefix('$'));
            // `$1` takes the first value.
            name.and_then(|number| number.parse().ok()).unwrap_or(place) - 1
        });
        Self(numbers.collect())
    }

    pub(super) fn bind(&self, statement: &mut Statement<'_>, values: &[Value]) -> rusqlite::Result<()> {
        for (place, value) in (1..).zip(self.0.iter().map(|number| values.get(*number).unwrap_or(&Value::Null))) {
            statement.raw_bind_parameter::<usize, _>(place, value)?;
        }
        Ok(())
    }
}

/// Something known of statements, found by where a statement's text lies: cheaper than by the text, which is of this program.
#[derive(Debug)]
pub(super) struct ByText<T>(HashMap<(usize, usize), T>);

impl<T> ByText<T> {
    pub(super) fn new() -> Self {
        Self(HashMap::new())
    }

    pub(super) fn get_or_make<E>(
        &mut self,
        sql: &'static str,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<&mut T, E> {
        match self.0.entry((sql.as_ptr().addr(), sql.len())) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => Ok(place.insert(make()?)),
        }
    }
}

/// All rows that a statement finds.
pub(super) fn found(statement: &mut Statement<'_>, table: &'static str) -> rusqlite::Result<Vec<Row>> {
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..columns).map(|column| Ok(value(row.get_ref(column)?))).collect::<rusqlite::Result<_>>()?;
        found.push(Row::new(table, values));
    }
    Ok(found)
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// What no table holds reads as nothing, and whoever wanted a value says that it is missing.
fn value(column: ValueRef<'_>) -> Value {
    match column {
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Text(text) => std::str::from_utf8(text).map_or(Value::Null, Value::from),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Value::Null,
    }
}
