//! A clock that jumped ahead clears nothing away until it is back, or has run evenly for an hour.

use std::sync::Arc;
use std::time::Duration;

use grantd::app::Shared;
use grantd::sweep::believed::{Believed, Moment, Verdict};
use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::events::{Event, EventFilter, EventId, EventKind, Source};
use grantd_tokens::{Seconds, Time};

use crate::rig::Setup;

const NOON: Time = Time(1_800_000_000);
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const YEAR: i64 = 365 * 24 * HOUR;

/// After `passed` seconds, on a clock that is `wrong` by so many.
fn moment(passed: i64, wrong: i64) -> Moment {
    Moment { time: NOON + Seconds(passed + wrong), passed: Seconds(passed) }
}

/// A clock that was right for an hour.
fn right() -> Believed {
    let mut believed = Believed::since(NOON);
    assert_eq!(minutes(&mut believed, 0..60, 0), [Verdict::Believed]);
    believed
}

/// What each minute tells, without what it told the minute before.
fn minutes(believed: &mut Believed, minutes: std::ops::Range<i64>, wrong: i64) -> Vec<Verdict> {
    let mut told: Vec<_> = minutes.map(|minute| believed.judge(moment(minute * MINUTE, wrong))).collect();
    told.dedup();
    told
}

#[test]
fn one_wrong_minute_clears_nothing_away() {
    for wrong in [11 * MINUTE, 70 * MINUTE, YEAR] {
        let mut believed = right();
        assert_eq!(believed.judge(moment(HOUR, wrong)), Verdict::Jumped(Seconds(wrong)));
        assert_eq!(minutes(&mut believed, 61..120, wrong), [Verdict::NotYet]);
        // The clock was set right within the hour.
        assert_eq!(minutes(&mut believed, 119..180, 0), [Verdict::BelievedAgain, Verdict::Believed]);
    }
}

#[test]
fn a_machine_that_slept_is_believed_after_an_hour() {
    let mut believed = right();
    let told = minutes(&mut believed, 60..240, 8 * HOUR);
    assert_eq!(told, [Verdict::Jumped(Seconds(8 * HOUR)), Verdict::NotYet, Verdict::BelievedAgain, Verdict::Believed]);
    let mut believed = right();
    minutes(&mut believed, 60..120, 8 * HOUR);
    assert_eq!(believed.judge(moment(2 * HOUR, 8 * HOUR)), Verdict::BelievedAgain);
}

#[test]
fn a_clock_that_goes_on_jumping_is_not_believed_until_it_has_run_evenly_for_an_hour() {
    let mut believed = right();
    for jump in 1..10 {
        let wrong = jump * HOUR;
        let begin = 60 + (jump - 1) * 30;
        let told = minutes(&mut believed, begin..begin + 30, wrong);
        assert_eq!(told, [Verdict::Jumped(Seconds(wrong)), Verdict::NotYet]);
    }
    // Half the way back is another jump.
    assert_eq!(believed.judge(moment(330 * MINUTE, 5 * HOUR)), Verdict::Jumped(Seconds(5 * HOUR)));
}

#[test]
fn small_corrections_and_a_clock_that_goes_back_are_believed_at_once() {
    for wrong in [10 * MINUTE, -10 * MINUTE, -YEAR] {
        assert_eq!(minutes(&mut right(), 60..180, wrong), [Verdict::Believed], "{wrong}");
    }
    for extreme in [i64::MIN, i64::MAX] {
        let mut believed = Believed::since(Time(extreme));
        assert_eq!(believed.judge(moment(0, 0)) == Verdict::Believed, extreme == i64::MAX);
    }
}

/// A database with one event of long ago, and one that a request left so many seconds ago.
async fn with_events(ago: i64) -> Shared {
    let app = Setup::development().with(|settings| settings.events.keep = Seconds::hours(24)).open().await.unwrap();
    let now = grantd::env::now();
    let event = |id: &str, at| {
        Change::Record(Event {
            id: EventId::new(id),
            at,
            kind: EventKind::SignedIn,
            source: Source::Request,
            rule: "SESS-02".to_owned(),
            refusal: None,
            user: None,
            client: None,
            grant: None,
            evidence: std::collections::BTreeMap::new(),
        })
    };
    let changes = vec![event("old", now - Seconds::hours(25)), event("newest", now - Seconds(ago))];
    assert_eq!(app.store.commit(&app.settings.issuer, changes).await.unwrap(), Commit::Done);
    app
}

async fn events(app: &Shared) -> usize {
    app.store.events(&app.settings.issuer, EventFilter::default(), usize::MAX).await.unwrap().len()
}

#[tokio::test]
async fn a_server_that_starts_long_after_its_newest_event_waits_before_it_clears_anything_away() {
    let [long_ago, just_now] = [with_events(HOUR).await, with_events(MINUTE).await];
    let before = (events(&long_ago).await, events(&just_now).await);
    assert_eq!(before.0, before.1);
    let sweeping = [&long_ago, &just_now].map(|app| tokio::spawn(grantd::sweep::sweep(Arc::downgrade(app))));
    for _ in 0..200 {
        if events(&just_now).await < before.1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(events(&just_now).await, before.1 - 1);
    assert_eq!(events(&long_ago).await, before.0);
    for task in sweeping {
        task.abort();
    }
}
