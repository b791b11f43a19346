//! All that can happen to a few requests at once, explored exhaustively over the real requests, decisions and reference store.
//!
//! What is explored, how large it is, and what is found when a guard is taken out: `docs/model.md`, which these tests hold
//! to what they find. Start at [`scenarios`], then [`invariants`].

mod ask;
mod assumptions;
mod cast;
mod client;
mod explore;
mod gifts;
mod guards;
mod invariants;
mod scenarios;
mod shell;
mod tables;

use explore::{Explored, explore, explore_at_most};
pub(crate) use invariants::live;
use shell::Scenario;

const DOCUMENT: &str = include_str!("../../../../docs/model.md");

// proves: CODE-03, CODE-04, CODE-05, STORE-02, STORE-04
#[test]
fn a_code_that_was_seen_is_redeemed_once_and_by_its_owner() {
    let explored = holds(&scenarios::a_code_that_was_seen(3));
    println!("{}", documented("A code that was seen", "3", &explored));
    happened(
        &explored,
        &[
            "the owner redeems the code with the right verifier: the commit is stale",
            "the owner redeems the code with the right verifier: committed, refused with CodeReplayed",
            "the owner redeems the code with the right verifier: committed, refused with CodeExpired",
            "the owner redeems the code with the right verifier: committed, refused with CodeGuessedAt",
            "another client redeems the code with no verifier: committed, refused with CodeOfAnotherClient",
            "the owner refreshes with token 1: committed",
        ],
    );
}

// proves: CODE-04, CODE-06, REFRESH-08, REFRESH-09, REFRESH-13
#[test]
fn a_thief_who_has_everything_ends_the_grant_by_using_it() {
    let explored = holds(&scenarios::a_thief_who_has_everything(4));
    println!("{}", documented("A thief who has everything", "4", &explored));
    happened(
        &explored,
        &[
            "the owner refreshes with token 1: committed, refused with RefreshTokenReused",
            "the owner refreshes with token 1: committed, refused with RefreshGrantGone",
            "the owner refreshes with token 1: committed, refused with RefreshTokenIdle",
            "the owner refreshes with token 3: committed",
            "another client refreshes with token 1: committed, refused with RefreshTokenOfAnotherClient",
        ],
    );
}

// proves: REFRESH-08, REFRESH-09, REFRESH-16
#[test]
fn a_family_has_one_unspent_token_and_ends_with_its_session() {
    let explored = holds(&scenarios::a_family_with_a_thief(3));
    println!("{}", documented("A family with a thief", "3", &explored));
    happened(
        &explored,
        &[
            "the owner refreshes with token 1: the commit is stale",
            "the owner refreshes with token 1: committed, refused with RefreshTokenReused",
            "the owner redeems the code with the right verifier: committed, refused with CodeReplayed",
        ],
    );
}

// proves: AUTHZ-31, REFRESH-16
#[test]
fn a_consent_page_in_two_tabs_is_answered_once_and_only_in_a_live_session() {
    let explored = holds(&scenarios::a_consent_page_in_two_tabs(3));
    println!("{}", documented("A consent page in two tabs", "3", &explored));
    happened(
        &explored,
        &[
            "the user presses Allow: committed",
            "the user presses Allow: the commit is stale",
            "the user presses Deny: committed, refused with UserDenied",
            "the user signs in: the commit is stale",
            "the user signs in, to be hashed anew: committed",
        ],
    );
}

#[test]
fn of_parallel_guesses_no_more_are_admitted_than_there_is_room_for() {
    let explored = holds(&scenarios::guessing(3));
    println!("{}", documented("Guessing in parallel", "3", &explored));
    happened(&explored, &["somebody tries a password: the commit refuses, SignInThrottled"]);
}

#[test]
fn of_two_operators_one_gets_the_name() {
    let explored = holds(&scenarios::two_operators(3));
    println!("{}", documented("Two operators", "3", &explored));
    happened(&explored, &["the operator adds u-one, called grace: the commit refuses, NameTaken"]);
}

// proves: CODE-11, STORE-04
#[test]
fn a_whole_life_from_the_consent_page_to_the_last_refresh_token_keeps_every_invariant() {
    let explored = holds(&scenarios::a_whole_life(3));
    println!("{}", documented("A whole life", "3", &explored));
    happened(
        &explored,
        &[
            "the owner redeems the code with the right verifier: committed",
            "the owner redeems the code with the right verifier: committed, refused with CodeGrantGone",
            "the owner refreshes with token 1: committed",
        ],
    );
}

// proves: REFRESH-08, REFRESH-10, STORE-04
#[test]
fn two_tabs_of_an_honest_client_are_never_logged_out_by_retries_within_the_window() {
    let explored = holds(&scenarios::two_tabs(5));
    println!("{}", documented("Two tabs", "5", &explored));
    happened(
        &explored,
        &[
            "the answer with token 2 is lost",
            "the answer with token 3 arrives, and is stored",
            "a tab refreshes with token 1: a crash before the commit",
            "a tab refreshes with token 1: the commit is stale",
            "a tab refreshes with token 3: committed",
            "a tab refreshes with token 1: committed, refused with RefreshTokenReused",
            "the clock now stands at 10 s",
        ],
    );
}

// proves: REFRESH-08, REFRESH-09, REFRESH-10, REFRESH-11
#[test]
fn after_the_honest_clients_next_refresh_a_thief_holds_nothing() {
    let explored = holds(&scenarios::a_thief(2, 2));
    println!("{}", documented("A thief", "2 and 2", &explored));
    happened(
        &explored,
        &[
            "the thief refreshes with token 1: committed",
            "the thief refreshes with token 2: committed",
            "the thief refreshes with token 2: committed, refused with RefreshTokenReused",
            "a tab refreshes with token 1: committed, refused with RefreshTokenReused",
            "a tab refreshes with token 1: committed, refused with RefreshTokenIdle",
            "a tab refreshes with token 2: committed, refused with RefreshTokenReused",
            "a tab refreshes with token 2: committed, refused with RefreshGrantGone",
        ],
    );
}

// proves: REFRESH-09, STORE-09
#[test]
fn a_sweep_brings_nothing_back_and_forgets_no_theft() {
    let explored = holds(&scenarios::a_swept_family(2, 2));
    println!("{}", documented("A swept family", "2 and 2", &explored));
    happened(
        &explored,
        &["the store is swept", "the thief refreshes with token 1: committed, refused with RefreshTokenReused"],
    );
}

#[test]
fn what_a_user_takes_back_is_in_no_token_that_is_given_later() {
    let explored = holds(&scenarios::access_is_narrowed(3));
    println!("{}", documented("Access is narrowed", "3", &explored));
    happened(&explored, &["the owner refreshes with token 1: the commit is stale"]);
}

#[test]
#[ignore = "some minutes; `docs/model.md` has the command"]
fn one_request_more_breaks_nothing_either() {
    let larger = [
        ("A code that was seen", "4", scenarios::a_code_that_was_seen(4)),
        ("A family with a thief", "4", scenarios::a_family_with_a_thief(4)),
        ("A consent page in two tabs", "4", scenarios::a_consent_page_in_two_tabs(4)),
        ("A whole life", "4", scenarios::a_whole_life(4)),
        ("A thief who has everything", "5", scenarios::a_thief_who_has_everything(5)),
        ("Access is narrowed", "4", scenarios::access_is_narrowed(4)),
        ("Two tabs", "7", scenarios::two_tabs(7)),
        ("A thief", "3 and 2", scenarios::a_thief(3, 2)),
    ];
    for (name, requests, scenario) in larger {
        println!("{}", documented(name, requests, &holds(&scenario)));
    }
}

/// Breadth first, and not to the end: all that so many steps allow.
#[test]
#[ignore = "a quarter of an hour and ten gigabytes; `docs/model.md` has the command"]
fn of_a_thief_and_many_retries_a_hundred_million_states_break_nothing() {
    let explored = explore_at_most(100_000_000, &scenarios::a_thief(4, 3));
    assert!(explored.finding.is_none(), "{explored}");
    println!("{explored}");
}

fn holds(scenario: &Scenario) -> Explored {
    let explored = explore(scenario);
    assert!(explored.finding.is_none() && explored.open == 0, "{explored}");
    explored
}

/// An exploration in which nothing interesting can happen would hold, too.
fn happened(explored: &Explored, sentences: &[&str]) {
    for sentence in sentences {
        assert!(explored.happened.contains(*sentence), "it never happens that {sentence}");
    }
}

/// The row of the document that says how large the exploration was.
fn documented(name: &str, requests: &str, explored: &Explored) -> String {
    let row = format!("| {name} | {requests} | {} | {} |", explored.states, explored.steps);
    assert!(DOCUMENT.contains(&row), "docs/model.md says otherwise; the row is now\n{row}");
    row
}
