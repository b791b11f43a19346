//! What a refresh token looks like, and what is nothing at all.

use grantd_protocol::changes::Change;
use grantd_protocol::records::{GrantState, RefreshToken, Spending};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::state::SPENT_TOKENS_KEPT;
use grantd_protocol::token::refresh_secret::family_of;
use grantd_tokens::{Seconds, Secret};

use super::granted;
use crate::town::WEB;
use crate::world::{World, refusal};

/// 128 bits in base64url.
const FAMILY_CHARS: usize = 22;

/// Everything that a mangled copy of this may be.
fn mangled(token: &Secret) -> Vec<String> {
    let text = token.expose();
    let letters: Vec<char> = text.chars().collect();
    let swapped = |letter: &char| {
        if letter.is_ascii_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
    };
    let (family, rest) = letters.split_at(FAMILY_CHARS);
    let mut all = vec![
        letters.iter().map(swapped).collect(),
        text.to_ascii_lowercase(),
        text.to_ascii_uppercase(),
        format!(" {text}"),
        format!("{text}{text}"),
        [family, &['.'], rest].concat().iter().collect(),
        "A".repeat(text.len()),
        "ü".repeat(text.len() / 2),
    ];
    all.extend(["A", "=", " ", "\n", "."].map(|more| format!("{text}{more}")));
    all.extend((1..letters.len()).map(|length| letters[..length].iter().collect()));
    all.extend((1..letters.len()).map(|from| letters[from..].iter().collect()));
    let replaced = |at: usize| {
        let mut letters = letters.clone();
        letters[at] = if letters[at] == 'A' { 'B' } else { 'A' };
        letters.into_iter().collect()
    };
    all.extend((0..letters.len()).map(replaced));
    all
}

// proves: REFRESH-20
#[test]
fn a_token_cut_short_longer_or_otherwise_mangled_is_unknown_and_changes_nothing() {
    let (world, unspent) = granted(WEB, "boxes:list offline_access");
    let (mut refreshed, spent) = (world.clone(), unspent.clone());
    let next = refreshed.refresh(WEB, &spent).unwrap().refresh_token.unwrap();
    let mut swept = refreshed.clone();
    swept.advance(SPENT_TOKENS_KEPT);
    swept.state.sweep(&swept.settings.issuer.clone(), swept.now);
    for (mut world, token, live) in [(world, &unspent, &unspent), (refreshed, &spent, &next), (swept, &spent, &next)] {
        let before = world.state.clone();
        for wrong in mangled(token) {
            assert_eq!(
                refusal(world.refresh(WEB, &Secret::new(wrong.clone()))),
                Refusal::RefreshTokenUnknown,
                "{wrong}"
            );
            assert_eq!(world.state, before, "{wrong}");
        }
        world.refresh(WEB, live).unwrap();
    }
}

#[test]
fn the_tokens_of_one_grant_have_their_family_in_common_and_nothing_else() {
    let mut world = World::new();
    let mut family = || {
        let code = world.approve(WEB, "boxes:list");
        let first = world.redeem(WEB, &code).unwrap().refresh_token.unwrap();
        let next = world.refresh(WEB, &first).unwrap().refresh_token.unwrap();
        let replacement = world.refresh(WEB, &first).unwrap().refresh_token.unwrap();
        [first, next, replacement]
    };
    let (one, other) = (family(), family());
    for token in &one {
        assert_eq!(family_of(token), family_of(&one[0]));
        assert_ne!(family_of(token), family_of(&other[0]));
        assert_eq!(token.expose().get(..FAMILY_CHARS), one[0].expose().get(..FAMILY_CHARS));
    }
    for (token, another) in [(0, 1), (1, 2), (0, 2)].map(|(at, to)| (&one[at], &one[to])) {
        assert_ne!(token.expose().get(FAMILY_CHARS..), another.expose().get(FAMILY_CHARS..));
    }
}

/// Tokens were 43 characters once, and their rows say no family. They are traded in for tokens of today's looks.
// proves: REFRESH-09, STORE-09
#[test]
fn a_token_of_the_old_looks_starts_a_family_and_is_known_as_spent_as_long_as_the_grant_lives() {
    let (mut world, modern) = granted(WEB, "boxes:list offline_access");
    let old = Secret::new("o".repeat(43));
    let row = world.records().refresh_tokens[&modern.hash()].clone();
    world.operate(Change::AddRefreshToken(RefreshToken {
        hash: old.hash(),
        family: None,
        beside: None,
        sent_to: None,
        ..row
    }));
    let next = world.refresh(WEB, &old).unwrap().refresh_token.unwrap();
    let family = family_of(&next);
    assert!(family.is_some() && family != family_of(&modern));
    assert_eq!(world.records().refresh_tokens[&next.hash()].family, family);
    let next = world.refresh(WEB, &old).unwrap().refresh_token.unwrap();

    world.advance(Seconds(SPENT_TOKENS_KEPT.0 + 1));
    world.state.sweep(&world.settings.issuer.clone(), world.now);
    assert!(matches!(world.records().refresh_tokens[&old.hash()].spending, Spending::Spent { .. }));
    let mut honest = world.clone();
    honest.refresh(WEB, &next).unwrap();
    assert_eq!(refusal(world.refresh(WEB, &old)), Refusal::RefreshTokenReused);
    assert!(world.records().grants.values().all(|grant| grant.state != GrantState::Standing));
}
