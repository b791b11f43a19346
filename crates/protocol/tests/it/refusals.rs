//! The table of refusals: each is provoked by one request, and the same request with one thing put right is answered.

mod back_channel;
mod front_channel;
mod shown_tokens;

use std::collections::BTreeSet;

use grantd_protocol::endpoint::Refused;
use grantd_protocol::refusals::Refusal;

/// What came of a request.
type Outcome = Result<(), Refusal>;

/// One refusal with its near twin.
struct Row {
    refusal: Refusal,
    /// The request that breaks this rule and no other.
    refused: Outcome,
    /// The same with one thing put right.
    answered: Outcome,
}

/// Refusals that no decision of the core makes, and who makes them.
const ELSEWHERE: &[(Refusal, &str)] = &[
    (Refusal::TokenMethod, "the core is given a body, not a method: the HTTP layer says it"),
    (Refusal::TokenBodyTooLong, "the HTTP layer stops reading"),
    (Refusal::TokenBodyBrokenOff, "the core is given a whole body: the HTTP layer says it"),
    (Refusal::TokenContentType, "the core is given a body, not a header: the HTTP layer says it"),
    (Refusal::IntrospectionThrottled, "the core keeps no count of what it answers: the HTTP layer says it"),
    (Refusal::NothingChosen, "an answer of the core (`Decided::NothingChosen`): the page says it"),
    (Refusal::SessionNeeded, "a page is drawn for a live session only; kept so that absence refuses (law 1)"),
];

fn rows() -> Vec<Row> {
    [front_channel::rows(), back_channel::rows(), shown_tokens::rows()].into_iter().flatten().collect()
}

fn outcome<A>(answer: Result<A, Refused>) -> Outcome {
    answer.map(|_| ()).map_err(|refused| refused.refusal)
}

#[test]
fn each_refusal_is_provoked_by_one_request_whose_near_twin_is_answered() {
    for row in rows() {
        assert_eq!(row.refused, Err(row.refusal));
        assert_eq!(row.answered, Ok(()), "the near twin of {:?}", row.refusal);
    }
}

#[test]
fn every_refusal_of_the_table_has_its_row() {
    let provoked: BTreeSet<Refusal> = rows().iter().map(|row| row.refusal).collect();
    let elsewhere: BTreeSet<Refusal> = ELSEWHERE.iter().map(|(refusal, _)| *refusal).collect();
    assert!(provoked.is_disjoint(&elsewhere), "what has a row needs no excuse");
    for refusal in Refusal::ALL {
        assert!(provoked.contains(refusal) || elsewhere.contains(refusal), "{refusal:?} has no row");
    }
}

// proves: AUTHZ-28
#[test]
fn every_sentence_is_of_the_characters_that_an_error_description_may_have() {
    for refusal in Refusal::ALL {
        let allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        assert!(refusal.says().bytes().all(allowed), "{refusal:?}");
        assert!(!refusal.says().is_empty(), "{refusal:?}");
    }
}

// proves: INV-12
#[test]
fn unknown_foreign_spent_and_expired_are_told_in_one_voice() {
    use Refusal as R;
    let groups: &[&[Refusal]] = &[
        &[
            R::CodeUnknown,
            R::CodeOfAnotherClient,
            R::CodeExpired,
            R::CodeReplayed,
            R::CodeGuessedAt,
            R::CodeGrantGone,
            R::CodeUserGone,
            R::CodeSessionEnded,
            R::RedirectUriWithdrawn,
        ],
        &[
            R::RefreshTokenUnknown,
            R::RefreshTokenOfAnotherClient,
            R::RefreshTokenIdle,
            R::RefreshTokenReused,
            R::RefreshGrantGone,
            R::RefreshGrantEnded,
            R::RefreshUserGone,
            R::RefreshSessionEnded,
        ],
        &[
            R::ShownTokenUnknown,
            R::AccessTokenForAnother,
            R::AccessTokenExpired,
            R::AccessTokenNotYetValid,
            R::AccessTokenEnded,
            R::AccessTokenClientGone,
            R::AccessTokenGrantGone,
            R::AccessTokenUserGone,
            R::AccessTokenTakenBack,
            R::RefreshTokenShownByAnother,
            R::RefreshTokenSpent,
        ],
        &[R::RequestGone, R::RequestOfAnotherBrowser],
        &[R::ClientUnknown, R::ClientSwitchedOff],
        &[R::NoSuchClient, R::ClientDisabled, R::WrongSecret, R::SecretReplaced, R::ClientIdsDiffer],
    ];
    for group in groups {
        let voices: BTreeSet<_> = group.iter().map(|refusal| (refusal.code(), refusal.says())).collect();
        assert_eq!(voices.len(), 1, "{voices:?}");
    }
}

#[test]
fn every_refusal_names_a_rule_of_the_catalogue() {
    let spec = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec");
    for refusal in Refusal::ALL {
        let (group, _) = refusal.rule().split_once('-').unwrap();
        let table = std::fs::read_to_string(spec.join(format!("{}.md", group.to_lowercase()))).unwrap();
        assert!(table.contains(&format!("| {} |", refusal.rule())), "{refusal:?} cites {}", refusal.rule());
    }
}
