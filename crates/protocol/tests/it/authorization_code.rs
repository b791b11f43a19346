//! Redeeming a code: who may, when, how often, and what ends it.

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::consent::{Decided, Verdict};
use grantd_protocol::endpoint::Refused;
use grantd_protocol::facts::Lookup;
use grantd_protocol::names::{AccessTokenId, Issuer, RedirectUri, ResourceId};
use grantd_protocol::records::{
    AccessTokenFormat, ClientAuthentication, GrantState, Redemption, RedirectUriAtToken, Revocation, Status,
};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::token::Form;
use grantd_protocol::token::grant_type::GrantType;
use grantd_tokens::{Seconds, Secret};

use crate::forms_of_the_wire::{Browser, TokenCall};
use crate::town::{ALICE, ISSUER, LOCKBOXES, NATIVE, SCHEME, WEB, WEB_CALLBACK, WEB_POST, hash_of, scopes, user_id};
use crate::world::{World, basic, code_in, parsed, refusal};

fn grant_state(world: &World) -> GrantState {
    world.records().grants.values().next().unwrap().state
}

// proves: CODE-01
#[test]
fn a_code_is_256_random_bits_and_only_its_digest_is_kept() {
    let mut world = World::new();
    let code = world.approve(WEB, "boxes:list");
    assert_eq!(code.expose().len(), 43);
    assert!(world.records().codes.contains_key(&code.hash()));
    assert!(!format!("{:?}", world.state).contains(code.expose()));
    let serialized = serde_json::to_string(world.records().codes.values().next().unwrap()).unwrap();
    assert!(!serialized.contains(code.expose()));
}

// proves: CODE-02, INV-09
#[test]
fn a_code_lives_for_sixty_seconds() {
    for (seconds, lives) in [(0, true), (59, true), (60, false), (3600, false)] {
        let mut world = World::new();
        let code = world.approve(WEB, "boxes:list offline_access");
        world.advance(Seconds(seconds));
        let outcome = world.redeem(WEB, &code).map(|_| ()).map_err(|refused| refused.refusal);
        assert_eq!(outcome, if lives { Ok(()) } else { Err(Refusal::CodeExpired) }, "{seconds}");
    }
    let mut settings = World::new().settings;
    assert!(settings.faults().is_empty());
    settings.lifetimes.authorization_code = Seconds(61);
    assert_eq!(settings.faults()[0].rule, "CODE-02");
}

// proves: CODE-03
#[test]
fn of_two_redemptions_that_both_saw_the_code_unredeemed_one_wins() {
    let mut world = World::new();
    let code = world.approve(WEB, "boxes:list");
    let request = parsed(&world.redemption_of(WEB, &code)).unwrap();
    let first = world.decision(&request);
    let second = world.decision(&request);
    assert!(first.answer.is_ok() && second.answer.is_ok());
    assert_eq!(world.commit(&first.changes), Commit::Done);
    assert_eq!(world.commit(&second.changes), Commit::Stale);
    assert_eq!(world.records().refresh_tokens.len(), 1);
    assert_eq!(refusal(world.run(&request)), Refusal::CodeReplayed);
}

// proves: CODE-04
#[test]
fn a_replayed_code_revokes_its_grant() {
    let mut world = World::new();
    let code = world.approve(WEB, "boxes:list");
    let token = world.redeem(WEB, &code).unwrap().refresh_token.unwrap();
    let token = world.refresh(WEB, &token).unwrap().refresh_token.unwrap();
    assert_eq!(refusal(world.redeem(WEB, &code)), Refusal::CodeReplayed);
    assert!(matches!(grant_state(&world), GrantState::Revoked { because: Revocation::CodeReplayed, .. }));
    assert_eq!(refusal(world.refresh(WEB, &token)), Refusal::RefreshGrantGone);
}

/// What was issued goes by its grant, in whichever form.
// proves: CODE-04
#[test]
fn what_a_replayed_code_gave_is_known_to_have_ended() {
    for format in [AccessTokenFormat::Opaque, AccessTokenFormat::Jwt] {
        let mut world = World::new();
        world.edit_resource(LOCKBOXES, |resource| resource.access_token_format = format);
        let code = world.approve(WEB, "boxes:list");
        let issued = world.redeem(WEB, &code).unwrap();
        let named = match &issued.form {
            Form::Opaque(token) => Lookup { access_token: Some(token.hash()), ..Lookup::default() },
            Form::Signed(_) => {
                let id = AccessTokenId::new(issued.access_token.jti.clone());
                Lookup { access_token_id: Some(id), ..Lookup::default() }
            }
        };
        assert_eq!(world.load(&named).grant.unwrap().state, GrantState::Standing);
        assert_eq!(refusal(world.redeem(WEB, &code)), Refusal::CodeReplayed);
        assert!(matches!(world.load(&named).grant.unwrap().state, GrantState::Revoked { .. }), "{format:?}");
    }
}

// proves: CODE-05
#[test]
fn a_stranger_who_saw_a_code_cannot_end_what_it_gave() {
    let mut world = World::new();
    let code = world.approve(WEB, "boxes:list");
    let token = world.redeem(WEB, &code).unwrap().refresh_token.unwrap();
    let call = world.redemption_of(WEB, &code);
    let without_secret = TokenCall { authorization: Some(basic(WEB, "guess")), ..call.clone() };
    assert_eq!(refusal(world.token(&without_secret)), Refusal::WrongSecret);
    let without_verifier = call.clone().with("code_verifier", &"x".repeat(43));
    assert_eq!(refusal(world.token(&without_verifier)), Refusal::VerifierWrong);
    let other_client = world.call_of(WEB_POST, call.form);
    assert_eq!(refusal(world.token(&other_client)), Refusal::CodeOfAnotherClient);
    assert_eq!(grant_state(&world), GrantState::Standing);
    world.refresh(WEB, &token).unwrap();
}

// proves: CODE-06
#[test]
fn a_code_is_its_clients_and_stays_so() {
    let mut world = World::new();
    let code = world.approve(SCHEME, "boxes:list");
    for thief in [NATIVE, WEB, WEB_POST] {
        assert_eq!(refusal(world.redeem(thief, &code)), Refusal::CodeOfAnotherClient);
    }
    world.redeem(SCHEME, &code).unwrap();
}

// proves: CODE-07
#[test]
fn a_redirect_uri_in_the_token_request_is_the_one_of_the_authorization_request() {
    let sent = |required: RedirectUriAtToken, uri: Option<&str>| {
        let mut world = World::new();
        world.edit_client(WEB, |client| {
            client.redirect_uris.push(RedirectUri::new("https://app.example/other"));
            client.redirect_uri_at_token = required;
        });
        let code = world.approve(WEB, "boxes:list");
        let call = world.redemption_of(WEB, &code);
        let call = uri.into_iter().fold(call, |call, uri| call.with("redirect_uri", uri));
        world.token(&call).map(|_| ()).map_err(|refused| refused.refusal)
    };
    for required in [RedirectUriAtToken::Optional, RedirectUriAtToken::Required] {
        assert_eq!(sent(required, Some(WEB_CALLBACK)), Ok(()));
        assert_eq!(sent(required, Some("https://app.example/other")), Err(Refusal::RedirectUriDiffers));
        assert_eq!(sent(required, Some("https://app.example/callback/")), Err(Refusal::RedirectUriDiffers));
    }
    assert_eq!(sent(RedirectUriAtToken::Optional, None), Ok(()));
    assert_eq!(sent(RedirectUriAtToken::Required, None), Err(Refusal::RedirectUriNotRepeated));
}

#[test]
fn the_port_of_a_loopback_address_is_bound_to_the_code() {
    let mut world = World::new();
    let form = world.request_of(NATIVE).with("redirect_uri", "http://127.0.0.1:4711/callback");
    let code = world.approve_form(&form);
    let call = world.redemption_of(NATIVE, &code);
    let other_port = call.clone().with("redirect_uri", "http://127.0.0.1:4712/callback");
    assert_eq!(refusal(world.token(&other_port)), Refusal::RedirectUriDiffers);
    world.token(&call.with("redirect_uri", "http://127.0.0.1:4711/callback")).unwrap();
}

// proves: CODE-08
#[test]
fn a_token_says_what_was_granted_to_whom_by_whom_and_when() {
    let mut world = World::new();
    let card = r#"[{"type":"postcard","motif":"sea"}]"#;
    let form = world.request_of(WEB).with("scope", "boxes:read").with("authorization_details", card);
    let code = world.approve_form(&form);
    let signed_in_at = world.now;
    world.advance(Seconds(30));
    let issued = world.redeem(WEB, &code).unwrap();
    let claims = issued.access_token;
    assert_eq!((claims.iss.as_str(), claims.aud.as_str()), (ISSUER, LOCKBOXES));
    assert_eq!((claims.sub.as_str(), claims.client_id.as_str()), ("user-alice", WEB));
    assert_eq!(claims.scope.as_deref(), Some("boxes:read"));
    assert_eq!(
        claims.authorization_details,
        [serde_json::json!({
            "type": "postcard", "locations": [LOCKBOXES], "motif": "sea"
        })]
    );
    assert_eq!((claims.auth_time, claims.iat), (Some(signed_in_at), world.now));
    assert_eq!(claims.exp, world.now + issued.expires_in);
}

// proves: CODE-09
#[test]
fn four_wrong_verifiers_leave_a_code_to_its_owner_and_five_spend_it() {
    for (wrong, survives) in [(1, true), (4, true), (5, false)] {
        let mut world = World::new();
        let code = world.approve(SCHEME, "boxes:list");
        let call = world.redemption_of(SCHEME, &code);
        for number in 0..wrong {
            let verifier = if number % 2 == 0 { "x".repeat(43) } else { "short".to_owned() };
            let expected = if number % 2 == 0 { Refusal::VerifierWrong } else { Refusal::VerifierMalformed };
            assert_eq!(refusal(world.token(&call.clone().with("code_verifier", &verifier))), expected);
        }
        let outcome = world.token(&call).map(|_| ()).map_err(|refused| refused.refusal);
        assert_eq!(outcome, if survives { Ok(()) } else { Err(Refusal::CodeGuessedAt) }, "{wrong}");
    }
}

// proves: CODE-11
#[test]
fn signing_out_before_the_redemption_makes_the_code_unusable() {
    for scope in ["boxes:list", "boxes:list offline_access"] {
        let mut world = World::new();
        let mut browser = Browser::new();
        let form = world.request_of(WEB).with("scope", scope);
        let code = code_in(&world.approve_in(&mut browser, &form));
        world.sign_out(&mut browser).unwrap();
        let refused = refusal(world.redeem(WEB, &code));
        assert!(matches!(refused, Refusal::CodeSessionEnded | Refusal::CodeGrantGone), "{refused:?}");
        assert!(world.records().refresh_tokens.is_empty());
    }
}

/// What becomes of a code when this happens between its issue and its redemption.
fn after(change: impl FnOnce(&mut World)) -> Result<(), Refusal> {
    let mut world = World::new();
    let code = world.approve(WEB, "boxes:list offline_access");
    let call = world.redemption_of(WEB, &code);
    change(&mut world);
    world.token(&call).map(|_| ()).map_err(|refused: Refused| refused.refusal)
}

// proves: INV-02
#[test]
fn a_user_who_is_disabled_removed_or_reset_gives_nothing_any_more() {
    let user = || user_id(ALICE);
    assert_eq!(after(|_| ()), Ok(()));
    let disabled = after(|world| {
        let at = world.now;
        world.operate(Change::SetUserStatus { user: user(), status: Status::Disabled, at });
    });
    let back_again = after(|world| {
        let at = world.now;
        world.operate(Change::SetUserStatus { user: user(), status: Status::Disabled, at });
        world.operate(Change::SetUserStatus { user: user(), status: Status::Active, at });
    });
    let reset = after(|world| {
        let at = world.now;
        world.operate(Change::SetPassword { user: user(), password: hash_of("new"), at });
    });
    let removed = after(|world| {
        let at = world.now;
        world.operate(Change::RemoveUser { user: user(), at });
    });
    for outcome in [disabled, back_again, reset, removed] {
        assert_eq!(outcome, Err(Refusal::CodeGrantGone));
    }
}

// proves: INV-03
#[test]
fn a_client_that_lost_something_since_gets_nothing_by_it() {
    let edit = |edit: fn(&mut grantd_protocol::records::Client)| after(|world| world.edit_client(WEB, edit));
    assert_eq!(edit(|client| client.status = Status::Disabled), Err(Refusal::ClientDisabled));
    assert_eq!(edit(|client| client.grant_types = vec![GrantType::RefreshToken]), Err(Refusal::GrantTypeUnregistered));
    assert_eq!(edit(|client| client.redirect_uris.clear()), Err(Refusal::RedirectUriWithdrawn));
    assert_eq!(edit(|client| client.authentication = ClientAuthentication::None), Err(Refusal::WrongMethod));
    assert_eq!(edit(|client| client.resources.clear()), Err(Refusal::TargetNotGranted));
    assert_eq!(edit(|client| client.scopes = scopes("history")), Err(Refusal::NothingLeft));
    let gone = after(|world| {
        let (client, at) = (world.client(WEB).id, world.now);
        world.operate(Change::RemoveClient { client, at });
    });
    assert_eq!(gone, Err(Refusal::NoSuchClient));
    let off = after(|world| world.edit_resource(LOCKBOXES, |resource| resource.status = Status::Disabled));
    assert_eq!(off, Err(Refusal::TargetNotGranted));
    let removed = after(|world| world.operate(Change::RemoveResource { resource: ResourceId::new(LOCKBOXES) }));
    assert_eq!(removed, Err(Refusal::TargetNotGranted));
}

/// The approval is decided, the client is switched off and on again, and only then is the approval kept: another node was slow.
// proves: INV-03
#[test]
fn an_approval_that_was_decided_before_its_client_ended_and_kept_after_it_gives_nothing() {
    for ends_first in [false, true] {
        let mut world = World::new();
        let mut browser = Browser::new();
        let form = world.request_of(WEB).with("scope", "boxes:list offline_access");
        world.authorize(&mut browser, &form).unwrap();
        world.sign_in(&mut browser, ALICE).unwrap();
        let approval = world.ticked(&browser, Verdict::Allow);
        let decision = world.decision(&approval);
        if ends_first {
            let at = world.now;
            for status in [Status::Disabled, Status::Active] {
                world.operate(Change::SetClientStatus { client: world.client(WEB).id, status, at });
            }
        }
        assert_eq!(world.commit(&decision.changes), Commit::Done, "nothing guards the client's row");
        world.advance(Seconds(1));
        let Ok(Decided::Answer(response)) = decision.answer else { panic!("not approved") };
        let code = code_in(&response.location());
        let redeemed = world.redeem(WEB, &code).map(|_| ()).map_err(|refused| refused.refusal);
        assert_eq!(redeemed, if ends_first { Err(Refusal::CodeGrantGone) } else { Ok(()) });
    }
}

#[test]
fn a_client_registered_anew_under_an_old_name_inherits_nothing() {
    let outcome = after(|world| {
        let (client, at) = (world.client(WEB), world.now);
        world.operate(Change::RemoveClient { client: client.id.clone(), at });
        world.operate(Change::PutClient(client));
    });
    assert_eq!(outcome, Err(Refusal::CodeGrantGone));
}

// proves: INV-01
#[test]
fn every_check_on_a_code_refuses_on_its_own() {
    let wrong = |name: &str, value: &str| {
        let mut world = World::new();
        let code = world.approve(WEB, "boxes:list");
        let call = world.redemption_of(WEB, &code).with(name, value);
        refusal(world.token(&call))
    };
    assert_eq!(wrong("code", "another"), Refusal::CodeUnknown);
    assert_eq!(wrong("code_verifier", &"x".repeat(43)), Refusal::VerifierWrong);
    assert_eq!(wrong("redirect_uri", "https://app.example/"), Refusal::RedirectUriDiffers);
    assert_eq!(wrong("resource", crate::town::CALENDAR), Refusal::TargetNotGranted);
    assert_eq!(after(|world| world.advance(Seconds(60))), Err(Refusal::CodeExpired));
    let revoked = after(|world| {
        let (grant, at) = (world.records().grants.keys().next().unwrap().clone(), world.now);
        world.operate(Change::RevokeGrant { grant, at, because: Revocation::SignedOut });
    });
    assert_eq!(revoked, Err(Refusal::CodeGrantGone));
}

// proves: INV-04
#[test]
fn a_value_of_one_kind_is_nothing_of_another_kind() {
    let mut world = World::new();
    let mut browser = Browser::new();
    let form = world.request_of(WEB);
    let code = code_in(&world.approve_in(&mut browser, &form));
    let token = world.redeem(WEB, &code).unwrap().refresh_token.unwrap();
    assert_eq!(refusal(world.refresh(WEB, &code)), Refusal::RefreshTokenUnknown);
    assert_eq!(refusal(world.redeem(WEB, &token)), Refusal::CodeUnknown);
    let session = browser.session.clone().unwrap();
    assert_eq!(refusal(world.redeem(WEB, &session)), Refusal::CodeUnknown);
    let handle = browser.handle.clone().unwrap();
    assert_eq!(refusal(world.refresh(WEB, &handle)), Refusal::RefreshTokenUnknown);
    assert_eq!(grant_state(&world), GrantState::Standing);
    let mut confused = Browser { session: browser.cookie.clone(), ..browser };
    world.authorize(&mut confused, &form).unwrap();
    assert!(matches!(world.consent_page(&confused), Ok(grantd_protocol::consent::Shown::Elsewhere(_))));
}

// proves: INV-08
#[test]
fn what_one_issuer_gave_is_unknown_to_another() {
    let mut world = World::new();
    let code = world.approve(WEB, "boxes:list");
    let mut other = World { state: world.state.clone(), ..World::new() };
    other.settings.issuer = Issuer::new("https://other.example");
    for client in crate::town::clients() {
        other.operate(Change::PutClient(client));
    }
    let call = other.redemption_of(WEB, &code);
    assert_eq!(refusal(other.token(&call)), Refusal::CodeUnknown);
    world.redeem(WEB, &code).unwrap();
}

// proves: INV-06
#[test]
fn a_refused_redemption_leaves_the_code_as_it_was() {
    let mut world = World::new();
    let code = world.approve(WEB, "boxes:list");
    let call = world.redemption_of(WEB, &code);
    for (name, value) in [("resource", "https://elsewhere.example/"), ("redirect_uri", "https://app.example/")] {
        let before = world.state.clone();
        refusal(world.token(&call.clone().with(name, value)));
        assert_eq!(world.state, before);
    }
    assert_eq!(world.records().codes[&code.hash()].redemption, Redemption::Pending);
    world.token(&call).unwrap();
}

// proves: AT-06
#[test]
fn an_access_token_ends_with_the_session_at_the_latest() {
    let mut world = World::new();
    let mut browser = Browser::new();
    let form = world.request_of(WEB);
    world.approve_in(&mut browser, &form);
    let session_ends = world.now + world.settings.lifetimes.session;
    world.settings.lifetimes.session_idle = world.settings.lifetimes.session;
    world.advance(Seconds(world.settings.lifetimes.session.0 - 100));
    let code = code_in(&world.approve_in(&mut browser, &form));
    world.advance(Seconds(40));
    let issued = world.redeem(WEB, &code).unwrap();
    assert_eq!((issued.access_token.exp, issued.expires_in), (session_ends, Seconds(60)));
}

// proves: TOKEN-09
#[test]
fn expires_in_is_what_is_left() {
    let mut world = World::new();
    let code = world.approve(WEB, "boxes:list");
    let issued = world.redeem(WEB, &code).unwrap();
    assert_eq!(issued.expires_in, Seconds(300));
    assert_eq!(issued.access_token.exp, world.now + Seconds(300));
    world.edit_resource(LOCKBOXES, |resource| resource.access_token_lifetime = Some(Seconds(60)));
    let issued = world.refresh(WEB, &issued.refresh_token.unwrap()).unwrap();
    assert_eq!((issued.expires_in, issued.access_token.exp), (Seconds(60), world.now + Seconds(60)));
}

#[test]
fn a_code_cut_short_or_in_another_case_is_no_code() {
    let mut world = World::new();
    let code = world.approve(WEB, "boxes:list");
    let text = code.expose().to_owned();
    let (short, long) = (text.chars().skip(1).collect(), format!("{text}A"));
    for wrong in [short, long, text.to_ascii_lowercase(), format!("{text}=")] {
        assert_eq!(refusal(world.redeem(WEB, &Secret::new(wrong))), Refusal::CodeUnknown);
    }
}
