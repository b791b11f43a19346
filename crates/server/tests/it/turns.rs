//! Whoever was overtaken waits for those who want the same, and for nobody else.

use std::pin::pin;
use std::task::{Context, Waker};

use grantd::turns::Turns;
use grantd_protocol::facts::Lookup;
use grantd_tokens::Digest;

fn digest(first: u8) -> Digest {
    let mut bytes = [0; 32];
    bytes[0] = first;
    Digest::from_bytes(bytes)
}

fn family(first: u8) -> Lookup {
    Lookup { family: Some(digest(first)), ..Lookup::default() }
}

fn need_wait(turns: &Turns, lookup: &Lookup) -> bool {
    pin!(turns.take(lookup)).poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

#[tokio::test]
async fn who_wants_the_same_waits_and_who_wants_another_does_not() {
    let turns = Turns::default();
    let held = turns.take(&family(1)).await;
    assert!(need_wait(&turns, &family(1)));
    // Two tokens of one family change one grant.
    let of_the_family = Lookup { refresh_token: Some(digest(2)), session: Some(digest(3)), ..family(1) };
    assert!(need_wait(&turns, &of_the_family));
    for other in [family(2), family(255), Lookup::default()] {
        assert!(!need_wait(&turns, &other), "{other:?}");
    }
    drop(held);
    assert!(!need_wait(&turns, &family(1)));
}

#[tokio::test]
async fn each_secret_that_a_request_names_chooses_its_turn() {
    let turns = Turns::default();
    let _held = turns.take(&family(7)).await;
    let named = Some(digest(7));
    for lookup in [
        Lookup { refresh_token: named, ..Lookup::default() },
        Lookup { code: named, ..Lookup::default() },
        Lookup { pending: named, ..Lookup::default() },
        Lookup { session: named, ..Lookup::default() },
    ] {
        assert!(need_wait(&turns, &lookup), "{lookup:?}");
    }
}
