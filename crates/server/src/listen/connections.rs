//! How many connections are open, in total and by source (LIMITS-02).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::network::Network;

/// Counts connections against the two caps.
#[derive(Debug)]
pub(super) struct Connections {
    open: Mutex<Open>,
    max_total: usize,
    max_per_source: usize,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_source: HashMap<Network, usize>,
}

/// Which cap holds for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cap {
    /// Both caps.
    PerSource,
    /// Only the total: a trusted proxy carries everybody's requests.
    TotalOnly,
}

impl Connections {
    pub(super) fn new(max_total: usize, max_per_source: usize) -> Arc<Self> {
        Arc::new(Self { open: Mutex::default(), max_total, max_per_source })
    }

    /// Takes a place for `peer`, or `None` if it must be turned away. Dropping the place gives it back.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr, cap: Cap) -> Option<Place> {
        let source = Network::around(peer, if peer.to_canonical().is_ipv4() { 32 } else { 64 });
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_source = open.by_source.get(&source).copied().unwrap_or(0);
        if open.total >= self.max_total || (cap == Cap::PerSource && of_source >= self.max_per_source) {
            return None;
        }
        open.total += 1;
        open.by_source.insert(source, of_source + 1);
        Some(Place { connections: Arc::clone(self), source })
    }
}

/// One open connection's place under the caps.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    source: Network,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.total = open.total.saturating_sub(1);
        let left = open.by_source.get(&self.source).copied().unwrap_or(0).saturating_sub(1);
        if left == 0 {
            open.by_source.remove(&self.source);
        } else {
            open.by_source.insert(self.source, left);
        }
    }
}
