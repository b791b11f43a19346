//! What is refused before the first request.

use grantd_resource::{ConfigurationFault, Guard};

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
fn a_fault_names_the_value_and_the_way_out() {
    let fault = Guard::builder("http://127.0.0.1:8420", RESOURCE).build().unwrap_err();
    assert_eq!(
        fault.to_string(),
        "the issuer \"http://127.0.0.1:8420\" must be an https URL without query and fragment (http on this machine only \
         with `.development()`)"
    );
}
