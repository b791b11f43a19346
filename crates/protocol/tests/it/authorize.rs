//! The authorization endpoint: what is asked, in which order it is judged, and what the browser does next.

use grantd_protocol::authorize::{AuthorizationRequest, Page, Step};
use grantd_protocol::endpoint::{Endpoint, Next, Refused};
use grantd_protocol::names::ResourceId;
use grantd_protocol::refusals::Refusal;
use grantd_tokens::Seconds;

use crate::forms_of_the_wire::{Browser, Form, parameter_of};
use crate::town::{ALICE, BROWSER, ISSUER, LOCKBOXES, WEB, WEB_CALLBACK, scopes};
use crate::world::{World, code_in, refusal};

fn ask(world: &mut World, form: &Form) -> Result<Step, Refused> {
    world.authorize(&mut Browser::new(), form)
}

/// The scopes of the request that now waits.
fn waiting_scopes(form: impl FnOnce(&World) -> Form) -> String {
    let mut world = World::new();
    let form = form(&world);
    ask(&mut world, &form).unwrap();
    world.records().pending.values().next().unwrap().scopes.to_string()
}

// proves: AUTHZ-01
#[test]
fn a_request_is_the_same_by_get_and_by_post() {
    let mut world = World::new();
    let form = world.request_of(WEB).encoded();
    let by_post = AuthorizationRequest::parse(None, Some(form.as_bytes())).unwrap();
    assert!(matches!(world.run(&by_post), Ok(Step::Show { page: Page::SignIn, .. })));
    let with_empty_query = AuthorizationRequest::parse(Some(b""), Some(form.as_bytes())).unwrap();
    assert!(world.run(&with_empty_query).is_ok());
}

// proves: AUTHZ-02
#[test]
fn query_and_body_are_never_merged() {
    let form = World::new().request_of(WEB).encoded();
    let both = AuthorizationRequest::parse(Some(b"state=x"), Some(form.as_bytes()));
    assert_eq!(both.map(|_| ()), Err(Refusal::AuthorizeTwice));
}

// proves: AUTHZ-03
#[test]
fn a_parameter_stands_once_and_no_repeated_target_is_redirected_to() {
    for name in ["response_type", "scope", "code_challenge", "code_challenge_method", "state", "response_mode"] {
        let mut world = World::new();
        let form = world.request_of(WEB).and(name, "x").and(name, "x");
        let refused = ask(&mut world, &form).unwrap_err();
        assert_eq!(refused.refusal.code().as_str(), "invalid_request", "{name}");
        assert!(refused.redirect.is_some(), "{name}");
    }
    for name in ["client_id", "redirect_uri"] {
        let mut world = World::new();
        let form = world.request_of(WEB).and(name, "https://evil.example/");
        let refused = ask(&mut world, &form).unwrap_err();
        assert_eq!((refused.refusal, refused.redirect), (Refusal::ClientIdRepeated, None));
    }
    let mut world = World::new();
    let form = world.request_of(WEB).and("resource", LOCKBOXES).and("resource", LOCKBOXES);
    ask(&mut world, &form).unwrap();
}

// proves: AUTHZ-04
#[test]
fn an_empty_parameter_was_not_sent_and_an_unknown_one_is_ignored() {
    let mut world = World::new();
    let form =
        world.request_of(WEB).and("nonce", "x").and("display", "page").and("response_mode", "").and("request", "");
    ask(&mut world, &form).unwrap();
    let form = world.request_of(WEB).with("response_type", "");
    assert_eq!(refusal(ask(&mut world, &form)), Refusal::ResponseTypeMissing);
}

// proves: AUTHZ-05, REDIR-10
#[test]
fn an_unknown_client_or_target_is_told_on_a_page_and_nothing_is_stored() {
    let mut world = World::new();
    let good = world.request_of(WEB);
    let at = world.now;
    let evil = "https://evil.example/cb";
    for (form, expected) in [
        (good.clone().with("client_id", "nobody"), Refusal::ClientUnknown),
        (good.clone().with("client_id", "nobody").with("redirect_uri", evil), Refusal::ClientUnknown),
        (good.clone().with("redirect_uri", evil), Refusal::RedirectUriUnregistered),
        (good.clone().with("redirect_uri", evil).with("response_type", "token"), Refusal::RedirectUriUnregistered),
        (good.clone().without("client_id"), Refusal::ClientIdMissing),
    ] {
        let refused = ask(&mut world, &form).unwrap_err();
        assert_eq!((refused.refusal, refused.redirect), (expected, None));
    }
    world.operate(grantd_protocol::changes::Change::RemoveClient { client: world.client(WEB).id, at });
    assert_eq!(refusal(ask(&mut world, &good)), Refusal::ClientUnknown);
    assert!(world.records().pending.is_empty());
}

// proves: AUTHZ-06, AUTHZ-07, AUTHZ-08, NEVER-01
#[test]
fn the_one_response_type_is_code_and_only_for_those_who_registered_it() {
    let mut world = World::new();
    let good = world.request_of(WEB);
    assert_eq!(refusal(ask(&mut world, &good.clone().without("response_type"))), Refusal::ResponseTypeMissing);
    for response_type in ["token", "id_token token", "code token", "code id_token", "none", "Code", "code code"] {
        let refused = ask(&mut world, &good.clone().with("response_type", response_type)).unwrap_err();
        assert_eq!(refused.refusal, Refusal::ResponseTypeUnsupported, "{response_type}");
        assert_eq!(refused.refusal.code().as_str(), "unsupported_response_type");
    }
    world.edit_client(WEB, |client| client.grant_types.retain(|held| held.as_str() != "authorization_code"));
    assert_eq!(refusal(ask(&mut world, &good)), Refusal::ResponseTypeUnregistered);
}

// proves: AUTHZ-09, NEVER-09
#[test]
fn the_one_response_mode_is_query() {
    let mut world = World::new();
    let good = world.request_of(WEB);
    ask(&mut world, &good.clone().with("response_mode", "query")).unwrap();
    for mode in ["fragment", "form_post", "web_message", "jwt", "QUERY"] {
        let refused = ask(&mut world, &good.clone().with("response_mode", mode)).unwrap_err();
        let location = refused.redirect.unwrap().location(refused.refusal);
        assert!(location.starts_with(&format!("{WEB_CALLBACK}?error=invalid_request&")), "{location}");
    }
}

// proves: AUTHZ-10, AUTHZ-11
#[test]
fn state_comes_back_unchanged_beside_the_issuer_with_a_code_and_with_an_error() {
    for state in ["x", "a b+c&d=e%25#?/\"\\<>", &"s".repeat(4096)] {
        let mut world = World::new();
        let form = world.request_of(WEB).with("state", state);
        let answer = world.approve_in(&mut Browser::new(), &form);
        let refused = ask(&mut world, &form.with("response_type", "token")).unwrap_err();
        let error = refused.redirect.unwrap().location(refused.refusal);
        for location in [answer, error] {
            assert_eq!(parameter_of(&location, "state").as_deref(), Some(state));
            assert_eq!(parameter_of(&location, "iss").as_deref(), Some(ISSUER));
        }
    }
    let mut world = World::new();
    let form = world.request_of(WEB).without("state");
    assert_eq!(parameter_of(&world.approve_in(&mut Browser::new(), &form), "state"), None);
}

// proves: AUTHZ-11
#[test]
fn a_state_that_cannot_come_back_as_it_came_is_refused_and_not_sent_back() {
    let mut world = World::new();
    for state in ["s".repeat(4097), "line\nbreak".to_owned(), "ü".to_owned(), "\u{0}".to_owned()] {
        let form = world.request_of(WEB).with("state", &state);
        let refused = ask(&mut world, &form).unwrap_err();
        assert_eq!(refused.refusal, Refusal::StateTooLong);
        let location = refused.redirect.unwrap().location(refused.refusal);
        assert_eq!(parameter_of(&location, "state"), None);
    }
}

// proves: AUTHZ-12
#[test]
fn scope_is_tokens_with_one_space_between_them_and_each_counts_once() {
    assert_eq!(
        waiting_scopes(|world| world.request_of(WEB).with("scope", "boxes:read boxes:list boxes:read")),
        "boxes:read boxes:list"
    );
    for text in [" boxes:list", "boxes:list ", "boxes:list  boxes:read", "boxes:list\tboxes:read", "\"", "\\", "ü"] {
        let mut world = World::new();
        let form = world.request_of(WEB).with("scope", text);
        assert_eq!(refusal(ask(&mut world, &form)), Refusal::ScopeMalformed, "{text:?}");
    }
}

// proves: AUTHZ-13
#[test]
fn unknown_scopes_are_left_out_and_known_ones_that_a_client_may_not_have_refuse() {
    assert_eq!(waiting_scopes(|world| world.request_of(WEB).with("scope", "openid boxes:list email")), "boxes:list");
    let mut world = World::new();
    let form = world.request_of(WEB).with("scope", "boxes:list boxes:burn");
    assert_eq!(refusal(ask(&mut world, &form)), Refusal::ScopeNotAllowed);
    // Known here by a resource that this client has nothing to do with.
    world.edit_client(WEB, |client| client.resources.retain(|resource| resource.as_str() == LOCKBOXES));
    world.edit_client(WEB, |client| client.scopes = scopes("boxes:list offline_access"));
    let form = world.request_of(WEB).with("scope", "boxes:list calendar:read").without("resource");
    assert_eq!(refusal(ask(&mut world, &form)), Refusal::ScopeNotAllowed);
    let form = world.request_of(WEB).with("scope", "boxes:list calendar:unheard").without("resource");
    ask(&mut world, &form).unwrap();
    let mut world = World::new();
    world.edit_client(WEB, |client| client.scopes = scopes("boxes:list"));
    let form = world.request_of(WEB).with("scope", "boxes:list offline_access");
    ask(&mut world, &form).unwrap();
    assert_eq!(world.records().pending.values().next().unwrap().scopes, scopes("boxes:list"));
}

// proves: SPA-01
#[test]
fn a_browser_application_is_not_offered_access_beyond_the_session() {
    let mut world = World::new();
    let code = world.approve(BROWSER, "boxes:list offline_access");
    let issued = world.redeem(BROWSER, &code).unwrap();
    assert_eq!(issued.scope, scopes("boxes:list"));
    world.advance(world.settings.lifetimes.session);
    assert_eq!(refusal(world.refresh(BROWSER, &issued.refresh_token.unwrap())), Refusal::RefreshTokenIdle);
}

#[test]
fn lasting_access_is_asked_only_for_a_client_with_refresh_tokens() {
    let mut world = World::new();
    world.edit_client(WEB, |client| {
        client.grant_types.truncate(1);
        client.default_scopes = scopes("boxes:list offline_access");
    });
    for form in
        [world.request_of(WEB).without("scope"), world.request_of(WEB).with("scope", "boxes:list offline_access")]
    {
        let code = world.approve_form(&form);
        let issued = world.redeem(WEB, &code).unwrap();
        assert_eq!((issued.scope, issued.refresh_token.map(|_| ())), (scopes("boxes:list"), None));
    }
}

// proves: AUTHZ-15
#[test]
fn without_scope_a_client_gets_its_default_and_not_all_that_it_may_have() {
    assert_eq!(waiting_scopes(|world| world.request_of(WEB).without("scope")), "boxes:list");
    let mut world = World::new();
    world.edit_client(WEB, |client| client.scopes = scopes("boxes:read"));
    let form = world.request_of(WEB).without("scope");
    assert_eq!(refusal(ask(&mut world, &form)), Refusal::ScopeMissing, "the default is not among what it may have");
    world.edit_client(WEB, |client| client.default_scopes = scopes(""));
    let form = world.request_of(WEB).without("scope");
    assert_eq!(refusal(ask(&mut world, &form)), Refusal::ScopeMissing);
    ask(&mut world, &form.with("authorization_details", r#"[{"type":"postcard","motif":"sea"}]"#)).unwrap();
}

#[test]
fn a_request_of_which_nothing_is_known_here_is_refused_even_where_a_consent_is_stored() {
    let mut world = World::new();
    let mut browser = Browser::new();
    let form = world.request_of(WEB);
    world.approve_in(&mut browser, &form);
    for scope in ["openid profile", "offline_access"] {
        assert_eq!(refusal(world.authorize(&mut browser, &form.clone().with("scope", scope))), Refusal::NothingAsked);
    }
    let elsewhere = form.with("resource", crate::town::CALENDAR);
    assert_eq!(refusal(world.authorize(&mut browser, &elsewhere)), Refusal::NothingAsked);
}

// proves: AUTHZ-29
#[test]
fn the_checks_run_in_the_order_in_which_a_redirect_becomes_safe() {
    let mut world = World::new();
    // Everything is wrong at once; each round puts the first thing right.
    let mut form = Form::new(&[
        ("client_id", "nobody"),
        ("redirect_uri", "https://evil.example/"),
        ("state", "\u{7}"),
        ("response_type", "token"),
        ("code_challenge", "x"),
        ("code_challenge_method", "plain"),
        ("scope", "boxes:burn"),
        ("resource", "x"),
        ("authorization_details", "x"),
    ]);
    let rounds = [
        (Refusal::ClientUnknown, "client_id", WEB),
        (Refusal::RedirectUriUnregistered, "redirect_uri", WEB_CALLBACK),
        (Refusal::StateTooLong, "state", "s"),
        (Refusal::ResponseTypeUnsupported, "response_type", "code"),
        (Refusal::CodeChallengeMethodUnsupported, "code_challenge_method", "S256"),
        (Refusal::CodeChallengeMalformed, "code_challenge", crate::world::CHALLENGE),
        (Refusal::ScopeNotAllowed, "scope", "boxes:list"),
        (Refusal::ResourceMalformed, "resource", LOCKBOXES),
        (Refusal::DetailsMalformed, "authorization_details", ""),
    ];
    for (expected, name, right) in rounds {
        let refused = ask(&mut world, &form).unwrap_err();
        assert_eq!(refused.refusal, expected);
        let before_the_target = matches!(name, "client_id" | "redirect_uri");
        assert_eq!(refused.redirect.is_none(), before_the_target, "{name}");
        form = form.with(name, right);
    }
    ask(&mut world, &form).unwrap();
}

// proves: AUTHZ-30
#[test]
fn a_parameter_is_at_most_eight_kibibytes_long() {
    let at_most = format!("{}={}", "n".repeat(100), "v".repeat(8192 - 101));
    let good = World::new().request_of(WEB).encoded();
    let parse = |more: &str| AuthorizationRequest::parse(Some(format!("{good}&{more}").as_bytes()), None).map(|_| ());
    assert_eq!(parse(&at_most), Ok(()));
    assert_eq!(parse(&format!("{at_most}v")), Err(Refusal::AuthorizeTooLarge));
}

// proves: AUTHZ-31
#[test]
fn a_request_waits_for_ten_minutes_in_one_browser_and_is_answered_once() {
    let mut world = World::new();
    let form = world.request_of(WEB);
    let mut browser = Browser::new();
    ask_in(&mut world, &mut browser, &form);
    let mut elsewhere = browser.clone();
    elsewhere.cookie = None;
    assert_eq!(refusal(world.sign_in(&mut elsewhere, ALICE)), Refusal::RequestOfAnotherBrowser);
    world.advance(Seconds(599));
    world.sign_in(&mut browser, ALICE).unwrap();
    let answer = world.ticked(&browser, grantd_protocol::consent::Verdict::Allow);
    world.advance(Seconds(1));
    assert_eq!(refusal(world.run(&answer)), Refusal::RequestGone);
    ask_in(&mut world, &mut browser, &form);
    let answer = world.ticked(&browser, grantd_protocol::consent::Verdict::Allow);
    world.run(&answer).unwrap();
    assert_eq!(refusal(world.run(&answer)), Refusal::RequestGone);
}

fn ask_in(world: &mut World, browser: &mut Browser, form: &Form) {
    world.authorize(browser, form).unwrap();
}

// proves: PKCE-06, INV-05
#[test]
fn what_was_asked_first_cannot_be_changed_by_asking_again() {
    let mut world = World::new();
    let mut browser = Browser::new();
    let form = world.request_of(WEB);
    ask_in(&mut world, &mut browser, &form);
    let first = browser.handle.clone();
    // The same browser asks again, with the challenge and the state of whoever gave it this link.
    let theirs = form.with("code_challenge", &"A".repeat(43)).with("state", "theirs");
    ask_in(&mut world, &mut browser, &theirs);
    browser.handle = first;
    world.sign_in(&mut browser, ALICE).unwrap();
    let answer = match world.consent(&browser, grantd_protocol::consent::Verdict::Allow).unwrap() {
        grantd_protocol::consent::Decided::Answer(response) => response.location(),
        other => panic!("{other:?}"),
    };
    assert_eq!(parameter_of(&answer, "state").as_deref(), Some("the state"));
    world.redeem(WEB, &code_in(&answer)).unwrap();
}

// proves: LIMITS-05
#[test]
fn only_so_many_requests_wait_from_one_network_and_in_all() {
    let mut world = World::new();
    world.settings.limits.pending_per_network = 2;
    world.settings.limits.pending_in_all = 3;
    let form = world.request_of(WEB);
    let mut ask_from = |network: &str| {
        let mut browser = Browser::new();
        browser.network = grantd_protocol::names::Network::new(network);
        world.authorize(&mut browser, &form).map(|_| ()).map_err(|refused| refused.refusal)
    };
    assert_eq!([ask_from("a"), ask_from("a")], [Ok(()), Ok(())]);
    assert_eq!(ask_from("a"), Err(Refusal::TooManyWaiting));
    assert_eq!(ask_from("b"), Ok(()));
    assert_eq!(ask_from("c"), Err(Refusal::TooManyWaiting));
}

// proves: SESS-22
#[test]
fn an_error_leaves_no_room_for_an_old_fragment() {
    let mut world = World::new();
    let form = world.request_of(WEB).with("scope", "boxes:burn");
    let refused = ask(&mut world, &form).unwrap_err();
    assert!(refused.redirect.unwrap().location(refused.refusal).ends_with("#_"));
}

// proves: SESS-21
#[test]
fn the_front_channel_carries_a_code_and_nothing_else_worth_keeping() {
    let mut world = World::new();
    let form = world.request_of(WEB);
    let location = world.approve_in(&mut Browser::new(), &form);
    let query = location.split_once('?').unwrap().1;
    let names: Vec<_> = query.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, _)| name).collect();
    assert_eq!(names, ["code", "state", "iss"]);
}

#[test]
fn a_decision_names_the_check_that_stopped_it_and_writes_nothing() {
    let mut world = World::new();
    let form = world.request_of(WEB).with("scope", "boxes:burn");
    let request = AuthorizationRequest::parse(Some(form.encoded().as_bytes()), None).unwrap();
    let facts = world.load(&request.lookup());
    let Next::Done(decision) = world.decide_on(&request, &facts) else { panic!("decided") };
    assert_eq!(decision.checks.stopped_by().unwrap().refusal, Refusal::ScopeNotAllowed);
    assert!(decision.changes.is_empty());
    assert!(facts.resources.iter().any(|resource| resource.id == ResourceId::new(LOCKBOXES)));
}
