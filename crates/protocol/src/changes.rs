//! What may be written, and each change's guard.
//!
//! A change is data; its meaning is [`crate::state::State::commit`], and every store must agree with that.
//! Single use is decided here and nowhere else: a guard is part of the write, never a read before it (law 2).

use grantd_tokens::{Digest, Seconds, Time};

use crate::events::Event;
use crate::names::{ClientId, GrantId, ResourceId, Scopes, UserId};
use crate::records::{
    AttemptKey, Client, Code, Consent, Detail, Grant, IssuedAccessToken, Offer, OpaqueAccessToken, PasswordHash,
    PendingRequest, RefreshToken, Resource, Revocation, Session, Status, User,
};
use crate::refusals::Refusal;

/// One thing that can happen. Guards are written as *stale unless …* (another request won: look again) or
/// *refused unless …* (final).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    // ---- the browser's part ----
    /// Stale unless the handle is new.
    AddPending(PendingRequest),
    /// Stale unless the request still waits.
    Offer {
        /// Which request.
        pending: Digest,
        /// What its user may choose from.
        offer: Offer,
    },
    /// Takes the request away: it is answered. Stale unless it still waits.
    CompletePending {
        /// Which request.
        pending: Digest,
    },
    /// Stale unless the session is new, and its user active with credentials unchanged since they were verified.
    AddSession {
        /// The new session.
        session: Session,
        /// `credentials_generation` of the user as it was when they proved who they are.
        credentials_generation: u32,
    },
    /// Stale unless the session is live.
    TouchSession {
        /// Which session.
        session: Digest,
        /// When it was used.
        at: Time,
    },
    /// Ends the session, and every grant given in it that was for while the user is signed in. Never stale.
    EndSession {
        /// Which session.
        session: Digest,
        /// When.
        at: Time,
    },
    /// Replaces what this user once agreed to for this client. Never stale.
    KeepConsent(Consent),
    /// Stale unless what was agreed to stands as it was read. A grant that is given on it without a question is committed together
    /// with this, so that it cannot slip past whoever takes it back (law 3).
    UseConsent {
        /// Who agreed.
        user: UserId,
        /// To whom.
        client: ClientId,
        /// When, as it was read.
        given_at: Time,
    },
    /// Ends every session of the user but one, and every grant given in those that was for while the user is signed in.
    /// Never stale.
    EndOtherSessions {
        /// Whose.
        user: UserId,
        /// The one that stays.
        keep: Digest,
        /// When.
        at: Time,
    },

    // ---- grants, codes and tokens ----
    /// Stale unless the grant is new and its session live. Disabling a user ends their sessions, so a grant cannot
    /// slip past whoever signs out, disables or resets at the same moment (law 3).
    AddGrant(Grant),
    /// Stale unless the code is new and its grant stands.
    AddCode(Code),
    /// Stale unless the code is unredeemed.
    RedeemCode {
        /// Which code.
        code: Digest,
        /// When.
        at: Time,
    },
    /// Counts a verifier that did not fit. Never stale.
    CountWrongVerifier {
        /// Which code.
        code: Digest,
    },
    /// Takes back the grant with all that hangs from it. Never stale; the first reason stays.
    RevokeGrant {
        /// Which grant.
        grant: GrantId,
        /// When.
        at: Time,
        /// Why.
        because: Revocation,
    },
    /// Stale unless the grant stands and nothing was taken back from it since it was read. Everything that is issued under a
    /// grant is committed together with this (law 3), so that it cannot slip past whoever ends or narrows it.
    UseGrant {
        /// Which grant.
        grant: GrantId,
        /// Its count as it was read.
        narrowings: u32,
        /// When.
        at: Time,
    },
    /// Takes back a part of a grant. Stale unless it stands and nothing was taken back from it since it was read; whoever calls
    /// sees to it that what is left was there before.
    NarrowGrant {
        /// Which grant.
        grant: GrantId,
        /// Its count as it was read.
        narrowings: u32,
        /// The scopes that are left.
        scopes: Scopes,
        /// The resources that are left.
        resources: Vec<ResourceId>,
        /// The details that are left.
        details: Vec<Detail>,
    },
    /// Takes back every standing grant of this user, or only those to one client, and forgets what they agreed to there.
    /// Never stale.
    EndAccess {
        /// Whose.
        user: UserId,
        /// To whom; everybody if `None`.
        client: Option<ClientId>,
        /// When.
        at: Time,
        /// Why.
        because: Revocation,
    },
    /// Forgets what this user once agreed to for this client: it is asked again. Never stale.
    ForgetConsent {
        /// Who agreed.
        user: UserId,
        /// To whom.
        client: ClientId,
    },
    /// Stale unless the token is new and its grant, if it has one, stands.
    AddAccessToken(OpaqueAccessToken),
    /// Ends one access token before its time, in whichever form. Never stale.
    EndAccessToken {
        /// Which token.
        token: IssuedAccessToken,
        /// When.
        at: Time,
    },
    /// Stale unless the token is new and its grant stands.
    AddRefreshToken(RefreshToken),
    /// Stale unless the token is unspent.
    SpendRefreshToken {
        /// Which token.
        token: Digest,
        /// What takes its place.
        successor: Digest,
        /// When.
        at: Time,
    },
    /// The answer that carried a successor was lost, so it seems: another takes its place, and the family still has one
    /// (REFRESH-10). Stale unless the predecessor was spent for just this successor, and that one is unspent.
    ReplaceSuccessor {
        /// What was shown again. It stays spent since when it was first used.
        predecessor: Digest,
        /// What it was traded for, and nobody used.
        unused: Digest,
        /// What takes its place.
        replacement: Digest,
        /// When.
        at: Time,
    },

    // ---- throttling ----
    /// Counts an attempt, opening a new window when the old one has passed. Refused unless there is room.
    CountAttempt {
        /// Counted by.
        key: AttemptKey,
        /// When.
        at: Time,
        /// How long a window is.
        window: Seconds,
        /// How many fit into one.
        limit: u32,
        /// What is said when there is no room.
        or: Refusal,
    },
    /// Forgets the attempts. Never stale.
    ForgetAttempts {
        /// Counted by.
        key: AttemptKey,
    },

    // ---- the operator's part ----
    /// Adds a client, or replaces all of it but whether it is switched on, which is [`Change::SetClientStatus`]'s alone: whoever read
    /// it before it was switched off must not switch it on again without knowing (INV-03). Never stale.
    PutClient(Client),
    /// Switches a client on or off; off takes back its grants and ends what it holds for itself (INV-03). Never stale.
    SetClientStatus {
        /// Which client.
        client: ClientId,
        /// On or off.
        status: Status,
        /// When.
        at: Time,
    },
    /// Removes a client; revokes its grants, ends what it holds for itself, forgets its consents. Never stale.
    RemoveClient {
        /// Which client.
        client: ClientId,
        /// When.
        at: Time,
    },
    /// Adds or replaces a resource. Never stale.
    PutResource(Resource),
    /// Removes a resource. Never stale.
    RemoveResource {
        /// Which resource.
        resource: ResourceId,
    },
    /// Refused unless both the id and the username are new.
    AddUser {
        /// The new user.
        user: User,
        /// What is said otherwise.
        or: Refusal,
    },
    /// Replaces the hash of the same password by one made with today's parameters. Stale unless `was` still stands.
    RehashPassword {
        /// Whose.
        user: UserId,
        /// The hash that was verified.
        was: PasswordHash,
        /// What takes its place.
        now: PasswordHash,
    },
    /// Sets a new password: ends the user's sessions and grants (REFRESH-16). Never stale.
    SetPassword {
        /// Whose.
        user: UserId,
        /// The new hash.
        password: PasswordHash,
        /// When.
        at: Time,
    },
    /// Switches a user on or off; off ends sessions and grants (INV-02). Never stale.
    SetUserStatus {
        /// Whose.
        user: UserId,
        /// On or off.
        status: Status,
        /// When.
        at: Time,
    },
    /// Removes a user with sessions and consents; revokes their grants. Never stale.
    RemoveUser {
        /// Whom.
        user: UserId,
        /// When.
        at: Time,
    },

    // ---- what is told of it ----
    /// Keeps an event, with what it tells of or not at all. Never stale; one that was kept is never changed.
    Record(Event),
}

impl Change {
    /// Whether the change only takes away or counts: what a refusal may write (law 5, INV-06).
    pub fn tightens(&self) -> bool {
        match self {
            Self::EndSession { .. }
            | Self::CountWrongVerifier { .. }
            | Self::RevokeGrant { .. }
            | Self::NarrowGrant { .. }
            | Self::EndAccess { .. }
            | Self::EndAccessToken { .. }
            | Self::EndOtherSessions { .. }
            | Self::ForgetConsent { .. }
            | Self::SetClientStatus { status: Status::Disabled, .. }
            | Self::CountAttempt { .. }
            | Self::CompletePending { .. }
            | Self::RemoveClient { .. }
            | Self::RemoveResource { .. }
            | Self::RemoveUser { .. }
            | Self::SetUserStatus { status: Status::Disabled, .. }
            | Self::Record(_) => true,
            Self::AddPending(_)
            | Self::Offer { .. }
            | Self::AddSession { .. }
            | Self::TouchSession { .. }
            | Self::KeepConsent(_)
            | Self::UseConsent { .. }
            | Self::AddGrant(_)
            | Self::AddCode(_)
            | Self::RedeemCode { .. }
            | Self::UseGrant { .. }
            | Self::AddAccessToken(_)
            | Self::AddRefreshToken(_)
            | Self::SpendRefreshToken { .. }
            | Self::ReplaceSuccessor { .. }
            | Self::SetClientStatus { status: Status::Active, .. }
            | Self::ForgetAttempts { .. }
            | Self::PutClient(_)
            | Self::PutResource(_)
            | Self::AddUser { .. }
            | Self::RehashPassword { .. }
            | Self::SetPassword { .. }
            | Self::SetUserStatus { status: Status::Active, .. } => false,
        }
    }
}

/// How a list of changes ended. Either all were written, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// All written, durably.
    Done,
    /// Nothing written: another request was first. Load and decide again.
    Stale,
    /// Nothing written, and looking again would not help.
    Refused(Refusal),
}
