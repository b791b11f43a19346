//! Law 5: a refusal only takes away.

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::consent::Verdict;
use grantd_protocol::endpoint::{Decision, Next};
use grantd_protocol::names::{AccessTokenId, ClientId, Network, ResourceId, Scopes};
use grantd_protocol::records::{AttemptKey, IssuedAccessToken, Revocation, Spending, Status};
use grantd_protocol::refusals::Refusal;
use grantd_tokens::{Seconds, Secret};
use proptest::prelude::*;

use crate::forms_of_the_wire::{Browser, TokenCall};
use crate::model::live;
use crate::town::{ALICE, BOB, LOCKBOXES, NATIVE, SCHEME, WEB, WEB_POST, user_id};
use crate::world::{VERIFIER, World, parsed};

/// What is written only together with an answer is dropped with it, however late the refusal comes.
// proves: INV-06
#[test]
fn what_gives_is_dropped_when_the_answer_is_a_refusal() {
    let world = World::new();
    let (user, at) = (user_id(ALICE), world.now);
    let takes = Change::RemoveUser { user: user.clone(), at };
    let gives = Change::SetUserStatus { user, status: Status::Active, at };
    let judged = |condition| {
        let Decision { changes, .. } = Decision::reached_by(|ledger| {
            ledger.always(takes.clone());
            ledger.if_answered(gives.clone());
            Ok(ledger.ensure(condition, Refusal::CodeExpired)?)
        });
        changes
    };
    assert_eq!(judged(true), [takes.clone(), gives.clone()]);
    assert_eq!(judged(false), std::slice::from_ref(&takes));
}

/// `Change::tightens` says what a refusal may write. Whatever it says so of makes nothing live, in a world where there is
/// something of everything.
// proves: INV-06
#[test]
fn what_is_said_to_tighten_makes_nothing_live() {
    let mut world = a_town_in_full_swing().world;
    // So that a change which switches on would be seen to do so.
    world.operate(Change::SetUserStatus { user: user_id(BOB), status: Status::Disabled, at: world.now });
    let tightening: Vec<Change> = one_of_each(&world).into_iter().filter(Change::tightens).collect();
    assert_eq!(tightening.len(), 15);
    for change in tightening {
        let mut after = world.clone();
        assert_eq!(after.commit(std::slice::from_ref(&change)), Commit::Done, "{change:?}");
        let new: Vec<_> = live(after.records()).difference(&live(world.records())).cloned().collect();
        assert!(new.is_empty(), "{change:?} makes live: {new:?}");
    }
}

/// What changes nothing but for the worse, and its near twins.
fn one_of_each(world: &World) -> Vec<Change> {
    let at = world.now;
    let records = world.records();
    let session = *records.sessions.keys().next().unwrap();
    let grant = records.grants.keys().next().unwrap().clone();
    let code = *records.codes.keys().next().unwrap();
    let pending = *records.pending.keys().next().unwrap();
    let key = AttemptKey::Network(Network::new("192.0.2.0/24"));
    let counted =
        Change::CountAttempt { key: key.clone(), at, window: Seconds(60), limit: 99, or: Refusal::SignInThrottled };
    let status = |status| Change::SetUserStatus { user: user_id(BOB), status, at };
    let client_status = |status| Change::SetClientStatus { client: ClientId::new(WEB_POST), status, at };
    let alice = user_id(ALICE);
    let held = &records.grants[&grant];
    let narrowed = Change::NarrowGrant {
        grant: grant.clone(),
        narrowings: held.narrowings,
        scopes: Scopes::default(),
        resources: held.resources.clone(),
        details: Vec::new(),
    };
    let issued = IssuedAccessToken { id: AccessTokenId::new("one that was issued"), expires_at: at + Seconds(300) };
    let spent = records.refresh_tokens.values().find_map(|token| match token.spending {
        Spending::Spent { successor, .. } => Some((token.hash, successor)),
        Spending::Unspent | Spending::Superseded { .. } => None,
    });
    let (predecessor, unused) = spent.unwrap();
    let replacement = Secret::new("what takes its place").hash();
    vec![
        narrowed,
        Change::EndAccess { user: alice.clone(), client: None, at, because: Revocation::EndedByUser },
        Change::EndAccessToken { token: issued, at },
        Change::EndOtherSessions { user: alice.clone(), keep: session, at },
        Change::ForgetConsent { user: alice, client: ClientId::new(WEB) },
        client_status(Status::Disabled),
        client_status(Status::Active),
        Change::ReplaceSuccessor { predecessor, unused, replacement, at },
        Change::SpendRefreshToken { token: unused, successor: replacement, at },
        Change::EndSession { session, at },
        Change::CountWrongVerifier { code },
        Change::RevokeGrant { grant, at, because: Revocation::CodeReplayed },
        counted,
        Change::CompletePending { pending },
        Change::RemoveClient { client: ClientId::new(WEB), at },
        Change::RemoveResource { resource: ResourceId::new(LOCKBOXES) },
        Change::RemoveUser { user: user_id(ALICE), at },
        status(Status::Disabled),
        status(Status::Active),
        Change::ForgetAttempts { key },
        Change::TouchSession { session, at },
        Change::RedeemCode { code, at },
    ]
}

struct Town {
    world: World,
    browser: Browser,
    codes: Vec<Secret>,
    tokens: Vec<Secret>,
}

/// Somebody is signed in and looks at a consent page; there are codes and refresh tokens, used and unused.
fn a_town_in_full_swing() -> Town {
    let mut world = World::new();
    let (mut codes, mut tokens) = (vec![Secret::new("no such code")], vec![Secret::new("no such token")]);
    for client in [WEB, WEB_POST, NATIVE] {
        let used = world.approve(client, "boxes:list boxes:read offline_access");
        let spent = world.redeem(client, &used).unwrap().refresh_token.unwrap();
        let unspent = world.refresh(client, &spent).unwrap().refresh_token.unwrap();
        codes.extend([used, world.approve(client, "boxes:list")]);
        let replaced = world.approve(client, "boxes:list offline_access");
        let retried = world.redeem(client, &replaced).unwrap().refresh_token.unwrap();
        let superseded = world.refresh(client, &retried).unwrap().refresh_token.unwrap();
        let replacement = world.refresh(client, &retried).unwrap().refresh_token.unwrap();
        tokens.extend([spent, unspent, retried, superseded, replacement]);
    }
    let mut browser = Browser::new();
    let form = world.request_of(SCHEME);
    world.authorize(&mut browser, &form).unwrap();
    world.sign_in(&mut browser, ALICE).unwrap();
    Town { world, browser, codes, tokens }
}

/// What somebody does next: any code or token, as any client, with any verifier and scope, any button, at any time.
#[derive(Clone, Debug)]
enum Move {
    Redeem { code: usize, client: usize, verifier: bool },
    Refresh { token: usize, client: usize, scope: usize },
    Consent { verdict: usize, genuine: bool },
    Later(i64),
    Switch(bool),
    EndSession,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => (0..7_usize, 0..3_usize, any::<bool>())
            .prop_map(|(code, client, verifier)| Move::Redeem { code, client, verifier }),
        4 => (0..16_usize, 0..3_usize, 0..3_usize)
            .prop_map(|(token, client, scope)| Move::Refresh { token, client, scope }),
        2 => (0..3_usize, any::<bool>()).prop_map(|(verdict, genuine)| Move::Consent { verdict, genuine }),
        1 => prop_oneof![Just(1_i64), Just(29), Just(61), Just(15 * 24 * 3600)].prop_map(Move::Later),
        1 => any::<bool>().prop_map(Move::Switch),
        1 => Just(Move::EndSession),
    ];
    prop::collection::vec(one, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is asked in whatever state: a refusal writes only what tightens, and leaves nothing live that was not.
    // proves: INV-06
    #[test]
    fn after_a_refusal_no_more_is_live_than_before(moves in moves()) {
        let mut town = a_town_in_full_swing();
        for step in moves {
            town.play(&step);
        }
    }
}

impl Town {
    fn play(&mut self, step: &Move) {
        let clients = [WEB, WEB_POST, NATIVE];
        let (at, user) = (self.world.now, user_id(ALICE));
        match *step {
            Move::Redeem { code, client, verifier } => {
                let call = self.world.redemption_of(clients[client], &self.codes[code]);
                let wrong = VERIFIER.to_uppercase();
                self.ask(&call.with("code_verifier", if verifier { VERIFIER } else { &wrong }));
            }
            Move::Refresh { token, client, scope } => {
                let call = self.world.refresh_of(clients[client], &self.tokens[token]);
                let scope = ["boxes:list", "boxes:list boxes:read", "boxes:list calendar:read"][scope];
                self.ask(&call.with("scope", scope));
            }
            Move::Consent { verdict, genuine } => self.press(verdict, genuine),
            Move::Later(seconds) => self.world.advance(Seconds(seconds)),
            Move::Switch(on) => {
                let status = if on { Status::Active } else { Status::Disabled };
                self.world.operate(Change::SetUserStatus { user, status, at });
            }
            Move::EndSession => {
                let session = self.browser.session.as_ref().unwrap().hash();
                self.world.operate(Change::EndSession { session, at });
            }
        }
    }

    fn ask(&mut self, call: &TokenCall) {
        let request = parsed(call).unwrap();
        let decision = self.world.decision(&request);
        self.write(&decision);
    }

    fn press(&mut self, verdict: usize, genuine: bool) {
        use grantd_protocol::consent::ConsentDecision;
        use grantd_protocol::forms::{FormOrigin, Purpose};

        let browser = self.browser.state();
        let purpose = if genuine { Purpose::Consent } else { Purpose::SignOut };
        let form = ConsentDecision {
            token: browser.form_token(purpose),
            browser,
            origin: FormOrigin::Own,
            verdict: [Verdict::Allow, Verdict::Deny, Verdict::SwitchAccount][verdict],
            scopes: crate::town::scopes("boxes:list").iter().cloned().collect(),
            things: Vec::new(),
        };
        let Next::Done(decision) = self.world.decide(&form) else { panic!("nothing was to be fetched") };
        self.write(&decision);
    }

    /// Nobody is faster here, so that the commit is done; a refusal must have left the world no richer.
    fn write<A>(&mut self, decision: &Decision<A>) {
        let before = live(self.world.records());
        assert_eq!(self.world.commit(&decision.changes), Commit::Done);
        if let Err(refused) = &decision.answer {
            assert!(decision.changes.iter().all(Change::tightens), "{:?} writes {:?}", refused, decision.changes);
            assert!(live(self.world.records()).is_subset(&before), "after {refused:?} more is live");
        }
    }
}
