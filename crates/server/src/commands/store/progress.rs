//! How far something long has come: a line now and then, on stderr, and none for what is short.

use std::time::Duration;

use tokio::time::Instant;

use crate::commands::console::Console;
use crate::env;

/// Tells once in so long.
const EVERY: Duration = Duration::from_secs(2);

pub(super) struct Progress<'a, 'c> {
    console: &'a mut Console<'c>,
    told_at: Instant,
}

impl<'a, 'c> Progress<'a, 'c> {
    pub(super) fn new(console: &'a mut Console<'c>) -> Self {
        Self { console, told_at: env::instant() }
    }

    /// Says it, if nothing was said for a while.
    pub(super) fn tell(&mut self, so_far: impl FnOnce() -> String) {
        let now = env::instant();
        if now.duration_since(self.told_at) >= EVERY {
            self.told_at = now;
            self.console.note(&so_far());
        }
    }
}
