//! What each assumption about the honest client is for, and what the window is for: left out, a promise breaks.

use grantd_tokens::Seconds;

use super::client::{Arrival, Assumptions, Refreshing, Unanswered};
use super::guards::breaks;
use super::scenarios;
use super::shell::Scenario;

const LOGGED_OUT: &str = "an honest client was logged out";

fn assuming(assumptions: Assumptions) -> Scenario {
    Scenario { assumptions, ..scenarios::two_tabs(4) }
}

#[test]
fn if_answers_arrive_in_any_order_a_tab_keeps_a_token_that_was_replaced() {
    let scenario = assuming(Assumptions { answers: Arrival::InAnyOrder, ..Assumptions::ALL });
    breaks("If answers arrive in any order", &scenario, LOGGED_OUT);
}

#[test]
fn if_a_tab_forgets_that_it_asked_the_other_keeps_a_token_that_was_replaced() {
    let scenario = assuming(Assumptions { unanswered: Unanswered::MayForget, ..Assumptions::ALL });
    breaks("If a tab forgets that it asked", &scenario, LOGGED_OUT);
}

#[test]
fn if_a_tab_refreshes_at_will_another_is_two_generations_behind() {
    let scenario = assuming(Assumptions { refreshing: Refreshing::AtWill, ..Assumptions::ALL });
    breaks("If a tab refreshes at will", &scenario, LOGGED_OUT);
}

// proves: REFRESH-10
#[test]
fn without_a_window_a_lost_answer_logs_out() {
    let mut scenario = scenarios::two_tabs(3);
    scenario.settings.lifetimes.lost_response = Seconds(0);
    breaks("With a window of 0 s", &scenario, LOGGED_OUT);
}

// proves: REFRESH-09, REFRESH-10
#[test]
fn without_an_end_of_the_window_a_token_that_was_spent_long_ago_still_works() {
    let mut scenario = scenarios::two_tabs(3);
    scenario.settings.lifetimes.lost_response = Seconds(i64::MAX);
    let broken = "a code or refresh token was shown again, and its grant stands";
    breaks("With a window that never ends", &scenario, broken);
}
