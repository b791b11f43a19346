//! What is refused before the first request.

use grantd_resource::{ConfigurationFault, Following, Guard, Introspection, Seconds, WhenUnavailable};

const ISSUER: &str = "https://issuer.example";
const RESOURCE: &str = "https://api.example/boxes";

const NOT_IN_PRODUCTION: [&str; 4] =
    ["http://127.0.0.1:8420", "http://localhost", "http://[::1]:1/tenant", "http://127.9.9.9"];

const NEVER: [&str; 10] = [
    "",
    "issuer.example",
    "http://issuer.example",
    "http://127.0.0.1.attacker.example",
    "http://localhost.attacker.example",
    "ftp://127.0.0.1",
    "https://issuer.example?tenant=1",
    "https://issuer.example/#",
    "https://user@issuer.example",
    "https://user:password@issuer.example",
];

// proves: RS-08
#[test]
fn an_issuer_is_an_https_url() {
    assert!(Guard::builder(ISSUER, RESOURCE).build().is_ok());
    for issuer in NEVER {
        for guard in [Guard::builder(issuer, RESOURCE), Guard::builder(issuer, RESOURCE).development()] {
            assert!(matches!(guard.build(), Err(ConfigurationFault::Issuer(named)) if named == issuer), "{issuer}");
        }
    }
}

#[test]
fn a_resource_is_an_https_url() {
    for resource in NEVER {
        for guard in [Guard::builder(ISSUER, resource), Guard::builder(ISSUER, resource).development()] {
            assert!(
                matches!(guard.build(), Err(ConfigurationFault::Resource(named)) if named == resource),
                "{resource}"
            );
        }
    }
}

// proves: NEVER-07
#[test]
fn plain_http_is_for_this_machine_and_only_when_said() {
    for local in NOT_IN_PRODUCTION {
        assert!(Guard::builder(local, RESOURCE).build().is_err(), "{local}");
        assert!(Guard::builder(ISSUER, local).build().is_err(), "{local}");
        assert!(Guard::builder(local, local).development().build().is_ok(), "{local}");
    }
}

#[test]
fn a_feed_is_followed_at_a_sensible_pace() {
    let build = |following| Guard::builder(ISSUER, RESOURCE).follow_revocations(following).build();
    for (every, is_sensible) in
        [(i64::MIN, false), (0, false), (1, true), (3600, true), (3601, false), (i64::MAX, false)]
    {
        assert_eq!(build(Following::every(Seconds(every))).is_ok(), is_sensible, "{every}");
        let accepting = Following::every(Seconds(every)).when_unavailable(WhenUnavailable::AcceptUntilExpiry);
        assert_eq!(build(accepting).is_ok(), is_sensible, "{every}");
    }
    for (age, is_sensible) in [(5, false), (6, true), (-1, false)] {
        let following = Following::every(Seconds(5)).when_unavailable(WhenUnavailable::RefuseAfter(Seconds(age)));
        let guard = build(following);
        assert_eq!(guard.is_ok(), is_sensible, "{age}");
        if let Err(fault) = guard {
            assert!(matches!(fault, ConfigurationFault::Following(named) if named == following), "{fault}");
        }
    }
}

#[test]
fn who_asks_about_every_token_follows_no_feed() {
    let asking = Guard::builder(ISSUER, RESOURCE).introspect(Introspection::new("boxes-api", "secret"));
    assert!(asking.clone().build().is_ok());
    let both = asking.follow_revocations(Following::every(Seconds(5))).build();
    assert!(matches!(both, Err(ConfigurationFault::FollowingAndIntrospection)));
}

#[test]
fn a_fault_names_the_value_and_the_way_out() {
    let fault = Guard::builder("http://127.0.0.1:8420", RESOURCE).build().unwrap_err();
    assert_eq!(
        fault.to_string(),
        "the issuer \"http://127.0.0.1:8420\" must be an https URL without query and fragment (http on this machine only \
         with `.development()`)"
    );
}
