//! What one node does for all of them: whether it is this one's turn.
//!
//! Owns the name of this node, which lives as long as the process. How leases pass from one to the next is
//! `grantd_store::Lease`'s; that nothing depends on them is the guards'. Start at [`Duties::is_ours`].

use std::time::Duration;

use grantd_protocol::names::Issuer;
use grantd_store::{Lease, Store, StoreFault};
use grantd_tokens::Secret;

use crate::env::{self, OsRandom};

/// The duties of one node, by its name.
#[derive(Clone, Debug)]
pub struct Duties {
    node: String,
}

impl Default for Duties {
    /// A node that never was before: one that is started anew waits for its own old lease as everybody does.
    fn default() -> Self {
        // A name and no secret: it only has to be nobody else's.
        Self { node: Secret::random(&mut OsRandom).expose().to_owned() }
    }
}

impl Duties {
    /// Takes a duty, or renews it, unless another node has it.
    pub async fn is_ours(&self, store: &Store, issuer: &Issuer, duty: Lease) -> Result<bool, StoreFault> {
        store.take_lease(issuer, duty, &self.node, env::now()).await
    }

    /// Leaves every duty to the others. If that cannot be written soon, they take them when they end.
    pub async fn give_back(&self, store: &Store, issuer: &Issuer) {
        let give_back = async {
            for duty in [Lease::Sweeping, Lease::TendingKeys] {
                store.give_lease_back(issuer, duty, &self.node).await?;
            }
            Ok::<_, StoreFault>(())
        };
        if !matches!(tokio::time::timeout(PATIENCE, give_back).await, Ok(Ok(()))) {
            tracing::debug!("the duties of this node pass on when its leases end");
        }
    }
}

/// Nobody waits long for a node that ends.
const PATIENCE: Duration = Duration::from_secs(2);
