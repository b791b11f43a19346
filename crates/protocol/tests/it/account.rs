//! What a user let applications do, and taking it back.

use grantd_protocol::account::{AccessChange, AccessPage, Application, Changed, Completeness, Overview, Shown, Wish};
use grantd_protocol::authorize::{AuthorizationRequest, Page, Step};
use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::error_code::ErrorCode;
use grantd_protocol::facts::HOLDINGS_SHOWN;
use grantd_protocol::forms::FormOrigin;
use grantd_protocol::names::{ClientId, GrantId, Scope};
use grantd_protocol::records::{Grant, GrantState, Presence, Revocation, SessionState, Status};
use grantd_protocol::refusals::Refusal;
use grantd_tokens::{Seconds, Secret, Time};
use proptest::prelude::*;

use crate::forms_of_the_wire::{Browser, Form};
use crate::town::{ALICE, BOB, CALENDAR, LOCKBOXES, NATIVE, WEB, WEB_POST, scopes, user_id};
use crate::world::{World, code_in, refusal};

const BOXES: &str = r#"[{"type":"lockbox","actions":["list"]}]"#;
const ALL_SCOPES: &str = "boxes:list boxes:read calendar:read history offline_access";

/// Alice's browser after she allowed this client everything it asks for; and its refresh token.
fn allowed(world: &mut World, browser: &mut Browser, client: &str, form: &Form) -> Secret {
    let location = world.approve_in(browser, form);
    world.redeem(client, &code_in(&location)).unwrap().refresh_token.unwrap()
}

fn boxes_of_web(world: &World) -> Form {
    world.request_of(WEB).with("scope", ALL_SCOPES).with("authorization_details", BOXES)
}

fn overview(world: &mut World, browser: &Browser) -> Overview {
    match world.run(&AccessPage { browser: browser.state() }).unwrap() {
        Shown::Page(page) => *page,
        Shown::SignIn => panic!("nobody is signed in"),
    }
}

fn application(world: &mut World, browser: &Browser, client: &str) -> Application {
    let page = overview(world, browser);
    page.applications.into_iter().find(|application| application.client.id.as_str() == client).unwrap()
}

fn form(browser: &Browser, wish: Wish) -> AccessChange {
    let token = browser.state().form_token(wish.purpose());
    AccessChange { browser: browser.state(), token, origin: FormOrigin::Own, wish }
}

fn press(world: &mut World, browser: &Browser, wish: Wish) -> Changed {
    world.run(&form(browser, wish)).unwrap()
}

/// The form of an application with everything ticked.
fn ticked(application: &Application) -> Wish {
    let scopes = application.resources.iter().flat_map(|held| held.scopes.clone()).collect();
    let things = application.resources.iter().flat_map(|held| &held.things).map(|thing| thing.key.clone()).collect();
    Wish::Narrow { client: application.client.id.clone(), scopes, things }
}

/// The same without some lines.
fn without(application: &Application, lines: &[&str]) -> Wish {
    let Wish::Narrow { client, mut scopes, mut things } = ticked(application) else { panic!("another form") };
    scopes.retain(|scope| !lines.contains(&scope.as_str()));
    let named = |key: &String| {
        let all = application.resources.iter().flat_map(|held| &held.things);
        all.filter(|thing| thing.key == *key).find_map(|thing| thing.detail.identifier.clone()).unwrap()
    };
    things.retain(|key| !lines.contains(&named(key).as_str()));
    Wish::Narrow { client, scopes, things }
}

fn end(client: &str) -> Wish {
    Wish::End { client: ClientId::new(client) }
}

fn standing(world: &World) -> Vec<Grant> {
    world.records().grants.values().filter(|grant| grant.state == GrantState::Standing).cloned().collect()
}

// proves: CONSENT-05
#[test]
fn the_page_tells_who_may_do_what_since_when_and_when_it_last_did() {
    let (mut world, mut browser) = (World::new(), Browser::new());
    let began = world.now;
    let asked = boxes_of_web(&world);
    let refresh_token = allowed(&mut world, &mut browser, WEB, &asked);
    world.advance(Seconds(300));
    world.refresh(WEB, &refresh_token).unwrap();
    let page = overview(&mut world, &browser);
    assert_eq!(page.user.id, user_id(ALICE));
    let [application] = page.applications.as_slice() else { panic!("{:?}", page.applications) };
    assert_eq!(application.client.id.as_str(), WEB);
    assert_eq!((application.since, application.last_used_at), (began, began + Seconds(300)));
    assert_eq!(application.presence, Presence::Offline);
    let [boxes, calendar] = application.resources.as_slice() else { panic!("{:?}", application.resources) };
    let names = |scopes: &[Scope]| scopes.iter().map(Scope::to_string).collect::<Vec<_>>();
    assert_eq!((boxes.resource.id.as_str(), calendar.resource.id.as_str()), (LOCKBOXES, CALENDAR));
    assert_eq!(names(&boxes.scopes), ["boxes:list", "boxes:read", "history"]);
    assert_eq!(names(&calendar.scopes), ["calendar:read"], "what both define is one choice");
    let things: Vec<_> = boxes.things.iter().map(|thing| thing.detail.identifier.as_deref().unwrap()).collect();
    assert_eq!(things, ["alice-1", "alice-2", "alice-3"]);
    let titles: Vec<_> = boxes.things.iter().map(|thing| thing.thing.as_ref().unwrap().title.as_str()).collect();
    assert_eq!(titles, ["Box 1", "Box 2", "Box 3"], "as she saw them when she was asked");
    assert!(page.remembered.is_empty() && page.elsewhere.is_empty());
}

#[test]
fn several_grants_of_one_application_are_shown_as_one() {
    let (mut world, mut browser) = (World::new(), Browser::new());
    let began = world.now;
    let one = r#"[{"type":"lockbox","actions":["list"],"identifier":"alice-1"}]"#;
    let other = r#"[{"type":"lockbox","actions":["collect"],"identifier":"alice-1"},
        {"type":"lockbox","actions":["list"],"identifier":"alice-2"}]"#;
    for details in [one, other] {
        let asked = world.request_of(WEB).with("authorization_details", details);
        allowed(&mut world, &mut browser, WEB, &asked);
        world.advance(Seconds(60));
    }
    let application = application(&mut world, &browser, WEB);
    assert_eq!((application.since, application.last_used_at), (began, began + Seconds(60)));
    let things = &application.resources[0].things;
    assert_eq!(things.len(), 2, "{things:?}");
    let first = things.iter().find(|thing| thing.detail.identifier.as_deref() == Some("alice-1")).unwrap();
    let mut actions = first.detail.actions.clone();
    actions.sort();
    assert_eq!(actions, ["collect", "list"]);
    // One line, taken back from every grant.
    assert_eq!(press(&mut world, &browser, without(&application, &["alice-1"])), Changed::Narrowed);
    let left = standing(&world);
    assert_eq!(left.len(), 2);
    assert!(left.iter().flat_map(|grant| &grant.details).all(|detail| detail.identifier.as_deref() == Some("alice-2")));
}

#[test]
fn only_a_live_session_sees_the_page_and_changes_anything() {
    let (mut world, mut browser) = (World::new(), Browser::new());
    let asked = boxes_of_web(&world);
    allowed(&mut world, &mut browser, WEB, &asked);
    let stranger = Browser { session: None, ..browser.clone() };
    let mut idle = world.clone();
    idle.advance(world.settings.lifetimes.session_idle);
    let mut ended = world.clone();
    let session = browser.state().session_hash().unwrap();
    ended.operate(Change::EndSession { session, at: world.now });
    for (mut world, browser) in [(world, &stranger), (idle, &browser), (ended, &browser)] {
        let shown = world.run(&AccessPage { browser: browser.state() }).unwrap();
        assert!(matches!(shown, Shown::SignIn), "{shown:?}");
        let before = world.state.clone();
        for wish in [end(WEB), Wish::EndAll, Wish::SignOutElsewhere] {
            assert_eq!(press(&mut world, browser, wish), Changed::SessionOver);
        }
        assert!(world.state == before, "something was written");
    }
}

// proves: SESS-05
#[test]
fn a_form_for_something_else_of_somebody_else_or_from_elsewhere_changes_nothing() {
    let (mut world, mut browser) = (World::new(), Browser::new());
    let asked = boxes_of_web(&world);
    allowed(&mut world, &mut browser, WEB, &asked);
    let application = application(&mut world, &browser, WEB);
    // In the same browser.
    let mut bobs = browser.clone();
    world.sign_in_at(&mut bobs, BOB);
    let before = world.state.clone();
    let wishes = [without(&application, &["alice-1"]), end(WEB), Wish::EndAll, Wish::SignOutElsewhere];
    for wish in &wishes {
        let good = form(&bobs, wish.clone());
        let others = wishes.iter().filter(|other| *other != wish).map(|other| form(&bobs, other.clone()).token);
        let of_another_session = form(&Browser { handle: None, ..browser.clone() }, wish.clone()).token;
        for token in others.chain([None, Some(Secret::new("")), of_another_session]) {
            let forged = AccessChange { token, ..good.clone() };
            assert_eq!(refusal(world.run(&forged)), Refusal::FormForged, "{wish:?}");
        }
        let foreign = AccessChange { origin: FormOrigin::Foreign, ..good };
        assert_eq!(refusal(world.run(&foreign)), Refusal::FormForged, "{wish:?}");
    }
    assert!(world.state == before, "something was written");
}

// proves: CONSENT-05
#[test]
fn the_next_token_carries_what_was_left_and_the_application_goes_on() {
    let (mut world, mut browser) = (World::new(), Browser::new());
    let asked = boxes_of_web(&world);
    let refresh_token = allowed(&mut world, &mut browser, WEB, &asked);
    let application = application(&mut world, &browser, WEB);
    let wish = without(&application, &["alice-2", "boxes:read", "history", "calendar:read"]);
    assert_eq!(press(&mut world, &browser, wish), Changed::Narrowed);

    let issued = world.refresh(WEB, &refresh_token).unwrap();
    assert_eq!(issued.scope, scopes("boxes:list offline_access"));
    assert_eq!(issued.access_token.scope.as_deref(), Some("boxes:list"));
    let boxes: Vec<_> = issued.authorization_details.iter().filter_map(|detail| detail.identifier.as_deref()).collect();
    assert_eq!(boxes, ["alice-1", "alice-3"]);
    // Of the calendar nothing was left: no token is issued for it, and the refusal costs the application nothing.
    let next = issued.refresh_token.unwrap();
    let for_calendar = world.refresh_of(WEB, &next).with("resource", CALENDAR);
    assert_eq!(refusal(world.token(&for_calendar)), Refusal::TargetNotGranted);
    // It may go on saying all that it once got.
    let repeated = world.refresh_of(WEB, &next).with("scope", ALL_SCOPES).with("authorization_details", BOXES);
    let again = world.token(&repeated).unwrap();
    assert_eq!((again.scope, again.authorization_details), (issued.scope, issued.authorization_details));
}

/// The application sends its token to the API that it always was for. One for another API, in the hands of that one, opens the other.
// proves: RESIND-05
#[test]
fn who_lost_its_default_resource_is_not_given_a_token_for_another_in_its_place() {
    let (mut world, mut browser) = (World::new(), Browser::new());
    let asked = boxes_of_web(&world);
    let refresh_token = allowed(&mut world, &mut browser, WEB, &asked);
    let application = application(&mut world, &browser, WEB);
    let wish = without(&application, &["alice-1", "alice-2", "alice-3", "boxes:list", "boxes:read", "history"]);
    assert_eq!(press(&mut world, &browser, wish), Changed::Narrowed);
    assert_eq!(refusal(world.refresh(WEB, &refresh_token)), Refusal::TargetNotGranted);
    let for_calendar = world.refresh_of(WEB, &refresh_token).with("resource", CALENDAR);
    assert_eq!(world.token(&for_calendar).unwrap().access_token.aud, CALENDAR);
}

#[test]
fn what_was_taken_back_is_not_given_again_without_a_question() {
    let (mut world, mut browser) = (World::new(), Browser::new());
    let asked = boxes_of_web(&world);
    allowed(&mut world, &mut browser, WEB, &asked);
    assert!(matches!(world.authorize(&mut browser, &asked).unwrap(), Step::Answer(_)), "agreed to before");
    assert!(world.records().grants.values().all(|grant| grant.names.len() == 3), "by the names of that time");
    let application = application(&mut world, &browser, WEB);
    press(&mut world, &browser, without(&application, &["alice-2"]));
    let step = world.authorize(&mut browser, &asked).unwrap();
    assert!(matches!(step, Step::Show { page: Page::Consent, .. }), "{step:?}");
}

#[test]
fn a_form_that_unticks_nothing_changes_nothing() {
    let (mut world, mut browser) = (World::new(), Browser::new());
    let asked = boxes_of_web(&world);
    allowed(&mut world, &mut browser, WEB, &asked);
    // What its resource does not know any more stands on no line.
    world.edit_resource(LOCKBOXES, |resource| resource.scopes.retain(|scope| scope.name.as_str() != "boxes:read"));
    let application = application(&mut world, &browser, WEB);
    let before = world.state.clone();
    assert_eq!(press(&mut world, &browser, ticked(&application)), Changed::Nothing);
    assert!(world.state == before, "something was written");
}

#[test]
fn unticking_everything_ends_the_application() {
    let (mut world, mut browser) = (World::new(), Browser::new());
    let asked = boxes_of_web(&world);
    let refresh_token = allowed(&mut world, &mut browser, WEB, &asked);
    // Lasting access to nothing is nothing.
    let nothing =
        Wish::Narrow { client: ClientId::new(WEB), scopes: vec![Scope::offline_access()], things: Vec::new() };
    assert_eq!(press(&mut world, &browser, nothing), Changed::Ended);
    assert!(world.records().consents.is_empty());
    assert_eq!(refusal(world.refresh(WEB, &refresh_token)), Refusal::RefreshGrantGone);
}

/// Whoever decided on what stood before finds out when writing.
#[test]
fn a_token_that_was_decided_on_before_narrowing_is_not_issued_after_it() {
    let (mut world, mut browser) = (World::new(), Browser::new());
    let asked = boxes_of_web(&world);
    let refresh_token = allowed(&mut world, &mut browser, WEB, &asked);
    let request = crate::world::parsed(&world.refresh_of(WEB, &refresh_token)).unwrap();
    let decided = world.decision(&request);
    let application = application(&mut world, &browser, WEB);
    press(&mut world, &browser, without(&application, &["alice-2"]));
    assert_eq!(world.commit(&decided.changes), Commit::Stale);

    let two_tabs = [form(&browser, end(WEB)), form(&browser, without(&application, &["alice-1"]))];
    let [ends, narrows] = two_tabs.map(|form| world.decision(&form).changes);
    assert_eq!(world.commit(&ends), Commit::Done);
    assert_eq!(world.commit(&narrows), Commit::Stale);
}

// proves: CONSENT-05
#[test]
fn ending_an_application_ends_every_refresh_token_and_consent_of_it_and_of_no_other() {
    let (mut world, mut browser) = (World::new(), Browser::new());
    let asked = boxes_of_web(&world);
    let of_web = [(); 2].map(|()| allowed(&mut world, &mut browser, WEB, &asked));
    let asked = world.request_of(WEB_POST);
    let of_other = allowed(&mut world, &mut browser, WEB_POST, &asked);
    let mut bobs = Browser::new();
    let asked = world.request_of(WEB);
    world.authorize(&mut bobs, &asked).unwrap();
    world.sign_in(&mut bobs, BOB).unwrap();
    let of_bob = allowed(&mut world, &mut bobs, WEB, &asked);

    assert_eq!(press(&mut world, &browser, end(WEB)), Changed::Ended);
    for token in &of_web {
        assert_eq!(refusal(world.refresh(WEB, token)), Refusal::RefreshGrantGone);
    }
    let because: Vec<_> = world.records().grants.values().map(|grant| grant.state).collect();
    let by_user = GrantState::Revoked { at: world.now, because: Revocation::EndedByUser };
    assert_eq!(because.iter().filter(|state| **state == by_user).count(), 2);
    world.refresh(WEB_POST, &of_other).unwrap();
    world.refresh(WEB, &of_bob).unwrap();
    let consents: Vec<_> =
        world.records().consents.keys().map(|(user, client)| (user.as_str(), client.as_str())).collect();
    assert_eq!(consents, [("user-alice", WEB_POST), ("user-bob", WEB)]);
}

/// A silent approval that was decided on what stood before finds out when writing, and asks.
#[test]
fn what_was_agreed_to_and_taken_back_gives_no_grant_to_a_request_that_was_quicker() {
    let (mut world, mut browser) = (World::new(), Browser::new());
    let asked = world.request_of(WEB);
    allowed(&mut world, &mut browser, WEB, &asked);
    let request = AuthorizationRequest::parse(Some(asked.encoded().as_bytes()), None).unwrap();
    let request = request.from_browser(browser.cookie.clone(), browser.session.as_ref(), browser.network.clone());
    let decision = world.decision(&request);
    assert!(matches!(decision.answer, Ok(Step::Answer(_))), "agreed to before, it is not asked again");

    assert_eq!(press(&mut world, &browser, end(WEB)), Changed::Ended);
    assert_eq!(world.commit(&decision.changes), Commit::Stale);
    assert!(matches!(world.run(&request), Ok(Step::Show { page: Page::Consent, .. })));
}

#[test]
fn what_is_not_the_users_cannot_be_named() {
    let (mut world, mut browser) = (World::new(), Browser::new());
    let asked = world.request_of(WEB);
    allowed(&mut world, &mut browser, WEB, &asked);
    let mut bobs = Browser::new();
    world.authorize(&mut bobs, &asked).unwrap();
    world.sign_in(&mut bobs, BOB).unwrap();
    let before = world.state.clone();
    for client in [WEB, "nobody", ""] {
        let client = ClientId::new(client);
        let narrow = Wish::Narrow { client: client.clone(), scopes: Vec::new(), things: Vec::new() };
        for wish in [Wish::End { client }, narrow] {
            assert_eq!(press(&mut world, &bobs, wish.clone()), Changed::Nothing, "{wish:?}");
        }
    }
    assert!(world.state == before, "something was written");
}

#[test]
fn a_consent_is_shown_and_forgotten_although_nothing_is_granted_under_it_now() {
    let (mut world, mut browser) = (World::new(), Browser::new());
    let asked = world.request_of(WEB);
    allowed(&mut world, &mut browser, WEB, &asked);
    let given_at = world.now;
    world.sign_out(&mut browser).unwrap();
    world.authorize(&mut browser, &asked).unwrap();
    let mut later = world.clone();
    let signed_in = later.sign_in(&mut browser.clone(), ALICE).unwrap();
    assert!(matches!(signed_in.step, Some(Step::Answer(_))), "she is not asked again: {signed_in:?}");

    browser.handle = None;
    world.sign_in(&mut browser, ALICE).unwrap();
    let page = overview(&mut world, &browser);
    assert!(page.applications.is_empty(), "it ended with her session: {:?}", page.applications);
    let [remembered] = page.remembered.as_slice() else { panic!("{:?}", page.remembered) };
    assert_eq!((remembered.client.id.as_str(), remembered.given_at), (WEB, given_at));
    assert_eq!(press(&mut world, &browser, end(WEB)), Changed::Ended);
    assert!(overview(&mut world, &browser).remembered.is_empty());
    assert!(matches!(world.authorize(&mut browser, &asked).unwrap(), Step::Show { page: Page::Consent, .. }));
}

/// As if this client had been let in as often as that.
fn multiply(world: &mut World, client: &str, times: usize) {
    let grant = standing(world).into_iter().find(|grant| grant.client.as_str() == client).unwrap();
    for number in 0..times {
        let id = GrantId::new(format!("grant-{number}"));
        world.operate(Change::AddGrant(Grant { id, created_at: world.now, ..grant.clone() }));
    }
}

#[test]
fn more_grants_than_are_listed_can_be_ended_and_not_narrowed() {
    let (mut world, mut browser) = (World::new(), Browser::new());
    let asked = boxes_of_web(&world);
    allowed(&mut world, &mut browser, WEB, &asked);
    let asked = world.request_of(NATIVE);
    allowed(&mut world, &mut browser, NATIVE, &asked);
    world.advance(Seconds(1));
    multiply(&mut world, WEB, HOLDINGS_SHOWN + 20);
    let page = overview(&mut world, &browser);
    assert_eq!(page.completeness, Completeness::Cut);
    let [listed] = page.applications.as_slice() else { panic!("{:?}", page.applications) };
    let before = world.state.clone();
    assert_eq!(press(&mut world, &browser, without(listed, &["alice-2"])), Changed::TooMany);
    assert!(world.state == before, "a part of them was narrowed");

    let mut ended = world.clone();
    assert_eq!(press(&mut ended, &browser, end(WEB)), Changed::Ended);
    assert!(standing(&ended).iter().all(|grant| grant.client.as_str() == NATIVE));
    // Also what is older than all that is listed.
    assert_eq!(press(&mut world, &browser, end(NATIVE)), Changed::Ended);
    assert!(standing(&world).iter().all(|grant| grant.client.as_str() != NATIVE));
    assert_eq!(press(&mut world, &browser, Wish::EndAll), Changed::AllEnded);
    assert!(standing(&world).is_empty());
}

// proves: CONSENT-05
#[test]
fn ending_everything_ends_every_application_and_consent_of_this_user() {
    let (mut world, mut browser) = (World::new(), Browser::new());
    for client in [WEB, WEB_POST, NATIVE] {
        let asked = world.request_of(client);
        allowed(&mut world, &mut browser, client, &asked);
    }
    let mut bobs = Browser::new();
    let asked = world.request_of(WEB);
    world.authorize(&mut bobs, &asked).unwrap();
    world.sign_in(&mut bobs, BOB).unwrap();
    let of_bob = allowed(&mut world, &mut bobs, WEB, &asked);
    assert_eq!(press(&mut world, &browser, Wish::EndAll), Changed::AllEnded);
    let page = overview(&mut world, &browser);
    assert!(page.applications.is_empty() && page.remembered.is_empty());
    world.refresh(WEB, &of_bob).unwrap();
}

// proves: SESS-04
#[test]
fn signing_out_elsewhere_ends_every_other_session_and_what_was_for_its_length() {
    let (mut world, mut here) = (World::new(), Browser::new());
    world.sign_in_at(&mut here, ALICE);
    let (mut there, mut bobs) = (Browser::new(), Browser::new());
    let asked = world.request_of(WEB);
    let of_there = allowed(&mut world, &mut there, WEB, &asked);
    world.sign_in_at(&mut bobs, BOB);
    let page = overview(&mut world, &here);
    let [elsewhere] = page.elsewhere.as_slice() else { panic!("{:?}", page.elsewhere) };
    assert_eq!(Some(elsewhere.id), there.state().session_hash());

    assert_eq!(press(&mut world, &here, Wish::SignOutElsewhere), Changed::SignedOutElsewhere);
    assert!(overview(&mut world, &here).elsewhere.is_empty());
    overview(&mut world, &bobs);
    let shown = world.run(&AccessPage { browser: there.state() }).unwrap();
    assert!(matches!(shown, Shown::SignIn), "{shown:?}");
    assert_eq!(refusal(world.refresh(WEB, &of_there)), Refusal::RefreshGrantGone);
    let live = world.records().sessions.values().filter(|session| session.state == SessionState::Live).count();
    assert_eq!(live, 2);
}

#[test]
fn what_is_over_by_itself_is_not_shown() {
    let (mut world, mut browser) = (World::new(), Browser::new());
    let asked = world.request_of(WEB);
    allowed(&mut world, &mut browser, WEB, &asked);
    world.advance(world.settings.lifetimes.session);
    let mut again = Browser::new();
    world.sign_in_at(&mut again, ALICE);
    let page = overview(&mut world, &again);
    assert!(page.applications.is_empty() && page.elsewhere.is_empty(), "{page:?}");
    world.operate(Change::SetUserStatus { user: user_id(ALICE), status: Status::Disabled, at: Time(0) });
    assert!(matches!(world.run(&AccessPage { browser: again.state() }).unwrap(), Shown::SignIn));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a form says, what is left was held before, and was ticked.
    // proves: CONSENT-05
    #[test]
    fn no_form_adds_anything_to_what_is_held(
        granted in prop::collection::vec(prop::sample::subsequence(ALL_SCOPES.split(' ').collect::<Vec<_>>(), 1..=5), 1..3),
        said in prop::sample::subsequence(
            vec!["boxes:list", "boxes:read", "boxes:burn", "calendar:read", "calendar:write", "history", "offline_access"],
            0..=7,
        ),
        keys in prop::collection::vec(prop_oneof![Just("alice-1".to_owned()), Just("#0".to_owned()), "[A-Za-z0-9_-]{43}"], 0..3),
        kept in prop::sample::subsequence(vec![0_usize, 1, 2], 0..=3),
    ) {
        let (mut world, mut browser) = (World::new(), Browser::new());
        let mut tokens = Vec::new();
        for scope in &granted {
            let scope = scope.join(" ");
            let asked = world.request_of(WEB).with("scope", &scope).with("authorization_details", BOXES);
            tokens.push((allowed(&mut world, &mut browser, WEB, &asked), scope));
        }
        let before = standing(&world);
        let application = application(&mut world, &browser, WEB);
        let own: Vec<String> =
            application.resources.iter().flat_map(|held| &held.things).map(|thing| thing.key.clone()).collect();
        let boxes: Vec<String> = kept.iter().map(|at| format!("alice-{}", at + 1)).collect();
        let things = keys.into_iter().chain(kept.iter().map(|at| own[*at].clone())).collect();
        let said: Vec<Scope> = said.into_iter().map(|scope| Scope::parse(scope).unwrap()).collect();
        press(&mut world, &browser, Wish::Narrow { client: ClientId::new(WEB), scopes: said.clone(), things });

        for after in standing(&world) {
            let held = before.iter().find(|grant| grant.id == after.id).unwrap();
            prop_assert!(after.scopes.is_within(&held.scopes));
            prop_assert!(after.resources.iter().all(|resource| held.resources.contains(resource)));
            prop_assert!(after.details.iter().all(|detail| held.details.contains(detail)));
            let lasting = Scope::offline_access();
            prop_assert!(after.scopes.iter().all(|scope| *scope == lasting || said.contains(scope)));
            prop_assert!(after.details.iter().all(|detail| boxes.contains(detail.identifier.as_ref().unwrap())));
            prop_assert_eq!((after.presence, after.expires_at), (held.presence, held.expires_at));
            prop_assert_eq!(&after.given, &held.given);
        }
        for (token, scope) in &tokens {
            let id = world.records().refresh_tokens[&token.hash()].grant.clone();
            let after = world.records().grants[&id].clone();
            let repeated = world.refresh_of(WEB, token).with("scope", scope).with("authorization_details", BOXES);
            match world.token(&repeated) {
                Ok(issued) => {
                    prop_assert!(issued.scope.is_within(&after.scopes));
                    prop_assert!(issued.authorization_details.iter().all(|detail| after.details.contains(detail)));
                }
                refused => {
                    let over = after.state != GrantState::Standing;
                    prop_assert_eq!(refusal(refused).code() == ErrorCode::InvalidGrant, over);
                }
            }
        }
    }
}
