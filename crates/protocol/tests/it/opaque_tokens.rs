//! Access tokens in their opaque form (AT-07): the same decisions, and nothing in the token.

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::names::ClientId;
use grantd_protocol::records::{AccessTokenFormat, GrantState, OpaqueAccessToken, Status};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::token::{Form as TokenForm, Issued, mint::mint};
use grantd_tokens::jws::{SignFault, Unverified};
use grantd_tokens::{Digest, Seconds, Secret};

use crate::forms_of_the_wire::Form;
use crate::town::{CALENDAR, LOCKBOXES, SERVICE, WEB, scopes};
use crate::world::{World, parsed, refusal};

/// The town, where the lockboxes want opaque tokens and the calendar wants signed ones.
fn world() -> World {
    let mut world = World::new();
    world.edit_resource(LOCKBOXES, |resource| resource.access_token_format = AccessTokenFormat::Opaque);
    world
}

fn token_of(issued: &Issued) -> Secret {
    match &issued.form {
        TokenForm::Opaque(token) => token.clone(),
        TokenForm::Signed(algorithm) => panic!("signed with {algorithm:?}"),
    }
}

fn kept(world: &World, token: &Secret) -> Option<OpaqueAccessToken> {
    world.records().access_tokens.get(&token.hash()).cloned()
}

// proves: AT-07
#[test]
fn an_opaque_token_is_256_random_bits_and_only_its_digest_is_kept() {
    let mut world = world();
    let code = world.approve(WEB, "boxes:list");
    let first = world.redeem(WEB, &code).unwrap();
    let second = world.refresh(WEB, first.refresh_token.as_ref().unwrap()).unwrap();
    let (first, second) = (token_of(&first), token_of(&second));
    for token in [&first, &second] {
        // 43 characters of base64url without padding: 32 bytes.
        assert_eq!(token.expose().len(), 43);
        let record = serde_json::to_string(&kept(&world, token).unwrap()).unwrap();
        assert!(record.contains(&token.hash().to_base64url()), "{record}");
        assert!(!record.contains(token.expose()), "the token itself is kept");
        assert!(!format!("{:?}", world.state).contains(token.expose()), "the token itself is kept");
    }
    assert_ne!(first.expose(), second.expose());
}

// proves: AT-07
#[test]
fn what_is_sent_says_nothing_and_no_verifier_of_signed_tokens_can_read_it() {
    let mut world = world();
    let code = world.approve(WEB, "boxes:list");
    let issued = world.redeem(WEB, &code).unwrap();
    // A token that needs no key asks for none.
    let no_key = |_| -> Result<_, SignFault> { panic!("an opaque token is not signed") };
    let answer = serde_json::to_value(mint(&issued, no_key).unwrap()).unwrap();
    let sent = answer["access_token"].as_str().unwrap();
    assert_eq!(sent, token_of(&issued).expose());
    assert!(Unverified::parse(sent).is_err());
    assert!(!sent.contains('.'));
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["expires_in"], 300);
    assert_eq!(answer["scope"], "boxes:list");
}

#[test]
fn what_it_stands_for_is_what_the_same_token_would_have_said_signed() {
    let mut world = world();
    world.edit_resource(LOCKBOXES, |resource| resource.access_token_lifetime = Some(Seconds(120)));
    let code = world.approve(WEB, "boxes:list boxes:read calendar:read");
    let issued = world.redeem(WEB, &code).unwrap();
    let record = kept(&world, &token_of(&issued)).unwrap();
    assert_eq!(record.claims, issued.access_token);
    assert_eq!((record.claims.aud.as_str(), record.claims.client_id.as_str()), (LOCKBOXES, WEB));
    assert_eq!(record.claims.scope.as_deref(), Some("boxes:list boxes:read"));
    assert_eq!(record.claims.exp, world.now + Seconds(120));
    let grant = record.grant.unwrap();
    assert!(record.claims.jti.starts_with(&format!("{grant}.")), "{}", record.claims.jti);

    // AT-03, REFRESH-13: a narrower one says less.
    let refresh = world.refresh_of(WEB, issued.refresh_token.as_ref().unwrap()).with("scope", "boxes:read");
    let narrower = world.token(&refresh).unwrap();
    let record = kept(&world, &token_of(&narrower)).unwrap();
    assert_eq!(record.claims.scope.as_deref(), Some("boxes:read"));
}

#[test]
fn each_resource_gets_the_form_it_wants_from_one_grant() {
    let mut world = world();
    let code = world.approve(WEB, "boxes:list calendar:read");
    let issued = world.redeem(WEB, &code).unwrap();
    assert!(matches!(issued.form, TokenForm::Opaque(_)));
    let refresh = world.refresh_of(WEB, issued.refresh_token.as_ref().unwrap()).with("resource", CALENDAR);
    let other = world.token(&refresh).unwrap();
    assert_eq!(other.form, TokenForm::Signed(world.settings.access_token_algorithm));
    assert_eq!(other.access_token.aud, CALENDAR);
    assert_eq!(world.records().access_tokens.len(), 1);
}

#[test]
fn a_client_gets_one_of_its_own_without_a_grant() {
    let mut world = world();
    let form = Form::new(&[("grant_type", "client_credentials"), ("scope", "boxes:list calendar:read")]);
    let call = world.call_of(SERVICE, form);
    let issued = world.token(&call).unwrap();
    let record = kept(&world, &token_of(&issued)).unwrap();
    assert_eq!((record.grant, record.claims.aud.as_str()), (None, LOCKBOXES));
    assert_eq!((record.claims.sub.as_str(), issued.scope), ("client:service", scopes("boxes:list")));
}

#[test]
fn a_refused_request_leaves_no_token_behind() {
    let mut world = world();
    let code = world.approve(WEB, "boxes:list");
    let call = world.redemption_of(WEB, &code);
    assert_eq!(refusal(world.token(&call.with("code_verifier", &"x".repeat(43)))), Refusal::VerifierWrong);
    assert!(world.records().access_tokens.is_empty());
    world.redeem(WEB, &code).unwrap();
    assert_eq!(world.records().access_tokens.len(), 1);
}

/// AT-11: whoever ends a grant between a decision and its commit wins.
#[test]
fn none_is_kept_under_a_grant_that_ended_while_it_was_issued() {
    let mut world = world();
    let code = world.approve(WEB, "boxes:list");
    let decision = world.decision(&parsed(&world.redemption_of(WEB, &code)).unwrap());
    let adds = |change: &Change| matches!(change, Change::AddAccessToken(_));
    let alone: Vec<Change> = decision.changes.iter().filter(|change| adds(change)).cloned().collect();
    assert_eq!(alone.len(), 1);
    let mut standing = world.clone();
    assert_eq!(standing.commit(&alone), Commit::Done);
    let (client, at) = (ClientId::new(WEB), world.now);
    world.operate(Change::SetClientStatus { client, status: Status::Disabled, at });
    assert!(world.records().grants.values().all(|grant| grant.state != GrantState::Standing));
    assert_eq!(world.commit(&alone), Commit::Stale);
}

// proves: AT-07
#[test]
fn a_digest_finds_the_whole_token_alone() {
    let mut world = world();
    let code = world.approve(WEB, "boxes:list");
    let token = token_of(&world.redeem(WEB, &code).unwrap());
    let text = token.expose();
    let found = |text: &str| world.records().access_tokens.contains_key(&Digest::of(text.as_bytes()));
    assert!(found(text));
    let (first, last, longer) = (text.chars().next().unwrap(), text.chars().next_back().unwrap(), format!("{text}A"));
    for other in [text.trim_start_matches(first), text.trim_end_matches(last), &longer, &text.to_ascii_uppercase(), ""]
    {
        assert!(!found(other), "{other}");
    }
}
