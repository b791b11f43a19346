//! Records that were read before. Whoever finds the same row again is given the same record, without its JSON being read again.
//!
//! Nothing here can be stale: every row comes from the database of that moment, and is compared whole with the one that was read.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::{Row, Value};
use crate::fault::StoreFault;

/// The records of one table, as one thread read them.
pub(super) struct Remembered<T>(HashMap<u64, (Vec<Value>, T)>);

/// More than most issuers have clients, and small enough for each thread.
const MOST: usize = 128;

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Clone> Remembered<T> {
    /// What `read` makes of the row, or made of it before.
    pub(super) fn read(&mut self, row: Row, read: fn(Row) -> Result<T, StoreFault>) -> Result<T, StoreFault> {
        let columns = row.columns.as_slice();
        let mut hasher = DefaultHasher::new();
        columns.hash(&mut hasher);
        let hash = hasher.finish();
        if let Some((known, record)) = self.0.get(&hash)
            && known == columns
        {
            return Ok(record.clone());
        }
        let columns = columns.to_vec();
        let record = read(row)?;
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(hash, (columns, record.clone()));
        Ok(record)
    }
}
