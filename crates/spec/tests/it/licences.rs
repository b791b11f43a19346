use grantd_spec::dependencies::Metadata;
use grantd_spec::licences::{is_allowed, violations};
use grantd_spec::repository;

use crate::assert_none;

#[test]
fn every_dependency_is_under_an_allowed_licence() {
    let metadata = Metadata::parse(&repository::cargo_metadata().unwrap()).unwrap();
    assert!(metadata.packages.len() > metadata.workspace_members.len(), "the whole graph is judged");
    assert_none(&violations(&metadata));
}

#[test]
fn an_expression_is_met_by_one_side_of_or_and_both_of_and() {
    for good in
        ["MIT", "MIT OR GPL-3.0-only", "GPL-3.0-only OR (MIT AND ISC)", "MIT AND ISC OR GPL-3.0-only", "Apache-2.0/MIT"]
    {
        assert_eq!(is_allowed(good), Ok(true), "{good}");
    }
    for bad in ["GPL-3.0-only", "MIT AND GPL-3.0-only", "(MIT OR ISC) AND AGPL-3.0-only", "LGPL-2.1-or-later"] {
        assert_eq!(is_allowed(bad), Ok(false), "{bad}");
    }
}

#[test]
fn an_exception_must_be_known() {
    assert_eq!(is_allowed("Apache-2.0 WITH LLVM-exception"), Ok(true));
    assert_eq!(is_allowed("Apache-2.0 WITH LLVM-exception OR GPL-2.0-only"), Ok(true));
    assert_eq!(is_allowed("Apache-2.0 WITH Surprise-exception"), Ok(false));
    assert_eq!(is_allowed("GPL-2.0-only WITH LLVM-exception"), Ok(false));
}

#[test]
fn a_broken_expression_is_an_error_and_not_a_yes() {
    for broken in ["", "MIT OR", "MIT MIT", "(MIT", "MIT)", "OR MIT", "MIT WITH"] {
        assert!(is_allowed(broken).is_err(), "{broken}");
    }
}

#[test]
fn a_package_without_a_licence_is_found() {
    let json = serde_json::json!({
        "packages": [{ "id": "a", "name": "a", "version": "1.2.3", "license": null }],
        "workspace_members": [], "resolve": { "nodes": [] },
    });
    let findings = violations(&Metadata::parse(&json.to_string()).unwrap());
    assert_eq!(findings.first().unwrap().to_string(), "Cargo.lock: a 1.2.3 states no licence");
}
