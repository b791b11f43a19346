//! Resource indicators (RFC 8707): one token, one audience.

use grantd_protocol::records::Status;
use grantd_protocol::refusals::Refusal;

use crate::forms_of_the_wire::Browser;
use crate::town::{CALENDAR, LOCKBOXES, WEB, scopes};
use crate::world::{World, refusal};

/// Prefixes, slashes, ports, letter cases and encodings of the one true name.
const VARIANTS: &[&str] = &[
    "https://boxes.example/ap",
    "https://boxes.example/api/",
    "https://boxes.example/api/v1",
    "https://boxes.example:443/api",
    "https://BOXES.example/api",
    "HTTPS://boxes.example/api",
    "https://boxes.example/%61pi",
    "https://boxes.example/api?",
    "http://boxes.example/api",
];

// proves: RESIND-01, RESIND-02, RESIND-06
#[test]
fn a_resource_is_an_absolute_uri_that_the_client_may_ask_for_to_the_byte() {
    let mut world = World::new();
    let form = world.request_of(WEB);
    for malformed in ["boxes", "/api", "https://boxes.example/api#x", "https://boxes.example/api#", "https://a b/"] {
        let outcome = refusal(world.authorize(&mut Browser::new(), &form.clone().with("resource", malformed)));
        assert_eq!(outcome, Refusal::ResourceMalformed, "{malformed}");
    }
    for variant in VARIANTS {
        let outcome = refusal(world.authorize(&mut Browser::new(), &form.clone().with("resource", variant)));
        assert_eq!(outcome, Refusal::ResourceUnknown, "{variant}");
    }
    world.authorize(&mut Browser::new(), &form.clone().and("resource", LOCKBOXES).and("resource", CALENDAR)).unwrap();
    world.edit_client(WEB, |client| client.resources.retain(|id| id.as_str() == CALENDAR));
    let outcome = refusal(world.authorize(&mut Browser::new(), &form.with("resource", LOCKBOXES)));
    assert_eq!(outcome, Refusal::ResourceUnknown);
}

// proves: RESIND-03, RESIND-06
#[test]
fn a_token_request_names_one_of_the_granted_resources_to_the_byte() {
    let mut world = World::new();
    let code = world.approve(WEB, "boxes:list");
    let call = world.redemption_of(WEB, &code);
    for elsewhere in VARIANTS.iter().chain(&[CALENDAR, "https://evil.example/"]) {
        let outcome = refusal(world.token(&call.clone().with("resource", elsewhere)));
        assert_eq!(outcome, Refusal::TargetNotGranted, "{elsewhere}");
    }
    let two = call.clone().map(|form| form.and("resource", LOCKBOXES).and("resource", CALENDAR));
    assert_eq!(refusal(world.token(&two)), Refusal::SeveralTargets);
    assert_eq!(world.token(&call.with("resource", LOCKBOXES)).unwrap().access_token.aud, LOCKBOXES);
}

// proves: RESIND-04, AT-04, AT-05
#[test]
fn a_token_is_for_one_resource_and_has_the_scopes_that_this_one_defines() {
    let mut world = World::new();
    let form = world.request_of(WEB).with("scope", "boxes:list history calendar:read");
    let form = form.and("resource", LOCKBOXES).and("resource", CALENDAR);
    let code = world.approve_form(&form);
    let call = world.redemption_of(WEB, &code).with("resource", CALENDAR);
    let first = world.token(&call).unwrap();
    assert_eq!(first.access_token.aud, CALENDAR);
    assert_eq!(first.access_token.scope.as_deref(), Some("history calendar:read"));
    assert_eq!(first.scope, scopes("history calendar:read"), "the response says no more than the token");
    let call = world.refresh_of(WEB, &first.refresh_token.unwrap()).with("resource", LOCKBOXES);
    let second = world.token(&call).unwrap();
    assert_eq!(second.access_token.aud, LOCKBOXES);
    assert_eq!(second.access_token.scope.as_deref(), Some("boxes:list history"));
}

// proves: RESIND-04
#[test]
fn a_scope_of_another_resource_than_the_one_asked_for_is_cut() {
    let mut world = World::new();
    let form = world.request_of(WEB).with("scope", "boxes:list history calendar:read").with("resource", CALENDAR);
    world.authorize(&mut Browser::new(), &form).unwrap();
    assert_eq!(world.records().pending.values().next().unwrap().scopes, scopes("history calendar:read"));
    let code = world.approve_form(&form);
    let call = world.redemption_of(WEB, &code).with("resource", LOCKBOXES);
    assert_eq!(refusal(world.token(&call)), Refusal::TargetNotGranted, "an ambiguous name opens no other resource");
}

// proves: RESIND-05
#[test]
fn without_a_resource_a_grant_for_several_gives_its_first_and_never_all() {
    let mut world = World::new();
    let code = world.approve(WEB, "calendar:read boxes:list");
    let issued = world.redeem(WEB, &code).unwrap();
    assert_eq!(issued.access_token.aud, LOCKBOXES, "in the client's order");
    assert_eq!(issued.access_token.scope.as_deref(), Some("boxes:list"));
}

#[test]
fn without_a_resource_those_are_meant_that_define_what_is_asked() {
    let mut world = World::new();
    let code = world.approve(WEB, "calendar:read");
    let grant = world.records().grants.values().next().unwrap().clone();
    assert_eq!(grant.resources.iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>(), [CALENDAR]);
    assert_eq!(world.redeem(WEB, &code).unwrap().access_token.aud, CALENDAR);
}

#[test]
fn a_resource_that_is_switched_off_can_be_neither_asked_for_nor_reached() {
    let mut world = World::new();
    let code = world.approve(WEB, "boxes:list calendar:read");
    world.edit_resource(LOCKBOXES, |resource| resource.status = Status::Disabled);
    assert_eq!(refusal(world.redeem(WEB, &code)), Refusal::TargetNotGranted);
    let call = world.redemption_of(WEB, &code).with("resource", CALENDAR);
    assert_eq!(world.token(&call).unwrap().access_token.aud, CALENDAR);
    let form = world.request_of(WEB).with("resource", LOCKBOXES);
    assert_eq!(refusal(world.authorize(&mut Browser::new(), &form)), Refusal::ResourceUnknown);
    let form = world.request_of(WEB).with("scope", "boxes:list");
    assert_eq!(refusal(world.authorize(&mut Browser::new(), &form)), Refusal::NothingAsked);
}
