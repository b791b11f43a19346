//! Refresh tokens: single use, one family, and every way in which they end.
//!
//! What it means that a spent one is shown again has a file of its own, and so has what one looks like.

mod looks;
mod shown_again;
mod taken_back;

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::names::Scopes;
use grantd_protocol::records::{Client, ClientKind, Spending, Status};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::token::grant_type::GrantType;
use grantd_tokens::{Seconds, Secret};

use crate::forms_of_the_wire::{Browser, TokenCall};
use crate::town::{ALICE, BROWSER, CALENDAR, LOCKBOXES, NATIVE, SCHEME, WEB, hash_of, scopes, user_id};
use crate::world::{World, basic, code_in, parsed, refusal};

/// A world with one grant, and its first refresh token.
fn granted(client: &str, scope: &str) -> (World, Secret) {
    let mut world = World::new();
    let code = world.approve(client, scope);
    let token = world.redeem(client, &code).unwrap().refresh_token.unwrap();
    (world, token)
}

// proves: REFRESH-01
#[test]
fn only_a_client_that_registered_for_it_gets_a_refresh_token() {
    let mut world = World::new();
    world.edit_client(WEB, |client| client.grant_types = vec![GrantType::AuthorizationCode]);
    let code = world.approve(WEB, "boxes:list");
    assert!(world.redeem(WEB, &code).unwrap().refresh_token.is_none());
    assert!(world.records().refresh_tokens.is_empty());
}

// proves: REFRESH-02
#[test]
fn a_refresh_token_is_256_random_bits_and_only_its_digest_is_kept() {
    let (world, token) = granted(WEB, "boxes:list");
    // The family's 128 bits, its own 256, and a seal over both.
    assert_eq!(token.expose().len(), 22 + 43 + 11);
    assert!(!token.expose().contains('.'));
    let record = &world.records().refresh_tokens[&token.hash()];
    assert!(!serde_json::to_string(record).unwrap().contains(token.expose()));
}

// proves: REFRESH-03
#[test]
fn a_refresh_token_is_its_clients_and_gives_what_its_user_granted() {
    let (mut world, token) = granted(SCHEME, "boxes:list");
    for thief in [NATIVE, BROWSER, WEB] {
        assert_eq!(refusal(world.refresh(thief, &token)), Refusal::RefreshTokenOfAnotherClient);
    }
    let issued = world.refresh(SCHEME, &token).unwrap();
    assert_eq!(issued.access_token.sub, "user-alice");
    assert_eq!((issued.access_token.aud.as_str(), issued.scope.to_string().as_str()), (LOCKBOXES, "boxes:list"));
}

// proves: REFRESH-04, CAUTH-23, TOKEN-07
#[test]
fn a_failing_client_leaves_the_token_usable() {
    let (mut world, token) = granted(WEB, "boxes:list");
    let call = world.refresh_of(WEB, &token);
    let guess = TokenCall { authorization: Some(basic(WEB, "guess")), ..call.clone() };
    assert_eq!(refusal(world.token(&guess)), Refusal::WrongSecret);
    let nameless = TokenCall { authorization: None, ..call.clone() }.with("client_id", WEB);
    assert_eq!(refusal(world.token(&nameless)), Refusal::WrongMethod);
    world.token(&call).unwrap();
}

// proves: REFRESH-05, REFRESH-08
#[test]
fn each_use_spends_the_token_and_makes_its_one_successor() {
    for client in [WEB, NATIVE, BROWSER] {
        let (mut world, first) = granted(client, "boxes:list");
        let second = world.refresh(client, &first).unwrap().refresh_token.unwrap();
        assert_ne!(first, second);
        let records = world.records();
        let unspent = records.refresh_tokens.values().filter(|token| token.spending == Spending::Unspent);
        assert_eq!(unspent.map(|token| token.hash).collect::<Vec<_>>(), [second.hash()]);
        let spent = records.refresh_tokens[&first.hash()].spending;
        assert_eq!(spent, Spending::Spent { at: world.now, successor: second.hash() });
    }
}

// proves: REFRESH-08
#[test]
fn of_two_refreshes_that_both_saw_the_token_unspent_one_wins() {
    let (mut world, token) = granted(WEB, "boxes:list");
    let request = parsed(&world.refresh_of(WEB, &token)).unwrap();
    let (first, second) = (world.decision(&request), world.decision(&request));
    assert_eq!(world.commit(&first.changes), Commit::Done);
    assert_eq!(world.commit(&second.changes), Commit::Stale);
    let unspent = world.records().refresh_tokens.values().filter(|token| token.spending == Spending::Unspent);
    assert_eq!(unspent.count(), 1);
}

// proves: REFRESH-12
#[test]
fn a_token_ends_unused_and_a_family_ends_however_used() {
    let (mut world, mut token) = granted(WEB, "boxes:list offline_access");
    let lifetimes = world.settings.lifetimes.clone();
    let grant_ends = world.records().grants.values().next().unwrap().expires_at;
    assert_eq!(grant_ends, world.now + lifetimes.refresh_token);
    let mut idle = world.clone();
    idle.advance(lifetimes.refresh_token_idle);
    assert_eq!(refusal(idle.refresh(WEB, &token)), Refusal::RefreshTokenIdle);

    while world.now + Seconds(lifetimes.refresh_token_idle.0 - 1) < grant_ends {
        world.advance(Seconds(lifetimes.refresh_token_idle.0 - 1));
        token = world.refresh(WEB, &token).unwrap().refresh_token.unwrap();
        assert_eq!(world.records().grants.values().next().unwrap().expires_at, grant_ends);
    }
    world.now = grant_ends;
    assert!(world.refresh(WEB, &token).is_err());
}

#[test]
fn without_lasting_access_everything_ends_with_the_session() {
    let (mut world, token) = granted(WEB, "boxes:list");
    let grant = world.records().grants.values().next().unwrap().clone();
    assert_eq!(grant.expires_at, world.now + world.settings.lifetimes.session);
    world.now = grant.expires_at;
    assert!(world.refresh(WEB, &token).is_err());
}

// proves: REFRESH-13
#[test]
fn scope_only_narrows_and_the_successor_keeps_all_of_it() {
    let (mut world, token) = granted(WEB, "boxes:list boxes:read");
    let call = world.refresh_of(WEB, &token);
    assert_eq!(refusal(world.token(&call.clone().with("scope", "boxes:list history"))), Refusal::RefreshScopeWider);
    assert_eq!(refusal(world.token(&call.clone().with("scope", "openid"))), Refusal::RefreshScopeWider);
    let narrow = world.token(&call.with("scope", "boxes:read")).unwrap();
    assert_eq!(narrow.access_token.scope.as_deref(), Some("boxes:read"));
    let full = world.refresh(WEB, &narrow.refresh_token.unwrap()).unwrap();
    assert_eq!(full.access_token.scope.as_deref(), Some("boxes:list boxes:read"));
}

// proves: REFRESH-14
#[test]
fn a_resource_is_one_of_those_granted() {
    let (mut world, token) = granted(WEB, "boxes:list");
    let call = world.refresh_of(WEB, &token).with("resource", CALENDAR);
    assert_eq!(refusal(world.token(&call)), Refusal::TargetNotGranted);
    assert_eq!(world.token(&call.with("resource", LOCKBOXES)).unwrap().access_token.aud, LOCKBOXES);
}

// proves: REFRESH-15
#[test]
fn what_a_client_lost_since_is_not_given_again() {
    let (mut world, token) = granted(WEB, "boxes:list boxes:read");
    world.edit_client(WEB, |client| client.scopes = scopes("boxes:read"));
    let issued = world.refresh(WEB, &token).unwrap();
    assert_eq!(issued.scope, scopes("boxes:read"));
    world.edit_client(WEB, |client| client.scopes = Scopes::default());
    assert_eq!(refusal(world.refresh(WEB, &issued.refresh_token.unwrap())), Refusal::NothingLeft);
}

// proves: REFRESH-15, REFRESH-16
#[test]
fn access_that_may_no_longer_last_ends_with_its_session() {
    let ended = |edit: fn(&mut Client), and_then: fn(&mut World, &mut Browser)| {
        let mut world = World::new();
        let mut browser = Browser::new();
        let form = world.request_of(WEB).with("scope", "boxes:list offline_access");
        let code = code_in(&world.approve_in(&mut browser, &form));
        let token = world.redeem(WEB, &code).unwrap().refresh_token.unwrap();
        world.edit_client(WEB, edit);
        let token = world.refresh(WEB, &token).unwrap().refresh_token.unwrap();
        and_then(&mut world, &mut browser);
        world.refresh(WEB, &token)
    };
    let signs_out = |world: &mut World, browser: &mut Browser| world.sign_out(browser).unwrap();
    let a_day_passes = |world: &mut World, _: &mut Browser| world.advance(Seconds::days(1));
    let loses_the_scope = |client: &mut Client| client.scopes = scopes("boxes:list");
    let moves_into_the_browser = |client: &mut Client| client.kind = ClientKind::Browser;
    for edit in [loses_the_scope, moves_into_the_browser] {
        assert_eq!(refusal(ended(edit, signs_out)), Refusal::RefreshSessionEnded);
        assert_eq!(refusal(ended(edit, a_day_passes)), Refusal::RefreshSessionEnded);
    }
    assert!(ended(|_| {}, signs_out).is_ok());
    assert!(ended(|_| {}, a_day_passes).is_ok());
}

#[test]
fn details_of_a_type_that_a_client_lost_are_not_given_again() {
    let mut world = World::new();
    let form = world.request_of(WEB).with("authorization_details", r#"[{"type":"postcard","motif":"sea"}]"#);
    let code = world.approve_form(&form);
    let issued = world.redeem(WEB, &code).unwrap();
    assert_eq!(issued.authorization_details.len(), 1);
    world.edit_client(WEB, |client| client.detail_types.clear());
    let issued = world.refresh(WEB, &issued.refresh_token.unwrap()).unwrap();
    assert!(issued.authorization_details.is_empty());
}

// proves: REFRESH-16
#[test]
fn signing_out_a_new_password_and_removal_end_the_family() {
    let ended = |scope: &str, change: fn(&mut World, &mut Browser)| {
        let mut world = World::new();
        let mut browser = Browser::new();
        let form = world.request_of(WEB).with("scope", scope);
        let code = code_in(&world.approve_in(&mut browser, &form));
        let token = world.redeem(WEB, &code).unwrap().refresh_token.unwrap();
        let call = world.refresh_of(WEB, &token);
        change(&mut world, &mut browser);
        world.token(&call).map(|_| ()).map_err(|refused| refused.refusal)
    };
    let sign_out = |world: &mut World, browser: &mut Browser| world.sign_out(browser).unwrap();
    assert_eq!(ended("boxes:list", sign_out), Err(Refusal::RefreshGrantGone));
    assert_eq!(ended("boxes:list offline_access", sign_out), Ok(()), "the user let it last");
    for scope in ["boxes:list", "boxes:list offline_access"] {
        let reset = |world: &mut World, _: &mut Browser| {
            let (user, at) = (user_id(ALICE), world.now);
            world.operate(Change::SetPassword { user, password: hash_of("new"), at });
        };
        assert_eq!(ended(scope, reset), Err(Refusal::RefreshGrantGone));
        let disable = |world: &mut World, _: &mut Browser| {
            let (user, at) = (user_id(ALICE), world.now);
            world.operate(Change::SetUserStatus { user, status: Status::Disabled, at });
        };
        assert_eq!(ended(scope, disable), Err(Refusal::RefreshGrantGone));
        let remove = |world: &mut World, _: &mut Browser| {
            let (client, at) = (world.client(WEB), world.now);
            world.operate(Change::RemoveClient { client: client.id.clone(), at });
            world.operate(Change::PutClient(client));
        };
        assert_eq!(ended(scope, remove), Err(Refusal::RefreshGrantGone));
    }
}

#[test]
fn a_refused_refresh_spends_nothing() {
    let (mut world, token) = granted(WEB, "boxes:list");
    let call = world.refresh_of(WEB, &token);
    let before = world.state.clone();
    for (name, value) in [("scope", "history"), ("resource", CALENDAR), ("authorization_details", "[]")] {
        refusal(world.token(&call.clone().with(name, value)));
        assert_eq!(world.state, before, "{name}");
    }
    world.token(&call).unwrap();
}
