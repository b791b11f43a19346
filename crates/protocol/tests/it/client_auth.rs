//! Who is the client, and how does it show it?

use grantd_protocol::changes::Change;
use grantd_protocol::records::{Attempts, ClientAuthentication, ClientKind, ClientSecret, Status};
use grantd_protocol::refusals::Refusal;
use grantd_tokens::{Seconds, Secret};

use crate::forms_of_the_wire::{Form, TokenCall};
use crate::town::{BROWSER, NATIVE, SERVICE, WEB, WEB_POST, secret_of};
use crate::world::{World, basic, refusal};

/// A call of the service, which needs no user: whatever refuses it is about authentication.
fn alone(world: &World) -> TokenCall {
    world.call_of(SERVICE, Form::new(&[("grant_type", "client_credentials"), ("scope", "boxes:list")]))
}

fn authorized(call: &TokenCall, header: &str) -> TokenCall {
    TokenCall { authorization: Some(header.to_owned()), ..call.clone() }
}

/// `Basic` with these very bytes before the base64.
fn raw_basic(credentials: &[u8]) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(credentials))
}

// proves: CAUTH-01, CAUTH-03
#[test]
fn a_right_secret_by_another_method_is_wrong() {
    let mut world = World::new();
    let call = alone(&world);
    let posted = TokenCall { authorization: None, ..call.clone() }
        .with("client_id", SERVICE)
        .with("client_secret", secret_of(SERVICE).expose());
    assert_eq!(refusal(world.token(&posted)), Refusal::WrongMethod);
    world.token(&call).unwrap();

    let code = world.approve(WEB_POST, "boxes:list");
    let form = world.redemption_of(WEB_POST, &code).form.without("client_id").without("client_secret");
    let by_header = TokenCall { form, ..authorized(&call, &basic(WEB_POST, secret_of(WEB_POST).expose())) };
    assert_eq!(refusal(world.token(&by_header)), Refusal::WrongMethod);
    world.redeem(WEB_POST, &code).unwrap();
}

// proves: CAUTH-02
#[test]
fn two_methods_are_one_too_many_even_if_both_are_right() {
    let mut world = World::new();
    let call = alone(&world);
    for (name, value) in [
        ("client_secret", secret_of(SERVICE).expose()),
        ("client_assertion", "e30.e30.e30"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
    ] {
        assert_eq!(refusal(world.token(&call.clone().with(name, value))), Refusal::SeveralMethods, "{name}");
    }
    let code = world.approve(WEB_POST, "boxes:list");
    let asserted = world.redemption_of(WEB_POST, &code).with("client_assertion", "e30.e30.e30");
    assert_eq!(refusal(world.token(&asserted)), Refusal::SeveralMethods);
    world.token(&call).unwrap();
}

// proves: CAUTH-04
#[test]
fn basic_is_read_strictly_and_both_halves_are_form_decoded() {
    let mut world = World::new();
    world.edit_client(SERVICE, |client| {
        let hash = Secret::new("colons : and % and + and ü").hash();
        client.authentication =
            ClientAuthentication::ClientSecretBasic { secrets: vec![ClientSecret { hash, expires_at: None }] };
    });
    let call = alone(&world);
    for right in [
        basic(SERVICE, "colons : and % and + and ü"),
        raw_basic(b"service:colons+:+and+%25+and+%2B+and+%C3%BC"),
        raw_basic(b"%73ervice:colons%20:%20and%20%25 and %2b and \xC3\xBC").replacen("Basic", "bAsIc", 1),
    ] {
        world.token(&authorized(&call, &right)).unwrap();
    }
    for malformed in [
        "Basic".to_owned(),
        "Basic ".to_owned(),
        "Bearer abc".to_owned(),
        raw_basic(b"service"),
        raw_basic(b"service:%"),
        raw_basic(b"service:%C3"),
        raw_basic(b"\xFFservice:s"),
        raw_basic(b"service:s").trim_end_matches('=').to_owned() + "!",
        format!("{} x", raw_basic(b"service:s")),
        format!("Basic {}", "c2VydmljZTpz-_=="),
    ] {
        assert_eq!(refusal(world.token(&authorized(&call, &malformed))), Refusal::BasicMalformed, "{malformed}");
    }
    assert_eq!(refusal(world.token(&authorized(&call, &raw_basic(b"service:")))), Refusal::WrongSecret);
}

// proves: CAUTH-05
#[test]
fn a_client_id_in_the_body_names_the_same_client() {
    let mut world = World::new();
    let call = alone(&world);
    world.token(&call.clone().with("client_id", SERVICE)).unwrap();
    assert_eq!(refusal(world.token(&call.with("client_id", WEB))), Refusal::ClientIdsDiffer);
}

// proves: CAUTH-06
#[test]
fn a_secret_is_compared_by_its_digest_alone() {
    let mut world = World::new();
    let call = alone(&world);
    let digest = secret_of(SERVICE).hash().to_base64url();
    for wrong in [digest.as_str(), "", secret_of(WEB).expose(), &secret_of(SERVICE).expose().to_uppercase()] {
        assert_eq!(refusal(world.token(&authorized(&call, &basic(SERVICE, wrong)))), Refusal::WrongSecret);
    }
    assert_eq!(refusal(world.token(&authorized(&call, &basic("nobody", "s")))), Refusal::NoSuchClient);
    world.token(&call).unwrap();
}

// proves: CAUTH-07
#[test]
fn two_secrets_live_side_by_side_until_the_old_one_ends() {
    let mut world = World::new();
    let ends = world.now + Seconds(100);
    world.edit_client(SERVICE, |client| {
        let old = ClientSecret { hash: secret_of(SERVICE).hash(), expires_at: Some(ends) };
        let new = ClientSecret { hash: Secret::new("new").hash(), expires_at: None };
        client.authentication = ClientAuthentication::ClientSecretBasic { secrets: vec![new, old] };
    });
    let old = alone(&world);
    let new = authorized(&old, &basic(SERVICE, "new"));
    world.advance(Seconds(99));
    world.token(&old).unwrap();
    world.token(&new).unwrap();
    world.advance(Seconds(1));
    assert_eq!(refusal(world.token(&old)), Refusal::SecretReplaced);
    world.token(&new).unwrap();
}

// proves: CAUTH-08
#[test]
fn wrong_secrets_make_their_sender_wait_and_nobody_else() {
    let mut world = World::new();
    let limit = world.settings.limits.wrong_secrets;
    let right = alone(&world);
    let wrong = authorized(&right, &basic(SERVICE, "guess"));
    for _ in 0..limit {
        assert_eq!(refusal(world.token(&wrong)), Refusal::WrongSecret);
    }
    assert_eq!(refusal(world.token(&wrong)), Refusal::ClientThrottled);
    assert_eq!(refusal(world.token(&right)), Refusal::ClientThrottled);
    let elsewhere = TokenCall { network: grantd_protocol::names::Network::new("203.0.113.0/24"), ..right.clone() };
    world.token(&elsewhere).unwrap();
    world.advance(world.settings.limits.attempt_window);
    world.token(&right).unwrap();
}

#[test]
fn what_is_counted_is_wrong_secrets_and_nothing_else() {
    let mut world = World::new();
    let right = alone(&world);
    let misdirected = TokenCall { authorization: None, ..right.clone() }.with("client_id", SERVICE);
    for _ in 0..50 {
        world.token(&right).unwrap();
        assert_eq!(refusal(world.token(&misdirected)), Refusal::WrongMethod);
    }
    let counted: Vec<&Attempts> = world.records().attempts.values().collect();
    assert!(counted.is_empty(), "{counted:?}");
}

// proves: CAUTH-09, SPA-02
#[test]
fn a_public_client_says_who_it_is_and_sends_no_secret() {
    for client in [NATIVE, BROWSER] {
        let mut world = World::new();
        assert!(matches!(world.client(client).kind, ClientKind::Native | ClientKind::Browser));
        let code = world.approve(client, "boxes:list");
        let call = world.redemption_of(client, &code);
        assert_eq!(refusal(world.token(&call.clone().without("client_id"))), Refusal::CredentialsMissing);
        assert_eq!(refusal(world.token(&call.clone().with("client_secret", "s"))), Refusal::WrongMethod);
        let by_header = authorized(&call, &basic(client, ""));
        assert_eq!(refusal(world.token(&by_header)), Refusal::WrongMethod);
        world.token(&call).unwrap();
    }
}

#[test]
fn a_confidential_client_cannot_pass_for_a_public_one() {
    let mut world = World::new();
    for client in [WEB, WEB_POST] {
        let code = world.approve(client, "boxes:list");
        let form = world.redemption_of(client, &code).form.with("client_id", client).without("client_secret");
        let bare = TokenCall { form, authorization: None, ..alone(&world) };
        assert_eq!(refusal(world.token(&bare)), Refusal::WrongMethod);
    }
}

/// Whoever replaces a client read it before: a server that starts with a declared client, or a new secret that is written down.
// proves: INV-03
#[test]
fn a_client_that_was_switched_off_stays_off_whoever_replaces_it() {
    let mut world = World::new();
    let read = world.client(SERVICE);
    let off = Change::SetClientStatus { client: read.id.clone(), status: Status::Disabled, at: world.now };
    world.operate(off);
    world.operate(Change::PutClient(read));
    assert_eq!(refusal(world.token(&alone(&world))), Refusal::ClientDisabled);
}
