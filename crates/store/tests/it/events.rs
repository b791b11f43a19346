//! Events as they are kept: with what they tell of or not at all, never changed, found again, and forgotten when they are old.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::events::{Event, EventFilter, EventId, EventKind, Source};
use grantd_protocol::state::State;
use grantd_store::Store;
use grantd_tokens::Time;

use crate::acts::beginning;
use crate::databases::store;
use crate::records::{client_id, digest, grant_id, issuer, user_id};

pub(crate) fn event(number: u64, at: i64) -> Event {
    Event {
        id: EventId::new(format!("event-{number:06}")),
        at: Time(at),
        kind: *EventKind::ALL.iter().cycle().nth(usize::try_from(number).unwrap()).unwrap(),
        source: Source::Request,
        rule: "LOG-04".to_owned(),
        refusal: number.is_multiple_of(3).then(|| "WrongSecret".to_owned()),
        user: number.is_multiple_of(2).then(|| user_id(number % 4)),
        client: number.is_multiple_of(5).then(|| client_id(number % 10)),
        grant: number.is_multiple_of(7).then(|| grant_id(number)),
        evidence: BTreeMap::from([("sent".to_owned(), format!("\"{number}\" <&> ' ☂ \u{0}\u{202e}"))]),
    }
}

async fn record(store: &Store, events: impl IntoIterator<Item = Event>) {
    let changes = events.into_iter().map(Change::Record).collect();
    assert_eq!(store.commit(&issuer(0), changes).await, Ok(Commit::Done));
}

async fn all(store: &Store) -> Vec<Event> {
    store.events(&issuer(0), EventFilter::default(), usize::MAX).await.unwrap()
}

// proves: LOG-04
#[tokio::test]
async fn what_is_found_is_what_the_reference_state_holds_and_fits() {
    let store = store();
    let mut state = State::default();
    // Many of one second, so that pages end within it.
    let events: Vec<Event> = (0..1_700).map(|number| event(number, i64::try_from(number / 600).unwrap())).collect();
    record(&store, events.iter().rev().cloned()).await;
    let changes: Vec<Change> = events.iter().cloned().map(Change::Record).collect();
    assert_eq!(state.commit(&issuer(0), &changes), Commit::Done);
    for filter in [
        EventFilter::default(),
        EventFilter { user: Some(user_id(2)), ..EventFilter::default() },
        EventFilter { client: Some(client_id(5)), since: Some(Time(1)), ..EventFilter::default() },
        EventFilter { grant: Some(grant_id(7)), ..EventFilter::default() },
        EventFilter { kinds: vec![EventKind::SignedIn, EventKind::Granted], ..EventFilter::default() },
        EventFilter { since: Some(Time(1)), until: Some(Time(1)), ..EventFilter::default() },
        EventFilter { until: Some(Time(-1)), ..EventFilter::default() },
    ] {
        let held = state.records(&issuer(0)).unwrap().events.values();
        let fitting: Vec<&Event> = held.filter(|event| filter.fits(event)).collect();
        for limit in [1, 499, 501, usize::MAX] {
            let found = store.events(&issuer(0), filter.clone(), limit).await.unwrap();
            let newest = &fitting[fitting.len().saturating_sub(limit)..];
            assert!(found.iter().eq(newest.iter().copied()), "{limit} of {filter:?}");
        }
    }
    assert_eq!(store.events(&issuer(1), EventFilter::default(), 10).await.unwrap(), [], "of another issuer");
}

// proves: LOG-04
#[tokio::test]
async fn no_event_is_kept_of_what_was_not_done() {
    let store = store();
    for change in beginning() {
        assert_eq!(store.commit(&issuer(0), vec![change]).await, Ok(Commit::Done));
    }
    let redeem =
        |number| vec![Change::RedeemCode { code: digest("code", 0), at: Time(1) }, Change::Record(event(number, 1))];
    assert_eq!(store.commit(&issuer(0), redeem(1)).await, Ok(Commit::Done));
    assert_eq!(store.commit(&issuer(0), redeem(2)).await, Ok(Commit::Stale));
    assert_eq!(all(&store).await, [event(1, 1)]);
}

// proves: LOG-04
#[tokio::test]
async fn an_event_that_was_kept_is_never_changed() {
    let store = store();
    record(&store, [event(1, 1)]).await;
    record(&store, [Event { kind: EventKind::Refused, ..event(1, 1) }]).await;
    assert_eq!(all(&store).await, [event(1, 1)]);
    let statements = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/statements.rs");
    let statements = std::fs::read_to_string(statements).unwrap();
    let touching = |verb: &str| statements.matches(&format!("{verb} events ")).count();
    assert_eq!((touching("INSERT INTO"), touching("UPDATE"), touching("DELETE FROM")), (1, 0, 1));
}

#[tokio::test]
async fn old_events_are_forgotten_in_small_batches_whatever_they_tell_of() {
    let store = store();
    for hundred in 0..10 {
        record(&store, (0..100).map(|number| event(hundred * 100 + number, i64::try_from(hundred).unwrap()))).await;
    }
    assert_eq!(store.forget_events(&issuer(0), Time(3)).await.unwrap(), 300);
    assert_eq!(store.forget_events(&issuer(1), Time(9)).await.unwrap(), 0, "of another issuer");
    assert_eq!(all(&store).await.iter().map(|event| event.at.0).collect::<BTreeSet<_>>(), (3..10).collect());
}

fn of_kind(kind: EventKind, numbers: std::ops::Range<u64>) -> impl Iterator<Item = Event> {
    numbers.map(move |number| Event { kind, ..event(number, i64::try_from(number).unwrap()) })
}

async fn left(store: &Store, kind: EventKind) -> Vec<i64> {
    let filter = EventFilter { kinds: vec![kind], ..EventFilter::default() };
    let events = store.events(&issuer(0), filter, usize::MAX).await.unwrap();
    events.iter().map(|event| event.at.0).collect()
}

// proves: LOG-04
#[tokio::test]
async fn a_flood_of_what_anybody_may_repeat_pushes_out_itself_alone() {
    let store = store();
    // A theft and a user who signs in, long before.
    record(&store, of_kind(EventKind::RefreshTokenReused, 0..5)).await;
    record(&store, of_kind(EventKind::SignedIn, 5..20)).await;
    record(&store, of_kind(EventKind::RefreshRetried, 20..1_000)).await;
    assert_eq!(store.forget_events_beyond(&issuer(0), 1_001).await.unwrap(), 0);
    assert_eq!(store.forget_events_beyond(&issuer(1), 1).await.unwrap(), 0, "of another issuer");
    assert_eq!(store.forget_events_beyond(&issuer(0), 100).await.unwrap(), 900);
    assert_eq!(left(&store, EventKind::RefreshTokenReused).await, (0..5).collect::<Vec<_>>());
    assert_eq!(left(&store, EventKind::SignedIn).await, (5..20).collect::<Vec<_>>());
    assert_eq!(left(&store, EventKind::RefreshRetried).await, (920..1_000).collect::<Vec<_>>());
}

// proves: LOG-04
#[tokio::test]
async fn what_users_do_pushes_out_no_theft_and_a_full_table_still_tells_of_today() {
    let store = store();
    record(&store, of_kind(EventKind::RefreshTokenReused, 0..5)).await;
    record(&store, of_kind(EventKind::SignInFailed, 5..300)).await;
    record(&store, of_kind(EventKind::SignedIn, 300..1_000)).await;
    store.forget_events_beyond(&issuer(0), 100).await.unwrap();
    assert_eq!(left(&store, EventKind::RefreshTokenReused).await.len(), 5);
    assert_eq!(left(&store, EventKind::SignedIn).await, (915..1_000).collect::<Vec<_>>());
    assert_eq!(left(&store, EventKind::SignInFailed).await, (290..300).collect::<Vec<_>>());

    record(&store, of_kind(EventKind::CodeReplayed, 1_000..2_000)).await;
    store.forget_events_beyond(&issuer(0), 100).await.unwrap();
    assert_eq!(left(&store, EventKind::CodeReplayed).await, (1_920..2_000).collect::<Vec<_>>());
    assert_eq!(
        (left(&store, EventKind::SignedIn).await.len(), left(&store, EventKind::SignInFailed).await.len()),
        (10, 10)
    );
    store.forget_events_beyond(&issuer(0), 1).await.unwrap();
    assert_eq!(left(&store, EventKind::CodeReplayed).await, [1_999]);
    assert_eq!(all(&store).await.len(), 1, "so few have no room for anything else");
}
