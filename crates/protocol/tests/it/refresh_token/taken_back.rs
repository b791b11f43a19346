//! A client repeats what it once got, after its user took a part of it back (REFRESH-13, RAR-06).

use grantd_protocol::error_code::ErrorCode;
use grantd_protocol::names::{ResourceId, Scopes};
use grantd_protocol::refusals::Refusal;
use grantd_tokens::Secret;

use super::granted;
use crate::town::{CALENDAR, LOCKBOXES, WEB, scopes};
use crate::world::{World, refusal};

const BOXES: &str = r#"[{"type":"lockbox","actions":["list"]}]"#;
const FIRST_BOX: &str = r#"[{"type":"lockbox","actions":["list"],"identifier":"alice-1"}]"#;

/// A world with one grant for all three boxes and these scopes, and its refresh token.
fn granted_boxes(scope: &str) -> (World, Secret) {
    let mut world = World::new();
    let form = world.request_of(WEB).with("scope", scope).with("authorization_details", BOXES);
    let code = world.approve_form(&form);
    let token = world.redeem(WEB, &code).unwrap().refresh_token.unwrap();
    (world, token)
}

/// Refused as said, and nothing is written: the token is as good as before.
fn assert_costs_nothing(world: &mut World, token: &Secret, parameter: (&str, &str), expected: Refusal) {
    let before = world.state.clone();
    let call = world.refresh_of(WEB, token).with(parameter.0, parameter.1);
    assert_eq!(refusal(world.token(&call)), expected, "{parameter:?}");
    assert!(world.state == before, "something was written");
}

// proves: REFRESH-13
#[test]
fn a_scope_that_was_taken_back_falls_away_and_one_that_was_never_granted_does_not() {
    let all = "boxes:list boxes:read offline_access";
    let (mut world, mut token) = granted(WEB, all);
    world.narrow(|grant| grant.scopes = scopes("boxes:read offline_access"));
    // For ever: each successor is as good for it as the one before.
    for _ in 0..3 {
        let issued = world.token(&world.refresh_of(WEB, &token).with("scope", all)).unwrap();
        assert_eq!(issued.scope, scopes("boxes:read offline_access"));
        assert_eq!(issued.access_token.scope.as_deref(), Some("boxes:read"));
        token = issued.refresh_token.unwrap();
    }
    let wider = ("scope", "boxes:list boxes:read history");
    assert_costs_nothing(&mut world, &token, wider, Refusal::RefreshScopeWider);
    world.refresh(WEB, &token).unwrap();
}

// proves: REFRESH-13
#[test]
fn of_a_scope_of_which_nothing_is_left_the_client_is_told_and_keeps_its_token() {
    let (mut world, token) = granted(WEB, "boxes:list boxes:read calendar:read offline_access");
    world.narrow(|grant| grant.scopes = scopes("boxes:read calendar:read offline_access"));
    // Also where what is left of it opens nothing at this resource: `invalid_grant` would cost the client its token.
    for asked in ["boxes:list", "boxes:list offline_access", "boxes:list calendar:read"] {
        assert_costs_nothing(&mut world, &token, ("scope", asked), Refusal::ScopeTakenBack);
    }
    assert_eq!(Refusal::ScopeTakenBack.code(), ErrorCode::InvalidScope);
    assert_eq!(world.refresh(WEB, &token).unwrap().access_token.scope.as_deref(), Some("boxes:read"));
}

// proves: REFRESH-14
#[test]
fn a_resource_that_was_taken_back_is_not_one_of_those_granted_whatever_the_scope() {
    let (mut world, token) = granted(WEB, "boxes:list calendar:read");
    world.narrow(|grant| {
        grant.scopes = scopes("boxes:list");
        grant.resources = vec![ResourceId::new(LOCKBOXES)];
    });
    for scope in ["boxes:list calendar:read", "calendar:read"] {
        let call = world.refresh_of(WEB, &token).with("resource", CALENDAR).with("scope", scope);
        assert_eq!(refusal(world.token(&call)), Refusal::TargetNotGranted, "{scope}");
    }
}

// proves: RAR-06
#[test]
fn a_thing_that_was_taken_back_falls_away_and_one_that_was_never_granted_does_not() {
    let (mut world, token) = granted_boxes("boxes:list");
    world.narrow(|grant| grant.details.retain(|detail| detail.identifier.as_deref() != Some("alice-1")));
    let second = r#"{"type":"lockbox","actions":["list"],"identifier":"alice-2"}"#;
    let both = format!("{},{second}]", FIRST_BOX.trim_end_matches(']'));
    let issued = world.token(&world.refresh_of(WEB, &token).with("authorization_details", &both)).unwrap();
    let left: Vec<_> = issued.authorization_details.iter().map(|detail| detail.identifier.as_deref()).collect();
    assert_eq!(left, [Some("alice-2")]);

    let token = issued.refresh_token.unwrap();
    let details = |text| ("authorization_details", text);
    // Not one without details either, although the scope is there: it could be taken to be for all of them.
    assert_costs_nothing(&mut world, &token, details(FIRST_BOX), Refusal::DetailsTakenBack);
    let collected = r#"[{"type":"lockbox","actions":["collect"]}]"#;
    assert_costs_nothing(&mut world, &token, details(collected), Refusal::DetailsNotGranted);
    let bobs = BOXES.replace('}', r#","identifier":"bob-1"}"#);
    assert_costs_nothing(&mut world, &token, details(&bobs), Refusal::DetailsNotGranted);
    assert_eq!(world.refresh(WEB, &token).unwrap().authorization_details.len(), 2);
}

/// Of several actions on a thing one was taken back: what asks for both asks for what is not there, and nothing is made up.
#[test]
fn a_thing_of_which_an_action_was_taken_back_is_given_for_what_is_left_of_it_alone() {
    let (mut world, token) = granted_boxes("boxes:list");
    world.narrow(|grant| {
        for detail in &mut grant.details {
            detail.actions.clear();
        }
    });
    assert_costs_nothing(&mut world, &token, ("authorization_details", BOXES), Refusal::DetailsTakenBack);
}

#[test]
fn who_repeats_things_of_which_none_is_left_gets_what_one_who_names_none_would() {
    let (mut world, token) = granted_boxes("boxes:list");
    world.narrow(|grant| grant.details.clear());
    let call = world.refresh_of(WEB, &token).with("authorization_details", BOXES).with("scope", "boxes:list");
    let issued = world.token(&call).unwrap();
    assert_eq!((issued.scope, issued.authorization_details), (scopes("boxes:list"), Vec::new()));

    // And the same the other way round.
    let (mut world, token) = granted_boxes("boxes:list");
    world.narrow(|grant| grant.scopes = Scopes::default());
    let issued = world.token(&world.refresh_of(WEB, &token).with("scope", "boxes:list")).unwrap();
    assert_eq!(
        (issued.scope, issued.access_token.scope, issued.authorization_details.len()),
        (Scopes::default(), None, 3)
    );
}
