//! Signing in and out: sessions, forms and throttling.

use grantd_protocol::authorize::{Page, Step};
use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::forms::{FormOrigin, Purpose};
use grantd_protocol::login::{Admission, Admitted, Credential, PasswordProof, SessionUse, SignIn, SignOut};
use grantd_protocol::names::{Network, UserId, Username};
use grantd_protocol::records::{SessionState, Status};
use grantd_protocol::refusals::Refusal;
use grantd_tokens::{Seconds, Secret};

use crate::forms_of_the_wire::Browser;
use crate::town::{ALICE, BOB, WEB, hash_of, password_of, user_id};
use crate::world::{World, refusal};

fn on_login_page(world: &mut World) -> Browser {
    let mut browser = Browser::new();
    let form = world.request_of(WEB);
    world.authorize(&mut browser, &form).unwrap();
    browser
}

fn signed_in(world: &mut World) -> Browser {
    let mut browser = on_login_page(world);
    world.sign_in(&mut browser, ALICE).unwrap();
    browser
}

fn who(world: &mut World, browser: &Browser) -> Option<UserId> {
    world.run(&SessionUse { browser: browser.state() }).unwrap().map(|user| user.id)
}

// proves: LOGIN-01
#[test]
fn unknown_wrong_and_disabled_are_one_answer() {
    let mut world = World::new();
    let mut browser = on_login_page(&mut world);
    assert_eq!(refusal(world.sign_in_with(&mut browser, "nobody", "x")), Refusal::SignInFailed);
    assert_eq!(refusal(world.sign_in_with(&mut browser, ALICE, "x")), Refusal::SignInFailed);
    assert_eq!(refusal(world.sign_in_with(&mut browser, "\u{0}", "x")), Refusal::SignInFailed);
    let (user, at) = (user_id(ALICE), world.now);
    world.operate(Change::SetUserStatus { user: user.clone(), status: Status::Disabled, at });
    assert_eq!(refusal(world.sign_in(&mut browser, ALICE)), Refusal::SignInFailed);
    world.operate(Change::SetUserStatus { user, status: Status::Active, at });
    world.sign_in(&mut browser, ALICE).unwrap();
}

// proves: LOGIN-04
#[test]
fn attempts_are_counted_per_account_per_network_and_in_all_and_the_right_password_waits_too() {
    let throttled = |limit: fn(&mut grantd_protocol::settings::Limits), who: &str, from: &str| {
        let mut world = World::new();
        limit(&mut world.settings.limits);
        let mut browser = on_login_page(&mut world);
        for _ in 0..2 {
            assert_eq!(refusal(world.sign_in_with(&mut browser, ALICE, "wrong")), Refusal::SignInFailed);
        }
        browser.network = Network::new(from);
        let outcome = world.sign_in(&mut browser, who).map(|_| ()).map_err(|refused| refused.refusal);
        world.advance(world.settings.limits.attempt_window);
        world.sign_in(&mut browser, who).unwrap();
        outcome
    };
    let (here, there) = ("192.0.2.0/24", "203.0.113.0/24");
    let late = Err(Refusal::SignInThrottled);
    let by_both: fn(&mut _) =
        |limits: &mut grantd_protocol::settings::Limits| limits.sign_ins_per_account_and_network = 2;
    assert_eq!([throttled(by_both, ALICE, here), throttled(by_both, ALICE, there)], [late, Ok(())]);
    assert_eq!(throttled(by_both, BOB, here), Ok(()));
    let by_account: fn(&mut _) = |limits: &mut grantd_protocol::settings::Limits| limits.sign_ins_per_account = 2;
    assert_eq!([throttled(by_account, ALICE, there), throttled(by_account, BOB, here)], [late, Ok(())]);
    let by_network: fn(&mut _) = |limits: &mut grantd_protocol::settings::Limits| limits.sign_ins_per_network = 2;
    assert_eq!([throttled(by_network, BOB, here), throttled(by_network, ALICE, there)], [late, Ok(())]);
    let in_all: fn(&mut _) = |limits: &mut grantd_protocol::settings::Limits| limits.sign_ins_in_all = 2;
    assert_eq!(throttled(in_all, BOB, there), late);
}

#[test]
fn an_attempt_is_counted_before_the_password_is_looked_at() {
    let mut world = World::new();
    world.settings.limits.sign_ins_per_account_and_network = 1;
    let browser = on_login_page(&mut world);
    let attempt = admission(&browser);
    let (first, second) = (world.decision(&attempt), world.decision(&attempt));
    assert_eq!(world.commit(&first.changes), Commit::Done);
    assert_eq!(world.commit(&second.changes), Commit::Refused(Refusal::SignInThrottled));
}

fn admission(browser: &Browser) -> Admission {
    Admission::Try {
        browser: browser.state(),
        token: browser.state().form_token(Purpose::SignIn),
        origin: FormOrigin::Own,
        username: Username::parse(ALICE),
        network: browser.network.clone(),
    }
}

/// What a browser sends whose password was compared before something else happened.
fn sign_in_of(browser: &Browser, credential: Credential) -> SignIn {
    SignIn {
        browser: browser.state(),
        token: browser.state().form_token(Purpose::SignIn),
        origin: FormOrigin::Own,
        username: Username::parse(ALICE),
        network: browser.network.clone(),
        proof: Some(PasswordProof { credential, rehashed: None }),
    }
}

fn credential(world: &mut World, browser: &Browser) -> Credential {
    match world.run(&admission(browser)).unwrap() {
        Admitted::Attempt(Some(credential)) => credential,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_password_that_was_changed_or_switched_off_meanwhile_opens_nothing() {
    let outcome = |change: fn(&mut World)| {
        let mut world = World::new();
        let browser = on_login_page(&mut world);
        let sign_in = sign_in_of(&browser, credential(&mut world, &browser));
        change(&mut world);
        world.run(&sign_in).map(|_| ()).map_err(|refused| refused.refusal)
    };
    assert_eq!(outcome(|_| ()), Ok(()));
    let reset = outcome(|world| {
        let (user, at) = (user_id(ALICE), world.now);
        world.operate(Change::SetPassword { user, password: hash_of("new"), at });
    });
    let same_again = outcome(|world| {
        let (user, at) = (user_id(ALICE), world.now);
        world.operate(Change::SetPassword { user, password: hash_of(&password_of(ALICE)), at });
    });
    let off = outcome(|world| {
        let (user, at) = (user_id(ALICE), world.now);
        world.operate(Change::SetUserStatus { user, status: Status::Disabled, at });
    });
    assert_eq!([reset, same_again, off], [Err(Refusal::SignInFailed); 3]);
}

#[test]
fn the_proof_of_one_person_does_not_sign_in_another() {
    let mut world = World::new();
    let browser = on_login_page(&mut world);
    let of_alice = credential(&mut world, &browser);
    let as_bob = SignIn { username: Username::parse(BOB), ..sign_in_of(&browser, of_alice) };
    assert_eq!(refusal(world.run(&as_bob)), Refusal::SignInFailed);
}

// proves: SESS-02
#[test]
fn every_sign_in_makes_a_session_that_no_browser_had_before() {
    let mut world = World::new();
    let mut browser = on_login_page(&mut world);
    // An attacker has planted a session cookie of their choice.
    browser.session = Some(Secret::new("planted"));
    world.sign_in(&mut browser, ALICE).unwrap();
    let session = browser.session.clone().unwrap();
    assert_ne!(session, Secret::new("planted"));
    assert!(!world.records().sessions.contains_key(&Secret::new("planted").hash()));
    world.sign_in(&mut browser, ALICE).unwrap();
    assert_ne!(browser.session.unwrap(), session);
}

#[test]
fn whoever_signs_in_ends_the_session_that_somebody_else_left_in_this_browser() {
    let mut world = World::new();
    let mut browser = signed_in(&mut world);
    let left_behind = browser.clone();
    world.sign_in(&mut browser, ALICE).unwrap();
    assert_eq!(who(&mut world, &left_behind), Some(user_id(ALICE)), "the same person goes on with what they granted");
    let left_behind = browser.clone();
    world.sign_in(&mut browser, BOB).unwrap();
    assert_eq!(who(&mut world, &left_behind), None);
    assert_eq!(who(&mut world, &browser), Some(user_id(BOB)));
}

// proves: SESS-04
#[test]
fn asking_for_access_keeps_a_session_from_being_idle() {
    let mut world = World::new();
    let mut browser = signed_in(&mut world);
    let nearly = Seconds(world.settings.lifetimes.session_idle.0 - 1);
    world.advance(nearly);
    let form = world.request_of(WEB);
    world.authorize(&mut browser, &form).unwrap();
    world.advance(nearly);
    assert_eq!(who(&mut world, &browser), Some(user_id(ALICE)));
}

// proves: SESS-03
#[test]
fn a_request_goes_on_only_in_the_browser_that_began_it() {
    let mut world = World::new();
    let browser = on_login_page(&mut world);
    for cookie in [None, Some(Secret::new("of the victim"))] {
        let mut victim = Browser { cookie, ..browser.clone() };
        assert_eq!(refusal(world.run(&Admission::Show(victim.state()))), Refusal::RequestOfAnotherBrowser);
        assert_eq!(refusal(world.sign_in(&mut victim, ALICE)), Refusal::RequestOfAnotherBrowser);
    }
    assert!(matches!(world.run(&Admission::Show(browser.state())), Ok(Admitted::Page(Some(_)))));
}

// proves: SESS-04
#[test]
fn a_session_ends_idle_old_and_signed_out() {
    let mut world = World::new();
    let lifetimes = world.settings.lifetimes.clone();
    let mut browser = signed_in(&mut world);
    let mut idle = world.clone();
    idle.advance(lifetimes.session_idle);
    assert_eq!(who(&mut idle, &browser), None);

    let ends = world.now + lifetimes.session;
    let step = Seconds(lifetimes.session_idle.0 - 1);
    while world.now + step < ends {
        world.advance(step);
        assert_eq!(who(&mut world, &browser), Some(user_id(ALICE)));
    }
    let mut old = world.clone();
    old.now = ends;
    assert_eq!(who(&mut old, &browser), None);

    let copied = browser.clone();
    world.sign_out(&mut browser).unwrap();
    assert_eq!(who(&mut world, &copied), None, "the cookie is worth nothing, whoever kept it");
    let state = world.records().sessions.values().next().unwrap().state;
    assert_eq!(state, SessionState::Ended { at: world.now });
}

// proves: SESS-04
#[test]
fn a_new_password_ends_every_session() {
    let mut world = World::new();
    let browsers = [signed_in(&mut world), signed_in(&mut world)];
    let (user, at) = (user_id(ALICE), world.now);
    world.operate(Change::SetPassword { user, password: hash_of("new"), at });
    for browser in browsers {
        assert_eq!(who(&mut world, &browser), None);
    }
}

// proves: SESS-05
#[test]
fn a_form_is_of_this_server_this_session_and_this_purpose() {
    let mut world = World::new();
    let browser = signed_in(&mut world);
    let state = browser.state();
    let other = signed_in(&mut world);
    for (token, origin) in [
        (None, FormOrigin::Own),
        (state.form_token(Purpose::SignIn), FormOrigin::Own),
        (state.form_token(Purpose::Consent), FormOrigin::Own),
        (other.state().form_token(Purpose::SignOut), FormOrigin::Own),
        (state.form_token(Purpose::SignOut), FormOrigin::Foreign),
    ] {
        let forged = SignOut { browser: state.clone(), token, origin };
        assert_eq!(refusal(world.run(&forged)), Refusal::FormForged);
    }
    assert_eq!(who(&mut world, &browser), Some(user_id(ALICE)));
    let token = state.form_token(Purpose::SignOut);
    world.run(&SignOut { browser: state, token, origin: FormOrigin::Own }).unwrap();
    assert_eq!(who(&mut world, &browser), None);
}

// proves: SESS-06
#[test]
fn nobody_can_be_signed_in_as_somebody_else_by_a_foreign_form() {
    let mut world = World::new();
    let attacker = on_login_page(&mut world);
    let token = attacker.state().form_token(Purpose::SignIn);
    let mut victim = on_login_page(&mut world);
    for (cookie, origin) in [(victim.cookie.clone(), FormOrigin::Own), (None, FormOrigin::Own)] {
        let browser = Browser { cookie, handle: None, ..victim.clone() };
        let forged = Admission::Try {
            browser: browser.state(),
            token: token.clone(),
            origin,
            username: Username::parse(BOB),
            network: browser.network.clone(),
        };
        assert_eq!(refusal(world.run(&forged)), Refusal::FormForged);
    }
    assert!(Browser::new().state().form_token(Purpose::SignIn).is_none(), "without the cookie there is no form");
    let proof = credential(&mut world, &attacker);
    let forged = SignIn { browser: victim.state(), token, ..sign_in_of(&attacker, proof) };
    assert_eq!(refusal(world.run(&forged)), Refusal::FormForged);
    world.sign_in(&mut victim, ALICE).unwrap();
}

#[test]
fn whoever_is_signed_in_is_not_asked_again() {
    let mut world = World::new();
    let mut browser = signed_in(&mut world);
    assert!(matches!(world.run(&Admission::Show(browser.state())), Ok(Admitted::AlreadySignedIn)));
    let form = world.request_of(WEB);
    let step = world.authorize(&mut browser, &form).unwrap();
    assert!(matches!(step, Step::Show { page: Page::Consent, new_browser: None, .. }));
}

#[test]
fn a_right_password_forgets_the_slips_before_it() {
    let mut world = World::new();
    world.settings.limits.sign_ins_per_account_and_network = 3;
    for _ in 0..5 {
        let mut browser = on_login_page(&mut world);
        assert_eq!(refusal(world.sign_in_with(&mut browser, ALICE, "slip")), Refusal::SignInFailed);
        world.sign_in(&mut browser, ALICE).unwrap();
    }
}

// proves: INV-10
#[test]
fn a_sweep_forgets_nothing_that_still_keeps_something_from_being_used_again() {
    let mut world = World::new();
    let code = world.approve(WEB, "boxes:list offline_access");
    let first = world.redeem(WEB, &code).unwrap().refresh_token.unwrap();
    world.refresh(WEB, &first).unwrap();
    world.advance(Seconds::days(13));
    let (issuer, now) = (world.settings.issuer.clone(), world.now);
    world.state.sweep(&issuer, now);
    assert_eq!(refusal(world.redeem(WEB, &code)), Refusal::CodeReplayed);
    assert_eq!(refusal(world.refresh(WEB, &first)), Refusal::RefreshGrantGone);
}
