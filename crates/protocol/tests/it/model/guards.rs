//! What each guard is for: without it, the exploration finds a way to break an invariant.

use grantd_protocol::state::Guard;

use super::explore::{Finding, explore};
use super::shell::Scenario;
use super::{DOCUMENT, scenarios};

// proves: CODE-03, STORE-02
#[test]
fn without_unredeemed_one_code_gives_tokens_twice() {
    finds(Guard::Unredeemed, scenarios::a_code_that_was_seen(2), "a code was answered twice");
}

// proves: REFRESH-08, STORE-02
#[test]
fn without_unspent_one_refresh_token_has_two_successors() {
    finds(Guard::Unspent, scenarios::a_family_with_a_thief(2), "two unspent refresh tokens in one family");
}

// proves: REFRESH-08, REFRESH-10, STORE-02
#[test]
fn without_successor_unused_two_retries_fork_the_family() {
    finds(Guard::SuccessorUnused, scenarios::two_tabs(3), "two unspent refresh tokens in one family");
}

#[test]
fn without_not_narrowed_a_token_carries_what_was_taken_back() {
    finds(Guard::NotNarrowed, scenarios::access_is_narrowed(2), "a token carries what was taken back from its grant");
}

#[test]
fn without_grant_stands_tokens_are_given_under_a_revoked_grant() {
    finds(Guard::GrantStands, scenarios::a_family_with_a_thief(2), "tokens under a grant that does not stand");
}

#[test]
fn without_session_lives_a_grant_slips_past_a_sign_out() {
    let broken = "a grant for while the user is signed in outlives the session";
    finds(Guard::SessionLives, scenarios::a_consent_page_in_two_tabs(2), broken);
}

#[test]
fn without_still_waits_one_request_is_answered_twice() {
    finds(Guard::StillWaits, scenarios::a_consent_page_in_two_tabs(2), "one authorization request was answered twice");
}

#[test]
fn without_credentials_stand_a_session_slips_past_the_operator() {
    let broken = "a disabled user has a live session or a standing grant";
    finds(Guard::CredentialsStand, scenarios::a_consent_page_in_two_tabs(2), broken);
}

#[test]
fn without_is_new_a_user_takes_the_place_of_another() {
    finds(Guard::IsNew, scenarios::two_operators(2), "the store does not hold what was given, or holds more");
}

#[test]
fn without_attempts_left_guessing_has_no_end() {
    finds(Guard::AttemptsLeft, scenarios::guessing(2), "more passwords were admitted than fit into the window");
}

/// The one guard that nothing here depends on: the session that comes with a new hash has a guard of its own, and a reset
/// moves that one along, too.
#[test]
fn hash_stands_is_a_second_lock_on_the_same_door() {
    let explored = explore(&Scenario { without: Some(Guard::HashStands), ..scenarios::a_consent_page_in_two_tabs(3) });
    assert!(explored.finding.is_none(), "{explored}");
}

/// Explores without the guard, and holds the document to the shortest way that is found.
fn finds(guard: Guard, scenario: Scenario, broken: &str) {
    let with = explore(&scenario);
    assert!(with.finding.is_none(), "with the guard in place: {with}");
    breaks(&format!("Without `{guard:?}`"), &Scenario { without: Some(guard), ..scenario }, broken);
}

/// Explores, and holds the document to the shortest way to the broken invariant.
pub(super) fn breaks(what: &str, scenario: &Scenario, broken: &str) {
    let explored = explore(scenario);
    let Some(Finding { broken: found, trace }) = explored.finding else { panic!("{what} nothing breaks") };
    assert_eq!(found, broken);
    let steps: Vec<String> = (1..).zip(&trace).map(|(number, what)| format!("{number}. {what}\n")).collect();
    let section = format!("### {what}: {broken}\n\n{}", steps.concat());
    assert!(DOCUMENT.contains(&section), "docs/model.md says otherwise; the section is now\n\n{section}");
}
