//! What the server claims to the world, held against what it does.

use grantd_protocol::metadata::Metadata;
use grantd_protocol::names::Issuer;
use grantd_protocol::records::Status;
use grantd_protocol::refusals::Refusal;
use grantd_protocol::settings::Settings;
use serde_json::{Value, json};

use crate::forms_of_the_wire::{Browser, Form};
use crate::town::{ISSUER, WEB, resources};
use crate::world::{World, refusal};

fn document(issuer: &str) -> Value {
    serde_json::to_value(Metadata::new(&Settings::new(Issuer::new(issuer)), &resources())).unwrap()
}

// proves: META-02
#[test]
fn the_issuer_is_the_configured_one_to_the_byte() {
    for issuer in [ISSUER, "https://id.example/", "https://id.example/tenant"] {
        assert_eq!(document(issuer)["issuer"], issuer);
    }
}

// proves: META-05, META-06
#[test]
fn the_document_has_every_member_of_what_there_is() {
    let document = document(ISSUER);
    assert_eq!(document["authorization_endpoint"], "https://id.example/authorize");
    assert_eq!(document["token_endpoint"], "https://id.example/token");
    assert_eq!(document["jwks_uri"], "https://id.example/jwks");
    assert_eq!(document["response_types_supported"], json!(["code"]));
    assert_eq!(document["response_modes_supported"], json!(["query"]));
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    assert_eq!(document["request_uri_parameter_supported"], false);
    assert_eq!(document["request_parameter_supported"], false);
    assert_eq!(document["revocation_feed_endpoint"], "https://id.example/revocations");
}

// proves: META-03
#[test]
fn nothing_is_advertised_that_is_refused_and_nothing_is_offered_that_is_not_advertised() {
    let document = document(ISSUER);
    let listed = |member: &str| -> Vec<String> { serde_json::from_value(document[member].clone()).unwrap() };
    let offered = |grant_type: &str| {
        let mut world = World::new();
        let form = Form::new(&[("grant_type", grant_type), ("code", "c"), ("refresh_token", "t")]);
        let call = world.call_of(WEB, form);
        refusal(world.token(&call)) != Refusal::GrantTypeUnsupported
    };
    let known = [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "password",
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ];
    for grant_type in known {
        assert_eq!(
            listed("grant_types_supported").contains(&grant_type.to_owned()),
            offered(grant_type),
            "{grant_type}"
        );
    }
    let methods: std::collections::BTreeSet<String> =
        crate::town::clients().iter().map(|client| client.authentication.method().to_owned()).collect();
    assert_eq!(
        listed("token_endpoint_auth_methods_supported").into_iter().collect::<std::collections::BTreeSet<_>>(),
        methods
    );
}

// proves: PKCE-07
#[test]
fn s256_is_the_one_challenge_method() {
    assert_eq!(document(ISSUER)["code_challenge_methods_supported"], json!(["S256"]));
}

// proves: RAR-07
#[test]
fn the_types_of_details_are_those_of_the_resources_in_use() {
    assert_eq!(
        document(ISSUER)["authorization_details_types_supported"],
        json!(["lockbox", "postcard", "appointment"])
    );
    let mut switched_off = resources();
    switched_off[0].status = Status::Disabled;
    let document = serde_json::to_value(Metadata::new(&Settings::new(Issuer::new(ISSUER)), &switched_off)).unwrap();
    assert_eq!(document["authorization_details_types_supported"], json!(["appointment"]));
    assert_eq!(document["scopes_supported"], json!(["calendar:read", "calendar:write", "history", "offline_access"]));
}

// proves: NEVER-02
#[test]
fn a_password_grant_is_refused_before_anybody_is_looked_up() {
    let mut world = World::new();
    let form = Form::new(&[("grant_type", "password"), ("username", "alice"), ("password", "x")]);
    let nobody = crate::forms_of_the_wire::TokenCall {
        form,
        authorization: None,
        network: grantd_protocol::names::Network::new(""),
    };
    assert_eq!(refusal(world.token(&nobody)), Refusal::GrantTypeUnsupported);
}

#[test]
fn what_is_said_not_to_be_supported_is_refused_and_never_ignored() {
    for (name, expected) in
        [("request", Refusal::RequestObjectUnsupported), ("request_uri", Refusal::RequestUriUnsupported)]
    {
        let mut world = World::new();
        let form = world.request_of(WEB).with(name, "https://app.example/request.jwt");
        assert_eq!(refusal(world.authorize(&mut Browser::new(), &form)), expected);
    }
}
