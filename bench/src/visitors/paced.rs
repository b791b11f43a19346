//! Another visitor, slower: it waits between one answer and the next question, so that the server is not busy because of it.

use std::time::Duration;

use crate::driver::{Connection, Visitor, Went};
use crate::fault::Fault;

/// The same questions with pauses.
#[derive(Clone, Debug)]
pub struct Paced<V> {
    visitor: V,
    pause: Duration,
}

impl<V: Visitor> Paced<V> {
    /// Waits so long before each.
    pub fn new(visitor: V, pause: Duration) -> Self {
        Self { visitor, pause }
    }
}

impl<V: Visitor> Visitor for Paced<V> {
    async fn once(&mut self, connection: &mut Connection) -> Result<Went, Fault> {
        self.visitor.once(connection).await
    }

    fn pause(&self) -> Duration {
        self.pause
    }
}
