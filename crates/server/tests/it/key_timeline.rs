//! The timeline of signing keys, moved by hand.

use grantd::keys::timeline::{Dates, KeyState, ROTATE_EVERY, Start, Step, active, due, first, remove, rotate, states};
use grantd_tokens::{Algorithm, Time};

const ES256: Algorithm = Algorithm::Es256;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn key(kid: &str, created_at: i64, active_from: i64) -> Dates {
    let (created_at, active_from) = (Time(created_at), Time(active_from));
    Dates { algorithm: ES256, kid: kid.to_owned(), created_at, active_from }
}

fn signs(keys: &[Dates], now: i64) -> Option<&str> {
    active(keys, ES256, Time(now)).map(|key| key.kid.as_str())
}

#[test]
fn the_newest_whose_time_has_come_signs_and_every_order_of_the_keys_says_so() {
    let mut keys = [key("b", 0, 0), key("a", 50, 100), key("c", 90, 200)];
    for _ in 0..3 {
        keys.rotate_left(1);
        assert_eq!(
            [0, 99, 100, 199, 200, 10_000].map(|now| signs(&keys, now)),
            [Some("b"), Some("b"), Some("a"), Some("a"), Some("c"), Some("c"),]
        );
    }
    assert_eq!(signs(&[key("a", 0, 100), key("b", 0, 100)], 100), Some("b"), "ties by name");
    assert_eq!(signs(&[key("a", 100, 100), key("b", 110, 110)], 90), Some("a"), "a clock that is late has a key");
    assert_eq!(active(&keys, Algorithm::EdDsa, Time(100)), None);
}

// proves: KEYS-02
#[test]
fn a_retired_key_is_kept_until_the_longest_token_it_can_have_signed_has_expired_on_every_clock() {
    let keys = [key("old", 0, 0), key("new", 0, DAY)];
    let at = |now| states(&keys, Time(now))[0];
    assert_eq!(at(DAY - 1), KeyState::Active { until: Some(Time(DAY)) });
    let retired = KeyState::Retired { since: Time(DAY), until: Time(DAY + HOUR + 300) };
    assert_eq!(at(DAY), retired);
    let forgotten = |now| due(&keys, Time(now), ROTATE_EVERY).contains(&Step::Forget { key: keys[0].clone() });
    assert!(!forgotten(DAY + HOUR + 299));
    assert!(forgotten(DAY + HOUR + 300));
}

// proves: KEYS-02
#[test]
fn the_next_key_is_announced_a_day_before_it_signs_and_once() {
    let month = ROTATE_EVERY.0;
    let mut keys = vec![key("first", 0, 0)];
    assert_eq!(due(&keys, Time(month - DAY - 1), ROTATE_EVERY), []);
    let now = month - DAY;
    assert_eq!(due(&keys, Time(now), ROTATE_EVERY), [Step::Make { algorithm: ES256, active_from: Time(month) }]);
    keys.push(key("second", now, month));
    assert_eq!(states(&keys, Time(now))[1], KeyState::Next { from: Time(month) });
    for now in [now, now + 1, month - 1, month, month + 1] {
        assert_eq!(due(&keys, Time(now), ROTATE_EVERY), [], "{now}");
    }
    // A server that was away for long announces first all the same.
    let late = due(&keys, Time(10 * month), ROTATE_EVERY);
    assert!(late.contains(&Step::Make { algorithm: ES256, active_from: Time(10 * month + DAY) }), "{late:?}");
}

#[test]
fn a_key_that_was_announced_by_a_clock_far_ahead_does_not_stop_the_rotation() {
    let (month, years) = (ROTATE_EVERY.0, 100 * 365 * DAY);
    let mut keys = [key("first", 0, 0), key("second", years, years + DAY)];
    assert_eq!(due(&keys, Time(month - DAY - 1), ROTATE_EVERY), [], "nothing is due yet");
    let activate = Step::Activate { key: keys[1].clone(), at: Time(month) };
    assert_eq!(due(&keys, Time(month - DAY), ROTATE_EVERY), [activate]);
    // Clocks that differ by minutes do not correct each other.
    keys[1].active_from = Time(month + 300);
    assert_eq!(due(&keys, Time(month - DAY), ROTATE_EVERY), []);
}

#[test]
fn each_algorithm_has_a_timeline_of_its_own() {
    let mut keys = vec![key("a", 0, 0)];
    assert_eq!(first(&keys, ES256, Time(5)), []);
    let eddsa = Step::Make { algorithm: Algorithm::EdDsa, active_from: Time(5) };
    assert_eq!(first(&keys, Algorithm::EdDsa, Time(5)), [eddsa]);
    keys.push(Dates { algorithm: Algorithm::EdDsa, ..key("b", 5, 5) });
    assert_eq!(states(&keys, Time(5)), [KeyState::Active { until: None }; 2]);
    assert_eq!(rotate(&keys, Start::Announced, Time(10)).len(), 2);
}

#[test]
fn a_rotation_by_hand_announces_once_and_begins_at_once_where_that_is_asked_for() {
    let mut keys = vec![key("z", 0, 0)];
    let made = Step::Make { algorithm: ES256, active_from: Time(10 + DAY) };
    assert_eq!(rotate(&keys, Start::Announced, Time(10)), [made]);
    assert_eq!(rotate(&keys, Start::AtOnce, Time(10)), [Step::Make { algorithm: ES256, active_from: Time(10) }]);
    // In the very second in which the first began, by a name that would come before.
    assert_eq!(rotate(&keys, Start::AtOnce, Time(0)), [Step::Make { algorithm: ES256, active_from: Time(1) }]);
    keys.push(key("a", 10, 10 + DAY));
    assert_eq!(rotate(&keys, Start::Announced, Time(20)), []);
    let activate = Step::Activate { key: keys[1].clone(), at: Time(20) };
    assert_eq!(rotate(&keys, Start::AtOnce, Time(20)), [activate]);
}

// proves: KEYS-03
#[test]
fn the_key_that_signs_is_removed_together_with_the_beginning_of_another() {
    let mut keys = vec![key("retired", 0, 0), key("active", 0, 100)];
    let removal = |keys: &[Dates], kid: &str| remove(keys, kid, Time(200));
    let of = |at: usize, keys: &[Dates]| Step::Remove { key: keys[at].clone() };
    let made = Step::Make { algorithm: ES256, active_from: Time(200) };
    assert_eq!(removal(&keys, "active"), [of(1, &keys), made]);
    keys.push(key("next", 150, 1000));
    let activated = Step::Activate { key: keys[2].clone(), at: Time(200) };
    assert_eq!(removal(&keys, "active"), [of(1, &keys), activated]);
    assert_eq!(removal(&keys, "retired"), [of(0, &keys)]);
    assert_eq!(removal(&keys, "next"), [of(2, &keys)]);
    assert_eq!(removal(&keys, "unknown"), []);
}
