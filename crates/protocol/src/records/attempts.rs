//! What is counted, so that guessing takes for ever.

use grantd_tokens::Time;
use serde::{Deserialize, Serialize};

use crate::names::{ClientId, Issuer, Network, Username};

/// What attempts are counted by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptKey {
    /// Sign-ins to one account, whether or not it exists.
    Account(Username),
    /// Sign-ins to one account from one network.
    AccountFrom(Username, Network),
    /// Sign-ins from one network.
    Network(Network),
    /// All sign-ins at one issuer.
    Everyone(Issuer),
    /// Wrong secrets of one client from one network (CAUTH-08).
    ClientFrom(ClientId, Network),
}

/// How many attempts there were in a window of time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attempts {
    /// What they are counted by.
    pub key: AttemptKey,
    /// When the window opened.
    pub since: Time,
    /// How many there were.
    pub count: u32,
}
