//! Leases: who of many nodes does what only one has to do, and until when.
//!
//! A lease makes nothing correct, which is the guards' business: two who both believe to have one do twice what would have been
//! done once, and no harm. So clocks may be apart, and a holder that died is not waited for longer than its lease. Start at
//! [`Store::take_lease`].

use grantd_protocol::names::Issuer;
use grantd_protocol::settings::CLOCKS_APART;
use grantd_tokens::{Seconds, Time};

use crate::Store;
use crate::fault::StoreFault;
use crate::statements as sql;
use crate::writes::Step;

/// What one node does for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// Clearing away what can have no effect any more.
    Sweeping,
    /// Announcing the next signing key, and deleting the one that is not needed any more.
    TendingKeys,
}

impl Lease {
    fn name(self) -> &'static str {
        match self {
            Self::Sweeping => "sweeping",
            Self::TendingKeys => "tending_keys",
        }
    }
}

/// How long a lease lasts: whoever has one renews it well before. When a holder died, the others wait as long as this.
pub const LEASE_LASTS: Seconds = Seconds::minutes(3);

impl Store {
    /// Takes a lease or renews it. `false` while another node has it.
    ///
    /// One that lasts longer than any clock in order would have written it was written by a clock far ahead, and is taken.
    pub async fn take_lease(&self, issuer: &Issuer, lease: Lease, holder: &str, now: Time) -> Result<bool, StoreFault> {
        let values = vec![
            issuer.as_str().into(),
            lease.name().into(),
            holder.into(),
            now.into(),
            (now + LEASE_LASTS).into(),
            (now + LEASE_LASTS + CLOCKS_APART).into(),
        ];
        Ok(self.driver.write(vec![Step::always(sql::TAKE_LEASE, values)]).await?.rows_written() > 0)
    }

    /// Gives a lease back before its end, so that another node may take it at once. Nothing is done for whoever has it not.
    pub async fn give_lease_back(&self, issuer: &Issuer, lease: Lease, holder: &str) -> Result<(), StoreFault> {
        let values = vec![issuer.as_str().into(), lease.name().into(), holder.into()];
        self.driver.write(vec![Step::always(sql::GIVE_LEASE_BACK, values)]).await.map(drop)
    }
}
