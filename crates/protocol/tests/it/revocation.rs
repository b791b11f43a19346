//! `POST /revoke`: what a client may end, and what ends with it.

use grantd_protocol::changes::Change;
use grantd_protocol::endpoint::Endpoint;
use grantd_protocol::events::EventKind;
use grantd_protocol::names::ClientId;
use grantd_protocol::records::{AccessTokenFormat, GrantState, Revocation};
use grantd_protocol::refusals::Refusal;
use grantd_tokens::{AccessTokenClaims, Algorithm, PrivateKey, Seconds, Secret, jws};

use crate::forms_of_the_wire::TokenCall;
use crate::shown_tokens::{
    API, FORMS, KEY, issued, issued_to, revocation, revoke, showing, why_not, world_with, written,
};
use crate::town::{NATIVE, SERVICE, WEB, WEB_POST};
use crate::world::{World, basic, refusal};

fn grant_state(world: &World) -> GrantState {
    world.records().grants.values().next().unwrap().state
}

// proves: REVOKE-01, CAUTH-23
#[test]
fn a_confidential_client_that_does_not_show_who_it_is_ends_nothing() {
    let mut world = world_with(AccessTokenFormat::Jwt);
    let token = issued(&mut world, "boxes:list").refresh_token.unwrap();
    let call = showing(&world, WEB, &token);
    let named = TokenCall { authorization: None, ..call.clone().with("client_id", WEB) };
    for wrong in [TokenCall { authorization: Some(basic(WEB, "guess")), ..call.clone() }, named] {
        let request = revocation(&wrong).unwrap();
        assert_eq!(refusal(world.run(&request)).code().as_str(), "invalid_client");
        assert_eq!(grant_state(&world), GrantState::Standing);
    }
    assert_eq!(revoke(&mut world, WEB, &token), Ok(()));
    assert!(matches!(grant_state(&world), GrantState::Revoked { because: Revocation::GivenBack, .. }));
}

// proves: REVOKE-01
#[test]
fn a_public_client_says_who_it_is_and_that_is_enough() {
    let mut world = world_with(AccessTokenFormat::Jwt);
    let code = world.approve(NATIVE, "boxes:list");
    let issued = world.redeem(NATIVE, &code).unwrap();
    assert_eq!(why_not(&mut world, API, &written(&issued)), None);
    assert_eq!(revoke(&mut world, NATIVE, &issued.refresh_token.unwrap()), Ok(()));
    assert!(matches!(grant_state(&world), GrantState::Revoked { because: Revocation::GivenBack, .. }));
}

// proves: REVOKE-04, AT-11
#[test]
fn a_refresh_token_given_back_ends_the_family_and_every_access_token() {
    for form in FORMS {
        let mut world = world_with(form);
        let first = issued(&mut world, "boxes:list");
        let spent = first.refresh_token.clone().unwrap();
        let second = world.refresh(WEB, &spent).unwrap();
        let live = second.refresh_token.clone().unwrap();
        // A live one, and one that was spent: the client wants to be done either way.
        for given_back in [&live, &spent] {
            let mut world = world.clone();
            let decision = world.decision(&revocation(&showing(&world, WEB, given_back)).unwrap());
            assert_eq!((decision.changes.len(), decision.notes.len()), (1, 0), "a gift is no theft");
            assert_eq!(revoke(&mut world, WEB, given_back), Ok(()));
            for issued in [&first, &second] {
                assert_eq!(why_not(&mut world, API, &written(issued)), Some(Refusal::AccessTokenGrantGone));
            }
            assert_eq!(refusal(world.refresh(WEB, &live)), Refusal::RefreshGrantGone);
            assert_eq!(why_not(&mut world, WEB, &live), Some(Refusal::RefreshGrantGone));
        }
    }
}

// proves: REVOKE-04
#[test]
fn a_refresh_token_spent_so_long_ago_that_it_was_forgotten_still_ends_its_family() {
    let mut world = world_with(AccessTokenFormat::Jwt);
    let spent = issued(&mut world, "boxes:list").refresh_token.unwrap();
    world.refresh(WEB, &spent).unwrap();
    let request = revocation(&showing(&world, WEB, &spent)).unwrap();
    let mut facts = world.load(&request.lookup());
    facts.refresh_token = None;
    let grantd_protocol::endpoint::Next::Done(decision) = world.decide_on(&request, &facts) else { panic!() };
    assert!(matches!(decision.changes.as_slice(), [Change::RevokeGrant { because: Revocation::GivenBack, .. }]));
}

// proves: REVOKE-04
#[test]
fn an_access_token_given_back_ends_alone() {
    for form in FORMS {
        let mut world = world_with(form);
        let first = issued(&mut world, "boxes:list");
        let second = world.refresh(WEB, first.refresh_token.as_ref().unwrap()).unwrap();
        assert_eq!(revoke(&mut world, WEB, &written(&first)), Ok(()));
        assert_eq!(why_not(&mut world, API, &written(&first)), Some(Refusal::AccessTokenEnded));
        assert_eq!(why_not(&mut world, API, &written(&second)), None, "the other one goes on");
        let third = world.refresh(WEB, second.refresh_token.as_ref().unwrap()).unwrap();
        assert_eq!(why_not(&mut world, API, &written(&third)), None, "and there can be more");
    }
}

// proves: REVOKE-04
#[test]
fn what_a_client_holds_for_itself_it_may_give_back() {
    for form in FORMS {
        let mut world = world_with(form);
        let (one, other) = (issued_to(&mut world, SERVICE), issued_to(&mut world, SERVICE));
        assert_eq!(revoke(&mut world, SERVICE, &written(&one)), Ok(()));
        assert_eq!(why_not(&mut world, API, &written(&one)), Some(Refusal::AccessTokenEnded));
        assert_eq!(why_not(&mut world, API, &written(&other)), None);
    }
}

// proves: REVOKE-02
#[test]
fn a_token_of_another_client_is_not_ended_and_the_operator_hears_of_it() {
    for form in FORMS {
        let mut world = world_with(form);
        let issued = issued(&mut world, "boxes:list");
        for token in [written(&issued), issued.refresh_token.clone().unwrap()] {
            for other in [WEB_POST, NATIVE, API] {
                let decision = world.decision(&revocation(&showing(&world, other, &token)).unwrap());
                assert_eq!((decision.answer, decision.changes), (Ok(()), Vec::new()), "{other}");
                let [note] = decision.notes.as_slice() else { panic!("one note: {:?}", decision.notes) };
                assert_eq!(note.kind, EventKind::RevocationOfAnothersToken);
                assert_eq!(note.client, Some(ClientId::new(WEB)));
                assert!(note.grant.is_some());
                assert!(note.evidence.contains(&("tried_by", other.to_owned())), "{note:?}");
                assert!(!format!("{note:?}").contains(token.expose()), "{note:?}");
            }
        }
        assert_eq!(why_not(&mut world, API, &written(&issued)), None);
        assert!(world.refresh(WEB, issued.refresh_token.as_ref().unwrap()).is_ok());
    }
}

// proves: REVOKE-03
#[test]
fn what_is_unknown_or_over_is_answered_and_changes_nothing() {
    for form in FORMS {
        let mut world = world_with(form);
        let code = world.approve(WEB, "boxes:list");
        let issued = world.redeem(WEB, &code).unwrap();
        let claims = &issued.access_token;
        let stranger = PrivateKey::generate(Algorithm::Es256).unwrap();
        let good = written(&issued);
        let foreign = AccessTokenClaims { iss: "https://elsewhere.example".into(), ..claims.clone() };
        let shown = [
            "garbage".to_owned(),
            "..".to_owned(),
            code.expose().to_owned(),
            good.expose().strip_prefix(|_| true).unwrap().to_owned(),
            format!("{}A", good.expose()),
            good.expose().to_ascii_uppercase(),
            claims.mint(&stranger).unwrap(),
            foreign.mint(&KEY).unwrap(),
            jws::sign("JWT", &KEY, claims).unwrap(),
            claims.jti.clone(),
        ];
        let before = world.state.clone();
        for text in shown {
            assert_eq!(revoke(&mut world, WEB, &Secret::new(text.clone())), Ok(()), "{text}");
            assert_eq!(world.state, before, "{text}");
        }
        assert_eq!(why_not(&mut world, API, &good), None);

        world.advance(Seconds(300));
        let before = world.state.clone();
        assert_eq!(revoke(&mut world, WEB, &good), Ok(()), "expired");
        assert_eq!(world.state, before);

        let token = issued.refresh_token.unwrap();
        assert_eq!(revoke(&mut world, WEB, &token), Ok(()));
        let before = world.state.clone();
        world.advance(Seconds(5));
        assert_eq!(revoke(&mut world, WEB, &token), Ok(()), "given back before");
        assert_eq!(world.state, before);
    }
}

// proves: REVOKE-05, REVOKE-07
#[test]
fn a_wrong_hint_still_finds_the_token() {
    for form in FORMS {
        for hint in ["access_token", "refresh_token", "id_token", "nonsense"] {
            let mut world = world_with(form);
            let issued = issued(&mut world, "boxes:list");
            let access_token = written(&issued);
            for token in [access_token.clone(), issued.refresh_token.clone().unwrap()] {
                let call = showing(&world, WEB, &token).with("token_type_hint", hint);
                let request = revocation(&call).unwrap();
                assert_eq!(world.decision(&request).changes.len(), 1, "{hint}");
                assert_eq!(world.run(&request), Ok(()), "{hint}");
            }
            assert_eq!(why_not(&mut world, API, &access_token), Some(Refusal::AccessTokenEnded));
            assert!(matches!(grant_state(&world), GrantState::Revoked { .. }));
        }
    }
}

/// Whoever refreshes at the same moment does not slip past it: what is issued is committed together with the use of the grant.
#[test]
fn a_refresh_that_was_decided_before_is_not_written_after() {
    let mut world = world_with(AccessTokenFormat::Jwt);
    let token = issued(&mut world, "boxes:list").refresh_token.unwrap();
    let refresh = crate::world::parsed(&world.refresh_of(WEB, &token)).unwrap();
    let decided = world.decision(&refresh).changes;
    assert_eq!(revoke(&mut world, WEB, &token), Ok(()));
    assert_eq!(world.commit(&decided), grantd_protocol::changes::Commit::Stale);
    assert_eq!(refusal(world.run(&refresh)), Refusal::RefreshGrantGone);
}

/// [`Endpoint::lookup`] names every kind at once, so nothing of the request decides what is looked for.
#[test]
fn every_kind_is_looked_for() {
    let mut world = world_with(AccessTokenFormat::Jwt);
    let issued = issued(&mut world, "boxes:list");
    let lookup = revocation(&showing(&world, WEB, &written(&issued))).unwrap().lookup();
    assert!(lookup.access_token_id.is_some() && lookup.holder == Some(ClientId::new(WEB)));
    let lookup = revocation(&showing(&world, WEB, &issued.refresh_token.unwrap())).unwrap().lookup();
    assert!(lookup.refresh_token.is_some() && lookup.family.is_some() && lookup.access_token.is_some());
}
