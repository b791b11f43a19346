//! Authorization details (RFC 9396): what exactly is asked for, and what was left of it.

use grantd_protocol::refusals::Refusal;
use grantd_protocol::token::Issued;

use crate::forms_of_the_wire::Browser;
use crate::town::{CALENDAR, LOCKBOXES, WEB};
use crate::world::{World, refusal};

/// What becomes of a request with these details.
fn asked(details: &str) -> Result<(), Refusal> {
    let mut world = World::new();
    let form = world.request_of(WEB).with("authorization_details", details);
    world.authorize(&mut Browser::new(), &form).map(|_| ()).map_err(|refused| refused.refusal)
}

fn granted(details: &str) -> (World, Issued) {
    let mut world = World::new();
    let form = world.request_of(WEB).with("authorization_details", details);
    let code = world.approve_form(&form);
    let issued = world.redeem(WEB, &code).unwrap();
    (world, issued)
}

// proves: RAR-01
#[test]
fn details_are_a_json_array_of_typed_objects_within_bounds() {
    assert_eq!(asked(r#"[{"type":"postcard","motif":"sea"}]"#), Ok(()));
    let many = |count: usize| format!("[{}]", vec![r#"{"type":"postcard","motif":"sea"}"#; count].join(","));
    assert_eq!(asked(&many(32)), Ok(()));
    for malformed in [
        "x",
        "null",
        "[]",
        "{}",
        r#"{"type":"postcard"}"#,
        r#"["postcard"]"#,
        r#"[{"motif":"sea"}]"#,
        r#"[{"type":7}]"#,
        r#"[{"type":"postcard","motif":"sea","motif":"hills"}]"#,
        r#"[{"type":"postcard","motif":"sea"}] x"#,
        &many(33),
        &format!(r#"[{{"type":"postcard","motif":{}1{}}}]"#, "[".repeat(7), "]".repeat(7)),
        &format!(r#"[{{"type":"postcard","motif":"sea"{}}}]"#, " ".repeat(8 * 1024)),
    ] {
        let outcome = asked(malformed);
        let expected = if malformed.len() > 8 * 1024 { Refusal::AuthorizeTooLarge } else { Refusal::DetailsMalformed };
        assert_eq!(outcome, Err(expected), "{malformed}");
    }
    let (mut world, issued) = granted(r#"[{"type":"postcard","motif":"sea"}]"#);
    let long = format!("[{}]", " ".repeat(8 * 1024));
    let call = world.refresh_of(WEB, &issued.refresh_token.unwrap()).with("authorization_details", &long);
    assert_eq!(refusal(world.token(&call)), Refusal::DetailsMalformed);
}

// proves: RAR-02
#[test]
fn an_object_has_the_members_of_its_type_and_no_others() {
    for fitting in [
        r#"[{"type":"lockbox","actions":["list","collect"]}]"#,
        r#"[{"type":"lockbox","actions":["list"],"identifier":"alice-1","locations":["https://boxes.example/api"]}]"#,
        r#"[{"type":"postcard","motif":"hills","greeting":"Grüße","copies":-3,"express":true}]"#,
    ] {
        assert_eq!(asked(fitting), Ok(()), "{fitting}");
    }
    let long = format!(r#"[{{"type":"postcard","motif":"sea","greeting":"{}"}}]"#, "g".repeat(257));
    for unfitting in [
        r#"[{"type":"lockbox"}]"#,
        r#"[{"type":"lockbox","actions":[]}]"#,
        r#"[{"type":"lockbox","actions":["burn"]}]"#,
        r#"[{"type":"lockbox","actions":["list",7]}]"#,
        r#"[{"type":"lockbox","actions":"list"}]"#,
        r#"[{"type":"lockbox","actions":["list"],"privileges":["all"]}]"#,
        r#"[{"type":"lockbox","actions":["list"],"motif":"sea"}]"#,
        r#"[{"type":"lockbox","actions":["list"],"identifier":""}]"#,
        r#"[{"type":"lockbox","actions":["list"],"identifier":7}]"#,
        r#"[{"type":"lockbox","actions":["list"],"identifier":"a\u0007"}]"#,
        r#"[{"type":"lockbox","actions":["list"],"locations":[]}]"#,
        r#"[{"type":"lockbox","actions":["list"],"locations":["https://calendar.example/api"]}]"#,
        r#"[{"type":"lockbox","actions":["list"],"locations":["https://boxes.example/api","https://evil.example"]}]"#,
        r#"[{"type":"postcard"}]"#,
        r#"[{"type":"postcard","motif":"desert"}]"#,
        r#"[{"type":"postcard","motif":"sea","copies":1.5}]"#,
        r#"[{"type":"postcard","motif":"sea","copies":"1"}]"#,
        r#"[{"type":"postcard","motif":"sea","express":"true"}]"#,
        r#"[{"type":"postcard","motif":"sea","greeting":{"text":"x"}}]"#,
        &long,
    ] {
        assert_eq!(asked(unfitting), Err(Refusal::DetailNotOfItsType), "{unfitting}");
    }
}

// proves: RAR-03
#[test]
fn a_client_asks_for_the_types_it_is_registered_for() {
    assert_eq!(asked(r#"[{"type":"appointment"}]"#), Err(Refusal::DetailTypeNotAllowed));
    assert_eq!(asked(r#"[{"type":"unheard of"}]"#), Err(Refusal::DetailTypeNotAllowed));
    let mut world = World::new();
    world.edit_client(WEB, |client| client.detail_types.clear());
    let form = world.request_of(WEB).with("authorization_details", r#"[{"type":"postcard","motif":"sea"}]"#);
    assert_eq!(refusal(world.authorize(&mut Browser::new(), &form)), Refusal::DetailTypeNotAllowed);
}

#[test]
fn details_are_of_a_resource_that_is_asked_for() {
    let mut world = World::new();
    let form = world.request_of(WEB).with("authorization_details", r#"[{"type":"postcard","motif":"sea"}]"#);
    let elsewhere = form.clone().with("resource", CALENDAR).with("scope", "calendar:read");
    assert_eq!(refusal(world.authorize(&mut Browser::new(), &elsewhere)), Refusal::DetailNotOfItsType);
    world.authorize(&mut Browser::new(), &form.with("resource", LOCKBOXES)).unwrap();
}

// proves: RAR-05
#[test]
fn a_token_and_its_response_carry_the_details_of_its_audience() {
    let mut world = World::new();
    world.edit_client(WEB, |client| {
        client.detail_types.push(grantd_protocol::names::DetailTypeName::new("appointment"));
    });
    let both = r#"[{"type":"postcard","motif":"sea"},{"type":"appointment","identifier":"noon"}]"#;
    let form = world.request_of(WEB).with("authorization_details", both);
    let code = world.approve_form(&form);
    let first = world.redeem(WEB, &code).unwrap();
    assert_eq!(first.access_token.aud, LOCKBOXES);
    assert_eq!(first.access_token.authorization_details.len(), 1);
    assert_eq!(first.access_token.authorization_details[0]["type"], "postcard");
    assert_eq!(first.authorization_details[0].type_name.as_str(), "postcard");
    let call = world.refresh_of(WEB, &first.refresh_token.unwrap()).with("resource", CALENDAR);
    let second = world.token(&call).unwrap();
    assert_eq!(
        second.access_token.authorization_details,
        [serde_json::json!({
            "type": "appointment", "locations": [CALENDAR], "identifier": "noon"
        })]
    );
}

// proves: RAR-06
#[test]
fn a_token_request_narrows_details_and_never_widens_them() {
    let asked = r#"[{"type":"lockbox","actions":["list"]},{"type":"postcard","motif":"sea","copies":1}]"#;
    let (mut world, issued) = granted(asked);
    let call = world.refresh_of(WEB, &issued.refresh_token.unwrap());
    for wider in [
        r#"[{"type":"lockbox","actions":["collect"]}]"#,
        r#"[{"type":"lockbox","actions":["list","collect"],"identifier":"alice-1"}]"#,
        r#"[{"type":"lockbox","actions":["list"],"identifier":"bob-1"}]"#,
        r#"[{"type":"postcard","motif":"hills","copies":1}]"#,
        r#"[{"type":"postcard","motif":"sea","copies":2}]"#,
        r#"[{"type":"postcard","motif":"sea"}]"#,
        r#"[{"type":"lockbox","actions":["list"]},{"type":"postcard","motif":"hills"}]"#,
    ] {
        let outcome = refusal(world.token(&call.clone().with("authorization_details", wider)));
        assert_eq!(outcome, Refusal::DetailsNotGranted, "{wider}");
    }
    let narrower = r#"[{"type":"lockbox","actions":["list"],"identifier":"alice-2"}]"#;
    let issued = world.token(&call.with("authorization_details", narrower)).unwrap();
    let identifiers: Vec<_> = issued.authorization_details.iter().map(|detail| detail.identifier.as_deref()).collect();
    assert_eq!(identifiers, [Some("alice-2")]);
    let all = world.refresh(WEB, &issued.refresh_token.unwrap()).unwrap();
    assert_eq!(all.authorization_details.len(), 4);
}
