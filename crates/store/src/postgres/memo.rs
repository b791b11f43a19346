//! Answers to questions that are asked again and again until all of them are known.
//!
//! `reads.rs` asks row by row and cannot wait; a server is asked in as few trips as possible. So whoever asks is run against a
//! [`Memo`], which notes what it does not know yet, and once more when that was fetched. What it returned last counts, and only
//! if nothing was missing then.

use std::cell::RefCell;
use std::collections::HashMap;

use super::values;
use crate::driver::Reading;
use crate::fault::StoreFault;
use crate::rows::{Row, Value};
use crate::statements;

/// One question: a statement and its parameters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Query {
    pub(super) sql: &'static str,
    pub(super) values: Vec<Value>,
}

/// What is known of one moment.
#[derive(Default)]
pub(super) struct Memo {
    known: HashMap<Query, Vec<Vec<Value>>>,
    missing: RefCell<Vec<Query>>,
    resources: RefCell<Vec<Value>>,
}

impl Memo {
    pub(super) fn know(&mut self, query: Query, rows: Vec<Vec<Value>>) {
        self.known.insert(query, rows);
    }

    /// Knows that there is nothing, unless something is known.
    pub(super) fn know_absent(&mut self, query: Query) {
        self.known.entry(query).or_default();
    }

    /// Whether a question found something.
    pub(super) fn found(&self, query: &Query) -> bool {
        self.known.get(query).is_some_and(|rows| !rows.is_empty())
    }

    /// What was asked and not known since this was last called.
    pub(super) fn take_missing(&mut self) -> Vec<Query> {
        self.missing.take()
    }

    /// The ids of the resources that were asked for since the memo was made.
    pub(super) fn asked(&self) -> Vec<Value> {
        self.resources.borrow().clone()
    }

    /// The questions that were answered.
    pub(super) fn questions(&self) -> impl Iterator<Item = &Query> {
        self.known.keys()
    }
}

impl Reading for Memo {
    /// Nothing for what is not known: whoever asks goes on, and more of what is missing shows at once.
    fn rows(&self, table: &'static str, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, StoreFault> {
        if values::holds_nul(values) {
            return Ok(Vec::new());
        }
        let query = Query { sql, values: values.to_vec() };
        if sql == statements::RESOURCE
            && let Some(id) = values.get(1)
        {
            let mut resources = self.resources.borrow_mut();
            if !resources.contains(id) {
                resources.push(id.clone());
            }
        }
        if let Some(rows) = self.known.get(&query) {
            return Ok(rows.iter().map(|row| Row::new(table, row.clone())).collect());
        }
        let mut missing = self.missing.borrow_mut();
        if !missing.contains(&query) {
            missing.push(query);
        }
        Ok(Vec::new())
    }
}
