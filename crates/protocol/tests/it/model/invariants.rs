//! What must hold after every commit, whatever came before.

use std::collections::BTreeSet;

use grantd_protocol::facts::Facts;
use grantd_protocol::records::{GrantState, Presence, Redemption, SessionState, Spending, Status};
use grantd_protocol::settings::Settings;
use grantd_protocol::state::Records;
use grantd_tokens::{Digest, Time};

use super::ask::{Answer, Ask, Judged};
use super::cast;
use super::shell::{Gift, Payment};

/// One commit, with all that was known around it.
pub(crate) struct Committed<'a> {
    pub(crate) ask: Ask,
    /// When it was decided.
    pub(crate) at: Time,
    pub(crate) facts: &'a Facts,
    pub(crate) judged: &'a Judged,
    pub(crate) before: &'a Records,
    pub(crate) after: &'a Records,
}

/// Every invariant, each with its sentence.
pub(crate) fn judge(committed: &Committed<'_>, gifts: &[Gift], settings: &Settings) -> Result<(), String> {
    let after = committed.after;
    let admitted = gifts.iter().filter(|gift| **gift == Gift::Admission).count();
    let limit = settings.limits.sign_ins_per_account as usize;
    let all = [
        (committed.only_the_owner_is_given_tokens(), "tokens for somebody who did not prove to be the owner"),
        (committed.nothing_is_given_under_a_revoked_grant(), "tokens under a grant that does not stand"),
        (committed.scopes_only_shrink(), "more scope than was granted or asked for"),
        (committed.no_stranger_revokes(), "a grant was revoked, and nothing proven was shown twice"),
        (committed.a_replay_revokes(), "a code or refresh token was shown again, and its grant stands"),
        (committed.a_refusal_only_takes_away(), "after a refusal more is live than before"),
        (each_is_paid_once(gifts), "a code or refresh token was answered twice"),
        (what_is_kept_is_what_was_given(after, gifts), "the store does not hold what was given, or holds more"),
        (one_unspent_in_each_family(after), "two unspent refresh tokens in one family"),
        (one_answer_for_each_request(gifts), "one authorization request was answered twice"),
        (grants_end_with_their_session(after), "a grant for while the user is signed in outlives the session"),
        (no_access_of_the_disabled(after), "a disabled user has a live session or a standing grant"),
        (sessions_are_of_todays_credentials(after, gifts), "a session was opened with credentials that were replaced"),
        (usernames_are_unique(after), "two users have one name"),
        (admitted <= limit, "more passwords were admitted than fit into the window"),
    ];
    all.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, broken)| Err(broken.to_owned()))
}

impl Committed<'_> {
    fn gives_tokens(&self) -> bool {
        matches!(self.judged.answer, Ok(Answer::Tokens { .. }))
    }

    fn is_token_request(&self) -> bool {
        matches!(self.ask, Ask::Redeem { .. } | Ask::Refresh { .. })
    }

    /// INV-01, CODE-06, PKCE-04, REFRESH-03.
    fn only_the_owner_is_given_tokens(&self) -> bool {
        !self.gives_tokens() || self.ask.is_proven()
    }

    fn nothing_is_given_under_a_revoked_grant(&self) -> bool {
        !self.gives_tokens()
            || (self.grant_stands() && self.facts.grant.as_ref().is_some_and(|it| self.at < it.expires_at))
    }

    fn grant_stands(&self) -> bool {
        let grant = self.facts.grant.as_ref().and_then(|grant| self.after.grants.get(&grant.id));
        grant.is_some_and(|grant| grant.state == GrantState::Standing)
    }

    /// REFRESH-13, AUTHZ-14.
    fn scopes_only_shrink(&self) -> bool {
        let Ok(Answer::Tokens { scope, claimed }) = &self.judged.answer else { return true };
        let Some(grant) = &self.facts.grant else { return false };
        let asked = match self.ask {
            Ask::Refresh { scope: Some(asked), .. } => cast::scopes(asked),
            _ => grant.scopes.clone(),
        };
        let claimed = claimed.as_deref().map(cast::scopes).unwrap_or_default();
        grant.scopes.is_within(&cast::scopes(cast::ASKED))
            && scope.is_within(&grant.scopes)
            && scope.is_within(&asked)
            && claimed.is_within(scope)
    }

    /// CODE-05: whoever cannot redeem it cannot end it.
    fn no_stranger_revokes(&self) -> bool {
        let stood = |records: &Records| {
            let standing = records.grants.values().filter(|grant| grant.state == GrantState::Standing);
            standing.map(|grant| grant.id.clone()).collect::<BTreeSet<_>>()
        };
        let revoked = stood(self.before).difference(&stood(self.after)).count() > 0;
        !self.is_token_request() || !revoked || (self.ask.is_proven() && self.was_spent())
    }

    /// CODE-04, REFRESH-09: of two who hold it, one is a thief.
    fn a_replay_revokes(&self) -> bool {
        !self.ask.is_proven() || !self.was_spent() || !self.grant_stands()
    }

    /// Whether what was shown had been used when the request looked.
    fn was_spent(&self) -> bool {
        self.facts.code.as_ref().is_some_and(|code| code.redemption != Redemption::Pending)
            || self.facts.refresh_token.as_ref().is_some_and(|token| token.spending != Spending::Unspent)
    }

    /// INV-06.
    fn a_refusal_only_takes_away(&self) -> bool {
        self.judged.answer.is_ok() || live(self.after).is_subset(&live(self.before))
    }
}

/// Everything that can still be used, by name.
pub(crate) fn live(records: &Records) -> BTreeSet<(&'static str, String)> {
    let name = |digest: &Digest| digest.to_base64url();
    let grants = records.grants.values().filter(|grant| grant.state == GrantState::Standing);
    let codes = records.codes.values().filter(|code| code.redemption == Redemption::Pending);
    let tokens = records.refresh_tokens.values().filter(|token| token.spending == Spending::Unspent);
    let sessions = records.sessions.values().filter(|session| session.state == SessionState::Live);
    let users = records.users.values().filter(|user| user.status == Status::Active);
    grants
        .map(|grant| ("grant", grant.id.to_string()))
        .chain(codes.map(|code| ("code", name(&code.hash))))
        .chain(tokens.map(|token| ("refresh token", name(&token.hash))))
        .chain(sessions.map(|session| ("session", name(&session.id))))
        .chain(records.pending.keys().map(|handle| ("request", name(handle))))
        .chain(users.map(|user| ("user", user.id.to_string())))
        .collect()
}

/// CODE-03, REFRESH-08.
fn each_is_paid_once(gifts: &[Gift]) -> bool {
    let payments: Vec<Payment> = gifts.iter().filter_map(Gift::payment).collect();
    payments.iter().enumerate().all(|(at, payment)| !payments[..at].contains(payment))
}

/// STORE-02, STORE-04: what was answered is there and paid for; what was never answered is not there.
fn what_is_kept_is_what_was_given(records: &Records, gifts: &[Gift]) -> bool {
    let paid = |payment: Payment| gifts.iter().any(|gift| gift.payment() == Some(payment));
    let of = |are: fn(&Gift) -> bool| (0..gifts.len()).filter(move |at| are(&gifts[*at]));
    let tokens = of(|gift| gift.payment().is_some());
    let tokens: BTreeSet<Digest> = tokens.map(|at| cast::refresh_token_of(at).hash()).collect();
    let codes: BTreeSet<Digest> = of(|gift| *gift == Gift::Code).map(|at| cast::code_of(at).hash()).collect();
    let redeemed = |at: usize| {
        let code = records.codes.get(&cast::code_of(at).hash());
        code.is_some_and(|code| (code.redemption != Redemption::Pending) == paid(Payment::Code(at)))
    };
    let spent = |at: usize| {
        let token = records.refresh_tokens.get(&cast::refresh_token_of(at).hash());
        token.is_some_and(|token| (token.spending != Spending::Unspent) == paid(Payment::RefreshToken(at)))
    };
    let users = gifts.iter().filter(|gift| **gift == Gift::User).count();
    records.refresh_tokens.keys().eq(&tokens)
        && records.codes.keys().eq(&codes)
        && of(|gift| *gift == Gift::Code).all(redeemed)
        && of(|gift| gift.payment().is_some()).all(spent)
        && records.users.len() == 1 + users
}

/// REFRESH-08.
fn one_unspent_in_each_family(records: &Records) -> bool {
    let unspent = records.refresh_tokens.values().filter(|token| token.spending == Spending::Unspent);
    let families: Vec<_> = unspent.map(|token| &token.grant).collect();
    families.iter().enumerate().all(|(at, family)| !families[..at].contains(family))
}

/// AUTHZ-31. The scenarios have one pending request.
fn one_answer_for_each_request(gifts: &[Gift]) -> bool {
    gifts.iter().filter(|gift| matches!(gift, Gift::Code | Gift::Denial)).count() <= 1
}

/// REFRESH-16, CODE-11.
fn grants_end_with_their_session(records: &Records) -> bool {
    let mut bound = records
        .grants
        .values()
        .filter(|grant| grant.state == GrantState::Standing && grant.presence == Presence::WhileSignedIn);
    bound.all(|grant| records.sessions.get(&grant.session).is_some_and(|session| session.state == SessionState::Live))
}

/// INV-02.
fn no_access_of_the_disabled(records: &Records) -> bool {
    let disabled = |id| records.users.get(id).is_none_or(|user| user.status == Status::Disabled);
    !records.grants.values().any(|grant| disabled(&grant.user) && grant.state == GrantState::Standing)
        && !records.sessions.values().any(|session| disabled(&session.user) && session.state == SessionState::Live)
}

/// SESS-04, REFRESH-16. The proofs in the scenarios are of the first generation of credentials.
fn sessions_are_of_todays_credentials(records: &Records, gifts: &[Gift]) -> bool {
    let replaced = records.users.get(&cast::person().id).is_some_and(|user| user.credentials_generation > 0);
    let opened = (0..gifts.len()).filter(|at| gifts[*at] == Gift::Session);
    let mut opened = opened.filter_map(|at| records.sessions.get(&cast::session_of(at).hash()));
    !replaced || opened.all(|session| session.state != SessionState::Live)
}

/// LOGIN-05.
fn usernames_are_unique(records: &Records) -> bool {
    let names: BTreeSet<_> = records.users.values().map(|user| &user.username).collect();
    names.len() == records.users.len()
}

impl Gift {
    fn payment(&self) -> Option<Payment> {
        match self {
            Self::Tokens { paid_with, .. } => Some(*paid_with),
            Self::Code | Self::Denial | Self::Session | Self::Admission | Self::User => None,
        }
    }
}
