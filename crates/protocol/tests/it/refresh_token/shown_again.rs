//! A spent refresh token is shown again: a lost answer, two tabs, or a theft (REFRESH-09 to REFRESH-11).

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::events::{EventKind, Note};
use grantd_protocol::names::AccessTokenId;
use grantd_protocol::records::{EndedThing, Grant, GrantState, Revocation, Spending};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::state::SPENT_TOKENS_KEPT;
use grantd_protocol::token::Issued;
use grantd_tokens::{Digest, Seconds, Secret};

use super::granted;
use crate::forms_of_the_wire::TokenCall;
use crate::town::{CALENDAR, NATIVE, SCHEME, WEB, WEB_POST, scopes};
use crate::world::{World, basic, parsed, refusal};

/// A world with one grant that lasts, its first refresh token, and what that was traded for.
fn spent(client: &str) -> (World, Secret, Issued) {
    let (mut world, first) = granted(client, "boxes:list offline_access");
    let issued = world.refresh(client, &first).unwrap();
    (world, first, issued)
}

fn next(issued: &Issued) -> Secret {
    issued.refresh_token.clone().unwrap()
}

fn the_grant(world: &World) -> &Grant {
    world.records().grants.values().next().unwrap()
}

fn was_revoked_for_reuse(world: &World) -> bool {
    matches!(the_grant(world).state, GrantState::Revoked { because: Revocation::RefreshTokenReused, .. })
}

fn unspent(world: &World) -> Vec<Digest> {
    let tokens = world.records().refresh_tokens.values();
    tokens.filter(|token| token.spending == Spending::Unspent).map(|token| token.hash).collect()
}

fn has_ended(world: &World, issued: &Issued) -> bool {
    let id = AccessTokenId::new(issued.access_token.jti.clone());
    world.records().ended.contains_key(&EndedThing::AccessToken(id))
}

/// What is noted when the token is shown; nothing is written.
fn noted(world: &World, client: &str, token: &Secret) -> Vec<Note> {
    let request = parsed(&world.refresh_of(client, token)).unwrap();
    world.clone().decision(&request).notes
}

fn kinds(notes: &[Note]) -> Vec<EventKind> {
    notes.iter().map(|note| note.kind).collect()
}

// proves: REFRESH-09, REFRESH-10
#[test]
fn a_token_shown_again_within_the_window_is_a_retry_and_a_second_later_a_theft() {
    // The window, when the token is shown again, and whether that is a retry.
    let table = [
        (30, 0, true),
        (30, 29, true),
        (30, 30, false),
        (30, 3600, false),
        (60, 59, true),
        (60, 60, false),
        (1, 0, true),
        (1, 1, false),
        (0, 0, false),
        (0, 1, false),
        // A clock that was set back tells nothing of how long it has been; one that was set forward tells too much.
        (30, -10, true),
        (30, -3600, true),
        (0, -10, false),
        (30, 7 * 24 * 3600, false),
    ];
    for (window, after, retry) in table {
        for client in [WEB, SCHEME] {
            let (mut world, first, issued) = spent(client);
            world.settings.lifetimes.lost_response = Seconds(window);
            world.advance(Seconds(after));
            let outcome = world.refresh(client, &first);
            assert_eq!(outcome.is_ok(), retry, "a window of {window} s, shown after {after} s");
            assert_eq!(was_revoked_for_reuse(&world), !retry);
            if !retry {
                assert_eq!(refusal(outcome), Refusal::RefreshTokenReused);
                assert_eq!(refusal(world.refresh(client, &next(&issued))), Refusal::RefreshGrantGone);
            }
        }
    }
}

// proves: REFRESH-08, REFRESH-10
#[test]
fn a_replacement_takes_the_place_of_the_unused_successor_and_ends_its_access_token() {
    let (mut world, first, lost) = spent(NATIVE);
    assert!(!has_ended(&world, &lost));
    world.advance(Seconds(5));
    let replacement = world.refresh(NATIVE, &first).unwrap();
    assert_eq!(unspent(&world), [next(&replacement).hash()]);
    let records = world.records();
    let superseded = records.refresh_tokens[&next(&lost).hash()].spending;
    assert_eq!(superseded, Spending::Superseded { at: world.now, by: next(&replacement).hash() });
    let predecessor = records.refresh_tokens[&first.hash()].spending;
    let first_use = world.now - Seconds(5);
    assert_eq!(predecessor, Spending::Spent { at: first_use, successor: next(&replacement).hash() });
    assert!(has_ended(&world, &lost) && !has_ended(&world, &replacement));
    world.refresh(NATIVE, &next(&replacement)).unwrap();
}

// proves: REFRESH-10
#[test]
fn several_lost_answers_in_a_row_leave_one_live_token_and_do_not_stretch_the_window() {
    let (mut world, first, lost) = spent(WEB);
    let mut answers = vec![lost];
    for pause in [10, 10, 9] {
        world.advance(Seconds(pause));
        let replacement = world.refresh(WEB, &first).unwrap();
        assert!(answers.iter().all(|lost| has_ended(&world, lost)));
        assert_eq!(unspent(&world), [next(&replacement).hash()]);
        answers.push(replacement);
    }
    let mut in_time = world.clone();
    in_time.refresh(WEB, &next(&answers[3])).unwrap();
    // Thirty seconds after the first use, and one after the last.
    world.advance(Seconds(1));
    assert_eq!(refusal(world.refresh(WEB, &first)), Refusal::RefreshTokenReused);
    assert!(was_revoked_for_reuse(&world));
}

/// Whoever sends them can put them in order.
#[test]
fn each_answer_says_how_many_it_replaces() {
    let (mut world, first, issued) = spent(WEB);
    assert_eq!(issued.replaced_answers, 0);
    for replaced in 1..=3 {
        let replacement = world.refresh(WEB, &first).unwrap();
        assert_eq!(replacement.replaced_answers, replaced);
        if replaced == 3 {
            assert_eq!(world.refresh(WEB, &next(&replacement)).unwrap().replaced_answers, 0);
        }
    }
}

/// Each retry leaves rows behind, and whoever holds a token needs nothing else to make them.
// proves: REFRESH-10
#[test]
fn a_token_that_is_shown_a_hundred_times_more_is_refused_then_and_nothing_ends() {
    let (mut world, first, mut last) = spent(WEB);
    for _ in 0..100 {
        last = world.refresh(WEB, &first).unwrap();
    }
    let before = world.state.clone();
    world.told.clear();
    for pause in [0, 1, 28] {
        world.advance(Seconds(pause));
        assert_eq!(refusal(world.refresh(WEB, &first)), Refusal::RefreshRetriedTooOften);
        assert_eq!(world.state, before, "nothing is written");
        assert_eq!(noted(&world, WEB, &first), []);
    }
    // In its answer's turn it is counted anew, and what it was answered with is used as ever.
    let mut used = world.clone();
    let token = next(&used.refresh(WEB, &next(&last)).unwrap());
    used.refresh(WEB, &next(&last)).unwrap();
    assert_eq!(refusal(used.refresh(WEB, &token)), Refusal::RefreshTokenReused);
    world.advance(Seconds(1));
    assert_eq!(refusal(world.refresh(WEB, &first)), Refusal::RefreshTokenReused, "the window is over");
    assert!(was_revoked_for_reuse(&world));
}

// proves: REFRESH-11
#[test]
fn a_replaced_token_that_is_shown_after_all_ends_the_family() {
    for pause in [0, 1, 29, 30, 3600] {
        let (mut world, first, lost) = spent(WEB);
        let replacement = world.refresh(WEB, &first).unwrap();
        world.advance(Seconds(pause));
        assert_eq!(kinds(&noted(&world, WEB, &next(&lost))), [EventKind::RefreshTokenReused]);
        assert_eq!(refusal(world.refresh(WEB, &next(&lost))), Refusal::RefreshTokenReused, "{pause}");
        assert!(was_revoked_for_reuse(&world));
        assert_eq!(refusal(world.refresh(WEB, &next(&replacement))), Refusal::RefreshGrantGone);
    }
}

// proves: REFRESH-09, REFRESH-10
#[test]
fn a_token_two_generations_old_ends_the_family_however_quickly_it_is_shown() {
    let (mut world, first, issued) = spent(WEB);
    let third = world.refresh(WEB, &next(&issued)).unwrap();
    let mut one_back = world.clone();
    one_back.refresh(WEB, &next(&issued)).unwrap();
    assert_eq!(kinds(&noted(&world, WEB, &first)), [EventKind::RefreshTokenReused]);
    assert_eq!(refusal(world.refresh(WEB, &first)), Refusal::RefreshTokenReused);
    assert_eq!(refusal(world.refresh(WEB, &next(&third))), Refusal::RefreshGrantGone);
}

// proves: REFRESH-03, REFRESH-04
#[test]
fn in_other_hands_a_spent_token_ends_nothing_and_gives_nothing() {
    for pause in [0, 60] {
        let (mut world, first, issued) = spent(WEB);
        world.advance(Seconds(pause));
        let before = world.state.clone();
        assert_eq!(refusal(world.refresh(WEB_POST, &first)), Refusal::RefreshTokenOfAnotherClient);
        assert_eq!(world.state, before);
        assert_eq!(noted(&world, WEB_POST, &first), []);
        let guess = TokenCall { authorization: Some(basic(WEB, "guess")), ..world.refresh_of(WEB, &first) };
        assert_eq!(refusal(world.token(&guess)), Refusal::WrongSecret);
        assert_eq!(world.records().grants, before.records(&world.settings.issuer).unwrap().grants);
        world.refresh(WEB, &next(&issued)).unwrap();
    }
}

/// What counts is the idle end of the token that lives: the one that is shown was used in time.
// proves: REFRESH-10, REFRESH-12
#[test]
fn a_retry_over_the_idle_end_of_what_is_shown_is_a_retry() {
    let (mut world, first) = granted(WEB, "boxes:list offline_access");
    world.advance(Seconds(world.settings.lifetimes.refresh_token_idle.0 - 5));
    let lost = world.refresh(WEB, &first).unwrap();
    world.advance(Seconds(10));
    let replacement = world.refresh(WEB, &first).unwrap();
    assert!(has_ended(&world, &lost));
    assert_eq!(unspent(&world), [next(&replacement).hash()]);
}

#[test]
fn a_retry_after_the_end_of_everything_gives_nothing() {
    let (mut world, mut token) = granted(WEB, "boxes:list offline_access");
    let end = the_grant(&world).expires_at;
    while world.now + Seconds::days(13) < end {
        world.advance(Seconds::days(13));
        token = next(&world.refresh(WEB, &token).unwrap());
    }
    world.now = end - Seconds(10);
    world.refresh(WEB, &token).unwrap();
    world.now = end;
    assert!(world.refresh(WEB, &token).is_err());
}

#[test]
fn a_refresh_that_was_decided_before_something_was_taken_back_is_stale() {
    let (mut world, first) = granted(WEB, "boxes:list boxes:read offline_access");
    let request = parsed(&world.refresh_of(WEB, &first)).unwrap();
    let early = world.decision(&request);
    let grant = the_grant(&world).clone();
    world.operate(Change::NarrowGrant {
        grant: grant.id,
        narrowings: grant.narrowings,
        scopes: scopes("boxes:read offline_access"),
        resources: grant.resources,
        details: grant.details,
    });
    assert_eq!(world.commit(&early.changes), Commit::Stale);
    let issued = world.run(&request).unwrap();
    assert_eq!(issued.access_token.scope.as_deref(), Some("boxes:read"));
    // The same for a retry.
    let retry = world.decision(&request);
    assert!(retry.answer.is_ok());
    let grant = the_grant(&world).clone();
    world.operate(Change::NarrowGrant {
        grant: grant.id,
        narrowings: grant.narrowings,
        scopes: scopes("boxes:read"),
        resources: grant.resources,
        details: grant.details,
    });
    assert_eq!(world.commit(&retry.changes), Commit::Stale);
}

// proves: REFRESH-08, REFRESH-10
#[test]
fn a_retry_that_was_overtaken_by_another_or_by_the_successor_is_stale() {
    let (mut world, first, issued) = spent(WEB);
    let request = parsed(&world.refresh_of(WEB, &first)).unwrap();
    let (one, other) = (world.decision(&request), world.decision(&request));
    let mut used = world.clone();
    used.refresh(WEB, &next(&issued)).unwrap();
    assert_eq!(used.commit(&one.changes), Commit::Stale);
    assert_eq!(refusal(used.run(&request)), Refusal::RefreshTokenReused);

    assert_eq!(world.commit(&one.changes), Commit::Done);
    assert_eq!(world.commit(&other.changes), Commit::Stale);
    world.run(&request).unwrap();
    assert_eq!(unspent(&world).len(), 1);
}

#[test]
fn a_refused_retry_replaces_nothing() {
    let (mut world, first, issued) = spent(WEB);
    let call = world.refresh_of(WEB, &first);
    let before = world.state.clone();
    for (name, value) in [("scope", "history"), ("resource", CALENDAR), ("authorization_details", "[]")] {
        refusal(world.token(&call.clone().with(name, value)));
        assert_eq!(world.state, before, "{name}");
    }
    world.refresh(WEB, &next(&issued)).unwrap();
}

// proves: REFRESH-09
#[test]
fn what_is_noted_says_race_retry_or_theft_with_its_evidence_and_no_secret() {
    let (mut world, first, issued) = spent(WEB);
    assert_eq!(noted(&world, WEB, &next(&issued)), []);
    for (after, kind) in [
        (0, EventKind::RefreshRaced),
        (1, EventKind::RefreshRaced),
        (2, EventKind::RefreshRetried),
        (29, EventKind::RefreshRetried),
        (30, EventKind::RefreshTokenReused),
    ] {
        let mut later = world.clone();
        later.advance(Seconds(after));
        let notes = noted(&later, WEB, &first);
        assert_eq!(kinds(&notes), [kind], "{after}");
        let [note] = &notes[..] else { panic!("one note") };
        let grant = the_grant(&world);
        assert_eq!(note.grant.as_ref(), Some(&grant.id));
        assert_eq!((note.user.as_ref(), note.client.as_ref()), (Some(&grant.user), Some(&grant.client)));
        let names: Vec<_> = note.evidence.iter().map(|(name, _)| *name).collect();
        assert_eq!(names[..4], ["token", "shown_from", "generation", "sent_to"]);
        assert!(!format!("{note:?}").contains(first.expose()));
    }
    // An ended family is not reported again.
    world.advance(Seconds(30));
    refusal(world.refresh(WEB, &first));
    assert_eq!(noted(&world, WEB, &first), []);
}

// proves: REFRESH-09, STORE-09
#[test]
fn a_token_whose_row_was_swept_away_is_still_known_as_spent() {
    for superseded in [false, true] {
        let (mut world, first, issued) = spent(WEB);
        let (shown, live) = if superseded {
            (next(&issued), next(&world.refresh(WEB, &first).unwrap()))
        } else {
            (first, next(&issued))
        };
        world.advance(Seconds(SPENT_TOKENS_KEPT.0 - 1));
        world.state.sweep(&world.settings.issuer.clone(), world.now);
        assert!(world.records().refresh_tokens.contains_key(&shown.hash()));
        world.advance(Seconds(1));
        world.state.sweep(&world.settings.issuer.clone(), world.now);
        assert_eq!(world.records().refresh_tokens.keys().collect::<Vec<_>>(), [&live.hash()]);

        let mut honest = world.clone();
        honest.refresh(WEB, &live).unwrap();
        let before = world.state.clone();
        assert_eq!(refusal(world.refresh(WEB_POST, &shown)), Refusal::RefreshTokenOfAnotherClient);
        assert_eq!(world.state, before);
        assert_eq!(kinds(&noted(&world, WEB, &shown)), [EventKind::RefreshTokenReused]);
        assert_eq!(refusal(world.refresh(WEB, &shown)), Refusal::RefreshTokenReused);
        assert!(was_revoked_for_reuse(&world));
        assert_eq!(refusal(world.refresh(WEB, &live)), Refusal::RefreshGrantGone);
    }
}
