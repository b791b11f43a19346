//! What a request names, and what the store knew about it.
//!
//! Owns the two shapes that travel between core and store. Records only, never derived values: whoever adds a field
//! says here what is loaded with what. Start at [`Lookup`].

use grantd_tokens::Digest;

use crate::names::{AccessTokenId, ClientId, Network, Scopes, Username};
use crate::records::{
    AttemptKey, Attempts, Client, Code, Consent, Ended, Grant, OpaqueAccessToken, PendingRequest, RefreshToken,
    Resource, Session, User,
};

/// The keys a caller named. None is trusted: a lookup says what to read, not that it is true.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lookup {
    /// → `client` and its `resources`.
    pub client: Option<ClientId>,
    /// → `code`, its `grant`, the grant's `user` and `grant_session`, and whether its client `ended`.
    pub code: Option<Digest>,
    /// → `refresh_token` and its `successor`; its `grant`, the grant's `user`, `grant_session` and `holder`.
    pub refresh_token: Option<Digest>,
    /// → the `grant` of the family with what comes with it, unless a code or refresh token was found.
    pub family: Option<Digest>,
    /// → `access_token`; its `grant` with what comes with it, and its `holder`.
    pub access_token: Option<Digest>,
    /// A signed access token says who it is → `ended`; the `grant` of its id with what comes with it, unless one was found.
    pub access_token_id: Option<AccessTokenId>,
    /// A signed access token says whose it is → `holder`, unless there is a grant or an opaque token.
    pub holder: Option<ClientId>,
    /// → `holdings`: what the user of `session` gave to whom.
    pub holdings: bool,
    /// → `pending`; and its client as `client` with `resources`, unless a client was named.
    pub pending: Option<Digest>,
    /// → `session`; and its user as `user`, unless a username, code or refresh token names one.
    pub session: Option<Digest>,
    /// → `user`.
    pub username: Option<Username>,
    /// → `attempts`, those that there are.
    pub attempts: Vec<AttemptKey>,
    /// → `scopes_elsewhere`, for the client named.
    pub scopes: Scopes,
    /// → `waiting`: how many requests wait in all and from this network, counted no further than [`WAITING_COUNTED_TO`].
    pub waiting: Option<Network>,
}

impl Lookup {
    /// Whether it names what can end before its time without a mark in its own record.
    pub fn asks_what_ended(&self) -> bool {
        self.access_token.is_some() || self.access_token_id.is_some() || self.code.is_some()
    }
}

/// A count that stops here is good enough for a limit below it, and bounds the reading.
pub const WAITING_COUNTED_TO: Waiting = Waiting { from_network: 1_000, in_all: 50_000 };

/// What the store knew, all of one issuer and from one moment. A fact that is absent refuses (law 1).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The client named, or the one of the pending request.
    pub client: Option<Client>,
    /// The resources that client may ask for, in its order, without those that do not exist.
    pub resources: Vec<Resource>,
    /// Those of the scopes named that none of these resources defines, but another one does: known here, and not for this
    /// client (AUTHZ-13).
    pub scopes_elsewhere: Scopes,
    /// The code named.
    pub code: Option<Code>,
    /// The refresh token named.
    pub refresh_token: Option<RefreshToken>,
    /// What that token was spent for.
    pub successor: Option<RefreshToken>,
    /// The opaque access token named.
    pub access_token: Option<OpaqueAccessToken>,
    /// What ended before its time: the access token named or found, and whatever its client, or the code's, held at some moment.
    /// `None` if neither was asked about: that nothing ended is a finding, too.
    pub ended: Option<Vec<Ended>>,
    /// The client that the token named or found was issued to.
    pub holder: Option<Client>,
    /// The grant of the code, of the refresh token or its family, or of the access token.
    pub grant: Option<Grant>,
    /// The session in which that grant was given.
    pub grant_session: Option<Session>,
    /// The session named.
    pub session: Option<Session>,
    /// The user of the grant, else the one of the username, else the one of the session.
    pub user: Option<User>,
    /// The pending request named.
    pub pending: Option<PendingRequest>,
    /// What `user` once agreed to for `client`.
    pub consent: Option<Consent>,
    /// The attempts named that were counted at all.
    pub attempts: Vec<Attempts>,
    /// How many requests wait.
    pub waiting: Waiting,
    /// What the user of the session gave to whom.
    pub holdings: Holdings,
}

/// All that a user let others do, and where they are signed in. Bounded: the first [`HOLDINGS_SHOWN`] of each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Holdings {
    /// The standing grants, the newest first.
    pub grants: Vec<Grant>,
    /// What the user agreed to, so that they are not asked again (CONSENT-02), by client.
    pub consents: Vec<Consent>,
    /// The clients of those grants and consents, by id.
    pub clients: Vec<Client>,
    /// The resources of those grants, by id.
    pub resources: Vec<Resource>,
    /// The sessions that live, the newest first.
    pub sessions: Vec<Session>,
}

/// More than a person reads. Ending all of them does not depend on this list.
pub const HOLDINGS_SHOWN: usize = 200;

/// How many requests wait, counted up to [`WAITING_COUNTED_TO`]. An expired one counts until it is swept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// From the network named.
    pub from_network: u32,
    /// In all.
    pub in_all: u32,
}
