//! What must hold after every commit, whatever came before.
//!
//! Those of a family of refresh tokens speak about what was given ([`Gift`]), not about what the store says of it.

use std::collections::BTreeSet;

use grantd_protocol::events::EventKind;
use grantd_protocol::facts::Facts;
use grantd_protocol::records::{
    EndedThing, Grant, GrantState, Presence, Redemption, RefreshToken, SessionState, Spending, Status,
};
use grantd_protocol::settings::Settings;
use grantd_protocol::state::Records;
use grantd_tokens::{Digest, Seconds, Time};

use super::ask::{Answer, Ask, Judged};
use super::cast;
use super::gifts::{self, Gift, History, Payment};
use super::shell::WINDOW;

/// One commit, with all that was known around it.
pub(crate) struct Committed<'a> {
    pub(crate) ask: Ask,
    /// When it was decided.
    pub(crate) at: Time,
    /// When it was written.
    pub(crate) now: Time,
    pub(crate) facts: &'a Facts,
    pub(crate) judged: &'a Judged,
    pub(crate) before: &'a Records,
    pub(crate) after: &'a Records,
    /// What had become of the refresh token that was shown, when the store was read.
    pub(crate) history: History,
    /// All that was given, with what came of this commit.
    pub(crate) gifts: &'a [Gift],
}

/// Every invariant, each with its sentence.
pub(crate) fn judge(committed: &Committed<'_>, settings: &Settings) -> Result<(), &'static str> {
    let (after, gifts) = (committed.after, committed.gifts);
    let admitted = gifts.iter().filter(|gift| **gift == Gift::Admission).count();
    let limit = settings.limits.sign_ins_per_account as usize;
    let all = [
        (committed.only_the_owner_is_given_tokens(), "tokens for somebody who did not prove to be the owner"),
        (committed.nothing_is_given_under_a_revoked_grant(), "tokens under a grant that does not stand"),
        (committed.scopes_only_shrink(), "more scope than was granted or asked for"),
        (committed.nothing_taken_back_is_given(), "a token carries what was taken back from its grant"),
        (committed.no_stranger_revokes(), "a grant was revoked, and nothing proven was shown twice"),
        (committed.a_replay_revokes(), "a code or refresh token was shown again, and its grant stands"),
        (committed.a_theft_is_told(), "a theft was not told, or something else was told as one"),
        (committed.a_refusal_only_takes_away(), "after a refusal more is live than before"),
        (each_code_is_paid_once(gifts), "a code was answered twice"),
        (
            no_family_forks(gifts),
            "a family forked: of two that one token was traded for, the one that was replaced was used",
        ),
        (one_unspent_in_each_family(after), "two unspent refresh tokens in one family"),
        (no_revival([committed.before, after], gifts), "what was spent, replaced or revoked is live again"),
        (what_is_kept_is_what_was_given(after, gifts), "the store does not hold what was given, or holds more"),
        (
            what_was_replaced_has_ended(after, gifts, committed.now),
            "what was replaced unused has an access token that works",
        ),
        (one_answer_for_each_request(gifts), "one authorization request was answered twice"),
        (grants_end_with_their_session(after), "a grant for while the user is signed in outlives the session"),
        (no_access_of_the_disabled(after), "a disabled user has a live session or a standing grant"),
        (sessions_are_of_todays_credentials(after, gifts), "a session was opened with credentials that were replaced"),
        (usernames_are_unique(after), "two users have one name"),
        (admitted <= limit, "more passwords were admitted than fit into the window"),
    ];
    all.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, broken)| Err(broken))
}

/// A sweep is no commit of anybody's, and changes nothing that anybody could notice but by its absence.
pub(crate) fn judge_sweep([before, after]: [&Records; 2], gifts: &[Gift]) -> Result<(), &'static str> {
    let all = [
        (live(before) == live(after), "a sweep took away something live"),
        (no_revival([before, after], gifts), "what was spent, replaced or revoked is live again"),
        (what_is_kept_is_what_was_given(after, gifts), "the store does not hold what was given, or holds more"),
    ];
    all.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, broken)| Err(broken))
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
        let Ok(Answer::Tokens { scope, claimed, .. }) = &self.judged.answer else { return true };
        let Some(grant) = &self.facts.grant else { return false };
        let named = match self.ask {
            Ask::Refresh { scope, .. } => scope.named(),
            _ => None,
        };
        let asked = named.map_or(grant.scopes.clone(), cast::scopes);
        let claimed = claimed.as_deref().map(cast::scopes).unwrap_or_default();
        grant.scopes.is_within(&cast::scopes(cast::ASKED))
            && scope.is_within(&grant.scopes)
            && scope.is_within(&asked)
            && claimed.is_within(scope)
    }

    /// CONSENT-05: whatever is answered is within what the grant holds at that very moment.
    fn nothing_taken_back_is_given(&self) -> bool {
        let Ok(Answer::Tokens { scope, .. }) = &self.judged.answer else { return true };
        let grant = self.facts.grant.as_ref().and_then(|grant| self.after.grants.get(&grant.id));
        grant.is_none_or(|grant| scope.is_within(&grant.scopes))
    }

    /// CODE-05: whoever cannot redeem it cannot end it.
    fn no_stranger_revokes(&self) -> bool {
        let stood = |records: &Records| {
            let standing = records.grants.values().filter(|grant| grant.state == GrantState::Standing);
            standing.map(|grant| grant.id.clone()).collect::<BTreeSet<_>>()
        };
        let revoked = stood(self.before).difference(&stood(self.after)).count() > 0;
        !self.is_token_request() || !revoked || (self.ask.is_proven() && self.is_replay())
    }

    /// CODE-04, REFRESH-09: of two who hold it, one is a thief.
    fn a_replay_revokes(&self) -> bool {
        !self.ask.is_proven() || !self.is_replay() || !self.grant_stands()
    }

    /// Whether what was shown had been used when the request looked, and there is no innocent reason to show it again.
    fn is_replay(&self) -> bool {
        self.facts.code.as_ref().is_some_and(|code| code.redemption != Redemption::Pending) || self.is_theft()
    }

    /// REFRESH-09 to REFRESH-11: used longer ago than the window, or its successor was used, or it was replaced.
    fn is_theft(&self) -> bool {
        let History { replaced, successor_used, .. } = self.history;
        let too_late = self.used_for().is_some_and(|used_for| used_for >= WINDOW);
        replaced || successor_used || too_late
    }

    fn used_for(&self) -> Option<Seconds> {
        self.history.used_for(Seconds(self.at.since(cast::START).0))
    }

    /// REFRESH-09, LOG-04: of everything but a first use the operator is told what it was.
    fn a_theft_is_told(&self) -> bool {
        let stood = self.facts.grant.as_ref().is_some_and(|grant| grant.state == GrantState::Standing);
        let what_it_is = || match self.used_for() {
            _ if self.is_theft() => Some(EventKind::RefreshTokenReused),
            Some(Seconds(0..=1)) => Some(EventKind::RefreshRaced),
            Some(_) => Some(EventKind::RefreshRetried),
            None => None,
        };
        let to_tell = if self.ask.is_proven() && stood { what_it_is() } else { None };
        let is_of_refreshes = |kind: &EventKind| {
            matches!(kind, EventKind::RefreshRetried | EventKind::RefreshRaced | EventKind::RefreshTokenReused)
        };
        self.judged.notes.iter().copied().filter(is_of_refreshes).eq(to_tell)
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

pub(crate) fn is_unspent(token: &RefreshToken) -> bool {
    token.spending == Spending::Unspent
}

/// CODE-03.
fn each_code_is_paid_once(gifts: &[Gift]) -> bool {
    gifts::paid_with(gifts, Payment::Code(0)).count() <= 1
}

/// REFRESH-08, REFRESH-10: whatever a token is traded for again, only the last of it is good for anything.
fn no_family_forks(gifts: &[Gift]) -> bool {
    let mut tokens = gifts::tokens(gifts).map(|(at, _)| at);
    tokens.all(|at| !gifts::is_replaced(gifts, at) || !gifts::is_used(gifts, at))
}

/// REFRESH-09, REFRESH-11: the end of a token or a grant is for good.
fn no_revival([before, after]: [&Records; 2], gifts: &[Gift]) -> bool {
    let is_new = |token: &RefreshToken| !before.refresh_tokens.contains_key(&token.hash);
    let was_unspent = |token: &RefreshToken| before.refresh_tokens.get(&token.hash).is_some_and(is_unspent);
    let unspent = gifts::unspent(gifts);
    let given: BTreeSet<Digest> =
        gifts::tokens(gifts).filter(|(at, _)| unspent.contains(at)).map(|(_, tokens)| tokens.hash()).collect();
    let mut live = after.refresh_tokens.values().filter(|token| is_unspent(token));
    let ended = |grant: &&Grant| grant.state != GrantState::Standing;
    live.all(|token| given.contains(&token.hash) && (is_new(token) || was_unspent(token)))
        && before.grants.values().filter(ended).all(|grant| after.grants.get(&grant.id).is_none_or(|it| ended(&it)))
}

/// STORE-02, STORE-04: what was answered is there and paid for; what was never answered is not there. What was spent or
/// replaced may have been swept away (STORE-09).
fn what_is_kept_is_what_was_given(records: &Records, gifts: &[Gift]) -> bool {
    let codes = (0..).zip(gifts).filter(|(_, gift)| **gift == Gift::Code).map(|(at, _)| at);
    let redeemed = gifts::paid_with(gifts, Payment::Code(0)).next().is_some();
    let is_kept = |at: u8| {
        let code = records.codes.get(&cast::code_of(at).hash());
        code.is_some_and(|code| (code.redemption != Redemption::Pending) == redeemed)
    };
    let is_as_given = |(at, tokens): (u8, &gifts::Tokens)| {
        let spending = records.refresh_tokens.get(&tokens.hash()).map(|token| token.spending);
        match spending {
            Some(Spending::Unspent) => !gifts::is_used(gifts, at) && !gifts::is_replaced(gifts, at),
            Some(Spending::Spent { .. }) => gifts::is_used(gifts, at),
            Some(Spending::Superseded { .. }) => gifts::is_replaced(gifts, at),
            None => gifts::is_used(gifts, at) || gifts::is_replaced(gifts, at),
        }
    };
    let given: BTreeSet<Digest> = gifts::tokens(gifts).map(|(_, tokens)| tokens.hash()).collect();
    let users = gifts.iter().filter(|gift| **gift == Gift::User).count();
    records.refresh_tokens.keys().all(|token| given.contains(token))
        && gifts::tokens(gifts).all(is_as_given)
        && records.codes.len() == codes.clone().count()
        && codes.clone().all(is_kept)
        && records.users.len() == 1 + users
}

/// REFRESH-10: in the same step.
fn what_was_replaced_has_ended(records: &Records, gifts: &[Gift], now: Time) -> bool {
    let mut replaced = gifts::tokens(gifts).filter(|(at, _)| gifts::is_replaced(gifts, *at));
    replaced.all(|(_, tokens)| {
        let access_token = &tokens.access_token;
        now >= access_token.expires_at || records.ended.contains_key(&EndedThing::AccessToken(access_token.id.clone()))
    })
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
