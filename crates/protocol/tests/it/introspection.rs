//! `POST /introspect`: when a token is active, and who is told what about it.

use grantd_protocol::changes::Change;
use grantd_protocol::endpoint::{Endpoint, Next};
use grantd_protocol::facts::Facts;
use grantd_protocol::introspection::Introspected;
use grantd_protocol::names::{ClientId, GrantId, Issuer, ResourceId, UserId};
use grantd_protocol::records::{AccessTokenFormat, EndedThing, IssuedAccessToken, Revocation, SessionState, Status};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::token::Issued;
use grantd_tokens::{AccessTokenClaims, Algorithm, PrivateKey, Seconds, Secret, Time, jws};
use serde_json::{Value, json};

use crate::shown_tokens::{
    API, FORMS, KEY, introspect, introspection, issued, issued_to, showing, why_not, world_with, written,
};
use crate::town::{ALICE, BOB, BROWSER, CALENDAR, ISSUER, LOCKBOXES, NATIVE, SERVICE, WEB, WEB_POST, scopes, user_id};
use crate::world::{World, refusal};

fn members(answer: &Introspected) -> Value {
    Value::Object(answer.members().unwrap())
}

fn the_grant(world: &World) -> GrantId {
    world.records().grants.keys().next().unwrap().clone()
}

// ---- who may ask ----

// proves: INTRO-01, CAUTH-09
#[test]
fn only_clients_that_keep_a_secret_may_ask() {
    let mut world = world_with(AccessTokenFormat::Jwt);
    let token = written(&issued(&mut world, "boxes:list"));
    for public in [NATIVE, BROWSER] {
        world.edit_client(public, |client| client.introspects = vec![ResourceId::new(LOCKBOXES)]);
        assert_eq!(refusal(introspect(&mut world, public, &token)), Refusal::IntrospectionByPublicClient);
    }
    assert_eq!(why_not(&mut world, API, &token), None);
}

// proves: INTRO-01, CAUTH-23
#[test]
fn whoever_asks_shows_who_they_are_first() {
    let mut world = world_with(AccessTokenFormat::Jwt);
    let token = written(&issued(&mut world, "boxes:list"));
    let call = showing(&world, API, &token);
    let wrong = [
        crate::world::basic(API, "guess"),
        crate::world::basic("nobody", "guess"),
        crate::world::basic(WEB_POST, crate::town::secret_of(WEB_POST).expose()),
    ];
    for authorization in wrong {
        let call = crate::forms_of_the_wire::TokenCall { authorization: Some(authorization), ..call.clone() };
        let request = introspection(&call).unwrap();
        assert_eq!(refusal(world.run(&request)).code().as_str(), "invalid_client");
    }
    let request = introspection(&call).unwrap();
    assert!(matches!(world.run(&request), Ok(Introspected::Active(_))));
}

// proves: INTRO-02
#[test]
fn only_the_server_of_a_tokens_resource_learns_about_it() {
    for form in FORMS {
        let mut world = world_with(form);
        let token = written(&issued(&mut world, "boxes:list"));
        // Neither a client that may ask about another resource, nor one that could have asked for this one, nor its own.
        world.edit_client(WEB_POST, |client| client.introspects = vec![ResourceId::new(CALENDAR)]);
        for stranger in [WEB_POST, WEB] {
            let answer = introspect(&mut world, stranger, &token).unwrap();
            assert_eq!(answer, Introspected::Inactive(Refusal::AccessTokenForAnother), "{stranger}");
            assert_eq!(members(&answer), json!({"active": false}));
        }
        world.edit_client(WEB_POST, |client| client.introspects.push(ResourceId::new(LOCKBOXES)));
        assert_eq!(why_not(&mut world, WEB_POST, &token), None);
    }
}

// ---- what is said ----

// proves: INTRO-04, AT-07
#[test]
fn an_active_token_is_told_with_all_it_says_in_either_form() {
    for form in FORMS {
        let mut world = world_with(form);
        let asked = world.request_of(WEB).with("scope", "boxes:list boxes:read");
        let card = json!([{"type": "postcard", "motif": "sea"}]);
        let code = world.approve_form(&asked.with("authorization_details", &card.to_string()));
        let issued = world.redeem(WEB, &code).unwrap();
        let answer = introspect(&mut world, API, &written(&issued)).unwrap();
        let claims = &issued.access_token;
        let expected = json!({
            "active": true,
            "scope": "boxes:list boxes:read",
            "client_id": WEB,
            "sub": user_id(ALICE).as_str(),
            "aud": LOCKBOXES,
            "iss": ISSUER,
            "exp": claims.exp,
            "iat": claims.iat,
            "jti": claims.jti,
            "token_type": "Bearer",
            "auth_time": claims.auth_time,
            "authorization_details": [{"type": "postcard", "locations": [LOCKBOXES], "motif": "sea"}],
        });
        assert_eq!(members(&answer), expected, "{form:?}");
    }
}

// proves: INTRO-04
#[test]
fn a_token_of_a_client_for_itself_has_no_grant_and_is_told_the_same_way() {
    for form in FORMS {
        let mut world = world_with(form);
        let issued = issued_to(&mut world, SERVICE);
        let answer = members(&introspect(&mut world, API, &written(&issued)).unwrap());
        assert_eq!((&answer["active"], &answer["sub"]), (&json!(true), &json!("client:service")));
        assert_eq!(answer.get("auth_time"), None);
    }
}

#[test]
fn the_token_with_which_the_server_itself_asks_for_things_is_active_at_its_resource() {
    let mut world = world_with(AccessTokenFormat::Jwt);
    let claims = AccessTokenClaims {
        client_id: ISSUER.to_owned(),
        jti: "of-no-grant".to_owned(),
        scope: Some("grantd:things".to_owned()),
        ..issued(&mut world, "boxes:list").access_token
    };
    let token = Secret::new(claims.mint(&KEY).unwrap());
    assert_eq!(why_not(&mut world, API, &token), None);
    let nobodys = AccessTokenClaims { client_id: "nobody".to_owned(), ..claims };
    let token = Secret::new(nobodys.mint(&KEY).unwrap());
    assert_eq!(why_not(&mut world, API, &token), Some(Refusal::AccessTokenClientGone));
}

// proves: INTRO-03
#[test]
fn of_an_inactive_token_nothing_is_said_but_that() {
    for refusal in Refusal::ALL {
        assert_eq!(members(&Introspected::Inactive(*refusal)), json!({"active": false}));
    }
}

// proves: INTRO-06
#[test]
fn a_signed_answer_holds_the_plain_one_for_its_caller_alone() {
    let mut world = world_with(AccessTokenFormat::Jwt);
    let token = written(&issued(&mut world, "boxes:list"));
    let caller = ClientId::new(API);
    for shown in [token, Secret::new("nothing")] {
        let answer = introspect(&mut world, API, &shown).unwrap();
        let signed = answer.to_sign(&Issuer::new(ISSUER), &caller, world.now).unwrap();
        assert_eq!((signed.iss.as_str(), signed.aud.as_str(), signed.iat), (ISSUER, API, world.now));
        assert_eq!(Value::Object(signed.token_introspection), members(&answer));
    }
}

// ---- near twins: the same token, and one thing that ends it ----

struct Twin {
    what: &'static str,
    spoil: fn(&mut World, &Issued),
    why: Refusal,
}

/// What ends an access token, whichever form it has.
fn twins() -> Vec<Twin> {
    use Refusal as R;
    let twin = |what, why, spoil| Twin { what, spoil, why };
    vec![
        twin("its time has come", R::AccessTokenExpired, |world, issued| world.now = issued.access_token.exp),
        twin("it is of tomorrow", R::AccessTokenNotYetValid, |world, _| world.now = world.now - Seconds(16)),
        twin("it was given back", R::AccessTokenEnded, |world, issued| {
            let AccessTokenClaims { jti, exp, .. } = issued.access_token.clone();
            let id = grantd_protocol::names::AccessTokenId::new(jti);
            let at = world.now;
            world.operate(Change::EndAccessToken { token: IssuedAccessToken { id, expires_at: exp }, at });
        }),
        twin("its grant was taken back", R::AccessTokenGrantGone, |world, _| {
            let (grant, at, because) = (the_grant(world), world.now, Revocation::EndedByUser);
            world.operate(Change::RevokeGrant { grant, at, because });
        }),
        twin("its user is switched off", R::AccessTokenGrantGone, |world, _| {
            let at = world.now;
            world.operate(Change::SetUserStatus { user: user_id(ALICE), status: Status::Disabled, at });
        }),
        twin("its user signed out everywhere else", R::AccessTokenGrantGone, |world, _| {
            let (session, at) = (*world.records().sessions.keys().next().unwrap(), world.now);
            world.operate(Change::EndSession { session, at });
        }),
        twin("its client is switched off", R::AccessTokenEnded, |world, _| {
            world.edit_client(WEB, |client| client.status = Status::Disabled);
        }),
        twin("its client was off for a moment", R::AccessTokenEnded, |world, _| {
            for status in [Status::Disabled, Status::Active] {
                let at = world.now;
                world.operate(Change::SetClientStatus { client: ClientId::new(WEB), status, at });
            }
        }),
        twin("its resource was taken back", R::AccessTokenTakenBack, |world, _| {
            narrow(world, "boxes:list", &[CALENDAR]);
        }),
        twin("its scope was taken back", R::AccessTokenTakenBack, |world, _| {
            narrow(world, "calendar:read", &[LOCKBOXES, CALENDAR]);
        }),
        twin("the caller may not ask about it any more", R::AccessTokenForAnother, |world, _| {
            world.edit_client(API, |client| client.introspects = vec![ResourceId::new(CALENDAR)]);
        }),
    ]
}

fn narrow(world: &mut World, left: &str, resources: &[&str]) {
    let grant = world.records().grants.values().next().unwrap().clone();
    world.operate(Change::NarrowGrant {
        grant: grant.id,
        narrowings: grant.narrowings,
        scopes: scopes(left),
        resources: resources.iter().map(|id| ResourceId::new(*id)).collect(),
        details: Vec::new(),
    });
}

// proves: INTRO-03, INTRO-02, AT-11, INV-02, INV-03
#[test]
fn a_token_is_active_until_any_one_thing_ends_it() {
    for form in FORMS {
        for Twin { what, spoil, why } in twins() {
            let mut world = world_with(form);
            let issued = issued(&mut world, "boxes:list");
            let token = written(&issued);
            assert_eq!(why_not(&mut world, API, &token), None, "before: {what}");
            spoil(&mut world, &issued);
            let answer = introspect(&mut world, API, &token).unwrap();
            assert_eq!(answer, Introspected::Inactive(why), "{form:?}: {what}");
            assert_eq!(members(&answer), json!({"active": false}), "{what}");
        }
    }
}

// proves: INV-11
#[test]
fn the_clock_of_a_token_is_held_to_the_second() {
    for form in FORMS {
        let mut world = world_with(form);
        let issued = issued(&mut world, "boxes:list");
        let (token, made) = (written(&issued), world.now);
        for (now, active) in [(-15, true), (-16, false), (299, true), (300, false)] {
            world.now = made + Seconds(now);
            assert_eq!(why_not(&mut world, API, &token).is_none(), active, "{now}");
        }
    }
}

/// What a client holds for itself ends when it is switched off; what it is issued later does not.
// proves: INV-03
#[test]
fn what_a_client_held_before_it_was_switched_off_stays_dead() {
    for form in FORMS {
        let mut world = world_with(form);
        world.edit_client(WEB_POST, |client| client.introspects = vec![ResourceId::new(LOCKBOXES)]);
        let held = written(&issued_to(&mut world, SERVICE));
        assert_eq!(why_not(&mut world, WEB_POST, &held), None);
        for status in [Status::Disabled, Status::Active] {
            let at = world.now;
            world.operate(Change::SetClientStatus { client: ClientId::new(SERVICE), status, at });
        }
        assert_eq!(why_not(&mut world, WEB_POST, &held), Some(Refusal::AccessTokenEnded));
        world.advance(Seconds(1));
        let later = written(&issued_to(&mut world, SERVICE));
        assert_eq!(why_not(&mut world, WEB_POST, &later), None);
    }
}

// proves: CODE-04, AT-11
#[test]
fn a_replayed_code_makes_its_access_tokens_inactive_at_the_next_request() {
    for form in FORMS {
        let mut world = world_with(form);
        let code = world.approve(WEB, "boxes:list");
        let issued = world.redeem(WEB, &code).unwrap();
        let refreshed = world.refresh(WEB, issued.refresh_token.as_ref().unwrap()).unwrap();
        let tokens = [written(&issued), written(&refreshed)];
        for token in &tokens {
            assert_eq!(why_not(&mut world, API, token), None);
        }
        assert_eq!(refusal(world.redeem(WEB, &code)), Refusal::CodeReplayed);
        for token in &tokens {
            assert_eq!(why_not(&mut world, API, token), Some(Refusal::AccessTokenGrantGone));
        }
    }
}

// proves: AT-11
#[test]
fn what_was_taken_back_in_part_is_no_longer_told() {
    for form in FORMS {
        let mut world = world_with(form);
        let asked = world.request_of(WEB).with("scope", "boxes:list boxes:read");
        let cards = json!([{"type": "postcard", "motif": "sea"}, {"type": "postcard", "motif": "hills"}]);
        let code = world.approve_form(&asked.with("authorization_details", &cards.to_string()));
        let token = written(&world.redeem(WEB, &code).unwrap());
        let before = members(&introspect(&mut world, API, &token).unwrap());
        assert_eq!(before["authorization_details"].as_array().unwrap().len(), 2);

        let grant = world.records().grants.values().next().unwrap().clone();
        let left = |detail: &grantd_protocol::records::Detail| detail.fields.values().any(|motif| motif == "hills");
        world.operate(Change::NarrowGrant {
            grant: grant.id.clone(),
            narrowings: grant.narrowings,
            scopes: scopes("boxes:read"),
            resources: grant.resources.clone(),
            details: grant.details.iter().filter(|detail| left(detail)).cloned().collect(),
        });
        let after = members(&introspect(&mut world, API, &token).unwrap());
        assert_eq!((&after["active"], &after["scope"]), (&json!(true), &json!("boxes:read")));
        assert_eq!(after["authorization_details"], json!([before["authorization_details"][1]]));
    }
}

// ---- what is no token of this server ----

// proves: INTRO-03
#[test]
fn what_this_server_never_made_is_inactive() {
    let mut world = world_with(AccessTokenFormat::Jwt);
    let issued = issued(&mut world, "boxes:list");
    let claims = &issued.access_token;
    let good = written(&issued);
    let text = good.expose();
    let (signed, signature) = text.rsplit_once('.').unwrap();
    let stranger = PrivateKey::generate(Algorithm::Es256).unwrap();
    let foreign = AccessTokenClaims { iss: "https://elsewhere.example".into(), ..claims.clone() };
    let jti = claims.jti.clone();
    let shown = [
        ("garbage", "garbage".to_owned()),
        ("dots", "..".to_owned()),
        ("long", "x".repeat(20_000)),
        ("cut short", text.strip_suffix(|_| true).unwrap().to_owned()),
        ("cut to its claims", signed.to_owned()),
        ("with more behind it", format!("{text}A")),
        ("with another part", format!("{text}.{signature}")),
        ("in another case", text.to_ascii_uppercase()),
        ("with a space", format!(" {text}")),
        ("signed by a stranger", claims.mint(&stranger).unwrap()),
        ("of another issuer", foreign.mint(&KEY).unwrap()),
        ("an ID token", jws::sign("JWT", &KEY, claims).unwrap()),
        ("a logout token", jws::sign("logout+jwt", &KEY, claims).unwrap()),
        ("an answer of this endpoint", jws::sign("token-introspection+jwt", &KEY, claims).unwrap()),
        ("its own name", jti),
        ("its grant", the_grant(&world).as_str().to_owned()),
    ];
    for (what, text) in shown {
        let shown = Secret::new(text);
        assert_eq!(why_not(&mut world, API, &shown), Some(Refusal::ShownTokenUnknown), "{what}");
    }
    assert_eq!(why_not(&mut world, API, &good), None);
}

// proves: INTRO-03
#[test]
fn a_token_of_a_key_that_no_longer_counts_is_inactive() {
    let mut world = world_with(AccessTokenFormat::Jwt);
    let token = written(&issued(&mut world, "boxes:list"));
    assert_eq!(why_not(&mut world, API, &token), None);
    world.keys = grantd_tokens::JwkSet::default();
    assert_eq!(why_not(&mut world, API, &token), Some(Refusal::ShownTokenUnknown));
}

/// This server signed it, so it is of this server; that its grant is another's would be a fault of this server.
#[test]
fn a_signed_token_that_does_not_fit_its_grant_is_inactive() {
    let mut world = world_with(AccessTokenFormat::Jwt);
    let issued = issued(&mut world, "boxes:list");
    let claims = &issued.access_token;
    let odd = [
        AccessTokenClaims { sub: user_id(BOB).as_str().to_owned(), ..claims.clone() },
        AccessTokenClaims { client_id: WEB_POST.to_owned(), ..claims.clone() },
        AccessTokenClaims { jti: "no-such-grant.x".to_owned(), ..claims.clone() },
    ];
    for claims in odd {
        let token = Secret::new(claims.mint(&KEY).unwrap());
        assert!(why_not(&mut world, API, &token).is_some(), "{claims:?}");
    }
}

// proves: INTRO-03
#[test]
fn a_code_is_never_active() {
    let mut world = world_with(AccessTokenFormat::Jwt);
    let code = world.approve(WEB, "boxes:list");
    for caller in [API, WEB] {
        assert_eq!(why_not(&mut world, caller, &code), Some(Refusal::ShownTokenUnknown));
    }
    assert!(world.redeem(WEB, &code).is_ok(), "and it is not spent by it");
}

// ---- hints ----

// proves: INTRO-05
#[test]
fn a_hint_changes_nothing() {
    for form in FORMS {
        let mut world = world_with(form);
        let issued = issued(&mut world, "boxes:list");
        let refresh = issued.refresh_token.clone().unwrap();
        for (caller, token) in [(API, written(&issued)), (WEB, refresh)] {
            let plain = introspect(&mut world, caller, &token).unwrap();
            assert!(matches!(plain, Introspected::Active(_)));
            for hint in ["access_token", "refresh_token", "id_token", "nonsense", "\u{1F511}"] {
                let call = showing(&world, caller, &token).with("token_type_hint", hint);
                let request = introspection(&call).unwrap();
                assert_eq!(world.run(&request).unwrap(), plain, "{hint}");
            }
        }
    }
}

// ---- refresh tokens ----

// proves: INTRO-08
#[test]
fn a_refresh_token_answers_to_its_own_client_alone() {
    let mut world = world_with(AccessTokenFormat::Jwt);
    let issued = issued(&mut world, "boxes:list boxes:read");
    let token = issued.refresh_token.unwrap();
    let record = world.records().refresh_tokens[&token.hash()].clone();
    let answer = introspect(&mut world, WEB, &token).unwrap();
    let expected = json!({
        "active": true,
        "scope": "boxes:list boxes:read",
        "client_id": WEB,
        "sub": user_id(ALICE).as_str(),
        "iss": ISSUER,
        "exp": record.expires_at,
        "iat": record.issued_at,
    });
    assert_eq!(members(&answer), expected);
    for other in [API, WEB_POST] {
        assert_eq!(why_not(&mut world, other, &token), Some(Refusal::RefreshTokenShownByAnother));
    }
}

// proves: INTRO-03, INTRO-08
#[test]
fn of_a_family_the_live_token_is_active_and_no_other() {
    let mut world = world_with(AccessTokenFormat::Jwt);
    let first = issued(&mut world, "boxes:list").refresh_token.unwrap();
    let lost = world.refresh(WEB, &first).unwrap().refresh_token.unwrap();
    let live = world.refresh(WEB, &first).unwrap().refresh_token.unwrap();
    for dead in [&first, &lost] {
        assert_eq!(why_not(&mut world, WEB, dead), Some(Refusal::RefreshTokenSpent));
    }
    assert_eq!(why_not(&mut world, WEB, &live), None);
    // Its row was swept long ago, and its family is still known.
    let mut facts = world.load(&introspection(&showing(&world, WEB, &first)).unwrap().lookup());
    facts.refresh_token = None;
    assert_eq!(told(&mut world, WEB, &first, &facts), Some(Refusal::RefreshTokenSpent));
}

/// Why not, on other facts than there are.
fn told(world: &mut World, caller: &str, token: &Secret, facts: &Facts) -> Option<Refusal> {
    let request = introspection(&showing(world, caller, token)).unwrap();
    let Next::Done(decision) = world.decide_on(&request, facts) else { panic!("nothing is fetched here") };
    match decision.answer.unwrap() {
        Introspected::Active(_) => None,
        Introspected::Inactive(refusal) => Some(refusal),
    }
}

// proves: INTRO-03, REFRESH-12, REFRESH-16
#[test]
fn a_refresh_token_that_could_not_be_traded_in_is_inactive() {
    use Refusal as R;
    type Spoil = fn(&mut Facts);
    let spoilers: [(R, Spoil); 6] = [
        (R::RefreshTokenIdle, |facts| facts.refresh_token.as_mut().unwrap().expires_at = Time(1)),
        (R::RefreshGrantEnded, |facts| facts.grant.as_mut().unwrap().expires_at = Time(1)),
        (R::RefreshGrantGone, |facts| {
            let (at, because) = (Time(1), Revocation::EndedByUser);
            facts.grant.as_mut().unwrap().state = grantd_protocol::records::GrantState::Revoked { at, because };
        }),
        (R::RefreshUserGone, |facts| facts.user.as_mut().unwrap().status = Status::Disabled),
        (R::RefreshUserGone, |facts| facts.user.as_mut().unwrap().id = UserId::new("another")),
        (R::RefreshSessionEnded, |facts| {
            facts.grant_session.as_mut().unwrap().state = SessionState::Ended { at: Time(1) };
        }),
    ];
    let mut world = world_with(AccessTokenFormat::Jwt);
    let token = issued(&mut world, "boxes:list").refresh_token.unwrap();
    let facts = world.load(&introspection(&showing(&world, WEB, &token)).unwrap().lookup());
    assert_eq!(told(&mut world, WEB, &token, &facts), None);
    for (why, spoil) in spoilers {
        let mut facts = facts.clone();
        spoil(&mut facts);
        assert_eq!(told(&mut world, WEB, &token, &facts), Some(why));
    }
}

/// What the store keeps of a client that ended is about that client.
#[test]
fn what_ended_of_others_ends_nothing_here() {
    let mut world = world_with(AccessTokenFormat::Jwt);
    let token = written(&issued(&mut world, "boxes:list"));
    let request = introspection(&showing(&world, API, &token)).unwrap();
    let mut facts = world.load(&request.lookup());
    let (at, until) = (world.now, world.now + Seconds(60));
    let ended = |thing| grantd_protocol::records::Ended { thing, at, until };
    facts.ended.as_mut().unwrap().push(ended(EndedThing::Client(ClientId::new(WEB_POST))));
    assert_eq!(told(&mut world, API, &token, &facts), None);
    facts.ended.as_mut().unwrap().push(ended(EndedThing::Client(ClientId::new(WEB))));
    assert_eq!(told(&mut world, API, &token, &facts), Some(Refusal::AccessTokenEnded));
}

// proves: INTRO-03, INV-01
#[test]
fn asking_changes_nothing() {
    let mut world = world_with(AccessTokenFormat::Opaque);
    let issued = issued(&mut world, "boxes:list");
    let (before, refresh) = (world.state.clone(), issued.refresh_token.clone().unwrap());
    for (caller, token) in [(API, written(&issued)), (WEB, refresh), (API, Secret::new("x"))] {
        introspect(&mut world, caller, &token).unwrap();
        assert_eq!(world.state, before);
    }
}
