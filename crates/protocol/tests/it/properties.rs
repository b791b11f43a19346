//! What holds for every input, tried on random ones.

use grantd_protocol::authorize::{AuthorizationRequest, VerifiedRedirectUri};
use grantd_protocol::consent::Verdict;
use grantd_protocol::introspection::IntrospectionRequest;
use grantd_protocol::names::{Network, RedirectUri, Scope, Scopes, Username, opaque_password};
use grantd_protocol::parameters::{Parameters, decode, encode};
use grantd_protocol::records::{ClientKind, GrantState, Redemption, SessionState, Spending};
use grantd_protocol::redirect_uri::{Destination, LoopbackHttp, judge};
use grantd_protocol::revocation::RevocationRequest;
use grantd_protocol::token::TokenRequest;
use grantd_protocol::token::pkce::CodeChallenge;
use grantd_protocol::uri::Uri;
use grantd_tokens::Seconds;
use proptest::prelude::*;

use crate::forms_of_the_wire::{Browser, Form, TokenCall};
use crate::town::{ALICE, CALENDAR, LOCKBOXES, NATIVE, SERVICE, WEB, WEB_CALLBACK, WEB_POST};
use crate::world::{CHALLENGE, VERIFIER, World};

/// Everything that opens anything: what may never grow by a refusal.
fn live(world: &World) -> [usize; 5] {
    let records = world.records();
    let stands = |id: &_| records.grants.get(id).is_some_and(|grant| grant.state == GrantState::Standing);
    let codes = records.codes.values().filter(|code| code.redemption == Redemption::Pending && stands(&code.grant));
    let tokens = records.refresh_tokens.values();
    let tokens = tokens.filter(|token| token.spending == Spending::Unspent && stands(&token.grant));
    let sessions = records.sessions.values().filter(|session| session.state == SessionState::Live);
    let grants = records.grants.values().filter(|grant| grant.state == GrantState::Standing);
    [codes.count(), tokens.count(), sessions.count(), grants.count(), records.pending.len()]
}

/// Text made of the pieces that the grammar of URIs is made of, so that near misses are frequent.
fn uri_like() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "http://127.0.0.1",
        "http://[::1]",
        "http://localhost",
        "https://app.example",
        "com.example.app:",
        ":80",
        ":0",
        ":65536",
        ":8080",
        "@evil.example",
        ".evil.example",
        "/cb",
        "/",
        "?a=b",
        "?",
        "#",
        "\\",
        "//",
        "%2e",
        "..",
        "ü",
    ]);
    prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat())
}

fn scope_list() -> impl Strategy<Value = Vec<&'static str>> {
    let known = vec!["boxes:list", "boxes:read", "calendar:read", "history", "offline_access", "openid"];
    prop::sample::subsequence(known, 0..=6)
}

/// A parameter of a token request, right or wrong.
fn parameter() -> impl Strategy<Value = (&'static str, String)> {
    let with = |name: &'static str, values: &[&str]| {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        prop::sample::select(values).prop_map(move |value| (name, value)).boxed()
    };
    prop_oneof![
        with("grant_type", &["authorization_code", "refresh_token", "client_credentials", "password"]),
        with("code_verifier", &[VERIFIER, CHALLENGE, "short"]),
        with("redirect_uri", &[WEB_CALLBACK, "https://evil.example/"]),
        with("resource", &[LOCKBOXES, CALENDAR, "x"]),
        with("scope", &["boxes:list", "boxes:read", "history", "\""]),
        with("client_id", &[WEB, WEB_POST, NATIVE]),
        with("client_secret", &["guess"]),
        with("authorization_details", &["[]", r#"[{"type":"postcard","motif":"sea"}]"#]),
    ]
}

proptest! {
    #[test]
    fn no_parser_panics(text in ".{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200), uri in uri_like()) {
        for input in [text.as_bytes(), &bytes, uri.as_bytes()] {
            let _ = Parameters::parse(input, 100);
            let _ = AuthorizationRequest::parse(Some(input), None);
            let _ = TokenRequest::parse(Some(input), Some(input), input, Network::new(""));
            let _ = TokenRequest::parse(None, Some(input), b"grant_type=client_credentials", Network::new(""));
            let _ = IntrospectionRequest::parse(Some(input), Some(input), input, Network::new(""));
            let _ = RevocationRequest::parse(None, None, &[b"client_id=c&token=", input].concat(), Network::new(""));
            let _ = decode(input);
        }
        for input in [&text, &uri] {
            let _ = (Uri::parse(input), Scope::parse(input), Scopes::parse(input), CodeChallenge::parse(input));
            let _ = (Username::parse(input), opaque_password(input));
            let _ = Destination::of(&RedirectUri::new(input.clone()));
            for kind in [ClientKind::Web, ClientKind::Native, ClientKind::Browser, ClientKind::Service] {
                let _ = judge(input, kind, LoopbackHttp::ForEveryClient);
            }
            prop_assert_eq!(decode(encode(input).as_bytes()).unwrap(), input.clone());
        }
    }

    #[test]
    fn no_details_panic_an_authorization_request(text in r#"[\[\]{}":,a-z0-9 \\]{0,80}"#) {
        let mut world = World::new();
        let form = world.request_of(WEB).with("authorization_details", &text);
        let _ = world.authorize(&mut Browser::new(), &form);
    }

    // proves: REDIR-01, REDIR-02
    #[test]
    fn a_redirect_uri_verifies_only_by_its_bytes_or_by_the_port_of_a_loopback_literal(
        registered in uri_like(), sent in uri_like()
    ) {
        let world = World::new();
        let mut client = world.client(NATIVE);
        client.redirect_uris = vec![RedirectUri::new(registered.clone())];
        let verified = VerifiedRedirectUri::verify(&sent, &client).is_some();
        if registered == sent {
            prop_assert!(verified);
        } else if verified {
            // The two differ in a port and nowhere else, and both are of the same loopback literal.
            let [one, other] = [&registered, &sent].map(|uri| Uri::parse(uri).unwrap());
            prop_assert_eq!(one.scheme, "http");
            prop_assert_eq!(one.host(), other.host());
            prop_assert!(matches!(one.host(), Some("127.0.0.1" | "[::1]")));
            prop_assert_eq!((one.scheme, one.path, one.query), (other.scheme, other.path, other.query));
            prop_assert!(!sent.contains(['@', '\\']));
        }
    }

    // proves: INV-06
    #[test]
    fn after_a_refusal_no_more_is_live_than_before(
        parameters in prop::collection::vec(parameter(), 0..6), which in 0..3_usize, pause in 0..100_i64
    ) {
        let mut world = World::new();
        let code = world.approve(WEB, "boxes:list boxes:read");
        let spent = world.approve(WEB, "boxes:list");
        let token = world.redeem(WEB, &spent).unwrap().refresh_token.unwrap();
        let secrets = [&code, &spent, &token];
        let form = Form::new(&[("code", secrets[which].expose()), ("refresh_token", secrets[which].expose())]);
        let form = parameters.iter().fold(form, |form, (name, value)| form.with(name, value));
        let base = world.call_of(WEB, Form::default());
        let call = TokenCall { form, ..base };
        world.advance(Seconds(pause));
        let before = live(&world);
        if world.token(&call).is_err() {
            let after = live(&world);
            prop_assert!(after.iter().zip(before).all(|(after, before)| *after <= before), "{:?} {:?}", before, after);
        }
    }

    // proves: AUTHZ-14
    #[test]
    fn a_token_has_no_scope_beyond_what_was_asked_allowed_and_ticked(
        asked in scope_list(), allowed in scope_list(), ticked in scope_list()
    ) {
        let mut world = World::new();
        world.edit_client(WEB, |client| client.scopes = allowed.iter().map(|name| Scope::parse(name).unwrap()).collect());
        let mut browser = Browser::new();
        let form = world.request_of(WEB).with("scope", &asked.join(" "));
        if world.authorize(&mut browser, &form).is_err() {
            return Ok(());
        }
        world.sign_in(&mut browser, ALICE).unwrap();
        let mut answer = world.ticked(&browser, Verdict::Allow);
        answer.scopes = ticked.iter().map(|name| Scope::parse(name).unwrap()).collect();
        let Ok(grantd_protocol::consent::Decided::Answer(response)) = world.run(&answer) else { return Ok(()) };
        let code = crate::world::code_in(&response.location());
        let issued = world.redeem(WEB, &code).unwrap();
        let defaults = ["boxes:list"];
        for scope in &issued.scope {
            let name = scope.as_str();
            prop_assert!(asked.contains(&name) || (asked.is_empty() && defaults.contains(&name)));
            prop_assert!(allowed.contains(&name) && ticked.contains(&name));
        }
        prop_assert!(issued.access_token.scope.is_some(), "an approval of nothing");
    }

    #[test]
    fn a_client_alone_gets_no_scope_beyond_its_own(asked in scope_list()) {
        let mut world = World::new();
        let form = Form::new(&[("grant_type", "client_credentials"), ("scope", &asked.join(" "))]);
        let call = world.call_of(SERVICE, form);
        let own = world.client(SERVICE).scopes;
        if let Ok(issued) = world.token(&call) {
            prop_assert!(issued.scope.is_within(&own));
            prop_assert!(issued.scope.iter().all(|scope| asked.contains(&scope.as_str()) || asked.is_empty()));
        }
    }
}
