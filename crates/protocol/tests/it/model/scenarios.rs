//! The scenarios: who is there, what they know, and what they may do.

use grantd_protocol::settings::Settings;

use super::ask::{Ask, Pressed, Sender, Verifier};
use super::cast::{self, Owner};
use super::shell::{Answers, Delivery, Gift, Scenario, World};

/// At the start; at the very second at which a code expires; when a refresh token of the start has been idle for too long.
const THREE_INSTANTS: &[i64] = &[0, 60, 14 * 24 * 60 * 60];

/// A code is on its way to a client that has a secret. Whoever watches the front channel has the code, and can have the
/// client itself present it in a flow of their own (code injection), but has neither the verifier nor the secret.
pub(crate) fn a_code_that_was_seen(requests: u8) -> Scenario {
    let asks = |world: &World| {
        let redeem = |by, verifier| Ask::Redeem { code: 0, by, verifier };
        let owner = Sender::Owner(Owner::Confidential);
        let heard = |gift: &Gift| matches!(gift, Gift::Tokens { answer: Delivery::Arrived, .. });
        let refresh = |token| Ask::Refresh { token, by: owner, scope: None };
        let mut asks = vec![
            redeem(owner, Verifier::Right),
            redeem(owner, Verifier::Wrong),
            redeem(Sender::FalseOwner, Verifier::Absent),
            redeem(Sender::OtherClient, Verifier::Absent),
            redeem(Sender::OtherClient, Verifier::Wrong),
        ];
        asks.extend(world.gifts_that(heard).into_iter().map(refresh));
        asks
    };
    let scenario = scenario(Owner::Confidential, asks, requests);
    Scenario { answers: Answers::MayBeLost, instants: THREE_INSTANTS, ..scenario }.after(Ask::Decide(Pressed::Allow))
}

/// A public client and a thief who sees all that it sees: code, verifier, every refresh token, arrived or lost. Whatever the
/// honest client may do is among what the thief may do, so one list serves both.
pub(crate) fn a_thief_who_has_everything(requests: u8) -> Scenario {
    let asks = |world: &World| {
        let redeem = |by| Ask::Redeem { code: 0, by, verifier: Verifier::Right };
        let mut asks = vec![redeem(OWNER), redeem(Sender::OtherClient)];
        for token in world.gifts_that(|gift| matches!(gift, Gift::Tokens { .. })) {
            let refresh = |by, scope| Ask::Refresh { token, by, scope };
            asks.extend([
                refresh(OWNER, None),
                refresh(OWNER, Some("read")),
                refresh(OWNER, Some("read write admin")),
                refresh(Sender::OtherClient, None),
            ]);
        }
        asks
    };
    let scenario = scenario(Owner::Public, asks, requests);
    Scenario { instants: THREE_INSTANTS, ..scenario }.after(Ask::Decide(Pressed::Allow))
}

/// The same thief when the client has its tokens, while the user signs out or is switched off.
pub(crate) fn a_family_with_a_thief(requests: u8) -> Scenario {
    let asks = |world: &World| {
        let mut asks = vec![Ask::Redeem { code: 0, by: OWNER, verifier: Verifier::Right }, Ask::SignOut, Ask::Disable];
        for token in world.gifts_that(|gift| matches!(gift, Gift::Tokens { .. })) {
            let refresh = |by| Ask::Refresh { token, by, scope: None };
            asks.extend([refresh(OWNER), refresh(Sender::OtherClient)]);
        }
        asks
    };
    let scenario = Scenario { instants: THREE_INSTANTS, ..scenario(Owner::Public, asks, requests) };
    scenario.after(Ask::Decide(Pressed::Allow)).after(Ask::Redeem { code: 0, by: OWNER, verifier: Verifier::Right })
}

/// One consent page, open twice; the user signs in and out, and the operator switches them off or sets a password.
pub(crate) fn a_consent_page_in_two_tabs(requests: u8) -> Scenario {
    let asks = |_: &World| {
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
    let asks = |_: &World| vec![Ask::AddUser { id: "u-one" }, Ask::AddUser { id: "u-two" }];
    scenario(Owner::Confidential, asks, requests)
}

/// From the consent page to the last refresh token, with everybody at once. Large.
pub(crate) fn a_whole_life(requests: u8) -> Scenario {
    let asks = |world: &World| {
        let mut asks = vec![Ask::Decide(Pressed::Allow), Ask::Decide(Pressed::Deny), Ask::SignOut, Ask::Disable];
        for code in world.gifts_that(|gift| *gift == Gift::Code) {
            let redeem = |verifier| Ask::Redeem { code, by: OWNER, verifier };
            asks.extend([redeem(Verifier::Right), redeem(Verifier::Wrong)]);
        }
        for token in world.gifts_that(|gift| matches!(gift, Gift::Tokens { .. })) {
            asks.push(Ask::Refresh { token, by: OWNER, scope: None });
        }
        asks
    };
    Scenario { instants: THREE_INSTANTS, ..scenario(Owner::Public, asks, requests) }
}

const OWNER: Sender = Sender::Owner(Owner::Public);

fn scenario(owner: Owner, asks: fn(&World) -> Vec<Ask>, requests: u8) -> Scenario {
    let mut settings = Settings::new(cast::issuer());
    // So low that every scenario reaches it.
    settings.limits.wrong_verifiers = 1;
    Scenario {
        start: World::new(cast::store(owner)),
        settings,
        asks,
        requests,
        instants: &[0],
        answers: Answers::AreSeen,
        without: None,
    }
}
