//! All records from one database to another, whatever kind either is, and a digest of each table by which the two are compared.
//!
//! A copy goes on where it came to an end, and nothing serves from a database that holds half of one. Start at
//! [`Store::take_over_from`] and [`Store::tables`].

use grantd_tokens::{Digest, Time};

use crate::Store;
use crate::driver::Reading;
use crate::fault::StoreFault;
use crate::rows::{Row, Value};
use crate::statements::whole_tables::{self as sql, Before, WholeTable};
use crate::writes::Step;

/// What a table holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// How many rows.
    pub rows: u64,
    /// Of its rows, in the order of their keys: the digest of each is that of the digest before it and of the row. The same for the
    /// same rows, in every kind of database.
    pub digest: Digest,
}

/// How far a walk through all tables has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walked {
    /// The table that it is in.
    pub table: &'static str,
    /// How many of its rows are behind it.
    pub rows: u64,
}

/// Rows that are read, and written, at once.
const AT_ONCE: u32 = 512;

impl Store {
    /// Count and digest of every table. What is written meanwhile may be in it or not: meant for databases that nobody uses.
    pub async fn tables(&self, mut told: impl FnMut(Walked)) -> Result<Vec<Table>, StoreFault> {
        let mut tables = Vec::with_capacity(sql::ALL.len());
        for table in sql::ALL {
            let mut walk = Walk::new(self, table);
            let mut held = Table { name: table.name, rows: 0, digest: Digest::of(&[]) };
            while let Some(rows) = walk.next().await? {
                for row in &rows {
                    held.digest = after(held.digest, row);
                }
                held.rows += rows.len() as u64;
                told(Walked { table: table.name, rows: held.rows });
            }
            tables.push(held);
        }
        Ok(tables)
    }

    /// Whether records are being copied into this database, or were until that came to an end half-way.
    pub async fn is_half_copied(&self) -> Result<bool, StoreFault> {
        self.driver.read(|reading| Ok(!reading.rows("leases", sql::IS_HALF_COPIED, &[])?.is_empty())).await
    }

    /// Copies all records of another database into this one, which must be empty or hold half of such a copy. Until it is done
    /// nothing serves from it. Leases are not copied. The two are the same if their [`Store::tables`] are.
    /// `place` names this one in a fault.
    pub async fn take_over_from(
        &self,
        other: &Store,
        place: &str,
        mut told: impl FnMut(Walked),
    ) -> Result<(), StoreFault> {
        if !self.is_half_copied().await? && !self.is_empty().await? {
            return Err(StoreFault::NotEmpty { place: place.to_owned() });
        }
        self.driver.write(vec![Step::always(sql::MARK_AS_HALF_COPIED, vec![Time(i64::MAX).into()])]).await?;
        for table in sql::ALL {
            let mut walk = Walk::new(other, table);
            let mut copied = 0;
            while let Some(rows) = walk.next().await? {
                copied += rows.len() as u64;
                // One that is there was written by a copy before this one.
                let steps = rows.into_iter().map(|row| Step::always(table.add, row)).collect();
                self.driver.write(steps).await?;
                told(Walked { table: table.name, rows: copied });
            }
        }
        self.driver.write(vec![Step::always(sql::MARK_AS_COPIED, Vec::new())]).await.map(drop)
    }

    async fn is_empty(&self) -> Result<bool, StoreFault> {
        for table in sql::ALL {
            if Walk::new(self, table).next().await?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Through a table in the order of its key.
struct Walk<'a> {
    store: &'a Store,
    table: &'static WholeTable,
    after: Vec<Value>,
}

impl<'a> Walk<'a> {
    fn new(store: &'a Store, table: &'static WholeTable) -> Self {
        let before = |before: &Before| match before {
            Before::Texts => Value::Text(String::new()),
            Before::Numbers => Value::Integer(i64::MIN),
        };
        Self { store, table, after: table.before_all.iter().map(before).collect() }
    }

    async fn next(&mut self) -> Result<Option<Vec<Vec<Value>>>, StoreFault> {
        let (table, mut values) = (self.table, self.after.clone());
        values.push(AT_ONCE.into());
        let read = move |reading: &dyn Reading| reading.rows(table.name, table.read, &values);
        let rows: Vec<Vec<Value>> = self.store.driver.read(read).await?.into_iter().map(Row::values).collect();
        let Some(last) = rows.last() else { return Ok(None) };
        self.after = last.iter().take(self.after.len()).cloned().collect();
        Ok(Some(rows))
    }
}

/// Each value says of which kind and how long it is, so that no two rows are written alike.
fn after(digest: Digest, row: &[Value]) -> Digest {
    let mut text = digest.as_bytes().to_vec();
    for value in row {
        match value {
            Value::Null => text.push(b'n'),
            Value::Integer(number) => text.extend_from_slice(format!("i{number};").as_bytes()),
            Value::Text(value) => {
                text.extend_from_slice(format!("t{};", value.len()).as_bytes());
                text.extend_from_slice(value.as_bytes());
            }
        }
    }
    Digest::of(&text)
}
