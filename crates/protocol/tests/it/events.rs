//! What an operator is told of, and what of it.

use std::collections::BTreeSet;

use grantd_protocol::changes::Change;
use grantd_protocol::consent::Verdict;
use grantd_protocol::events::{self, Event, EventFilter, EventKind, Note, Source, Told, Weight};
use grantd_protocol::facts::{Facts, Lookup};
use grantd_protocol::names::{AccessTokenId, ClientId, GrantId};
use grantd_protocol::records::{IssuedAccessToken, Revocation, Status};
use grantd_protocol::refusals::Refusal;
use grantd_tokens::{Seconds, Secret};

use crate::forms_of_the_wire::{Browser, TokenCall};
use crate::town::{ALICE, LOCKBOXES, WEB, hash_of, user_id};
use crate::world::{Counted, World, basic};

fn granted(client: &str) -> (World, Secret) {
    let mut world = World::new();
    let code = world.approve(client, "boxes:list offline_access");
    let token = world.redeem(client, &code).unwrap().refresh_token.unwrap();
    (world, token)
}

fn told(world: &World, kind: EventKind) -> &Event {
    let found: Vec<&Event> = world.told.iter().filter(|event| event.kind == kind).collect();
    assert_eq!(found.len(), 1, "{kind:?} once among {:?}", world.told);
    found[0]
}

fn evidence<'a>(event: &'a Event, name: &str) -> &'a str {
    event.evidence.get(name).unwrap_or_else(|| panic!("no {name} in {event:?}"))
}

/// A change by itself, on what is known before it.
fn told_of(world: &World, change: &Change, facts: &Facts) -> Vec<Event> {
    let changes = std::slice::from_ref(change);
    let told = Told { changes, notes: &[], refused: None, facts, source: Source::CommandLine, within_second: 0 };
    events::of(&told, world.now, &mut Counted::default())
}

// proves: LOG-04
#[test]
fn a_retry_a_race_and_a_theft_are_told_apart_with_what_shows_it() {
    let (mut world, first) = granted(WEB);
    let grant = world.records().grants.keys().next().unwrap().clone();
    world.told.clear();
    let lost = world.refresh(WEB, &first).unwrap();
    assert_eq!(world.told, [], "a refresh that simply works is nothing to tell of");

    world.refresh(WEB, &first).unwrap();
    assert_eq!(world.told.len(), 1, "the retry and what it ends are one event");
    let raced = told(&world, EventKind::RefreshRaced);
    assert_eq!((raced.rule.as_str(), raced.grant.as_ref()), ("REFRESH-10", Some(&grant)));
    assert_eq!(evidence(raced, "seconds_after_first_use"), "0");
    assert_eq!(evidence(raced, "jti"), lost.access_token.jti);

    world.advance(Seconds(9));
    let second = world.refresh(WEB, &first).unwrap().refresh_token.unwrap();
    let retried = told(&world, EventKind::RefreshRetried);
    assert_eq!(evidence(retried, "seconds_after_first_use"), "9");
    assert_eq!(retried.user, Some(user_id(ALICE)));

    world.refresh(WEB, &second).unwrap();
    world.told.clear();
    world.refresh(WEB, &first).unwrap_err();
    let theft = told(&world, EventKind::RefreshTokenReused);
    assert_eq!(world.told.len(), 1, "the note, the change and the refusal are one event");
    assert_eq!((theft.rule.as_str(), theft.refusal.as_deref()), ("REFRESH-09", Some("RefreshTokenReused")));
    assert_eq!((theft.grant.as_ref(), theft.client.as_ref().map(ClientId::as_str)), (Some(&grant), Some(WEB)));
    assert_eq!((evidence(theft, "token"), evidence(theft, "because")), ("spent", "refresh_token_reused"));
    assert_eq!(evidence(theft, "shown_from"), "198.51.100.0/24");
}

// proves: LOG-04
#[test]
fn signing_in_and_out_and_deciding_is_told_with_who_and_what() {
    let mut world = World::new();
    let mut browser = Browser::new();
    let form = world.request_of(WEB).with("scope", "boxes:list");
    world.authorize(&mut browser, &form).unwrap();
    assert_eq!(world.told, [], "a question that waits is nothing to tell of");
    world.sign_in_with(&mut browser, ALICE, "wrong").unwrap_err();
    let failed = told(&world, EventKind::SignInFailed);
    assert_eq!((failed.user.as_ref(), failed.rule.as_str()), (Some(&user_id(ALICE)), "LOGIN-01"));
    assert_eq!(evidence(failed, "from"), browser.network.as_str());
    world.sign_in(&mut browser, ALICE).unwrap();
    assert_eq!(evidence(told(&world, EventKind::SignedIn), "from"), browser.network.as_str());
    world.consent(&browser, Verdict::Allow).unwrap();
    let granted = told(&world, EventKind::Granted);
    assert_eq!((evidence(granted, "scopes"), evidence(granted, "resources")), ("boxes:list", LOCKBOXES));
    assert_eq!(told(&world, EventKind::ConsentGiven).user, Some(user_id(ALICE)));
    world.sign_out(&mut browser).unwrap();
    assert_eq!(told(&world, EventKind::SignedOut).user, Some(user_id(ALICE)));

    let mut other = Browser::new();
    world.authorize(&mut other, &form.with("scope", "boxes:read")).unwrap();
    world.sign_in(&mut other, ALICE).unwrap();
    world.consent(&other, Verdict::Deny).unwrap_err();
    assert_eq!(told(&world, EventKind::ConsentDenied).client.as_ref().unwrap().as_str(), WEB);
}

// proves: LOG-01
#[test]
fn a_username_that_nobody_has_is_not_told_for_people_type_passwords_there() {
    let mut world = World::new();
    let mut browser = Browser::new();
    world.authorize(&mut browser, &world.request_of(WEB)).unwrap();
    world.sign_in_with(&mut browser, "my-secret-password", "wrong").unwrap_err();
    let failed = told(&world, EventKind::SignInFailed);
    assert_eq!(failed.user, None);
    assert!(!serde_json::to_string(&world.told).unwrap().contains("my-secret-password"));
}

// proves: LOG-04
#[test]
fn wrong_secrets_replays_and_too_many_attempts_are_told() {
    let mut world = World::new();
    world.settings.limits.wrong_secrets = 1;
    let code = world.approve(WEB, "boxes:list");
    let guess = TokenCall { authorization: Some(basic(WEB, "guess")), ..world.redemption_of(WEB, &code) };
    world.token(&guess).unwrap_err();
    let failed = told(&world, EventKind::ClientAuthenticationFailed);
    assert_eq!((failed.rule.as_str(), evidence(failed, "from")), ("CAUTH-06", "198.51.100.0/24"));
    world.token(&guess).unwrap_err();
    assert_eq!(told(&world, EventKind::Throttled).client.as_ref().unwrap().as_str(), WEB);
    world.advance(Seconds(1));
    let mut world = World::new();
    let code = world.approve(WEB, "boxes:list");
    world.redeem(WEB, &code).unwrap();
    world.redeem(WEB, &code).unwrap_err();
    let replayed = told(&world, EventKind::CodeReplayed);
    assert_eq!((replayed.rule.as_str(), replayed.refusal.as_deref()), ("CODE-04", Some("CodeReplayed")));
    assert!(replayed.grant.is_some());
}

#[test]
fn the_events_of_one_moment_stay_together_in_their_order() {
    let (world, _) = granted(WEB);
    let kinds: Vec<EventKind> = world.told.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::SignedIn, EventKind::ConsentGiven, EventKind::Granted]);
    let consent: Vec<&Event> = world.told.iter().skip(1).collect();
    assert!(consent.is_sorted_by_key(|event| &event.id));
    let together = |event: &Event| event.id.as_str().rsplit_once('.').unwrap().0.to_owned();
    assert_eq!(together(consent[0]), together(consent[1]));
    let note = [Note::new(EventKind::Refused)];
    let at = |within_second| {
        let facts = Facts::default();
        let told =
            Told { changes: &[], notes: &note, refused: None, facts: &facts, source: Source::Request, within_second };
        events::of(&told, world.now, &mut Counted::default()).remove(0).id
    };
    assert!(at(999) < at(1_000) && at(1_000) < at(999_999), "in the order of their moments");
}

/// One change of each kind that an operator or a user makes, and the event of it.
fn by_hand(world: &World) -> Vec<(EventKind, Change, Facts)> {
    let (at, user, client) = (world.now, user_id(ALICE), world.client(WEB));
    let grant = world.records().grants.values().next().unwrap().clone();
    let session = world.records().sessions.values().next().unwrap().id;
    let resource = world.records().resources.values().next().unwrap().clone();
    let token = AccessTokenId::of(Some(&grant.id), &mut Counted::default());
    let known = world.load(&Lookup { client: Some(client.id.clone()), ..Lookup::default() });
    let with_grant = Facts { grant: Some(grant.clone()), ..Facts::default() };
    let none = Facts::default;
    let renamed = {
        let mut client = client.clone();
        client.name = "renamed".into();
        client
    };
    let reworded = {
        let mut resource = resource.clone();
        resource.name = "reworded".into();
        resource
    };
    let added = world.records().users[&user].clone();
    let revoke = |because| Change::RevokeGrant { grant: grant.id.clone(), at, because };
    let client_status = |status| Change::SetClientStatus { client: client.id.clone(), status, at };
    let user_status = |status| Change::SetUserStatus { user: user.clone(), status, at };
    let narrowed = Change::NarrowGrant {
        grant: grant.id.clone(),
        narrowings: 0,
        scopes: grant.scopes.clone(),
        resources: grant.resources.clone(),
        details: Vec::new(),
    };
    let ended = Change::EndAccess { user: user.clone(), client: None, at, because: Revocation::EndedByUser };
    let token = IssuedAccessToken { id: token, expires_at: at };
    vec![
        (EventKind::OtherSessionsEnded, Change::EndOtherSessions { user: user.clone(), keep: session, at }, none()),
        (EventKind::ConsentForgotten, Change::ForgetConsent { user: user.clone(), client: client.id.clone() }, none()),
        (EventKind::AccessNarrowed, narrowed, with_grant.clone()),
        (EventKind::AccessEnded, ended, none()),
        (EventKind::GrantRevoked, revoke(Revocation::EndedByOperator), with_grant.clone()),
        (EventKind::TokenGivenBack, revoke(Revocation::GivenBack), with_grant.clone()),
        (EventKind::AccessTokenEnded, Change::EndAccessToken { token, at }, with_grant),
        (EventKind::ClientAdded, Change::PutClient(client.clone()), none()),
        (EventKind::ClientChanged, Change::PutClient(renamed), known.clone()),
        (EventKind::ClientDisabled, client_status(Status::Disabled), none()),
        (EventKind::ClientEnabled, client_status(Status::Active), none()),
        (EventKind::ClientRemoved, Change::RemoveClient { client: client.id.clone(), at }, none()),
        (EventKind::ResourceAdded, Change::PutResource(resource.clone()), none()),
        (EventKind::ResourceChanged, Change::PutResource(reworded), known),
        (EventKind::ResourceRemoved, Change::RemoveResource { resource: resource.id }, none()),
        (EventKind::UserAdded, Change::AddUser { user: added, or: Refusal::NameTaken }, none()),
        (EventKind::UserDisabled, user_status(Status::Disabled), none()),
        (EventKind::UserEnabled, user_status(Status::Active), none()),
        (EventKind::UserRemoved, Change::RemoveUser { user: user.clone(), at }, none()),
        (EventKind::PasswordSet, Change::SetPassword { user, password: hash_of("new"), at }, none()),
    ]
}

// proves: LOG-04
#[test]
fn each_change_of_an_operator_or_a_user_is_one_event_about_whom_it_touches() {
    let (world, _) = granted(WEB);
    for (kind, change, facts) in by_hand(&world) {
        let told = told_of(&world, &change, &facts);
        assert_eq!(told.iter().map(|event| event.kind).collect::<Vec<_>>(), [kind], "{change:?}");
        assert_eq!(told[0].source, Source::CommandLine);
        let touched = told[0].user.is_some() || told[0].client.is_some() || told[0].evidence.contains_key("resource");
        assert!(touched, "{:?}", told[0]);
    }
}

/// Told by a note: of whoever changes signing keys or restores a database (`grantd`), and of the revocation endpoint (`revocation.rs`).
const ELSEWHERE: [EventKind; 6] = [
    EventKind::Restored,
    EventKind::KeyMade,
    EventKind::KeyActivated,
    EventKind::KeyRemoved,
    EventKind::KeyRetired,
    EventKind::RevocationOfAnothersToken,
];

// proves: LOG-04
#[test]
fn what_anybody_may_repeat_weighs_less_than_what_is_looked_for_later() {
    use EventKind::{
        AccessTokenEnded, ClientAuthenticationFailed, RefreshRaced, RefreshRetried, Refused, RevocationOfAnothersToken,
        SignInFailed, Throttled,
    };
    let (world, _) = granted(WEB);
    let of = |kind, source| Event { kind, source, ..told(&world, EventKind::Granted).clone() }.weight();
    let repeatable = [SignInFailed, Throttled, RefreshRetried, RefreshRaced, AccessTokenEnded, Refused];
    let by_clients = [ClientAuthenticationFailed, RevocationOfAnothersToken];
    let noise: BTreeSet<EventKind> = repeatable.into_iter().chain(by_clients).collect();
    for kind in EventKind::ALL {
        assert_eq!(of(*kind, Source::Request) == Weight::Noise, noise.contains(kind), "{kind:?}");
        assert_eq!(of(*kind, Source::CommandLine), Weight::Record, "{kind:?}: an operator's act");
    }
    for kind in [EventKind::RefreshTokenReused, EventKind::CodeReplayed, EventKind::PasswordSet] {
        assert_eq!(of(kind, Source::Request), Weight::Record);
    }
    for kind in [EventKind::KeyMade, EventKind::KeyRemoved, EventKind::KeyRetired] {
        assert_eq!(of(kind, Source::Server), Weight::Record);
    }
    assert_eq!(of(EventKind::SignedIn, Source::Request), Weight::Everyday);
    assert_eq!(of(EventKind::Granted, Source::Request), Weight::Everyday);
}

#[test]
fn every_kind_has_a_test() {
    let (world, _) = granted(WEB);
    let by_hand: BTreeSet<EventKind> = by_hand(&world).into_iter().map(|(kind, ..)| kind).collect();
    let by_requests = {
        use EventKind::{
            ClientAuthenticationFailed, CodeReplayed, ConsentDenied, ConsentGiven, Granted, RefreshRaced,
            RefreshRetried, RefreshTokenReused, Refused, SignInFailed, SignedIn, SignedOut, Throttled,
        };
        let told = [ClientAuthenticationFailed, CodeReplayed, ConsentDenied, ConsentGiven, Granted, RefreshRaced];
        let others = [RefreshRetried, RefreshTokenReused, Refused, SignInFailed, SignedIn, SignedOut, Throttled];
        told.into_iter().chain(others).collect::<BTreeSet<_>>()
    };
    for kind in EventKind::ALL {
        let tested = by_hand.contains(kind) || by_requests.contains(kind) || ELSEWHERE.contains(kind);
        assert!(tested, "{kind:?} has no test");
    }
}

#[test]
fn what_changed_is_named_without_its_value_and_the_same_again_is_no_event() {
    let (world, _) = granted(WEB);
    let mut client = world.client(WEB);
    let known = world.load(&Lookup { client: Some(client.id.clone()), ..Lookup::default() });
    assert_eq!(told_of(&world, &Change::PutClient(client.clone()), &known), []);
    client.name = "canary-name".into();
    client.default_scopes = client.scopes.clone();
    let told = told_of(&world, &Change::PutClient(client), &known);
    assert_eq!(evidence(&told[0], "changed"), "default_scopes name");
    assert!(!serde_json::to_string(&told).unwrap().contains("canary"));
}

#[test]
fn a_text_that_somebody_else_chose_is_kept_no_longer_than_a_person_reads() {
    let world = World::new();
    let note = [Note::new(EventKind::Refused).with("sent", "é".repeat(10_000))];
    let told = Told {
        changes: &[],
        notes: &note,
        refused: None,
        facts: &Facts::default(),
        source: Source::Request,
        within_second: 0,
    };
    let told = events::of(&told, world.now, &mut Counted::default());
    assert_eq!(evidence(&told[0], "sent").chars().count(), 301);
}

#[test]
fn a_filter_lets_through_what_fits_all_that_it_says() {
    let (world, _) = granted(WEB);
    let event = told(&world, EventKind::Granted);
    let all = EventFilter {
        user: event.user.clone(),
        client: event.client.clone(),
        grant: event.grant.clone(),
        kinds: vec![EventKind::SignedIn, EventKind::Granted],
        since: Some(event.at),
        until: Some(event.at),
    };
    assert!(all.fits(event) && EventFilter::default().fits(event));
    for other in [
        EventFilter { user: Some(user_id("bob")), ..all.clone() },
        EventFilter { client: Some(world.client("native").id), ..all.clone() },
        EventFilter { grant: Some(GrantId::new("another")), ..all.clone() },
        EventFilter { kinds: vec![EventKind::SignedIn], ..all.clone() },
        EventFilter { since: Some(event.at + Seconds(1)), ..all.clone() },
        EventFilter { until: Some(event.at - Seconds(1)), ..all },
    ] {
        assert!(!other.fits(event), "{other:?}");
    }
}

// proves: LOG-04
#[test]
fn an_event_that_was_kept_is_never_changed_and_never_keeps_what_it_tells_of_from_being_written() {
    let (mut world, _) = granted(WEB);
    let event = told(&world, EventKind::Granted).clone();
    world.operate(Change::Record(event.clone()));
    world.operate(Change::Record(Event { kind: EventKind::Refused, ..event.clone() }));
    assert_eq!(world.records().events.values().collect::<Vec<_>>(), [&event]);
    assert!(Change::Record(event).tightens(), "a refusal may be told of");
}
