//! Turns for those who were overtaken: one at a time looks again, of those who want the same thing.
//!
//! A hundred retries of one token would overtake each other a hundred times; and they need not hold up anybody else. A turn
//! makes nothing correct, which is the guards' business (law 3); it only brings an end. Start at [`Turns::take`].

use grantd_protocol::facts::Lookup;
use tokio::sync::{Mutex, MutexGuard};

/// How many may have a turn at once. Two things that share one wait for each other now and then, and no more than that.
const TURNS: usize = 64;

/// The turns of one process.
#[derive(Debug)]
pub struct Turns([Mutex<()>; TURNS]);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Turns {
    /// Waits until nobody else has a turn for what the request names.
    pub async fn take(&self, lookup: &Lookup) -> MutexGuard<'_, ()> {
        let [first, ..] = &self.0;
        self.0.get(number(lookup)).unwrap_or(first).lock().await
    }
}

/// Which turn: by the record that the others of its kind change, too. All tokens of a family change one grant.
fn number(lookup: &Lookup) -> usize {
    let Lookup { family, refresh_token, code, pending, session, .. } = lookup;
    let named = family.or(*refresh_token).or(*code).or(*pending).or(*session);
    // A digest is as even as any hash of it. Who names none of these has the first turn.
    named.map_or(0, |digest| {
        let [first, ..] = digest.as_bytes();
        usize::from(*first) % TURNS
    })
}
