//! What the user agrees to, and what comes of it.

use grantd_protocol::authorize::{Page, Step};
use grantd_protocol::consent::{ConsentDecision, ConsentPage, Decided, Shown, Verdict};
use grantd_protocol::names::{RedirectUri, Scope, UserId};
use grantd_protocol::records::{ClientAuthentication, Presence, Things};
use grantd_protocol::refusals::Refusal;
use grantd_tokens::{Seconds, Secret};

use crate::forms_of_the_wire::{Browser, Form};
use crate::town::{ALICE, BOB, BROWSER, CALENDAR, LOCKBOXES, NATIVE, SCHEME, WEB, WEB_CALLBACK, user_id};
use crate::world::{World, code_in, refusal};

const BOXES: &str = r#"[{"type":"lockbox","actions":["list"]}]"#;

/// A browser on the consent page, with this user signed in.
fn on_page(world: &mut World, form: &Form, username: &str) -> Browser {
    let mut browser = Browser::new();
    world.authorize(&mut browser, form).unwrap();
    let step = world.sign_in(&mut browser, username).unwrap().step;
    assert!(matches!(step, Some(Step::Show { page: Page::Consent, .. })), "{step:?}");
    browser
}

fn allowed(world: &mut World, form: &ConsentDecision) -> Secret {
    match world.run(form).unwrap() {
        Decided::Answer(response) => code_in(&response.location()),
        other => panic!("not answered: {other:?}"),
    }
}

// proves: AUTHZ-14
#[test]
fn what_is_unticked_is_not_granted() {
    let mut world = World::new();
    let form = world.request_of(WEB).with("scope", "boxes:list boxes:read").with("authorization_details", BOXES);
    let browser = on_page(&mut world, &form, ALICE);
    let mut answer = world.ticked(&browser, Verdict::Allow);
    answer.scopes.retain(|scope| scope.as_str() == "boxes:read");
    answer.things.retain(|key| key == "alice-2");
    let code = allowed(&mut world, &answer);
    let issued = world.redeem(WEB, &code).unwrap();
    assert_eq!(issued.scope.to_string(), "boxes:read");
    let identifiers: Vec<_> = issued.authorization_details.iter().map(|detail| detail.identifier.as_deref()).collect();
    assert_eq!(identifiers, [Some("alice-2")]);
}

// proves: CONSENT-04
#[test]
fn a_tampered_form_adds_nothing_to_what_was_asked() {
    let mut world = World::new();
    let one = r#"[{"type":"lockbox","actions":["list"],"identifier":"alice-1"}]"#;
    let form = world.request_of(WEB).with("authorization_details", one);
    let browser = on_page(&mut world, &form, ALICE);
    let mut answer = world.ticked(&browser, Verdict::Allow);
    answer.scopes.extend(["boxes:read", "calendar:read", "offline_access"].map(|name| Scope::parse(name).unwrap()));
    answer.things.extend(["alice-2", "bob-1", "#0", "#1"].map(str::to_owned));
    let code = allowed(&mut world, &answer);
    let issued = world.redeem(WEB, &code).unwrap();
    assert_eq!(issued.scope.to_string(), "boxes:list");
    assert_eq!(issued.authorization_details.len(), 1);
    assert_eq!(issued.authorization_details[0].identifier.as_deref(), Some("alice-1"));
    let grant = world.records().grants.values().next().unwrap();
    assert_eq!(grant.presence, Presence::WhileSignedIn);
}

// proves: CONSENT-04
#[test]
fn a_form_of_another_page_session_or_browser_decides_nothing() {
    let mut world = World::new();
    let form = world.request_of(WEB);
    let browser = on_page(&mut world, &form, ALICE);
    let mine = world.ticked(&browser, Verdict::Allow);
    let others = on_page(&mut world, &form, ALICE);
    let foreign = world.ticked(&others, Verdict::Allow);

    let mut same_browser = browser.clone();
    world.authorize(&mut same_browser, &form).unwrap();
    let other_page = world.ticked(&same_browser, Verdict::Allow);
    for token in [None, Some(Secret::new("")), foreign.token.clone(), other_page.token.clone()] {
        let forged = ConsentDecision { token, ..mine.clone() };
        assert_eq!(refusal(world.run(&forged)), Refusal::ConsentForged);
    }
    assert!(world.records().grants.is_empty());
    let code = allowed(&mut world, &mine);
    world.redeem(WEB, &code).unwrap();
}

#[test]
fn a_resource_of_which_nothing_was_left_gets_no_token() {
    let mut world = World::new();
    let form = world.request_of(WEB).with("scope", "boxes:list calendar:read");
    let browser = on_page(&mut world, &form, ALICE);
    let mut answer = world.ticked(&browser, Verdict::Allow);
    answer.scopes.retain(|scope| scope.as_str() == "calendar:read");
    let code = allowed(&mut world, &answer);
    let for_boxes = world.redemption_of(WEB, &code).with("resource", LOCKBOXES);
    assert_eq!(refusal(world.token(&for_boxes)), Refusal::TargetNotGranted);
    assert_eq!(world.redeem(WEB, &code).unwrap().access_token.aud, CALENDAR);
}

#[test]
fn no_identifier_of_a_client_can_tick_another_line() {
    let mut world = World::new();
    let cards = r##"[{"type":"postcard","motif":"sea"},{"type":"postcard","motif":"hills","identifier":"#0"},
        {"type":"postcard","motif":"hills","identifier":"d0"}]"##;
    let form = world.request_of(WEB).with("authorization_details", cards);
    let browser = on_page(&mut world, &form, ALICE);
    let view = world.view(&browser);
    let items: Vec<_> = view.resources[0].details.iter().flat_map(|detail| &detail.items).collect();
    let keys: std::collections::BTreeSet<_> = items.iter().map(|item| &item.key).collect();
    assert_eq!(keys.len(), 3, "{keys:?}");
    let mut answer = world.ticked(&browser, Verdict::Allow);
    answer.things.retain(|key| *key != items[0].key);
    let code = allowed(&mut world, &answer);
    let issued = world.redeem(WEB, &code).unwrap();
    assert!(issued.authorization_details.iter().all(|detail| detail.fields["motif"] == "hills"));
    assert_eq!(issued.authorization_details.len(), 2);
}

#[test]
fn a_tick_means_the_same_thing_after_the_resource_was_asked_again() {
    let mut world = World::new();
    // The same boxes are asked for twice, so that no identifier stands alone.
    let twice = r#"[{"type":"lockbox","actions":["list"]},{"type":"lockbox","actions":["collect"]}]"#;
    let form = world.request_of(WEB).with("authorization_details", twice);
    let browser = on_page(&mut world, &form, ALICE);
    let mut answer = world.ticked(&browser, Verdict::Allow);
    let view = world.view(&browser);
    let first = view.resources[0].details[1].items[0].clone();
    answer.things = vec![first.key];
    let pending = view_handle(&browser);
    let Things::Known(mut boxes) = world.things[&user_id(ALICE)].clone() else { panic!("known") };
    boxes.reverse();
    reask(&mut world, pending, &boxes);
    let code = allowed(&mut world, &answer);
    let issued = world.redeem(WEB, &code).unwrap();
    assert_eq!(issued.authorization_details, [first.detail]);
}

fn view_handle(browser: &Browser) -> grantd_tokens::Digest {
    browser.handle.as_ref().unwrap().hash()
}

fn reask(world: &mut World, pending: grantd_tokens::Digest, boxes: &[grantd_protocol::records::Thing]) {
    use grantd_protocol::records::{Offer, OfferedThings};
    let request = world.records().pending[&pending].clone();
    let Offer::Asked { user, at, answers } = request.offer else { panic!("asked") };
    let answers =
        answers.into_iter().map(|answer| OfferedThings { things: Things::Known(boxes.to_vec()), ..answer }).collect();
    world.operate(grantd_protocol::changes::Change::Offer { pending, offer: Offer::Asked { user, at, answers } });
}

// proves: SESS-03
#[test]
fn a_link_alone_makes_no_resource_tell_what_the_victim_has() {
    let mut world = World::new();
    let form = world.request_of(WEB).with("authorization_details", BOXES);
    let mut attacker = Browser::new();
    world.authorize(&mut attacker, &form).unwrap();
    let mut victim = on_page(&mut world, &form, ALICE);
    victim.handle.clone_from(&attacker.handle);
    let asked_before = world.asked.len();
    assert_eq!(refusal(world.consent_page(&victim)), Refusal::RequestOfAnotherBrowser);
    assert_eq!(world.asked.len(), asked_before);
}

#[test]
fn what_was_offered_to_one_person_is_not_offered_to_the_next() {
    let mut world = World::new();
    let form = world.request_of(WEB).with("authorization_details", BOXES);
    let mut browser = on_page(&mut world, &form, ALICE);
    let of_alice = world.ticked(&browser, Verdict::Allow);
    assert!(matches!(world.consent(&browser, Verdict::SwitchAccount), Ok(Decided::SignInAgain)));
    // The old page is worth nothing any more, with the old session or with the new one.
    assert!(matches!(world.run(&of_alice), Ok(Decided::SessionOver)));
    world.sign_in(&mut browser, BOB).unwrap();
    let stale = ConsentDecision { browser: browser.state(), ..of_alice.clone() };
    assert_eq!(refusal(world.run(&stale)), Refusal::ConsentForged);

    let mut blind = of_alice;
    blind.browser = browser.state();
    blind.token = browser.state().form_token(grantd_protocol::forms::Purpose::Consent);
    blind.scopes.clear();
    assert!(matches!(world.run(&blind), Ok(Decided::NothingChosen)));

    let view = world.view(&browser);
    let titles: Vec<_> =
        view.resources[0].details[0].items.iter().map(|item| item.detail.identifier.clone().unwrap()).collect();
    assert_eq!(titles, ["bob-1", "bob-2", "bob-3"]);
}

#[test]
fn a_form_posted_before_the_resource_was_asked_grants_no_thing_that_the_client_named() {
    let mut world = World::new();
    let of_alice = r#"[{"type":"lockbox","actions":["list"],"identifier":"alice-1"}]"#;
    let form = world.request_of(WEB).with("authorization_details", of_alice);
    let browser = on_page(&mut world, &form, BOB);
    let token = browser.state().form_token(grantd_protocol::forms::Purpose::Consent);
    let blind = ConsentDecision {
        browser: browser.state(),
        token,
        origin: grantd_protocol::forms::FormOrigin::Own,
        verdict: Verdict::Allow,
        scopes: vec![Scope::parse("boxes:list").unwrap()],
        things: vec!["alice-1".to_owned()],
    };
    let code = allowed(&mut world, &blind);
    assert!(world.redeem(WEB, &code).unwrap().authorization_details.is_empty());
}

#[test]
fn without_an_answer_only_what_the_client_named_is_offered_and_the_resource_is_asked_again() {
    let mut world = World::new();
    world.things.insert(user_id(ALICE), Things::Unavailable);
    let form = world.request_of(WEB).with("authorization_details", BOXES);
    let browser = on_page(&mut world, &form, ALICE);
    assert!(world.view(&browser).resources[0].details[0].items.is_empty());
    assert_eq!(world.asked.len(), 1);
    world.view(&browser);
    assert_eq!(world.asked.len(), 1, "not sooner than after three seconds");
    world.things.insert(user_id(ALICE), Things::Known(crate::town::boxes_of(ALICE)));
    world.advance(Seconds(3));
    assert_eq!(world.view(&browser).resources[0].details[0].items.len(), 3);
}

/// What the same browser is shown when it asks a second time.
fn second_time(world: &mut World, first: &Form, change: impl FnOnce(&mut World), second: &Form, who: &str) -> Step {
    let mut browser = Browser::new();
    world.approve_in(&mut browser, first);
    change(world);
    if who != ALICE {
        browser.session = None;
        world.authorize(&mut browser, second).unwrap();
        return world.sign_in(&mut browser, who).unwrap().step.unwrap();
    }
    world.authorize(&mut browser, second).unwrap()
}

fn asks_again(step: &Step) -> bool {
    matches!(step, Step::Show { page: Page::Consent, .. })
}

// proves: CONSENT-02
#[test]
fn a_stored_consent_serves_only_the_same_question_of_the_same_client_to_the_same_user() {
    let world = World::new();
    let card = r#"[{"type":"postcard","motif":"sea"}]"#;
    let asked = world.request_of(WEB).with("scope", "boxes:list boxes:read").with("authorization_details", card);
    let narrower = asked.clone().with("scope", "boxes:read");
    let again =
        |second: &Form, who: &str, change: fn(&mut World)| second_time(&mut World::new(), &asked, change, second, who);
    assert!(matches!(again(&asked, ALICE, |_| ()), Step::Answer(_)));
    assert!(matches!(again(&narrower, ALICE, |_| ()), Step::Answer(_)));

    let wider = asked.clone().with("scope", "boxes:list boxes:read history").with("resource", LOCKBOXES);
    assert!(asks_again(&again(&wider, ALICE, |_| ())), "more scope");
    let elsewhere = asked.clone().and("resource", LOCKBOXES).and("resource", CALENDAR);
    assert!(asks_again(&again(&elsewhere, ALICE, |_| ())), "another resource");
    let other_card = asked.clone().with("authorization_details", r#"[{"type":"postcard","motif":"hills"}]"#);
    assert!(asks_again(&again(&other_card, ALICE, |_| ())), "other details");
    assert!(asks_again(&again(&asked, BOB, |_| ())), "another user");
    let other_client = world.request_of(BROWSER).with("scope", "boxes:list").with("authorization_details", card);
    assert!(asks_again(&again(&other_client, ALICE, |_| ())), "another client");
    let moved = |world: &mut World| {
        world.edit_client(WEB, |client| client.redirect_uris.push(RedirectUri::new("https://app.example/new")));
    };
    assert!(asks_again(&again(&asked, ALICE, moved)), "another redirect set");
    let public =
        |world: &mut World| world.edit_client(WEB, |client| client.authentication = ClientAuthentication::None);
    assert!(asks_again(&again(&asked, ALICE, public)), "another way to show who it is");
}

// proves: CONSENT-03, NATIVE-05
#[test]
fn a_client_that_anybody_could_claim_to_be_asks_every_time() {
    for (client, asks) in [(NATIVE, true), (SCHEME, true), (BROWSER, false), (WEB, false)] {
        let mut world = World::new();
        let form = world.request_of(client);
        let step = second_time(&mut world, &form, |_| (), &form, ALICE);
        assert_eq!(asks_again(&step), asks, "{client}");
    }
}

#[test]
fn a_stored_consent_gives_no_more_things_than_were_ticked() {
    let mut world = World::new();
    let form = world.request_of(WEB).with("authorization_details", BOXES);
    let mut browser = on_page(&mut world, &form, ALICE);
    let mut answer = world.ticked(&browser, Verdict::Allow);
    answer.things.retain(|key| key == "alice-3");
    allowed(&mut world, &answer);
    let location = world.approve_in(&mut browser, &form);
    let issued = world.redeem(WEB, &code_in(&location)).unwrap();
    assert_eq!(issued.authorization_details.len(), 1);
    assert_eq!(issued.authorization_details[0].identifier.as_deref(), Some("alice-3"));
}

#[test]
fn an_answered_request_is_answered_once() {
    let mut world = World::new();
    let form = world.request_of(WEB);
    let browser = on_page(&mut world, &form, ALICE);
    let answer = world.ticked(&browser, Verdict::Allow);
    allowed(&mut world, &answer);
    assert_eq!(refusal(world.run(&answer)), Refusal::RequestGone);
    assert_eq!(refusal(world.consent_page(&browser)), Refusal::RequestGone);
}

// proves: AUTHZ-27
#[test]
fn a_denial_spends_the_request_and_travels_to_the_client() {
    let mut world = World::new();
    let form = world.request_of(WEB);
    let browser = on_page(&mut world, &form, ALICE);
    let refused = world.consent(&browser, Verdict::Deny).unwrap_err();
    let location = refused.redirect.unwrap().location(refused.refusal);
    assert!(location.starts_with(&format!("{WEB_CALLBACK}?error=access_denied&")), "{location}");
    assert_eq!(refusal(world.consent_page(&browser)), Refusal::RequestGone);
    assert!(world.records().grants.is_empty() && world.records().consents.is_empty());
}

// proves: REDIR-15
#[test]
fn a_redirect_uri_that_was_withdrawn_gets_no_answer_of_a_request_that_waits() {
    let mut world = World::new();
    let form = world.request_of(WEB);
    let browser = on_page(&mut world, &form, ALICE);
    let [allow, deny] = [Verdict::Allow, Verdict::Deny].map(|verdict| world.ticked(&browser, verdict));
    world.edit_client(WEB, |client| client.redirect_uris = vec![RedirectUri::new("https://app.example/new")]);
    for form in [allow, deny] {
        let refused = world.run(&form).unwrap_err();
        assert_eq!((refused.refusal, refused.redirect), (Refusal::RedirectUriUnregistered, None));
    }
    assert_eq!(refusal(world.run(&ConsentPage { browser: browser.state() })), Refusal::RedirectUriUnregistered);
}

#[test]
fn the_page_says_who_asks_for_what_and_where_the_answer_goes() {
    let mut world = World::new();
    let form = world.request_of(SCHEME).with("scope", "boxes:list calendar:read offline_access");
    let browser = on_page(&mut world, &form, ALICE);
    let view = world.view(&browser);
    assert_eq!(view.client.id.as_str(), SCHEME);
    assert_eq!(view.user.id, UserId::new("user-alice"));
    assert_eq!(view.destination, grantd_protocol::redirect_uri::Destination::Scheme("com.example.post".to_owned()));
    assert_eq!(view.redirect_uri.as_str(), crate::town::SCHEME_CALLBACK);
    let scopes: Vec<_> = view.resources.iter().map(|resource| resource.scopes.len()).collect();
    assert_eq!(scopes, [1, 1]);
    assert!(view.lasts_while_away.is_some() && !view.assured);
}

#[test]
fn a_page_for_nobody_leads_to_the_sign_in_page() {
    let mut world = World::new();
    let mut browser = Browser::new();
    let form = world.request_of(WEB);
    world.authorize(&mut browser, &form).unwrap();
    assert!(matches!(world.consent_page(&browser), Ok(Shown::Elsewhere(Step::Show { page: Page::SignIn, .. }))));
}
