//! What may happen, at random: changes over small numbers, so that guards meet what they guard against.

use grantd_protocol::changes::Change;
use grantd_protocol::facts::Lookup;
use grantd_protocol::names::{AccessTokenId, Scopes};
use grantd_protocol::records::{RefreshToken, Revocation, SessionState, Spending};
use grantd_protocol::refusals::Refusal;
use grantd_tokens::{Seconds, Time};
use proptest::option;
use proptest::prelude::*;

use crate::records::{
    access_token, access_token_id, attempt_key, client, client_id, code, consent, detail, digest, every_scope, grant,
    grant_id, issued, network, offer, password, pending, refresh_token, resource, resource_id, scopes, session, status,
    user, user_id, username,
};

/// One thing that is done to both stores.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Commit(Vec<Change>),
    Sweep(Time),
}

/// One act, at one of the issuers.
pub(crate) fn act() -> impl Strategy<Value = (usize, Act)> {
    let changes = prop_oneof![
        4 => prop::collection::vec(change(), 1),
        3 => prop::collection::vec(change(), 2..4),
    ];
    let act = prop_oneof![
        12 => changes.prop_map(Act::Commit),
        1 => moment().prop_map(Act::Sweep),
    ];
    (0..2_usize, act)
}

/// Before, at and after what expires; two hours later, when spent tokens are forgotten; and a day later, when all is.
fn moment() -> impl Strategy<Value = Time> {
    let spent_long_ago = 7_200..7_260_i64;
    prop_oneof![4 => 0..60_i64, 2 => spent_long_ago, 1 => Just(86_400 + 10), 1 => Just(86_400 + 30)].prop_map(Time)
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    prop_oneof![of_browser(), of_grants(), of_grants(), of_tokens(), of_tokens(), of_attempts(), of_operator()]
}

fn of_browser() -> BoxedStrategy<Change> {
    prop_oneof![
        (few(), few(), soon()).prop_map(|(number, variant, at)| Change::AddPending(pending(number, variant, at))),
        (few(), few())
            .prop_map(|(number, variant)| Change::Offer { pending: digest("pending", number), offer: offer(variant) }),
        few().prop_map(|number| Change::CompletePending { pending: digest("pending", number) }),
        (few(), few(), soon(), 0..3_u32).prop_map(|(number, of, at, credentials_generation)| Change::AddSession {
            session: session(number, of, at),
            credentials_generation,
        }),
        (few(), soon())
            .prop_map(|(number, at)| Change::TouchSession { session: digest("session", number), at: Time(at) }),
        (few(), soon())
            .prop_map(|(number, at)| Change::EndSession { session: digest("session", number), at: Time(at) }),
        (0..2_u64, 0..2_u64, few()).prop_map(|(of, to, variant)| Change::KeepConsent(consent(of, to, variant))),
        (few(), few(), soon()).prop_map(|(of, keep, at)| Change::EndOtherSessions {
            user: user_id(of),
            keep: digest("session", keep),
            at: Time(at),
        }),
        // Of few people, so that what is used was often kept before.
        (0..2_u64, 0..2_u64, few()).prop_map(|(of, to, variant)| Change::UseConsent {
            user: user_id(of),
            client: client_id(to),
            given_at: consent(of, to, variant).given_at,
        }),
        (few(), few()).prop_map(|(of, to)| Change::ForgetConsent { user: user_id(of), client: client_id(to) }),
    ]
    .boxed()
}

fn of_grants() -> BoxedStrategy<Change> {
    prop_oneof![
        (few(), few(), few(), soon())
            .prop_map(|(number, session, variant, at)| Change::AddGrant(grant(number, session, variant, at))),
        (few(), few(), soon()).prop_map(|(number, of, at)| Change::AddCode(code(number, of, at))),
        (few(), soon()).prop_map(|(number, at)| Change::RedeemCode { code: digest("code", number), at: Time(at) }),
        few().prop_map(|number| Change::CountWrongVerifier { code: digest("code", number) }),
        (few(), soon(), because()).prop_map(|(number, at, because)| Change::RevokeGrant {
            grant: grant_id(number),
            at: Time(at),
            because
        }),
        (few(), narrowings(), soon()).prop_map(|(number, narrowings, at)| Change::UseGrant {
            grant: grant_id(number),
            narrowings,
            at: Time(at),
        }),
        (few(), narrowings(), few()).prop_map(|(number, narrowings, left)| Change::NarrowGrant {
            grant: grant_id(number),
            narrowings,
            scopes: if left == 0 { Scopes::default() } else { scopes("read") },
            resources: (0..left).map(resource_id).collect(),
            details: (0..left).map(|_| detail(Some("box-2"))).collect(),
        }),
        (few(), option::of(few()), soon(), because()).prop_map(|(of, to, at, because)| Change::EndAccess {
            user: user_id(of),
            client: to.map(client_id),
            at: Time(at),
            because,
        }),
    ]
    .boxed()
}

/// What grants begin with, and what follows.
fn narrowings() -> impl Strategy<Value = u32> {
    prop_oneof![3 => Just(0_u32), 1 => Just(1), 1 => Just(u32::MAX - 1), 2 => Just(u32::MAX)]
}

fn of_tokens() -> BoxedStrategy<Change> {
    let spending = prop_oneof![
        2 => Just(Spending::Unspent),
        1 => (soon(), few()).prop_map(|(at, number)| Spending::Spent {
            at: Time(at),
            successor: digest("refresh", number),
        }),
        1 => (soon(), few()).prop_map(|(at, number)| Spending::Superseded {
            at: Time(at),
            by: digest("refresh", number),
        }),
    ];
    prop_oneof![
        (few(), few(), spending).prop_map(|(number, of, spending)| {
            Change::AddRefreshToken(RefreshToken { spending, ..refresh_token(number, of) })
        }),
        (few(), few(), soon()).prop_map(|(number, successor, at)| Change::SpendRefreshToken {
            token: digest("refresh", number),
            successor: digest("refresh", successor),
            at: Time(at),
        }),
        (few(), few(), few(), soon()).prop_map(|(predecessor, unused, replacement, at)| Change::ReplaceSuccessor {
            predecessor: digest("refresh", predecessor),
            unused: digest("refresh", unused),
            replacement: digest("refresh", replacement),
            at: Time(at),
        }),
        (few(), option::of(few()), soon())
            .prop_map(|(number, of, at)| Change::AddAccessToken(access_token(number, of, at))),
        (few(), soon()).prop_map(|(number, at)| Change::EndAccessToken { token: issued(number), at: Time(at) }),
    ]
    .boxed()
}

fn because() -> impl Strategy<Value = Revocation> {
    prop_oneof![
        Just(Revocation::CodeReplayed),
        Just(Revocation::RefreshTokenReused),
        Just(Revocation::SignedOut),
        Just(Revocation::CredentialsChanged),
        Just(Revocation::ClientRemoved),
        Just(Revocation::ClientDisabled),
        Just(Revocation::GivenBack),
        Just(Revocation::EndedByUser),
        Just(Revocation::EndedByOperator),
        Just(Revocation::Restored),
    ]
}

fn of_attempts() -> BoxedStrategy<Change> {
    prop_oneof![
        3 => (few(), soon(), 1..30_i64, 0..4_u32).prop_map(|(number, at, window, limit)| Change::CountAttempt {
            key: attempt_key(number),
            at: Time(at),
            window: Seconds(window),
            limit,
            or: Refusal::SignInThrottled,
        }),
        1 => few().prop_map(|number| Change::ForgetAttempts { key: attempt_key(number) }),
    ]
    .boxed()
}

fn of_operator() -> BoxedStrategy<Change> {
    prop_oneof![
        (few(), any::<u8>()).prop_map(|(number, variant)| Change::PutClient(client(number, variant.into()))),
        (few(), few(), soon()).prop_map(|(number, variant, at)| Change::SetClientStatus {
            client: client_id(number),
            status: status(variant),
            at: Time(at),
        }),
        (few(), soon()).prop_map(|(number, at)| Change::RemoveClient { client: client_id(number), at: Time(at) }),
        (few(), few()).prop_map(|(number, variant)| Change::PutResource(resource(number, variant))),
        few().prop_map(|number| Change::RemoveResource { resource: resource_id(number) }),
        (few(), few(), any::<u8>()).prop_map(|(number, name, variant)| Change::AddUser {
            user: user(number, name, variant.into()),
            or: Refusal::NameTaken,
        }),
        (few(), few(), few()).prop_map(|(number, was, now)| Change::RehashPassword {
            user: user_id(number),
            was: password(was),
            now: password(now),
        }),
        (few(), few(), soon()).prop_map(|(number, hash, at)| Change::SetPassword {
            user: user_id(number),
            password: password(hash),
            at: Time(at),
        }),
        (few(), few(), soon()).prop_map(|(number, variant, at)| Change::SetUserStatus {
            user: user_id(number),
            status: status(variant),
            at: Time(at),
        }),
        (few(), soon()).prop_map(|(number, at)| Change::RemoveUser { user: user_id(number), at: Time(at) }),
    ]
    .boxed()
}

fn few() -> std::ops::Range<u64> {
    0..3
}

fn soon() -> std::ops::Range<i64> {
    0..60
}

/// Any combination of keys, those that no endpoint names together included.
pub(crate) fn lookup() -> impl Strategy<Value = Lookup> {
    let keys = (
        option::of(few().prop_map(client_id)),
        option::of(few().prop_map(|number| digest("code", number))),
        option::of(few().prop_map(|number| digest("refresh", number))),
        option::of(few().prop_map(|number| digest("pending", number))),
        option::of(few().prop_map(|number| digest("session", number))),
        option::of(few().prop_map(username)),
        prop::collection::vec((0..5_u64).prop_map(attempt_key), 0..3),
        option::of(few().prop_map(network)),
    );
    let keys = keys.prop_map(|(client, code, refresh_token, pending, session, username, attempts, waiting)| Lookup {
        client,
        code,
        refresh_token,
        pending,
        session,
        username,
        attempts,
        waiting,
        scopes: every_scope(),
        ..Lookup::default()
    });
    let keys_of_tokens = (
        option::of(few().prop_map(|number| digest("family", number))),
        option::of(few().prop_map(|number| digest("access", number))),
        option::of(few().prop_map(access_token_id)),
        option::of(few().prop_map(client_id)),
        any::<bool>(),
    );
    (keys, keys_of_tokens).prop_map(|(keys, (family, access_token, access_token_id, holder, holdings))| Lookup {
        family,
        access_token,
        access_token_id,
        holder,
        holdings,
        ..keys
    })
}

/// One lookup for each thing that there may be.
pub(crate) fn every_lookup() -> Vec<Lookup> {
    let mut lookups = vec![Lookup { attempts: (0..5).map(attempt_key).collect(), ..Lookup::default() }];
    for number in 0..3 {
        lookups.extend([
            Lookup { client: Some(client_id(number)), ..Lookup::default() },
            Lookup { code: Some(digest("code", number)), client: Some(client_id(0)), ..Lookup::default() },
            Lookup { refresh_token: Some(digest("refresh", number)), client: Some(client_id(1)), ..Lookup::default() },
            Lookup { pending: Some(digest("pending", number)), ..Lookup::default() },
            Lookup { session: Some(digest("session", number)), client: Some(client_id(0)), ..Lookup::default() },
            Lookup { username: Some(username(number)), client: Some(client_id(2)), ..Lookup::default() },
            Lookup { waiting: Some(network(number)), ..Lookup::default() },
            Lookup { family: Some(digest("family", number)), ..Lookup::default() },
            Lookup { access_token: Some(digest("access", number)), ..Lookup::default() },
            Lookup { access_token_id: Some(access_token_id(number)), ..Lookup::default() },
            Lookup {
                access_token_id: Some(AccessTokenId::new("of-nobody")),
                holder: Some(client_id(number)),
                ..Lookup::default()
            },
            Lookup { session: Some(digest("session", number)), holdings: true, ..Lookup::default() },
            Lookup { client: Some(client_id(number)), scopes: every_scope(), ..Lookup::default() },
        ]);
    }
    lookups
}

/// A town in which something of everything is there, so that random changes find what they are about.
pub(crate) fn beginning() -> Vec<Change> {
    let live = |number, of| grantd_protocol::records::Session { state: SessionState::Live, ..session(number, of, 40) };
    vec![
        Change::PutClient(client(0, 3)),
        Change::PutClient(client(1, 1)),
        Change::PutResource(resource(0, 0)),
        Change::PutResource(resource(1, 0)),
        Change::AddUser { user: user(0, 0, 0), or: Refusal::NameTaken },
        Change::AddUser { user: user(1, 1, 1), or: Refusal::NameTaken },
        Change::AddSession { session: live(0, 0), credentials_generation: 0 },
        Change::AddSession { session: live(1, 1), credentials_generation: 1 },
        Change::AddPending(pending(0, 0, 30)),
        Change::AddGrant(grant(0, 0, 0, 50)),
        Change::AddGrant(grant(1, 1, 1, 55)),
        Change::AddCode(code(0, 0, 20)),
        Change::AddCode(code(1, 1, 25)),
        Change::AddRefreshToken(refresh_token(0, 0)),
        Change::AddRefreshToken(RefreshToken {
            spending: Spending::Spent { at: Time(4), successor: digest("refresh", 0) },
            ..refresh_token(1, 0)
        }),
        Change::AddAccessToken(access_token(0, Some(0), 50)),
        Change::KeepConsent(consent(0, 0, 0)),
        Change::UseConsent { user: user_id(0), client: client_id(0), given_at: consent(0, 0, 0).given_at },
    ]
}

/// The name of a change, so that a test can count what it has seen.
pub(crate) fn name(change: &Change) -> String {
    let text = format!("{change:?}");
    text.split([' ', '(', '{']).next().unwrap().to_owned()
}
