//! Time arithmetic, and how moments in tokens are read.

use crate::forge::object;
use grantd_tokens::claims::{ClaimFault, TimeFault};
use grantd_tokens::{Claims, Seconds, Time};
use serde_json::{Value, json};

fn claims(value: Value) -> Claims {
    Claims::new(object(value))
}

// proves: INV-09
#[test]
fn at_the_second_of_its_expiry_a_thing_is_over() {
    assert!(!Time(99).is_past(Time(100)));
    assert!(Time(100).is_past(Time(100)));
    assert!(Time(101).is_past(Time(100)));
}

#[test]
fn arithmetic_saturates() {
    assert_eq!(Time(i64::MAX - 1) + Seconds::days(1), Time(i64::MAX));
    assert_eq!(Time(i64::MIN + 1) - Seconds::minutes(1), Time(i64::MIN));
    assert_eq!(Time(i64::MAX).since(Time(-1)), Seconds(i64::MAX));
    assert_eq!(Time(100).since(Time(40)), Seconds::minutes(1));
    assert_eq!(Seconds::hours(i64::MAX), Seconds(i64::MAX));
}

// proves: KEYS-08
#[test]
fn a_moment_is_a_number_from_0_to_2_to_the_53() {
    let read = |value: Value| claims(json!({ "exp": value })).numeric_date("exp");
    for (value, moment) in [
        (json!(0), 0),
        (json!(1_700_000_000), 1_700_000_000),
        (json!(1_700_000_000.999), 1_700_000_000),
        (json!(9_007_199_254_740_992_i64), 1 << 53),
        (json!(9_007_199_254_740_992.0), 1 << 53),
        (json!(1e9), 1_000_000_000),
    ] {
        assert_eq!(read(value.clone()), Ok(Some(Time(moment))), "{value}");
    }
    for value in [
        json!("1700000000"),
        json!(-1),
        json!(-0.5),
        json!(9_007_199_254_740_993_i64),
        json!(u64::MAX),
        json!(1e300),
        json!(null),
        json!(true),
        json!([1]),
    ] {
        assert_eq!(read(value.clone()), Err(ClaimFault::Invalid("exp")), "{value}");
    }
    assert_eq!(claims(json!({})).numeric_date("exp"), Ok(None));
}

// proves: INV-11
#[test]
fn a_clock_ahead_of_ours_is_borne_for_15_seconds() {
    let now = Time(1_000);
    for claim in ["iat", "nbf"] {
        assert_eq!(claims(json!({"exp": 2_000, claim: 1_015})).ensure_current(now), Ok(()));
        let fault = TimeFault::NotYetValid { claim, at: Time(1_016), now };
        assert_eq!(claims(json!({"exp": 2_000, claim: 1_016})).ensure_current(now), Err(fault));
    }
}

// proves: INV-09, INV-11
#[test]
fn expiry_has_no_grace() {
    let token = claims(json!({"exp": 1_000}));
    assert_eq!(token.ensure_current(Time(999)), Ok(()));
    let fault = TimeFault::Expired { exp: Time(1_000), now: Time(1_000) };
    assert_eq!(token.ensure_current(Time(1_000)), Err(fault));
    let missing = TimeFault::Claim(ClaimFault::Missing("exp"));
    assert_eq!(claims(json!({})).ensure_current(Time(0)), Err(missing));
}

#[test]
fn an_audience_is_a_string_or_some_strings() {
    assert_eq!(claims(json!({"aud": "a"})).audience(), Ok(vec!["a"]));
    assert_eq!(claims(json!({"aud": ["a", "b"]})).audience(), Ok(vec!["a", "b"]));
    for value in [json!([]), json!(""), json!([""]), json!(["a", 1]), json!(1), json!({"a": 1}), json!(null)] {
        assert_eq!(claims(json!({ "aud": value })).audience(), Err(ClaimFault::Invalid("aud")), "{value}");
    }
    assert_eq!(claims(json!({})).audience(), Err(ClaimFault::Missing("aud")));
}
