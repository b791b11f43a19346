//! The scenarios: who is there, what they know, and what they may do.

use grantd_tokens::Seconds;

use super::ask::{Ask, Pressed, Scope, Sender, Verifier};
use super::cast::{self, Owner};
use super::client::HonestClient;
use super::gifts::{self, Delivery, Gift};
use super::shell::{Answers, Scenario, Sweeps};

/// At the start; at the very second at which a code expires; when a refresh token of the start has been idle for too long.
const THREE_INSTANTS: &[i64] = &[0, 60, 14 * 24 * 60 * 60];

/// A code is on its way to a client that has a secret. Whoever watches the front channel has the code, and can have the
/// client itself present it in a flow of their own (code injection), but has neither the verifier nor the secret.
pub(crate) fn a_code_that_was_seen(requests: u8) -> Scenario {
    let asks = |gifts: &[Gift]| {
        let redeem = |by, verifier| Ask::Redeem { code: 0, by, verifier };
        let owner = Sender::Owner(Owner::Confidential);
        let heard = gifts::tokens(gifts).filter(|(_, tokens)| tokens.answer == Delivery::Arrived);
        let mut asks = vec![
            redeem(owner, Verifier::Right),
            redeem(owner, Verifier::Wrong),
            redeem(Sender::FalseOwner, Verifier::Absent),
            redeem(Sender::OtherClient, Verifier::Absent),
            redeem(Sender::OtherClient, Verifier::Wrong),
        ];
        asks.extend(heard.map(|(token, _)| Ask::Refresh { token, by: owner, scope: Scope::Granted }));
        asks
    };
    let scenario = scenario(Owner::Confidential, asks, requests);
    Scenario { answers: Answers::MayBeLost, instants: THREE_INSTANTS, ..scenario }.after(Ask::Decide(Pressed::Allow))
}

/// A public client and a thief who sees all that it sees: code, verifier, every refresh token, arrived or lost. Whatever the
/// honest client may do is among what the thief may do, so one list serves both.
pub(crate) fn a_thief_who_has_everything(requests: u8) -> Scenario {
    let asks = |gifts: &[Gift]| {
        let redeem = |by| Ask::Redeem { code: 0, by, verifier: Verifier::Right };
        let mut asks = vec![redeem(OWNER), redeem(Sender::OtherClient)];
        for (token, _) in gifts::tokens(gifts) {
            let refresh = |by, scope| Ask::Refresh { token, by, scope };
            asks.extend([
                refresh(OWNER, Scope::Granted),
                refresh(OWNER, Scope::Less),
                refresh(OWNER, Scope::More),
                refresh(Sender::OtherClient, Scope::Granted),
            ]);
        }
        asks
    };
    let scenario = scenario(Owner::Public, asks, requests);
    Scenario { instants: THREE_INSTANTS, ..scenario }.after(Ask::Decide(Pressed::Allow))
}

/// The same thief when the client has its tokens, while the user signs out or is switched off.
pub(crate) fn a_family_with_a_thief(requests: u8) -> Scenario {
    let asks = |gifts: &[Gift]| {
        let mut asks = vec![Ask::Redeem { code: 0, by: OWNER, verifier: Verifier::Right }, Ask::SignOut, Ask::Disable];
        for (token, _) in gifts::tokens(gifts) {
            let refresh = |by| Ask::Refresh { token, by, scope: Scope::Granted };
            asks.extend([refresh(OWNER), refresh(Sender::OtherClient)]);
        }
        asks
    };
    with_tokens(Scenario { instants: THREE_INSTANTS, ..scenario(Owner::Public, asks, requests) })
}

/// One consent page, open twice; the user signs in and out, and the operator switches them off or sets a password.
pub(crate) fn a_consent_page_in_two_tabs(requests: u8) -> Scenario {
    let asks = |_: &[Gift]| {
        vec![
            Ask::Decide(Pressed::Allow),
            Ask::Decide(Pressed::Deny),
            Ask::Decide(Pressed::SwitchAccount),
            Ask::SignOut,
            Ask::SignIn { rehash: false },
            Ask::SignIn { rehash: true },
            Ask::Disable,
            Ask::ResetPassword,
        ]
    };
    scenario(Owner::Confidential, asks, requests)
}

/// Passwords are guessed in parallel, with room for one guess only.
pub(crate) fn guessing(requests: u8) -> Scenario {
    let mut scenario =
        scenario(Owner::Confidential, |_| vec![Ask::TryPassword, Ask::SignIn { rehash: false }], requests);
    scenario.settings.limits.sign_ins_per_account = 1;
    scenario
}

/// Two operators add a user of the same name.
pub(crate) fn two_operators(requests: u8) -> Scenario {
    let asks = |_: &[Gift]| vec![Ask::AddUser { second: false }, Ask::AddUser { second: true }];
    scenario(Owner::Confidential, asks, requests)
}

/// From the consent page to the last refresh token, with everybody at once. Large.
pub(crate) fn a_whole_life(requests: u8) -> Scenario {
    let asks = |gifts: &[Gift]| {
        let mut asks = vec![Ask::Decide(Pressed::Allow), Ask::Decide(Pressed::Deny), Ask::SignOut, Ask::Disable];
        for (code, _) in (0..).zip(gifts).filter(|(_, gift)| **gift == Gift::Code) {
            let redeem = |verifier| Ask::Redeem { code, by: OWNER, verifier };
            asks.extend([redeem(Verifier::Right), redeem(Verifier::Wrong)]);
        }
        for (token, _) in gifts::tokens(gifts) {
            asks.push(Ask::Refresh { token, by: OWNER, scope: Scope::Granted });
        }
        asks
    };
    Scenario { instants: THREE_INSTANTS, ..scenario(Owner::Public, asks, requests) }
}

/// A user takes something back while the client refreshes.
pub(crate) fn access_is_narrowed(requests: u8) -> Scenario {
    let asks = |gifts: &[Gift]| {
        let refresh = |(token, _)| Ask::Refresh { token, by: OWNER, scope: Scope::Granted };
        std::iter::once(Ask::Narrow).chain(gifts::tokens(gifts).map(refresh)).collect()
    };
    let scenario = Scenario { instants: &[0, 40], ..scenario(Owner::Public, asks, requests) };
    with_tokens(scenario)
}

/// Two tabs of one honest client that share their storage; answers that are lost, crashes, and a clock that is set back.
pub(crate) fn two_tabs(requests: u8) -> Scenario {
    tabs(requests, &[0, 29, 10, 45], Seconds::days(14))
}

/// The same, and a thief who copied one refresh token at some time. An unused token ends after 50 s: late in its life it may be
/// used by the one, and shown again by the other when its end has passed.
pub(crate) fn a_thief(requests: u8, thefts: u8) -> Scenario {
    Scenario { thefts, ..tabs(requests, &[0, 29, 45, 55], Seconds(50)) }
}

/// The same over hours, while the store is swept.
pub(crate) fn a_swept_family(requests: u8, thefts: u8) -> Scenario {
    let hours = &[0, 29, 2 * 60 * 60 + 29, 4 * 60 * 60 + 29];
    Scenario { thefts, sweeps: Sweeps::AtAnyTime, ..tabs(requests, hours, Seconds::days(14)) }
}

fn tabs(requests: u8, instants: &'static [i64], idle: Seconds) -> Scenario {
    let mut scenario = Scenario { instants, ..scenario(Owner::Public, |_| Vec::new(), requests) };
    scenario.settings.lifetimes.refresh_token_idle = idle;
    let mut scenario = with_tokens(scenario);
    scenario.start.client = HonestClient::with_tokens_of(1);
    scenario
}

fn with_tokens(scenario: Scenario) -> Scenario {
    scenario.after(Ask::Decide(Pressed::Allow)).after(Ask::Redeem { code: 0, by: OWNER, verifier: Verifier::Right })
}

const OWNER: Sender = Sender::Owner(Owner::Public);

fn scenario(owner: Owner, asks: fn(&[Gift]) -> Vec<Ask>, requests: u8) -> Scenario {
    Scenario { asks, ..Scenario::new(cast::store(owner), requests) }
}
