//! The client for itself (RFC 6749 §4.4).

use grantd_protocol::names::{Scopes, UserId};
use grantd_protocol::records::Client;
use grantd_protocol::refusals::Refusal;
use grantd_protocol::token::Issued;
use grantd_protocol::token::grant_type::GrantType;

use crate::forms_of_the_wire::{Form, TokenCall};
use crate::town::{BROWSER, CALENDAR, LOCKBOXES, NATIVE, SERVICE, WEB, scopes};
use crate::world::{World, refusal};

fn call(world: &World, client: &str) -> TokenCall {
    world.call_of(client, Form::new(&[("grant_type", "client_credentials"), ("scope", "boxes:list")]))
}

fn issued(edit: impl FnOnce(TokenCall) -> TokenCall) -> Issued {
    let mut world = World::new();
    let call = edit(call(&world, SERVICE));
    world.token(&call).unwrap()
}

// proves: TOKEN-11
#[test]
fn a_client_alone_is_confidential_gets_no_refresh_token_and_is_no_user() {
    for public in [NATIVE, BROWSER] {
        let mut world = World::new();
        world.edit_client(public, |client| client.grant_types.push(GrantType::ClientCredentials));
        let call = call(&world, public);
        assert_eq!(refusal(world.token(&call)), Refusal::PublicClientAlone);
    }
    let mut world = World::new();
    world.edit_client(WEB, |client| client.grant_types.push(GrantType::ClientCredentials));
    let call = call(&world, WEB);
    let issued = world.token(&call).unwrap();
    assert!(issued.refresh_token.is_none() && issued.access_token.auth_time.is_none());
    assert_eq!(issued.access_token.sub, "client:web");
    assert!(!world.records().users.contains_key(&UserId::new(issued.access_token.sub)));
}

#[test]
fn it_gets_the_scopes_of_one_resource_that_it_may_have() {
    let both = issued(|call| call.with("scope", "boxes:list calendar:read"));
    assert_eq!((both.access_token.aud.as_str(), both.scope.to_string().as_str()), (LOCKBOXES, "boxes:list"));
    let named = issued(|call| call.with("scope", "boxes:list calendar:read").with("resource", CALENDAR));
    assert_eq!((named.access_token.aud.as_str(), named.scope.to_string().as_str()), (CALENDAR, "calendar:read"));
    let meant = issued(|call| call.with("scope", "calendar:read"));
    assert_eq!(meant.access_token.aud, CALENDAR);
    let lasting = issued(|call| call.with("scope", "boxes:list offline_access"));
    assert_eq!(lasting.scope.to_string(), "boxes:list");
}

#[test]
fn it_gets_no_scope_resource_or_thing_beyond_its_own() {
    let refused = |name: &str, value: &str| {
        let mut world = World::new();
        let call = call(&world, SERVICE).with(name, value);
        refusal(world.token(&call))
    };
    assert_eq!(refused("scope", "boxes:read"), Refusal::ScopeNotAllowed);
    assert_eq!(refused("resource", "https://boxes.example/api/"), Refusal::TargetNotGranted);
    assert_eq!(
        refused("authorization_details", r#"[{"type":"lockbox","actions":["list"]}]"#),
        Refusal::DetailsNotGranted
    );
}

// proves: AUTHZ-15
#[test]
fn a_service_that_may_have_nothing_gets_no_token() {
    let asking = |scope: Option<&str>, edit: fn(&mut Client)| {
        let mut world = World::new();
        world.edit_client(SERVICE, edit);
        let form = Form::new(&[("grant_type", "client_credentials")]);
        let call = world.call_of(SERVICE, form);
        world.token(&scope.into_iter().fold(call, |call, scope| call.with("scope", scope)))
    };
    let has_no_default = |client: &mut Client| client.default_scopes = Scopes::default();
    let has_a_default = |client: &mut Client| client.default_scopes = scopes("boxes:list");
    assert_eq!(refusal(asking(None, has_no_default)), Refusal::ScopeMissing);
    assert_eq!(asking(None, has_a_default).unwrap().scope, scopes("boxes:list"));
    for nothing in ["no:such", "offline_access"] {
        assert_eq!(refusal(asking(Some(nothing), has_a_default)), Refusal::NothingAsked);
    }
}

#[test]
fn a_default_that_a_service_lost_is_cut_from_what_it_gets() {
    let mut world = World::new();
    world.edit_client(SERVICE, |client| {
        client.default_scopes = scopes("boxes:list calendar:read");
        client.scopes = scopes("boxes:list");
    });
    let call = world.call_of(SERVICE, Form::new(&[("grant_type", "client_credentials")]));
    assert_eq!(world.token(&call).unwrap().scope, scopes("boxes:list"));
}
