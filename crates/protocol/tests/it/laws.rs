//! The six laws of `ARCHITECTURE.md`, each with the tests that fail when it is broken. Races beyond two are [`crate::model`]'s.

mod absence;
mod refusals_take_away;
mod secrets;

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::consent::Verdict;
use grantd_protocol::endpoint::Endpoint;
use grantd_protocol::login::SignIn;
use grantd_protocol::names::ClientId;
use grantd_protocol::records::{PasswordHash, Revocation, Status};
use grantd_protocol::refusals::Refusal;
use grantd_tokens::Secret;

use crate::forms_of_the_wire::Browser;
use crate::model::live;
use crate::town::{ALICE, WEB, user_id};
use crate::world::{World, parsed, refusal};

/// A decision that gives something, made but not yet written.
struct Giving {
    what: &'static str,
    world: World,
    changes: Vec<Change>,
    /// The same request, decided on the same facts with other randomness.
    rival: Vec<Change>,
}

fn giving<E: Endpoint>(what: &'static str, mut world: World, endpoint: &E) -> Giving {
    let decision = world.decision(endpoint);
    assert!(decision.answer.is_ok(), "{what} is refused");
    let rival = world.decision(endpoint).changes;
    Giving { what, world, changes: decision.changes, rival }
}

/// One of each that gives: a grant with its code, the first tokens, the next tokens, a session.
fn givings() -> Vec<Giving> {
    let mut world = World::new();
    let mut browser = Browser::new();
    let form = world.request_of(WEB);
    world.authorize(&mut browser, &form).unwrap();
    let sign_in = sign_in_form(&mut world, &browser);
    let session = giving("a sign-in", world.clone(), &sign_in);

    world.sign_in(&mut browser, ALICE).unwrap();
    let consent = world.ticked(&browser, Verdict::Allow);
    let grant = giving("a consent", world.clone(), &consent);

    let mut world = World::new();
    let code = world.approve(WEB, "boxes:list");
    let redemption = parsed(&world.redemption_of(WEB, &code)).unwrap();
    let first = giving("a redemption", world.clone(), &redemption);

    let token = world.redeem(WEB, &code).unwrap().refresh_token.unwrap();
    let refresh = parsed(&world.refresh_of(WEB, &token)).unwrap();
    let next = giving("a refresh", world, &refresh);
    vec![session, grant, first, next]
}

fn sign_in_form(world: &mut World, browser: &Browser) -> SignIn {
    use grantd_protocol::forms::{FormOrigin, Purpose};
    use grantd_protocol::login::{Credential, PasswordProof};
    use grantd_protocol::names::Username;

    let user = &world.records().users[&user_id(ALICE)];
    let credential = Credential {
        user: user.id.clone(),
        password: user.password.clone().unwrap(),
        generation: user.credentials_generation,
    };
    SignIn {
        browser: browser.state(),
        token: browser.state().form_token(Purpose::SignIn),
        origin: FormOrigin::Own,
        username: Username::parse(ALICE),
        network: browser.network.clone(),
        proof: Some(PasswordProof { credential, rehashed: None }),
    }
}

// ---- 2: uniqueness is a guard, never a read ----

/// Two requests that read the same moment are decided alike; only the write can tell them apart. (A person may sign in twice.)
// proves: STORE-02
#[test]
fn of_two_that_read_the_same_moment_the_write_lets_one_through() {
    for Giving { what, mut world, changes, rival } in givings() {
        assert_eq!(world.commit(&changes), Commit::Done, "{what}");
        let twice = if what == "a sign-in" { Commit::Done } else { Commit::Stale };
        assert_eq!(world.commit(&rival), twice, "{what} was written twice");
    }
}

// ---- 3: a guard writes the row it depends on ----

/// Whatever is taken back ends what is given at the same moment, in either order.
#[test]
fn what_is_given_never_slips_past_what_is_taken_back() {
    for Giving { what, world, changes, .. } in givings() {
        for taking in takings(&world).into_iter().filter(|taking| hangs_from(what, taking)) {
            let mut taken_first = world.clone();
            assert_eq!(taken_first.commit(std::slice::from_ref(&taking)), Commit::Done);
            assert_eq!(taken_first.commit(&changes), Commit::Stale, "{what} after {taking:?}");

            let mut given_first = world.clone();
            assert_eq!(given_first.commit(&changes), Commit::Done, "{what}");
            assert_eq!(given_first.commit(std::slice::from_ref(&taking)), Commit::Done);
            let left = live(given_first.records()).into_iter();
            let of_use = if what == "a sign-in" { "session" } else { "grant" };
            let left: Vec<_> = left.filter(|(kind, _)| *kind == of_use).collect();
            assert!(left.is_empty(), "{what} before {taking:?} leaves {left:?}");
        }
    }
}

fn takings(world: &World) -> Vec<Change> {
    let (at, user) = (world.now, user_id(ALICE));
    let mut takings = vec![
        Change::SetUserStatus { user: user.clone(), status: Status::Disabled, at },
        Change::SetPassword { user: user.clone(), password: PasswordHash::new("another"), at },
        Change::RemoveUser { user, at },
        Change::RemoveClient { client: ClientId::new(WEB), at },
    ];
    takings.extend(world.records().sessions.keys().map(|session| Change::EndSession { session: *session, at }));
    let because = Revocation::CodeReplayed;
    takings.extend(world.records().grants.keys().map(|grant| Change::RevokeGrant {
        grant: grant.clone(),
        at,
        because,
    }));
    takings
}

/// Removing a client takes back its grants, so what needs one is guarded. A session needs no client; and a grant that is
/// given to a client just removed is of no use, because the token endpoint asks for the client.
fn hangs_from(what: &str, taking: &Change) -> bool {
    !matches!(taking, Change::RemoveClient { .. }) || matches!(what, "a redemption" | "a refresh")
}

// ---- 4: no answer before the commit ----

/// A crash before the commit leaves nothing: what was decided is unknown, and what it would have cost is unspent.
// proves: STORE-04
#[test]
fn what_was_decided_and_not_committed_never_was() {
    let mut world = World::new();
    let code = world.approve(WEB, "boxes:list");
    let before = world.state.clone();
    let request = parsed(&world.redemption_of(WEB, &code)).unwrap();
    let never_sent = world.decision(&request).answer.unwrap().refresh_token.unwrap();

    assert!(world.state == before, "deciding has written something");
    assert_eq!(refusal(world.refresh(WEB, &never_sent)), Refusal::RefreshTokenUnknown);
    world.redeem(WEB, &code).unwrap();
}

/// A crash after the commit may lose the answer, and nothing else: the next try is judged by the replay rule.
// proves: STORE-04
#[test]
fn what_was_committed_and_not_answered_is_judged_as_a_replay() {
    let mut world = World::new();
    let code = world.approve(WEB, "boxes:list");
    let lost = world.redeem(WEB, &code).unwrap().refresh_token.unwrap();

    assert_eq!(refusal(world.redeem(WEB, &code)), Refusal::CodeReplayed);
    assert_eq!(refusal(world.refresh(WEB, &lost)), Refusal::RefreshGrantGone);
}

/// All changes are written or none, wherever in the list the one stands that cannot be.
// proves: STORE-04
#[test]
fn a_commit_that_is_not_done_writes_nothing() {
    for Giving { what, world, changes, .. } in givings() {
        let never = Change::RedeemCode { code: Secret::new("no such code").hash(), at: world.now };
        for place in 0..=changes.len() {
            let mut torn = changes.clone();
            torn.insert(place, never.clone());
            let mut tried = world.clone();
            assert_eq!(tried.commit(&torn), Commit::Stale);
            assert!(tried.state == world.state, "{what}: torn at {place}");
        }
    }
}
